"""English words and their times by PocketSphinx, whose acoustic and language models lie in its package."""

import importlib.util
from collections.abc import Sequence
from importlib import metadata
from typing import ClassVar

import numpy as np

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.lines import Line, Segment, Word
from lssd.dubbing.segmentation.mono import RATE, read_mono
from lssd.dubbing.sound import Sound
from lssd.errors import MissingExtraError, install_hint

_FRAME_S = 0.01
_AROUND_S = 0.15  # heard before and after a segment: the search wants silence at its ends
_PEAK = 0.7  # speech is brought to this before it is heard


class PocketSphinx(Backend):
    """PocketSphinx (github.com/cmusphinx/pocketsphinx) with its US English model: fast and often wrong.

    Not fit for a translation that anybody is to rely on; `confidence` is the mean posterior of the words.
    """

    declaration: ClassVar[Declaration] = Declaration(
        step="transcription",
        name="pocketsphinx",
        about="English with word times, without downloads; rough on film speech",
        code_license="BSD-2-Clause",
        weights_license="BSD-2-Clause",
        sample_rate=RATE,
        languages=frozenset({"en"}),
        device="cpu",
        version=1,
        modules=("pocketsphinx",),
        install=install_hint("offline"),
        weights="in the package",
    )

    def __init__(self, settings: Backend.Settings | None = None) -> None:
        super().__init__(settings)
        if importlib.util.find_spec("pocketsphinx") is None:
            raise MissingExtraError(f"pocketsphinx is not installed: {install_hint('offline')}")
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def weights_hash(self) -> str:
        return f"pocketsphinx=={metadata.version('pocketsphinx')}"

    def transcribe(self, speech: Sound, segments: Sequence[Segment], language: str) -> list[Line]:
        """One line for each segment, which depends on that segment's sound alone."""
        if language != "en":
            raise BackendError(
                f"pocketsphinx hears English only, not {language}; use faster-whisper, or silent for times"
            )
        return [self._line(speech, segment) for segment in segments]

    def _line(self, speech: Sound, segment: Segment) -> Line:
        start_s = segment.start_s - _AROUND_S
        samples = read_mono(speech, start_s, segment.end_s + _AROUND_S)
        peak = float(np.abs(samples).max(initial=0.0))
        if peak < 1e-4:
            return Line(segment.start_s, segment.end_s, "", (), 0.0)
        data = (samples * (_PEAK / peak * 32767)).astype("<i2").tobytes()
        self._decoder.reinit_feat()  # or the mean spectrum of the last segment would weigh on this one
        self._decoder.start_utt()
        self._decoder.process_raw(data, full_utt=True)
        self._decoder.end_utt()
        found = [one for one in self._decoder.seg() or () if one.word[0] not in "<[+"]
        words = tuple(
            Word(
                one.word.split("(")[0],
                max(segment.start_s, start_s + one.start_frame * _FRAME_S),
                min(segment.end_s, start_s + (one.end_frame + 1) * _FRAME_S),
            )
            for one in found
        )
        confidence = float(np.mean([min(1.0, one.prob) for one in found])) if found else 0.0
        return Line(segment.start_s, segment.end_s, " ".join(word.text for word in words), words, confidence)

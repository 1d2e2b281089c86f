"""Whisper through faster-whisper (CTranslate2), from a local folder."""

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.lines import Line, Segment, Word
from lssd.dubbing.segmentation.mono import RATE, read_mono
from lssd.dubbing.sound import Sound
from lssd.dubbing.weights import hash_folder, model_folder
from lssd.errors import InputError, MissingExtraError, install_hint

_EXAMPLES = "a Whisper model converted for CTranslate2 (model.bin, config.json, tokenizer.json)"


class FasterWhisper(Backend):
    """faster-whisper (github.com/SYSTRAN/faster-whisper): about a hundred languages, word times."""

    declaration: ClassVar[Declaration] = Declaration(
        step="transcription",
        name="faster-whisper",
        about="Whisper in C++: the choice for real films",
        code_license="MIT",
        weights_license="MIT",
        sample_rate=RATE,
        languages=None,
        device="cpu, cuda",
        version=1,
        modules=("faster_whisper",),
        install=install_hint("models"),
        weights="a folder such as faster-whisper-large-v3, named by the option `model`",
    )

    @dataclass(frozen=True)
    class Settings:
        """model: the folder. device: cpu or cuda. compute: CTranslate2's type, such as float32 or int8.

        threads: of the CPU, as results depend on their number. beam: hypotheses kept. words: word times,
        for which a model needs alignment heads.
        """

        model: str = ""
        device: str = "cpu"
        compute: str = "float32"
        threads: int = 1
        beam: int = 5
        words: bool = True

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        if importlib.util.find_spec("faster_whisper") is None:
            raise MissingExtraError(f"faster-whisper is not installed: {install_hint('models')}")
        self._folder = model_folder(self.settings.model, _EXAMPLES, "model", "model.bin")
        if not (self._folder / "tokenizer.json").is_file():  # without it, it would be downloaded
            raise InputError(
                f"faster-whisper: {self._folder} holds no tokenizer.json; copy it from the model"
            )
        from faster_whisper import WhisperModel

        try:
            self._model = WhisperModel(
                str(self._folder),
                device=self.settings.device,
                compute_type=self.settings.compute,
                cpu_threads=self.settings.threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise InputError(f"faster-whisper cannot load {self._folder}: {_first_line(error)}") from error

    def weights_hash(self) -> str:
        return hash_folder(self._folder)

    def transcribe(self, speech: Sound, segments: Sequence[Segment], language: str) -> list[Line]:
        """One line for each segment, at temperature 0 and without context: it depends on its sound alone."""
        if language not in self._model.supported_languages:
            raise BackendError(f"this Whisper model knows no {language}; use another or the backend silent")
        return [self._line(speech, segment, language) for segment in segments]

    def _line(self, speech: Sound, segment: Segment, language: str) -> Line:
        samples = read_mono(speech, segment.start_s, segment.end_s)
        try:
            found, _ = self._model.transcribe(
                samples,
                language=language,
                beam_size=self.settings.beam,
                temperature=0.0,
                condition_on_previous_text=False,
                word_timestamps=self.settings.words,
                without_timestamps=not self.settings.words,
            )
            parts = list(found)
        except (RuntimeError, ValueError) as error:
            place = f"{segment.start_s:.2f} to {segment.end_s:.2f} s"
            raise BackendError(f"faster-whisper failed on {place}: {_first_line(error)}") from error
        text = " ".join(" ".join(part.text for part in parts).split())
        tokens = sum(len(part.tokens) for part in parts)
        log_p = sum(part.avg_logprob * len(part.tokens) for part in parts)
        confidence = min(1.0, math.exp(log_p / tokens)) if tokens and text else 0.0
        words = tuple(word for part in parts for word in _words(part, segment))
        return Line(segment.start_s, segment.end_s, text, words, confidence)


def _words(part: Any, segment: Segment) -> list[Word]:
    """The words of one of faster-whisper's segments, in the sound's time, within the segment."""
    low, high = segment.start_s, segment.end_s
    return [
        Word(word.word.strip(), min(high, low + float(word.start)), min(high, low + float(word.end)))
        for word in part.words or ()
        if word.word.strip()
    ]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]

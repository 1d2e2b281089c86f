"""Times without words, for languages that no installed backend can transcribe."""

from collections.abc import Sequence
from typing import ClassVar

from lssd.dubbing.declaration import Backend, Declaration
from lssd.dubbing.lines import Line, Segment
from lssd.dubbing.sound import Sound


class Silent(Backend):
    """Keeps the segments and leaves their text empty: enough for the phrasebook, not for a translation."""

    declaration: ClassVar[Declaration] = Declaration(
        step="transcription",
        name="silent",
        about="no words, only times: enough for other words of the same length",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
    )

    def transcribe(self, speech: Sound, segments: Sequence[Segment], language: str) -> list[Line]:
        """A line without text for every segment."""
        return [Line(segment.start_s, segment.end_s, "") for segment in segments]

"""Diarisation: every line gets the name of a speaker; S1 is the first to speak."""

from collections.abc import Sequence
from typing import Protocol

from lssd.dubbing.declaration import Backend
from lssd.dubbing.diarisation.one import One
from lssd.dubbing.diarisation.voices import Voices
from lssd.dubbing.lines import Line
from lssd.dubbing.sound import Sound

BACKENDS: tuple[type[Backend], ...] = (Voices, One)


class Diariser(Protocol):
    """The interface of diarisation backends."""

    def diarise(self, speech: Sound, lines: Sequence[Line]) -> list[str]:
        """The speaker's name for each line, in the order of the lines."""
        ...


__all__ = ["BACKENDS", "Diariser", "One", "Voices"]

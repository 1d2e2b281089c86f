"""Who speaks: every line gets the name of a speaker, S1 being the first to be heard."""

from collections.abc import Sequence
from typing import Protocol

from lssd.dubbing.declaration import Backend
from lssd.dubbing.diarisation.one import One
from lssd.dubbing.diarisation.voices import Voices
from lssd.dubbing.lines import Line
from lssd.dubbing.sound import Sound

BACKENDS: tuple[type[Backend], ...] = (Voices, One)


class Diariser(Protocol):
    """What a backend of this step does."""

    def diarise(self, speech: Sound, lines: Sequence[Line]) -> list[str]:
        """A speaker's name a line, in the lines' order."""
        ...


__all__ = ["BACKENDS", "Diariser", "One", "Voices"]

"""When somebody speaks: the sound of the voices becomes segments, in order and apart from each other."""

from typing import Protocol

from lssd.dubbing.declaration import Backend
from lssd.dubbing.lines import Segment
from lssd.dubbing.segmentation.energy import Energy
from lssd.dubbing.segmentation.silero import Silero
from lssd.dubbing.sound import Sound

BACKENDS: tuple[type[Backend], ...] = (Silero, Energy)


class Segmenter(Protocol):
    """What a backend of this step does."""

    def segment(self, speech: Sound) -> list[Segment]:
        """Stretches of speech of a sound of voices, sorted, none touching another."""
        ...


__all__ = ["BACKENDS", "Energy", "Segmenter", "Silero"]

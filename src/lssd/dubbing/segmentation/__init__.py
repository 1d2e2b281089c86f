"""Segmentation: finds the stretches of speech in a speech stem, sorted and disjoint."""

from typing import Protocol

from lssd.dubbing.declaration import Backend
from lssd.dubbing.lines import Segment
from lssd.dubbing.segmentation.energy import Energy
from lssd.dubbing.segmentation.silero import Silero
from lssd.dubbing.sound import Sound

BACKENDS: tuple[type[Backend], ...] = (Silero, Energy)


class Segmenter(Protocol):
    """The interface of segmentation backends."""

    def segment(self, speech: Sound) -> list[Segment]:
        """The stretches of speech in a speech stem, sorted, with a gap between any two."""
        ...


__all__ = ["BACKENDS", "Energy", "Segmenter", "Silero"]

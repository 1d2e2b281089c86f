"""Translation: lines get texts in another language that take about as long to say."""

from collections.abc import Sequence
from typing import Protocol

from lssd.dubbing.declaration import Backend
from lssd.dubbing.lines import Request, Translation
from lssd.dubbing.translation.apertium import Apertium
from lssd.dubbing.translation.endpoint import Endpoint
from lssd.dubbing.translation.phrasebook import Phrasebook
from lssd.dubbing.translation.seamless import Seamless
from lssd.dubbing.translation.sequence import SequenceToSequence

BACKENDS: tuple[type[Backend], ...] = (Endpoint, SequenceToSequence, Seamless, Apertium, Phrasebook)


class Translator(Protocol):
    """The interface of translation backends."""

    def translate(self, lines: Sequence[Request], source: str, target: str) -> list[Translation]:
        """One translation for each line, in order; an empty text stays empty."""
        ...


__all__ = ["BACKENDS", "Apertium", "Endpoint", "Phrasebook", "Seamless", "SequenceToSequence", "Translator"]

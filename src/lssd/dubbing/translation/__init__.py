"""What the dub says: the lines' texts become texts in another language that take about the same time."""

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
    """What a backend of this step does."""

    def translate(self, lines: Sequence[Request], source: str, target: str) -> list[Translation]:
        """One translation a line, in order; of an empty text an empty one."""
        ...


__all__ = ["BACKENDS", "Apertium", "Endpoint", "Phrasebook", "Seamless", "SequenceToSequence", "Translator"]

"""One speaker for all lines: a narrator, or a single new voice for everybody."""

from collections.abc import Sequence
from typing import ClassVar

from lssd.dubbing.declaration import Backend, Declaration
from lssd.dubbing.lines import Line
from lssd.dubbing.sound import Sound


class One(Backend):
    """Names everybody S1."""

    declaration: ClassVar[Declaration] = Declaration(
        step="diarisation",
        name="one",
        about="one speaker for all lines",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
    )

    def diarise(self, speech: Sound, lines: Sequence[Line]) -> list[str]:
        """S1 for every line."""
        return ["S1"] * len(lines)

"""The views of a file: which of its windows are embedded, and which squares of its pictures."""

import re
from dataclasses import dataclass

import numpy as np

from lssd.errors import InputError
from lssd.models import window_starts

_VIEWS = re.compile(r"(all|[1-9]\d{0,2})(?:x([13]))?")


@dataclass(frozen=True)
class Sampling:
    """The views of a file.

    windows: so many, spread evenly from the file's beginning to its end, a single one in its middle; None
    takes all, end to end (`lssd.models.window_starts`). Windows that coincide in a short file are taken once.
    crops: squares of each picture: 1 is the middle, 3 are both ends of its longer side as well.
    """

    windows: int | None = None
    crops: int = 1

    @classmethod
    def read(cls, text: str) -> "Sampling":
        """Views as people write them: "all", "5", "10x3" (windows, crops). InputError for another text."""
        match = _VIEWS.fullmatch(str(text))
        if match is None:
            raise InputError(
                f"views are windows, or windows x squares (1 or 3), such as all, 1, 5 or 10x3, not '{text}'"
            )
        return cls(None if match[1] == "all" else int(match[1]), int(match[2] or 1))

    def __str__(self) -> str:
        windows = "all" if self.windows is None else str(self.windows)
        return windows if self.crops == 1 else f"{windows}x{self.crops}"

    @property
    def of_sound(self) -> "Sampling":
        """The same windows of a sound, which has no crops."""
        return Sampling(self.windows)

    def starts(self, length: int, size: int) -> list[int]:
        """Where windows of `size` begin in a file of `length` (samples or frames), rising."""
        if self.windows is None:
            return window_starts(length, size)
        room = max(length - size, 0)
        if self.windows == 1:
            return [room // 2]
        return np.unique(np.linspace(0, room, self.windows).astype(int)).tolist()

    def describe(self, pictures: bool) -> str:
        """How an item becomes a vector, in words."""
        crops = f", {self.crops} squares of each" if pictures and self.crops > 1 else ""
        if self.windows is None:
            return f"windows of 3 s end to end{crops}, their mean"
        if self.windows == 1:
            return f"the middle window of 3 s{f'{crops}, their mean' if crops else ''}"
        return f"{self.windows} windows of 3 s spread evenly{crops}, their mean"

"""Time limits of items, by the duration of their film."""

from dataclasses import dataclass

from lssd.errors import InputError

_LONGEST_S = 48 * 3600.0  # a container that claims more is not believed


@dataclass(frozen=True)
class TimeLimit:
    """`base_s` seconds for any item, and `per_s` more for each second of its film."""

    base_s: float = 600.0
    per_s: float = 20.0

    def __post_init__(self) -> None:
        if not (self.base_s > 0 and self.per_s >= 0):
            raise InputError(f"a time limit must be above 0 s, not {self.base_s} s and {self.per_s} a second")

    def seconds(self, duration_s: float) -> float:
        """The limit of a film of this duration; one whose duration is unknown (0, NaN) has the base."""
        known = duration_s > 0  # False for NaN
        return self.base_s + self.per_s * (min(duration_s, _LONGEST_S) if known else 0.0)

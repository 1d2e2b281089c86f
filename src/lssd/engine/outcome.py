"""What becomes of an item, and an error in one line."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from lssd.errors import LssdError

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """What became of one item: its value, or the reason why there is none."""

    item: Item
    value: Value | None
    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


def reason_of(error: BaseException) -> str:
    """An error as one line; with its kind, unless it is one of those made for users."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, LssdError) else f"{type(error).__name__}: {text}"

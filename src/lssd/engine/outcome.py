"""The outcome of an item, and errors in one line."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from lssd.errors import ABORTING, LssdError, storage_error

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """The outcome of one item: its value, or the reason why there is none."""

    item: Item
    value: Value | None
    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


def error_that_ends_the_run(error: Exception) -> LssdError | None:
    """What to raise instead of going on with other items; None where the error is its item's own.

    That is an error of `lssd.errors.ABORTING`, or the StorageError that a full disk stands for.
    """
    return error if isinstance(error, ABORTING) else storage_error(error)


def reason_of(error: BaseException) -> str:
    """An error as one line, with its type unless its message is meant for users."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, LssdError) else f"{type(error).__name__}: {text}"

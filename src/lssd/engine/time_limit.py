"""Time limits of items, by the duration of their film."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from lssd.errors import InputError

T = TypeVar("T")

LONGEST_WAIT_S = 1e6  # what the system can wait for at once is not much more
_LONGEST_S = 48 * 3600.0  # a container that claims more is not believed


@dataclass(frozen=True)
class TimeLimit:
    """`base_s` seconds for any item, and `per_s` more for each second of its film."""

    base_s: float = 600.0
    per_s: float = 20.0

    def __post_init__(self) -> None:
        if not (0 < self.base_s < math.inf and 0 <= self.per_s < math.inf):
            raise InputError(
                f"a time limit must be above 0 s and end, not {self.base_s} s and {self.per_s} a second"
            )

    def seconds(self, duration_s: float) -> float:
        """The limit of a film of this duration; one whose duration is unknown (0, NaN) has the base."""
        known = duration_s > 0  # False for NaN
        return self.base_s + self.per_s * (min(duration_s, _LONGEST_S) if known else 0.0)


def overdue(limit_s: float) -> str:
    """The reason of an item that took longer than it may."""
    return f"did not end within {limit_s:.4g} s"


class LimitedThread:
    """Calls functions in one thread beside the caller's, and does not wait for ever.

    A thread cannot be ended: one that is overdue is left behind, and the next call gets another. So it helps
    against functions that hang where they have released the interpreter, as PyAV's decoders do.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] | None = None

    def call(self, function: Callable[[], T], limit_s: float | None) -> T:
        """What the function returns or raises; without a limit it is called right here.

        Raises TimeoutError, its words those of `overdue`, when it is not back within `limit_s` seconds.
        """
        if limit_s is None:
            return function()
        if self._calls is None:
            self._calls = SimpleQueue()
            threading.Thread(target=_serve, args=(self._calls,), name="limited", daemon=True).start()
        found: Future[T] = Future()
        self._calls.put((found, function))
        try:
            return found.result(min(limit_s, LONGEST_WAIT_S))
        except TimeoutError:
            if found.done():
                raise  # by the function itself
            self.close()  # it ends if it ever comes back
            raise TimeoutError(overdue(limit_s)) from None

    def close(self) -> None:
        """End the thread once it is done with its call."""
        if self._calls is not None:
            self._calls.put(None)
            self._calls = None


def _serve(calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]) -> None:
    while (call := calls.get()) is not None:
        found, function = call
        try:
            found.set_result(function())
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            found.set_exception(error)
        del call, found, function  # what they hold is not held until the next call

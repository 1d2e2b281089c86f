"""SIGTERM: what schedulers and clusters send before they take a machine away."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def noting_sigterm() -> Iterator[Callable[[], bool]]:
    """Inside the block, SIGTERM ends nothing; the callable tells whether it came.

    Outside of the main thread, where Python takes no signals, it ends the process as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGTERM, before)

"""Gives memory that a long-lived process no longer needs back to the system."""

import ctypes
import gc


def free_memory() -> None:
    """Collect garbage, and have the C library return what it holds free, where it is glibc.

    Work that makes and drops many large arrays leaves its heap in pieces: without this, rendering
    forty films grew a worker from 0.2 to 0.9 GB.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

"""Want of memory told from other errors, and memory given back to the system or kept."""

import ctypes
import gc

# Options of mallopt(3): from which size memory is mapped by itself, and how much free memory at the heap's
# end is given back.
_KEPT = ((-3, 1 << 27), (-1, 1 << 28))
_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def lacks_memory(error: Exception) -> bool:
    """Whether an error says that memory does not suffice, of a GPU or of the machine."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and reason_lacks_memory(str(error))
    )


def reason_lacks_memory(reason: str) -> bool:
    """Whether a reason in words is such an error, or the end of a process that may be due to one (`DIED`)."""
    return "MemoryError" in reason or any(words in reason.lower() for words in _WORDS)


def free_memory() -> None:
    """Collect garbage, and have the C library return what it holds free, where it is glibc.

    Work that makes and drops many large arrays leaves its heap in pieces: without this, rendering
    forty films grew a worker from 0.2 to 0.9 GB.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_memory() -> None:
    """Have the C library, where it is glibc, keep what is freed for what is asked for next.

    Otherwise every large tensor of a training step on a CPU is mapped anew and given back, and the system
    clears its pages each time: a third of the step of a small convolutional encoder.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in _KEPT:
            mallopt(option, value)

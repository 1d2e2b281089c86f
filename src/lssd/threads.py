"""How many threads a process computes with, and that those which wait sleep.

One dial: `--threads N` of every verb, or the variable LSSD_THREADS. The libraries that compute (torch and its
MKL by OpenMP, NumPy's and SciPy's OpenBLAS, OpenCV) each keep a pool whose threads, as they come, spin at
the end of every piece of work until the slowest is there. Where other processes want the processor too, the
slowest waits for its turn while the others burn theirs: a probe of milliseconds takes minutes. So waiting
threads sleep here, and what is too small to share has one thread. `benchmarks/threads.py` measures both.

The libraries read their variables when they are loaded: `limit` comes before the first import of torch or
NumPy. The command line sees to it; in Python, call `lssd.threads.limit()` first.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lssd.errors import InputError

VARIABLE = "LSSD_THREADS"
_MOST = 1024
_TORCH = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
# Pools whose work here is small: NumPy's matrix products, OpenCV's resizing of one picture.
_SMALL = ("OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_ASLEEP = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "KMP_BLOCKTIME": "0",
    "OPENBLAS_THREAD_TIMEOUT": "4",  # 2^4 cycles of the processor, the least there is
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN": "0",
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER": "0",
}


def limit(count: int | None = None) -> None:
    """Set this process's threads, and those of processes that it will start.

    `count`: for all pools; None takes LSSD_THREADS, and where that is not set either, torch has a thread a
    core (or OMP_NUM_THREADS) for networks, and everything else one. A variable of a library that is set
    already is left as it is, unless the dial is set. InputError for a number that is none.
    """
    for name, value in _ASLEEP.items():
        os.environ.setdefault(name, value)
    wanted = dial() if count is None else _checked(count, "--threads")
    if wanted is None:
        for name in _SMALL:
            os.environ.setdefault(name, "1")
        return
    os.environ[VARIABLE] = str(wanted)
    for name in (*_TORCH, *_SMALL):
        os.environ[name] = str(wanted)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(wanted)


def dial() -> int | None:
    """What LSSD_THREADS says; None where it is not set. InputError for what is no number of threads."""
    value = os.environ.get(VARIABLE, "")
    return None if not value else _checked(value, VARIABLE)


def share(workers: int) -> int:
    """The threads of each of so many processes at work at once: its part of the dial, or of the cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, (dial() or cores) // max(workers, 1))


@contextmanager
def small_work() -> Iterator[None]:
    """Compute with one thread inside, or as many as the dial says: for work in pieces of microseconds."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(dial() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def for_children(count: int) -> Iterator[None]:
    """Processes that are started inside have so many threads; this one keeps its own."""
    names = (VARIABLE, *_TORCH, *_SMALL)
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _checked(value: int | str, source: str) -> int:
    try:
        count = int(value)
    except ValueError:
        count = 0
    if not 1 <= count <= _MOST:
        raise InputError(f"{source} must be a number of threads from 1 to {_MOST}, not {value}")
    return count

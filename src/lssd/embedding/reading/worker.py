"""Looking at a file and reading its windows: what a reading process does, here or as a process of its own.

Errors are values, so that they pass from process to process as one line.
"""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from lssd.embedding.file_hashes import Signature, check_unchanged, signature
from lssd.embedding.windows import Extent, Windows, block_length
from lssd.engine import reason_of
from lssd.store import hash_file


@dataclass(frozen=True)
class Job:
    """What windows to read of every file, and whether to hash the files."""

    windows: Windows
    hashed: bool


@dataclass(frozen=True)
class Look:
    """What a first look at a file found: its hash ("" where none was taken), and its extent or the reason
    why it has none."""

    signature: Signature = (0, 0, 0, 0)
    data: str = ""
    extent: Extent | None = None
    reason: str = ""


@dataclass(frozen=True)
class LookTask:
    """File number `index` of a run; `data` is its hash where that is known."""

    index: int
    path: Path
    data: str


@dataclass(frozen=True)
class ReadTask:
    """A block of windows of file number `index`, to go into a slot of the shared buffer."""

    index: int
    path: Path
    look: Look
    starts: tuple[int, ...]
    slot: int


def look(job: Job, path: Path, data: str) -> Look:
    """Examine a file."""
    found, known = (0, 0, 0, 0), data
    try:
        if not path.is_file():
            return Look(reason="no such file")
        found = signature(path)
        if job.hashed and not data:
            known = hash_file(path)
        extent = job.windows.examine(path)
        check_unchanged(path, found)
        return Look(found, known, extent)
    except Exception as error:  # noqa: BLE001 - a file's failure is a value, whatever its kind
        return Look(found, known, None, reason_of(error))


def read(job: Job, path: Path, seen: Look, starts: Sequence[int]) -> np.ndarray | str:
    """A block of windows, or the reason why it cannot be read."""
    assert seen.extent is not None
    try:
        block = job.windows.read(path, seen.extent, starts)
        check_unchanged(path, seen.signature)
        return block
    except Exception as error:  # noqa: BLE001 - a file's failure is a value, whatever its kind
        return reason_of(error)


def slots_of(job: Job, memory: mmap.mmap, slots: int) -> np.ndarray:
    """The shared buffer as (slots, windows of a block, ...)."""
    shape = (slots, block_length(job.windows), *job.windows.shape)
    return np.frombuffer(memory, job.windows.dtype).reshape(shape)


def buffer_bytes(job: Job, slots: int) -> int:
    """The size of that buffer."""
    count = slots * block_length(job.windows) * int(np.prod(job.windows.shape))
    return count * np.dtype(job.windows.dtype).itemsize


def serve(connection_fd: int, memory_fd: int, slots: int) -> None:
    """The life of a reading process: a job, then tasks and their replies in turn, until nobody asks."""
    connection = Connection(connection_fd)
    try:
        job = connection.recv()
        buffer = slots_of(job, mmap.mmap(memory_fd, buffer_bytes(job, slots)), slots)
        connection.send("ready")
        while True:
            connection.send(_reply(job, connection.recv(), buffer))
    except (EOFError, OSError):
        return  # the parent is done, or gone


def _reply(job: Job, task: LookTask | ReadTask, buffer: np.ndarray) -> Look | str:
    if isinstance(task, LookTask):
        return look(job, task.path, task.data)
    block = read(job, task.path, task.look, task.starts)
    if isinstance(block, str):
        return block
    buffer[task.slot, : len(block)] = block
    return ""

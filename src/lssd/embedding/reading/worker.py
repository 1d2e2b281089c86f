"""Examining a file and reading its windows, in whichever process.

Errors are values: they pass between processes as one line.
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
class FileExamination:
    """What is known of a file before its windows are read: its extent, or the reason why it has none.

    data: SHA-256 of the file, "" where it was not computed. signature: of the file when it was examined.
    """

    signature: Signature = (0, 0, 0, 0)
    data: str = ""
    extent: Extent | None = None
    reason: str = ""


@dataclass(frozen=True)
class ExamineTask:
    """Examine file number `index` of a run; `data` is its hash, "" where that is not known."""

    index: int
    path: Path
    data: str


@dataclass(frozen=True)
class ReadTask:
    """Read the windows of file number `index` that begin at `starts` into a slot of the shared buffer."""

    index: int
    path: Path
    examined: FileExamination
    starts: tuple[int, ...]
    slot: int


def examine(job: Job, path: Path, data: str) -> FileExamination:
    """Find a file's extent, and its hash where the job wants it and `data` does not give it."""
    found, known = (0, 0, 0, 0), data
    try:
        if not path.is_file():
            return FileExamination(reason="no such file")
        found = signature(path)
        if job.hashed and not data:
            known = hash_file(path)
        extent = job.windows.examine(path)
        check_unchanged(path, found)
        return FileExamination(found, known, extent)
    except Exception as error:  # noqa: BLE001 - a file's failure is a value, whatever its kind
        return FileExamination(found, known, None, reason_of(error))


def read(job: Job, path: Path, examined: FileExamination, starts: Sequence[int]) -> np.ndarray | str:
    """The windows that begin at `starts`, (windows, ...), or the reason why they cannot be read."""
    assert examined.extent is not None
    try:
        windows = job.windows.read(path, examined.extent, starts)
        check_unchanged(path, examined.signature)
        return windows
    except Exception as error:  # noqa: BLE001 - a file's failure is a value, whatever its kind
        return reason_of(error)


def slots_of(job: Job, memory: mmap.mmap, slots: int) -> np.ndarray:
    """The shared buffer as an array (slots, windows of a block, ...)."""
    shape = (slots, block_length(job.windows), *job.windows.shape)
    return np.frombuffer(memory, job.windows.dtype).reshape(shape)


def buffer_bytes(job: Job, slots: int) -> int:
    """The size of the shared buffer."""
    count = slots * block_length(job.windows) * int(np.prod(job.windows.shape))
    return count * np.dtype(job.windows.dtype).itemsize


def serve(connection_fd: int, memory_fd: int, slots: int) -> None:
    """Run a reading process: receive the job, then answer tasks one by one until the connection ends.

    An ExamineTask is answered by a FileExamination; a ReadTask by "", with the windows in its slot, or by
    the reason why they cannot be read.
    """
    connection = Connection(connection_fd)
    try:
        job = connection.recv()
        buffer = slots_of(job, mmap.mmap(memory_fd, buffer_bytes(job, slots)), slots)
        connection.send("ready")
        while True:
            task = connection.recv()
            if isinstance(task, ExamineTask):
                connection.send(examine(job, task.path, task.data))
                continue
            windows = read(job, task.path, task.examined, task.starts)
            if isinstance(windows, str):
                connection.send(windows)
            else:
                buffer[task.slot, : len(windows)] = windows
                connection.send("")
    except (EOFError, OSError):
        return  # the parent is done, or gone

"""One writer at a time: advisory file locks that die with their process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from lssd.errors import InputError, storage_error


@contextmanager
def lock(folder: str | Path, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold the writer's lock of a folder (created if missing).

    Raises InputError when another process holds it after `timeout_s` seconds, or when the folder
    cannot be written; StorageError when the disk is full.
    """
    path = Path(folder) / ".lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = filelock.FileLock(path, timeout=timeout_s)
        handle.acquire()
    except filelock.Timeout as error:
        raise InputError(
            f"{folder} is in use by another lssd process; wait for it or choose another"
        ) from error
    except OSError as error:
        full = storage_error(error, folder)
        raise full or InputError(
            f"cannot write {folder}: {error.strerror}; choose another output folder"
        ) from error
    try:
        yield
    finally:
        handle.release()

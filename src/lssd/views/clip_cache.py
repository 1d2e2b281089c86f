"""Decoded clips in a bounded folder of memory-mapped arrays.

Decoding a quadruplet costs 30-40 ms of a core, drawing a window from a decoded clip about 2 ms. The
cache pays for small corpora that are seen for many epochs; over its limit it simply reads and
decodes. Files are named by the content they come from, so several runs may share a folder.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lssd.corpus import Member
from lssd.errors import InputError, StorageError
from lssd.store import atomic_path


class ClipCache:
    """Arrays by key, as files under `folder`, up to `limit_bytes` in all.

    A cache that cannot be written, on a full disk or in a read-only folder, serves what it holds and stores
    nothing more. The limit is compared with the folder's size on opening plus what this process has added
    since, so several processes may exceed it by what the others add meanwhile.
    """

    def __init__(self, folder: str | Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = Path(folder), limit_bytes
        self._used, self._full = 0, False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._used = sum(map(_size, self.folder.glob("*.npy")))
        except OSError:
            self._full = True

    def get(self, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of a key, mapped from disk; made, and stored while there is room, when missing."""
        path = self.folder / f"{key}.npy"
        array = _load(path)
        if array is None:
            array = make()
            if not self._full and self._used + array.nbytes <= self.limit_bytes:
                self._store(path, array)
        return array

    def _store(self, path: Path, array: np.ndarray) -> None:
        try:
            with atomic_path(path) as partial, partial.open("wb") as file:
                np.save(file, array)
        # Whatever its number: NumPy reports a full disk without one.
        except (OSError, InputError, StorageError):
            self._full = True
        else:
            self._used += array.nbytes


def _load(path: Path) -> np.ndarray | None:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # missing, or damaged
        return None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # another process has just removed it
        return 0


def picture_key(member: Member) -> str:
    return f"{member.sha256[:32]}-picture"


def sound_key(member: Member, sample_rate: int, channels: int) -> str:
    return f"{member.sha256[:32]}-sound-{sample_rate}-{channels}"

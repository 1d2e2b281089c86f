"""Decoded clips in a bounded folder of memory-mapped arrays.

Decoding a quadruplet costs 30-40 ms of a core, drawing a window from a decoded clip about 2 ms. The
cache pays for small corpora that are seen for many epochs; over its limit it simply reads and
decodes. Files are named by the content they come from, so several runs may share a folder.
"""

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lssd.store import atomic_path
from lssd.views.columns import Member


class ClipCache:
    """Arrays by key, as files under `folder`, up to `limit_bytes` in all.

    The limit is checked against the folder's size when the cache is opened plus what this process
    has added, so several processes may overshoot it by what the others add meanwhile.
    """

    def __init__(self, folder: str | Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = Path(folder), limit_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        self._used = sum(file.stat().st_size for file in self.folder.glob("*.npy"))
        self._full = False

    def get(self, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of a key, mapped from disk; made, and stored while there is room, when missing."""
        path = self.folder / f"{key}.npy"
        if not path.exists():
            array = make()
            if self._full or self._used + array.nbytes > self.limit_bytes:
                return array
            try:
                with atomic_path(path) as partial, partial.open("wb") as file:
                    np.save(file, array)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                self._full = True  # a cache is a convenience: go on without it
                return array
            self._used += array.nbytes
        return np.load(path, mmap_mode="r")


def picture_key(member: Member) -> str:
    return f"{member['sha256'][:32]}-picture"


def sound_key(member: Member, sample_rate: int, channels: int) -> str:
    return f"{member['sha256'][:32]}-sound-{sample_rate}-{channels}"

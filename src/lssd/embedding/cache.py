"""A cache of embeddings, looked up by content.

```
CACHE/<encoder>/about.json                 what the encoder is, for people
CACHE/<encoder>/<writer>.index             64 bytes a window: file, number, span, checksum
CACHE/<encoder>/<writer>.vectors           float32, embedding_size a window, in the same order
CACHE/files/<writer>.jsonl                 hashes of files by path and dates (`file_hashes`)
```
`<encoder>` is a hash of all that an embedding depends on but the data: weights, architecture,
preprocessing, modality, language, views, the rule of windows. The index holds the hash of the data. Neither
contains a path or a name, so two checkpoints of one name are never mixed up, and a file that moved is found.
Rows are only appended, by each process to files of its own, so any number of processes may write at once.
"""

import os
import platform
import re
import uuid
import zlib
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lssd.embedding.windows import RULE
from lssd.errors import InputError, StorageError, storage_error
from lssd.store import hash_json, write_json

_FORMAT = 2
_INDEX = np.dtype(
    [
        ("data", "u1", 32),  # SHA-256 of the file
        ("window", "<u4"),  # its number in the file, from 0
        ("windows", "<u4"),  # how many the file has
        ("rest", "<u4"),  # how many rows of the same commit follow
        ("check", "<u4"),  # CRC-32 of this row, with 0 in this field, and of its vector
        ("start_s", "<f8"),
        ("end_s", "<f8"),
    ]
)


@dataclass(frozen=True)
class WindowVectors:
    """The embeddings of one file's windows: spans in seconds (N,), vectors float32 (N, D)."""

    start_s: np.ndarray
    end_s: np.ndarray
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.vectors)

    def pooled(self) -> "WindowVectors":
        """The mean over the file's windows, as one that spans from the first to the last of them."""
        mean_D = self.vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        return WindowVectors(self.start_s[:1], self.end_s[-1:], mean_D[None])


@dataclass(frozen=True)
class WindowRow:
    """One window to keep.

    data: SHA-256 of its file. window: its number among the `windows` of the file. vector: (D,).
    """

    data: str
    window: int
    windows: int
    start_s: float
    end_s: float
    vector: np.ndarray


@dataclass(frozen=True)
class _Run:
    """Consecutive rows of a pack (a pair of .index and .vectors files) that belong to one file.

    row: the number of the first. index: their entries.
    """

    pack: Path
    row: int
    index: np.ndarray


def encoder_identity(
    weights: str, settings: Any, modality: str, language: str | None, views: str = "all"
) -> dict[str, Any]:
    """All that an embedding depends on but the data; its hash names the encoder's folder in the cache.

    weights: their content hash. settings: the encoder's entry in the model's config, which says architecture
    and preprocessing. views: which windows and crops (`Sampling`).
    """
    return {
        "format": _FORMAT,
        "windows": RULE,
        "weights": weights,
        "settings": settings,
        "modality": modality,
        "language": language,
        "views": views,
    }


def own_name() -> str:
    """A file name that no other process has, nor an earlier call: machine, process and a random part."""
    host = re.sub(r"\W+", "-", platform.node()) or "host"
    return f"{host}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class EmbeddingCache:
    """The windows of one encoder that were embedded before, as vectors of `size` numbers.

    A damaged row counts as missing. What other processes add after the cache was opened is not seen.
    """

    def __init__(self, folder: str | Path, identity: dict[str, Any], size: int) -> None:
        self.folder = Path(folder) / hash_json(identity, 32)
        self.size = size
        self._identity = identity
        self._runs: dict[bytes, list[_Run]] = defaultdict(list)
        self._reading: tuple[Path, BinaryIO] | None = None
        self._writing: tuple[Path, BinaryIO, BinaryIO] | None = None
        self._written = 0
        for path in sorted(self.folder.glob("*.index")):
            self._learn(path.with_suffix(".vectors"), 0, _whole_commits(path))

    def get(self, data: str) -> tuple[WindowVectors, int] | None:
        """The windows of a file that are kept, up to the first that is missing, and how many it has in all.

        `data`: SHA-256 of the file. None when its first window is missing.
        """
        found: dict[int, tuple[np.void, np.ndarray]] = {}
        windows = 0
        for run in self._runs.get(bytes.fromhex(data), ()):
            for row, vector in zip(run.index, self._vectors(run), strict=False):
                if row["window"] not in found and _check(row, vector) == row["check"]:
                    found[int(row["window"])] = row, vector
                    windows = int(row["windows"])
        count = next((number for number in range(windows) if number not in found), windows)
        if count == 0:
            return None
        start_s, end_s = (
            np.array([found[number][0][name] for number in range(count)]) for name in ("start_s", "end_s")
        )
        vectors = np.stack([found[number][1] for number in range(count)])
        return WindowVectors(start_s, end_s, vectors), windows

    def whole(self) -> frozenset[str]:
        """Hashes of the files of which all windows are listed; only `get` finds those that are damaged."""
        counts = {data: sum(len(run.index) for run in runs) for data, runs in self._runs.items()}
        enough = (data for data, runs in self._runs.items() if counts[data] >= runs[0].index["windows"][0])
        return frozenset(data.hex() for data in enough)

    def put(self, rows: Sequence[WindowRow]) -> None:
        """Keep windows as one commit: after a kill, all of them are there or none.

        InputError when the folder cannot be written to, StorageError when writing fails, as on a full disk.
        """
        if not rows:
            return
        index = np.zeros(len(rows), _INDEX)
        vectors = np.stack([row.vector for row in rows]).astype("<f4")
        for number, (entry, row, vector) in enumerate(zip(index, rows, vectors, strict=True)):
            entry["data"] = np.frombuffer(bytes.fromhex(row.data), np.uint8)
            entry["window"], entry["windows"], entry["rest"] = row.window, row.windows, len(rows) - 1 - number
            entry["start_s"], entry["end_s"] = row.start_s, row.end_s
            entry["check"] = _check(entry, vector)
        pack, index_file, vector_file = self._pack()
        try:
            vector_file.write(vectors.tobytes())
            vector_file.flush()
            index_file.write(index.tobytes())
            index_file.flush()
        except OSError as error:
            self._writing = None  # its last row may be cut short, and rows after that would be misread
            for file in (index_file, vector_file):
                with suppress(OSError):  # it tries to write the rest once more
                    file.close()
            full = storage_error(error, self.folder)
            raise full or StorageError(f"cannot write {self.folder}: {error.strerror}") from error
        self._learn(pack, self._written, index)
        self._written += len(rows)

    def close(self) -> None:
        """Sync what was written to the disk, and close all files."""
        if self._writing is not None:
            files, self._writing = self._writing[1:], None
            for file in files:
                try:
                    os.fsync(file.fileno())
                except OSError as error:
                    full = storage_error(error, self.folder)
                    raise full or StorageError(f"cannot write {self.folder}: {error.strerror}") from error
                finally:
                    file.close()
        if self._reading is not None:
            self._reading[1].close()
            self._reading = None

    def _pack(self) -> tuple[Path, BinaryIO, BinaryIO]:
        if self._writing is None:
            pack = self.folder / f"{own_name()}.vectors"
            try:
                if not (self.folder / "about.json").exists():
                    write_json(self.folder / "about.json", {**self._identity, "embedding_size": self.size})
                self._writing = pack, pack.with_suffix(".index").open("xb"), pack.open("xb")
            except OSError as error:
                raise storage_error(error, self.folder) or InputError(
                    f"cannot write {self.folder}: {error.strerror}; choose another place"
                ) from error
            self._written = 0
        return self._writing

    def _learn(self, pack: Path, first: int, index: np.ndarray) -> None:
        """Note rows of a pack, from its row `first` on, so that `get` finds them."""
        if not len(index):
            return
        changes = np.flatnonzero((index["data"][1:] != index["data"][:-1]).any(axis=1)) + 1
        borders = [0, *changes.tolist(), len(index)]
        for begin, end in pairwise(borders):
            run = _Run(pack, first + begin, index[begin:end])
            self._runs[index["data"][begin].tobytes()].append(run)

    def _vectors(self, run: _Run) -> np.ndarray:
        """The rows' vectors, or fewer where the pack is cut short: (rows, size)."""
        try:
            if self._reading is None or self._reading[0] != run.pack:
                if self._reading is not None:
                    self._reading[1].close()
                self._reading = run.pack, run.pack.open("rb")
            file = self._reading[1]
            file.seek(run.row * self.size * 4)
            values = np.frombuffer(file.read(len(run.index) * self.size * 4), np.uint8)
        except OSError:
            return np.zeros((0, self.size), np.float32)
        rows = len(values) // (4 * self.size)
        return values[: rows * 4 * self.size].view("<f4").reshape(rows, self.size)


def _whole_commits(path: Path) -> np.ndarray:
    """A pack's index up to the end of the last commit that was written completely."""
    data = path.read_bytes()
    index = np.frombuffer(data[: len(data) // _INDEX.itemsize * _INDEX.itemsize], _INDEX)
    ends = np.flatnonzero(index["rest"] == 0)
    return index[: ends[-1] + 1] if len(ends) else index[:0]


def _check(row: np.void, vector: np.ndarray) -> int:
    plain = row.copy()
    plain["check"] = 0
    return zlib.crc32(vector.tobytes(), zlib.crc32(plain.tobytes()))


def rows_of(data: str, value: WindowVectors) -> list[WindowRow]:
    """All windows of a file as rows to `put`."""
    spans = zip(value.start_s.tolist(), value.end_s.tolist(), value.vectors, strict=True)
    return [WindowRow(data, window, len(value), *span) for window, span in enumerate(spans)]

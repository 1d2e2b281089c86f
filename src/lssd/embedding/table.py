"""`Embeddings`: the vectors of many files, and the files they are written to and read from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lssd.embedding.file_hashes import CHANGED
from lssd.engine.memory import reason_lacks_memory
from lssd.errors import InputError
from lssd.store import atomic_path

_ABOUT = "lssd"  # the key of Parquet's schema metadata, and of npz


@dataclass(frozen=True)
class Failure:
    """A file that could not be embedded, and why in one line."""

    path: str
    reason: str

    @property
    def temporary(self) -> bool:
        """Whether another try may succeed: memory was short, or the file was being written.

        A file that took too long is not tried again: whoever asks once more would wait as long.
        """
        return CHANGED in self.reason or reason_lacks_memory(self.reason)


@dataclass(frozen=True)
class Embeddings:
    """Vectors of files or of their windows, one row each, in the order of the files asked for.

    path: N texts. start_s, end_s: float64 (N,), the span of the row in its file in seconds. modality:
    "audio" or "video". vectors: float32 (N, D). failed: the files that are left out. about: how the rows
    were made (hashes of weights, settings and data).
    """

    path: tuple[str, ...]
    start_s: np.ndarray
    end_s: np.ndarray
    modality: str
    vectors: np.ndarray
    failed: tuple[Failure, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.path)

    def write(self, out: str | Path) -> None:
        """Write a `.parquet` (columns path, start_s, end_s, modality, vector) or `.npz` file, atomically.

        `failed` and `about` are written as JSON, `{"failed": [[path, reason], ...], ...}`, under the key
        "lssd" of Parquet's schema metadata, or in npz's text array of that name. InputError for another
        suffix.
        """
        out = Path(out)
        check_suffix(out)
        failed = [[failure.path, failure.reason] for failure in self.failed]
        about = json.dumps({**self.about, "modality": self.modality, "failed": failed}, sort_keys=True)
        with atomic_path(out) as partial, partial.open("wb") as file:
            if out.suffix == ".npz":
                np.savez(
                    file,
                    path=np.array(self.path, np.str_),
                    start_s=self.start_s,
                    end_s=self.end_s,
                    modality=np.array([self.modality] * len(self), np.str_),
                    vector=self.vectors,
                    lssd=np.array(about),
                )
            else:
                pq.write_table(self._table().replace_schema_metadata({_ABOUT: about}), file)

    def _table(self) -> pa.Table:
        flat = pa.array(self.vectors.reshape(-1), type=pa.float32())
        return pa.table(
            {
                "path": pa.array(self.path, type=pa.string()),
                "start_s": pa.array(self.start_s, type=pa.float64()),
                "end_s": pa.array(self.end_s, type=pa.float64()),
                "modality": pa.array([self.modality] * len(self), type=pa.string()),
                "vector": pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1]),
            }
        )

    @classmethod
    def read(cls, path: str | Path) -> "Embeddings":
        """Read what `write` wrote. InputError when it is missing, damaged or something else."""
        path = Path(path)
        check_suffix(path)
        about = read_about(path)
        if about is None:
            raise InputError(f"{path} is no readable file of embeddings; make it with lssd embed")
        try:
            return cls._read(path, about)
        except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are kinds of these
            raise InputError(f"{path} is damaged: {error}; make it again with lssd embed") from error

    @classmethod
    def _read(cls, path: Path, about: dict[str, Any]) -> "Embeddings":
        columns: Any
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as found:
                columns = {name: found[name] for name in ("path", "start_s", "end_s", "vector")}
            paths = tuple(columns["path"].tolist())
        else:
            columns = pq.read_table(path)
            paths = tuple(columns["path"].to_pylist())
        vectors = columns["vector"]
        if isinstance(vectors, pa.ChunkedArray):
            flat = vectors.combine_chunks()
            vectors = flat.flatten().to_numpy().reshape(len(paths), flat.type.list_size)
        failed = tuple(Failure(*pair) for pair in about.pop("failed"))
        modality = about.pop("modality")
        start_s, end_s = (np.asarray(columns[name], np.float64) for name in ("start_s", "end_s"))
        return cls(paths, start_s, end_s, modality, vectors, failed, about)


def read_about(path: Path) -> dict[str, Any] | None:
    """What a file of embeddings says of how it was made; None when it is damaged or no such file."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as found:
                text = str(found[_ABOUT])
        else:
            text = (pq.read_schema(path).metadata or {})[_ABOUT.encode()].decode()
        about = json.loads(text)
    except Exception:  # noqa: BLE001 - rubbish under this name ends in errors of many kinds
        return None
    return about if isinstance(about, dict) and {"modality", "failed"} <= set(about) else None


def check_suffix(out: Path) -> None:
    """Raise InputError unless the name is that of a file of embeddings."""
    if out.suffix not in (".parquet", ".npz"):
        raise InputError(f"{out} must end in .parquet or .npz")

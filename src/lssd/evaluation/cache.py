"""A cache of embeddings addressed by content.

The key is what an embedding depends on, and nothing else: the weights' hash, the preprocessing, the
file's bytes, modality and language. No path and no name is part of it, so two checkpoints of one
name never meet, and a file that moved is still known.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lssd.store import atomic_path, hash_json

_FORMAT = 1


@dataclass(frozen=True)
class WindowVectors:
    """The embeddings of one file's windows: spans in seconds (N,), vectors float32 (N, D)."""

    start_s: np.ndarray
    end_s: np.ndarray
    vectors: np.ndarray

    def mean(self) -> np.ndarray:
        """The file's embedding, (D,): the mean over its windows."""
        return self.vectors.mean(axis=0, dtype=np.float64).astype(np.float32)


def cache_key(weights: str, settings: Any, data: str, modality: str, language: str | None) -> str:
    """The key of a file's window embeddings.

    `weights` and `data` are content hashes; `settings` is the encoder's entry in the model's config:
    architecture and preprocessing.
    """
    return hash_json(
        {
            "format": _FORMAT,
            "weights": weights,
            "settings": settings,
            "data": data,
            "modality": modality,
            "language": language,
        }
    )


class EmbeddingCache:
    """A folder of one file a key, in 256 subfolders. Whole entries or none; a damaged one is a miss."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"

    def get(self, key: str) -> WindowVectors | None:
        """What was stored under `key`, or None."""
        try:
            with np.load(self.path(key), allow_pickle=False) as entry:
                return WindowVectors(entry["start_s"], entry["end_s"], entry["vectors"])
        except (FileNotFoundError, zipfile.BadZipFile, ValueError, KeyError, EOFError):
            return None

    def put(self, key: str, value: WindowVectors) -> None:
        """Store under `key`, atomically. InputError when the folder cannot be written."""
        with atomic_path(self.path(key)) as partial, partial.open("wb") as file:
            np.savez(file, start_s=value.start_s, end_s=value.end_s, vectors=value.vectors)

"""Files -> vectors, here or on a cluster, kept by content.

embed          `lssd embed`: models and files -> a table of vectors
table          that table, its columns and its files
sampling       which windows of a file, and which squares of its pictures
windows        a file's windows of 3 s, and which of its tracks is heard
reading        windows decoded ahead of the model, in this process or in others
batching       windows of many files -> batches of one encoder -> vectors
cluster        the same on many machines
cache          what was embedded before, by weights, preprocessing and content
file_hashes    content hashes of files, remembered

The public names load at first use, so that processes which only read files do not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lssd.embedding.embed import Embeddings, Failure

_HOMES = {
    "Embeddings": "embed",
    "Failure": "embed",
}

__all__ = ["Embeddings", "Failure"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"lssd.embedding.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lssd.embedding' has no attribute '{name}'")

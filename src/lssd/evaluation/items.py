"""The vectors of a task's items, by what the task judges: sound, picture, or both."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lssd.embedding.embed import Embeddings, Engine, Failure, Modality, embed
from lssd.engine import Progress
from lssd.errors import InputError
from lssd.evaluation.tasks import Task
from lssd.models import Model
from lssd.store import hash_json

# What a probe of both is given. Side by side alone, no linear probe could tell whether two vectors agree.
JOINED = "sound's and picture's vectors side by side, with their products"

_ENCODERS: Mapping[str, tuple[Modality, ...]] = {
    "audio": ("audio",),
    "picture": ("video",),
    "audiovisual": ("audio", "video"),
}


def check_encoders(model: Model, task: Task, name: str) -> None:
    """Raise InputError when the model lacks an encoder of what the task judges."""
    for encoder in _ENCODERS[task.modality]:
        if (model.audio if encoder == "audio" else model.video) is None:
            raise InputError(f"{name} has no {encoder} encoder, and the task {task.name} is {task.modality}")


def settings_hash(model: Model, modality: str) -> str:
    """A hash of architecture and preprocessing of the encoders that a task of this modality uses."""
    settings = [model.config[encoder] for encoder in _ENCODERS[modality]]
    return hash_json(settings[0] if len(settings) == 1 else settings)


def item_vectors(
    model: Model,
    task: Task,
    cache: str | Path | None = None,
    progress: Progress | None = None,
    *,
    batch_size: int = 32,
    workers: int | None = None,
    engine: Engine = "local",
) -> tuple[dict[str, np.ndarray], tuple[Failure, ...]]:
    """The vectors of a task's items, (D,) by path, and the items left out, each once.

    Items of sound and picture have the vectors of both and their product: (3 D,). The rest as `embed`.
    """
    paths = [item.path for item in task.items]
    found = [
        embed(
            model,
            paths,
            modality=encoder,
            cache=cache,
            batch_size=batch_size,
            workers=workers,
            engine=engine,
            progress=progress,
        )
        for encoder in _ENCODERS[task.modality]
    ]
    failed = {failure.path: failure for embeddings in found for failure in embeddings.failed}
    vectors, *others = (_by_path(embeddings) for embeddings in found)
    for other in others:
        both = [path for path in vectors if path in other]
        vectors = {path: _joined(vectors[path], other[path]) for path in both}
    return vectors, tuple(failed.values())


def _joined(sound: np.ndarray, picture: np.ndarray) -> np.ndarray:
    return np.concatenate([sound, picture, sound * picture])


def _by_path(embeddings: Embeddings) -> dict[str, np.ndarray]:
    return dict(zip(embeddings.path, embeddings.vectors, strict=True))

"""What is under evaluation: a model of ours, its untrained twin, or a module; and how each gives vectors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lssd.embedding.embed import Engine, Failure
from lssd.engine import Progress
from lssd.errors import InputError
from lssd.evaluation.foreign.load import HearModule, load_any
from lssd.evaluation.items import JOINED, check_encoders, item_vectors, settings_hash
from lssd.evaluation.results import RANDOM_INIT, ModelReference
from lssd.evaluation.tasks import Task
from lssd.evaluation.untrained import untrained_twin
from lssd.media import spelled
from lssd.models import Model, weights_hash
from lssd.store import hash_json


@dataclass(frozen=True)
class Subject:
    """A model, and what identifies it. `file_name`: its part of the names of its results."""

    model: Model | HearModule
    reference: ModelReference
    file_name: str

    @property
    def sample_rate(self) -> int | None:
        """Of the sound that it takes; None when it does not hear."""
        return self.model.sample_rate

    def check(self, task: Task) -> None:
        """InputError when it lacks an encoder of what the task judges."""
        if isinstance(self.model, Model):
            check_encoders(self.model, task, self.reference.name)
        elif task.modality != "audio":
            raise InputError(f"{self.reference.name} hears only, and the task {task.name} is {task.modality}")

    def judged_on(self, task: Task) -> ModelReference:
        """The reference, with the settings of those encoders that the task judges."""
        settings = settings_hash(self.model, task.modality) if isinstance(self.model, Model) else ""
        return replace(self.reference, settings_sha256=settings)

    def embedding(self, task: Task) -> str:
        """How an item becomes a vector."""
        if isinstance(self.model, HearModule):
            return "whole files through get_scene_embeddings"
        joined = f"; {JOINED}" if task.modality == "audiovisual" else ""
        return f"windows of 3 s end to end, their mean{joined}"

    def vectors(
        self,
        task: Task,
        cache: str | Path | None,
        workers: int | None,
        engine: Engine,
        progress: Progress | None,
    ) -> tuple[Mapping[str, np.ndarray], tuple[Failure, ...]]:
        """The vectors of a task's items, (D,) by path, and the items left out."""
        if isinstance(self.model, Model):
            return item_vectors(self.model, task, cache, progress, workers=workers, engine=engine)
        paths = [item.path for item in task.items]
        return self.model.embed(paths, cache=cache, workers=workers, progress=progress)


def load_subjects(
    model: Model | str | Path, name: str | None, device: str | None, random_init: bool
) -> list[Subject]:
    """The model on its device, and its untrained twin where one is asked for and can be had.

    A `Model` stays on the device that it is on, unless `device` says which.
    """
    given = not isinstance(model, (str, Path))
    loaded = load_any(model, device)
    if given and device is not None:
        loaded.to(device)  # type: ignore[union-attr]
    path = "" if given else _place(str(model))
    if isinstance(loaded, HearModule):
        return [_named(loaded, ModelReference(name or loaded.name, path, loaded.identity))]
    if name is None:
        # A run keeps its model in RUN/model: the run's name says more.
        whole = Path(path).resolve()
        name = "model" if given else whole.parent.name if whole.name == "model" else whole.name
    twin = untrained_twin(loaded).to(next(loaded.parameters()).device)
    untrained = weights_hash(twin)
    subjects = [_named(loaded, ModelReference(spelled(name), path, weights_hash(loaded), "", untrained))]
    if random_init:
        # Another architecture, or other statistics of the stems, make another twin.
        file_name = f"{RANDOM_INIT}-{hash_json([untrained, twin.config], 8)}"
        subjects.append(Subject(twin, ModelReference(RANDOM_INIT, "", untrained), file_name))
    return subjects


def as_file_name(name: str) -> str:
    """A name as part of a file name: letters, digits, and -_+ only."""
    return re.sub(r"[^\w+-]+", "-", name).strip("-") or "unnamed"


def _named(model: Model | HearModule, reference: ModelReference) -> Subject:
    file_name = as_file_name(reference.name)
    if file_name.startswith(RANDOM_INIT):
        raise InputError(f"the name {reference.name} is kept for untrained twins; give another (--name)")
    return Subject(model, reference, file_name)


def _place(model: str) -> str:
    """Where a model was read from: folders as absolute paths, other names as they are."""
    return spelled(Path(model).resolve() if Path(model).is_dir() else model)

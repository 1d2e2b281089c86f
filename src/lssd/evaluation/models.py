"""What is evaluated: a model of ours, its untrained twin, or a HEAR module. Each embeds a task's items."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from lssd.embedding.embed import Engine, Failure, Modality, embed
from lssd.embedding.sampling import Sampling
from lssd.engine import Progress
from lssd.errors import InputError
from lssd.evaluation.foreign.load import HearModule, load_any
from lssd.evaluation.results import RANDOM_INIT, ModelReference
from lssd.evaluation.tasks import Task
from lssd.media import spelled
from lssd.models import Model, build_model, weights_hash
from lssd.models.folders import FINISHED_FILE, model_name
from lssd.models.seed_folders import seed_folders
from lssd.store import hash_json

_ENCODERS: Mapping[str, tuple[Modality, ...]] = {
    "audio": ("audio",),
    "picture": ("video",),
    "audiovisual": ("audio", "video"),
}


@dataclass(frozen=True)
class ModelUnderTest(ABC):
    """A model of any kind, and what identifies it.

    reference   as results state it; `reference_for` a task says more
    file_name   the model's part of the names of its results' files
    local_only  it cannot be sent to a cluster
    """

    reference: ModelReference
    file_name: str
    local_only: ClassVar[bool]

    @property
    @abstractmethod
    def sample_rate(self) -> int | None:
        """Of the sound that the model takes, in Hz; None when it takes none."""

    @abstractmethod
    def check(self, task: Task) -> None:
        """Raise InputError when the model cannot embed what the task judges."""

    @abstractmethod
    def reference_for(self, task: Task) -> ModelReference:
        """The reference, with the settings of those encoders that the task judges."""

    @abstractmethod
    def embedding_method(self, task: Task) -> str:
        """How an item becomes a vector, in words."""

    @abstractmethod
    def vectors(
        self,
        task: Task,
        cache: str | Path | None,
        workers: int | None,
        engine: Engine,
        progress: Progress | None,
    ) -> tuple[Mapping[str, np.ndarray], tuple[Failure, ...]]:
        """The vectors of a task's items, float32 (D,) by path, and the items left out."""


@dataclass(frozen=True)
class OwnModel(ModelUnderTest):
    """A model of this project, or its untrained twin."""

    model: Model
    sampling: Sampling = field(default_factory=Sampling)
    local_only = False

    @property
    def sample_rate(self) -> int | None:
        return self.model.sample_rate

    def check(self, task: Task) -> None:
        for encoder in _ENCODERS[task.modality]:
            if (self.model.audio if encoder == "audio" else self.model.video) is None:
                name = self.reference.name
                raise InputError(
                    f"{name} has no {encoder} encoder, and the task {task.name} is {task.modality}"
                )

    def reference_for(self, task: Task) -> ModelReference:
        settings = [self.model.config[encoder] for encoder in _ENCODERS[task.modality]]
        return replace(
            self.reference, settings_sha256=hash_json(settings[0] if len(settings) == 1 else settings)
        )

    def embedding_method(self, task: Task) -> str:
        windows = self.sampling.describe("video" in _ENCODERS[task.modality])
        if task.modality != "audiovisual":
            return windows
        return f"{windows}; sound's and picture's vectors side by side, with their products"

    def vectors(
        self,
        task: Task,
        cache: str | Path | None,
        workers: int | None,
        engine: Engine,
        progress: Progress | None,
    ) -> tuple[Mapping[str, np.ndarray], tuple[Failure, ...]]:
        views = str(self.sampling)
        return item_vectors(self.model, task, cache, progress, views=views, workers=workers, engine=engine)


@dataclass(frozen=True)
class ForeignModel(ModelUnderTest):
    """A model behind HEAR's API."""

    module: HearModule
    local_only = True

    @property
    def sample_rate(self) -> int | None:
        return self.module.sample_rate

    def check(self, task: Task) -> None:
        if task.modality != "audio":
            raise InputError(f"{self.reference.name} hears only, and the task {task.name} is {task.modality}")

    def reference_for(self, task: Task) -> ModelReference:
        return self.reference

    def embedding_method(self, task: Task) -> str:
        return "whole files through get_scene_embeddings"

    def vectors(
        self,
        task: Task,
        cache: str | Path | None,
        workers: int | None,
        engine: Engine,
        progress: Progress | None,
    ) -> tuple[Mapping[str, np.ndarray], tuple[Failure, ...]]:
        paths = [item.path for item in task.items]
        return self.module.embed(paths, cache=cache, workers=workers, progress=progress)


def load_models_under_test(
    model: Model | str | Path, name: str | None, device: str | None, random_init: bool, views: str = "all"
) -> list[ModelUnderTest]:
    """The model on its device, then its untrained twin where `random_init` asks for one and it has one.

    `views`: which windows and squares are embedded, as for `embed`; InputError for a module, which takes
    whole files.

    Of a folder of several training seeds all networks, each before its twin, whose weights are drawn with
    that seed. A `Model` stays on the device that it is on, unless `device` names one. InputError for a name
    that is reserved for twins; CheckpointError for a model that cannot be loaded.
    """
    sampling = Sampling.read(views)
    folders = {} if isinstance(model, Model) else seed_folders(model)
    if not folders:
        return _load(model, name, device, random_init, sampling)
    unfinished = [seed for seed, folder in folders.items() if not (folder / FINISHED_FILE).is_file()]
    if unfinished:
        raise InputError(
            f"{model}: seed {unfinished[0]} is not finished; run the same lssd pretrain --seeds again, or "
            "name one run"
        )
    arm = spelled(name or Path(model).resolve().name)  # type: ignore[arg-type]
    return [
        one
        for seed, folder in folders.items()
        for one in _load(folder / "model", f"{arm}-seed-{seed}", device, random_init, sampling, arm, seed)
    ]


def _load(
    model: Model | str | Path,
    name: str | None,
    device: str | None,
    random_init: bool,
    sampling: Sampling,
    arm: str = "",
    seed: int | None = None,
) -> list[ModelUnderTest]:
    in_memory = not isinstance(model, (str, Path))
    loaded = load_any(model, device)
    if in_memory and device is not None:
        loaded.to(device)  # type: ignore[union-attr]
    path = "" if in_memory else str(model)
    if Path(path).is_dir() and not in_memory:
        path = str(Path(path).resolve())
    path = spelled(path)
    if isinstance(loaded, HearModule):
        if sampling != Sampling():
            raise InputError(f"modules of HEAR's API take whole files; leave out views {sampling}")
        reference = ModelReference(name or loaded.name, path, loaded.identity)
        return [ForeignModel(reference, _file_name(reference.name), loaded)]
    if name is None:
        name = "model" if in_memory else model_name(Path(path))
    twin = untrained_twin(loaded, seed or 0).to(next(loaded.parameters()).device)
    twin_hash = weights_hash(twin)
    reference = ModelReference(spelled(name), path, weights_hash(loaded), "", twin_hash, arm, seed)
    models: list[ModelUnderTest] = [OwnModel(reference, _file_name(reference.name), loaded, sampling)]
    if random_init:
        # Another architecture, or other statistics of the stems, make another twin.
        file_name = f"{RANDOM_INIT}-{hash_json([twin_hash, twin.config], 8)}"
        models.append(OwnModel(ModelReference(RANDOM_INIT, "", twin_hash), file_name, twin, sampling))
    return models


def as_file_name(name: str) -> str:
    """A name as part of a file name: letters, digits, and -_+ only."""
    return re.sub(r"[^\w+-]+", "-", name).strip("-") or "unnamed"


def untrained_twin(model: Model, seed: int = 0) -> Model:
    """The same architecture and preprocessing with freshly drawn weights.

    The stems keep the trained model's statistics of pictures and spectrograms: without them the twin would
    see inputs on a scale that no network is made for, and would be too weak a baseline.
    """
    twin = build_model(model.config["audio"], model.config["video"], seed)
    for fresh, trained in ((twin.audio, model.audio), (twin.video, model.video)):
        if fresh is not None and trained is not None:
            fresh.front.load_state_dict(trained.front.state_dict())
    return twin.eval()


def item_vectors(
    model: Model,
    task: Task,
    cache: str | Path | None = None,
    progress: Progress | None = None,
    *,
    views: str = "all",
    workers: int | None = None,
    engine: Engine = "local",
) -> tuple[dict[str, np.ndarray], tuple[Failure, ...]]:
    """The vectors of a task's items, float32 (D,) by path, and the items left out, each once.

    Items of sound and picture have the vectors of both and their product, (3 D,): from the two side by side
    alone, no linear probe could tell whether they agree. The other arguments are those of `embed`.
    """
    paths = [item.path for item in task.items]
    by_encoder = [
        embed(
            model,
            paths,
            modality=encoder,
            views=views,
            cache=cache,
            workers=workers,
            engine=engine,
            progress=progress,
        )
        for encoder in _ENCODERS[task.modality]
    ]
    failed = {failure.path: failure for embeddings in by_encoder for failure in embeddings.failed}
    vectors, *others = (
        dict(zip(embeddings.path, embeddings.vectors, strict=True)) for embeddings in by_encoder
    )
    for other in others:
        vectors = {
            path: np.concatenate([vector, other[path], vector * other[path]])
            for path, vector in vectors.items()
            if path in other
        }
    return vectors, tuple(failed.values())


def _file_name(name: str) -> str:
    """A model's part of file names. InputError for a name that an untrained twin could have."""
    file_name = as_file_name(name)
    if file_name.startswith(RANDOM_INIT):
        raise InputError(f"the name {name} is kept for untrained twins; give another (--name)")
    return file_name

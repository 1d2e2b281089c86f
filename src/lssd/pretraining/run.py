"""One pretraining run: from a recipe and a corpus to a run folder with a model."""

import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lssd import config
from lssd.corpus import Catalog
from lssd.errors import CorpusError, InputError
from lssd.models import save_model
from lssd.pretraining.loop import Training, build_optimiser, resume, train
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.monitor import Monitor
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.pretraining.schedule import total_steps
from lssd.store import lock, read_json, write_bytes, write_json
from lssd.views import CacheSettings, ClipIndex, batch_size, epoch_steps

_GB = 10**9


@dataclass(frozen=True)
class Run:
    """A finished run.

    folder: holds recipe.yaml, environment.json, metrics.jsonl, tensorboard, checkpoints, model.
    seconds: of training over all sittings; wait_share: the part of them spent waiting for data.
    held_out: the last measures on held-out titles; empty when the corpus has none.
    """

    folder: Path
    steps: int
    seconds: float
    wait_share: float
    held_out: dict[str, float]

    @property
    def model(self) -> Path:
        return self.folder / "model"


@dataclass(frozen=True)
class Forecast:
    """What a run would do: its size, without doing it."""

    recipe: Recipe
    clips: int
    dubbed_clips: int
    titles: int
    batch: int
    epoch_steps: int
    steps: int
    parameters: int

    def rows(self) -> list[tuple[str, object]]:
        """The facts in words, for a terminal."""
        return [
            ("recipe", self.recipe.name),
            ("clips", f"{self.clips} of {self.titles} titles, {self.dubbed_clips} with dubs"),
            ("batch", self.batch),
            (
                "steps",
                f"{self.steps} ({self.epoch_steps} an epoch, {self.steps / self.epoch_steps:.1f} epochs)",
            ),
            ("instances", self.steps * self.batch),
            ("parameters", f"{self.parameters / 1e6:.2f} M, heads included"),
        ]


def describe_run(path: str | Path) -> dict[str, Any]:
    """A run folder as a JSON value: path, recipe, state and the last metrics."""
    run = Path(path)
    recipe = load_recipe(run / "recipe.yaml")
    lines = read_metrics(run)
    metrics: dict[str, Any] = {}
    for line in lines:
        metrics |= line.get("eval", line)
    state = "finished" if (run / "model").is_dir() else f"unfinished, at step {metrics.get('step', 0)}"
    return {"path": str(path), "recipe": recipe.name, "state": state, "metrics": metrics}


def pretrain(
    recipe: str | Path | Recipe,
    corpus: str | Path,
    out: str | Path,
    *,
    settings: tuple[str, ...] = (),
    cache_folder: str | Path | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> Run | Forecast:
    """Train encoders by a recipe on a corpus; the model ends in `OUT/model`.

    A run that was killed goes on from its last checkpoint, and one that is finished is returned as it
    stands. `settings` are `KEY=VALUE` changes of the recipe. `cache_folder` holds decoded clips
    (`machine.cache_gb` of them); several runs may share it.

    Raises InputError for a wrong recipe, a corpus without dubs under a recipe that pairs them, or an
    `out` that holds a run of another recipe; CorpusError when the corpus has too few clips.
    """
    chosen = load_recipe(recipe, settings)
    catalog = Catalog.open(corpus)
    index = ClipIndex.read(catalog, chosen.data)
    _check(chosen, index)
    if dry_run:
        return _forecast(chosen, index)
    run = Path(out)
    if (run / "catalog").exists():
        raise InputError(f"{run} is a corpus; choose another --out")
    Network.create(chosen)  # what is wrong with the encoders must show before the folder is claimed
    with lock(run):
        _claim(run, chosen, corpus, index)
        _warn(chosen, index)
        folder = Path(cache_folder) if cache_folder else run / "cache"
        limit = int(chosen.machine.cache_gb * _GB)
        cache = CacheSettings(str(folder), limit) if limit else None
        with _threads(chosen.machine.threads):
            training = _prepare(chosen, index, run, cache, catalog)
            resume(training)
            if training.step < training.steps:
                train(training, quiet=quiet)
            if not (run / "model").is_dir():
                save_model(training.network.to_model(), run / "model")
        return _finished(training)


def _check(recipe: Recipe, index: ClipIndex) -> None:
    if recipe.views.augment_with_dubs and not index.dubbed:
        raise CorpusError(
            f"recipe {recipe.name} pairs dubs, but no clip of {index.root} has a second language; ingest "
            "the dubs too, or set views.augment_with_dubs=false"
        )
    batch_size(index, recipe.views)


def _warn(recipe: Recipe, index: ClipIndex) -> None:
    size = batch_size(index, recipe.views)
    if size < recipe.views.batch_size:
        print(
            f"warning: {index.root} has {len(index.clips)} usable clips, so batches hold {size} instead of "
            f"{recipe.views.batch_size}",
            file=sys.stderr,
        )


def _claim(run: Path, recipe: Recipe, corpus: str | Path, index: ClipIndex) -> None:
    """Write what defines the run, or check that the folder holds the same run already."""
    path, data = run / "recipe.yaml", index.digest()
    if path.exists():
        standing = load_recipe(path)
        if _science(standing) != _science(recipe):
            raise InputError(f"{run} holds a run of another recipe ({path}); choose another --out")
        trained_on = read_json(run / "environment.json")
        if trained_on["data"] != data:
            raise InputError(
                f"{run} was trained on other clips (of {trained_on['corpus']}, as it was then) than those of "
                f"{corpus}; choose another --out"
            )
        return
    environment = {
        "lssd": metadata.version("lssd"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "corpus": str(corpus),
        "data": data,
    }
    write_json(run / "environment.json", environment)
    write_bytes(path, config.to_yaml(recipe).encode())  # last: it marks the folder as claimed


def _science(recipe: Recipe) -> dict[str, Any]:
    """What must not change between sittings of a run: all but the machine's own dials."""
    mapping: dict[str, Any] = config.to_mapping(recipe)
    return {key: value for key, value in mapping.items() if key != "machine"}


class _threads:  # noqa: N801 - used as a function, in a with statement
    """Set torch's thread count for a while."""

    def __init__(self, count: int | None) -> None:
        self._count = count

    def __enter__(self) -> None:
        self._before = torch.get_num_threads()
        if self._count is not None:
            torch.set_num_threads(self._count)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)


def _prepare(
    recipe: Recipe, index: ClipIndex, run: Path, cache: CacheSettings | None, catalog: Catalog
) -> Training:
    network = Network.create(recipe)
    return Training(
        recipe=recipe,
        index=index,
        network=network,
        optimiser=build_optimiser(network, recipe),
        monitor=Monitor.prepare(recipe, catalog, cache),
        run=run,
        cache=cache,
    )


def _forecast(recipe: Recipe, index: ClipIndex) -> Forecast:
    per_epoch = epoch_steps(index, recipe.views)
    return Forecast(
        recipe=recipe,
        clips=len(index.clips),
        dubbed_clips=index.dubbed,
        titles=len(index.titles),
        batch=batch_size(index, recipe.views),
        epoch_steps=per_epoch,
        steps=total_steps(recipe.schedule, per_epoch),
        parameters=sum(parameter.numel() for parameter in Network.create(recipe).parameters()),
    )


def _finished(training: Training) -> Run:
    held_out = [line["eval"] for line in read_metrics(training.run) if "eval" in line]
    return Run(
        folder=training.run,
        steps=training.step,
        seconds=training.clock.total_s,
        wait_share=training.clock.wait_share,
        held_out=held_out[-1] if held_out else {},
    )

"""One pretraining run: from a recipe and a corpus to a run folder with a model."""

import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from lssd import config
from lssd.corpus import Catalog
from lssd.errors import CorpusError, InputError, LssdError
from lssd.models import accelerate, save_model
from lssd.pretraining.card import describe_data, write_card
from lssd.pretraining.distributed import World, barrier, gather_objects, join_world
from lssd.pretraining.forecast import Forecast, forecast, training_flops
from lssd.pretraining.hardware import acceleration, describe_device, matmul_peak
from lssd.pretraining.lineage import Parent, lineage, load_parent, start_from, train_chain
from lssd.pretraining.loop import Training, resume, train
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.monitor import Monitor
from lssd.pretraining.network import Network
from lssd.pretraining.optimiser import build_optimiser
from lssd.pretraining.recipe import Recipe, load_recipe, science
from lssd.store import lock, read_json, write_bytes, write_json
from lssd.views import CacheSettings, ClipIndex, batch_size

_GB = 10**9


@dataclass(frozen=True)
class Run:
    """A finished run.

    folder: holds recipe.yaml, environment.json, metrics.jsonl, tensorboard, checkpoints, model.
    seconds: of training over all sittings; wait_share: the part of them spent waiting for data.
    held_out: the last measures on held-out titles; empty when the corpus has none.
    skipped: updates left out since their gradient was not finite; replaced: clips that could not be read.
    """

    folder: Path
    steps: int
    seconds: float
    wait_share: float
    held_out: dict[str, float]
    skipped: int = 0
    replaced: int = 0

    @property
    def model(self) -> Path:
        return self.folder / "model"


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
    out: str | Path | None = None,
    *,
    settings: tuple[str, ...] = (),
    init: str | Path | None = None,
    chain: bool = False,
    cache_folder: str | Path | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> Run | Forecast:
    """Train encoders by a recipe on a corpus; the model ends in `OUT/model`.

    A run that was killed goes on from its last checkpoint, and one that is finished is returned as it
    stands. Under `torchrun` all processes call this alike, and share the batches of a step.

    Args:
        settings: `KEY=VALUE` changes of the recipe.
        init: for a recipe with a parent, the run (or its checkpoint) to start from.
        chain: train the parents first; each run then lies in `OUT/<its recipe's name>`.
        cache_folder: for decoded clips (`machine.cache_gb` of them); several runs may share it.
        dry_run: only say what the run would be; needs no `out`.

    Raises InputError for a wrong recipe, a corpus without dubs under a recipe that pairs them, or an
    `out` that holds a run of another recipe; CorpusError when the corpus has too few clips;
    CheckpointError for weights that do not fit.
    """
    if chain:
        recipes = lineage(recipe, settings)
        if dry_run:
            return _forecast(recipes[-1], corpus)

        def one(member: Recipe, folder: Path, parent: Path | None) -> Run:
            return _pretrain(member, corpus, folder, parent, cache_folder, quiet)

        return train_chain(recipes, _given(out), one)[-1]
    chosen = load_recipe(recipe, settings)
    if dry_run:
        return _forecast(chosen, corpus)
    return _pretrain(chosen, corpus, _given(out), init, cache_folder, quiet)


def _given(out: str | Path | None) -> Path:
    if out is None:
        raise InputError("pretraining needs a folder to write to (out)")
    return Path(out)


def _forecast(recipe: Recipe, corpus: str | Path) -> Forecast:
    index = _index(recipe, Catalog.open(corpus))
    _check(recipe, index)
    return forecast(recipe, index)


def _pretrain(
    recipe: Recipe,
    corpus: str | Path,
    run: Path,
    init: str | Path | None,
    cache_folder: str | Path | None,
    quiet: bool,
) -> Run:
    catalog = Catalog.open(corpus)
    index = _index(recipe, catalog)
    _check(recipe, index)
    if (run / "catalog").exists():
        raise InputError(f"{run} is a corpus; choose another --out")
    parent = _parent(recipe, init, run)
    folder = Path(cache_folder) if cache_folder else run / "cache"
    limit = int(recipe.machine.cache_gb * _GB)
    cache = CacheSettings(str(folder), limit) if limit else None
    with join_world(recipe.machine.device) as world, _threads(recipe.machine.threads):
        if recipe.groups % world.size:
            raise InputError(
                f"recipe {recipe.name} has {recipe.groups} groups a step, which {world.size} processes "
                "cannot share evenly; start another number, or set groups"
            )
        network = Network.create(recipe)
        if parent is not None:
            start_from(network, parent)
        with _claimed(world, run, recipe, corpus, index, parent):
            _warn(recipe, index, world)
            monitor = Monitor.prepare(recipe, catalog, cache)
            training = _prepare(recipe, index, network, monitor, world, run, cache)
            resume(training)
            if training.step < training.steps:
                train(training, quiet=quiet)
            if world.rank == 0 and not (run / "model" / "README.md").is_file():
                _export(training)
            barrier()
            return _finished(training)


def _index(recipe: Recipe, catalog: Catalog) -> ClipIndex:
    return ClipIndex.read(catalog, recipe.data, near_duplicates=recipe.objective.mask == "near_duplicate")


def _check(recipe: Recipe, index: ClipIndex) -> None:
    if recipe.views.secondary in ("dub", "round_robin", "all") and not index.dubbed:
        raise CorpusError(
            f"recipe {recipe.name} pairs dubs, but no clip of {index.root} has a second language; ingest "
            "the dubs too, or set views.secondary=original"
        )
    batch_size(index, recipe.views, recipe.groups)


def _parent(recipe: Recipe, init: str | Path | None, run: Path) -> Parent | None:
    """What a new run starts from. A run that stands has its start behind it, and needs it no more."""
    if init is None:
        if recipe.parent is None or (run / "recipe.yaml").exists():
            return None
        raise InputError(
            f"recipe {recipe.name} starts from a run of {recipe.parent}: give it with --init, or --chain to "
            "train it first"
        )
    return load_parent(init, recipe)


def _warn(recipe: Recipe, index: ClipIndex, world: World) -> None:
    size = batch_size(index, recipe.views, recipe.groups)
    if size < recipe.views.batch_size and world.rank == 0:
        groups = "batches" if recipe.groups == 1 else f"the {recipe.groups} groups of a batch"
        print(
            f"warning: {index.root} has {len(index.clips)} usable clips, so {groups} hold {size} instead of "
            f"{recipe.views.batch_size}",
            file=sys.stderr,
        )


@contextmanager
def _claimed(
    world: World,
    run: Path,
    recipe: Recipe,
    corpus: str | Path,
    index: ClipIndex,
    parent: Parent | None,
) -> Iterator[None]:
    """Hold the run's folder: process 0 locks and claims it, and the others hear whether it could."""
    if world.rank:
        (fault,) = [fault for fault in gather_objects(None) if fault] or [None]
        if fault:
            raise LssdError("stopped, since process 0 could not begin")
        yield
        return
    told = False
    try:
        with lock(run):
            _claim(run, recipe, corpus, index, parent)
            gather_objects(None)
            told = True
            yield
    except LssdError:
        if not told:
            gather_objects("refused")
        raise


def _claim(run: Path, recipe: Recipe, corpus: str | Path, index: ClipIndex, parent: Parent | None) -> None:
    """Write what defines the run, or check that the folder holds the same run already."""
    path, data = run / "recipe.yaml", index.digest()
    if path.exists():
        standing = load_recipe(path)
        if science(standing) != science(recipe):
            raise InputError(f"{run} holds a run of another recipe ({path}); choose another --out")
        begun = read_json(run / "environment.json")
        if begun["data"] != data:
            raise InputError(
                f"{run} was trained on other clips (of {begun['corpus']}, as it was then) than those of "
                f"{corpus}; choose another --out"
            )
        if parent is not None and begun["parent"]["sha256"] != parent.identity:
            raise InputError(f"{run} started from other weights than {parent.file}; choose another --out")
        return
    environment = {
        "lssd": metadata.version("lssd"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "corpus": str(corpus),
        "data": data,
        "parent": parent
        and {
            "recipe": parent.recipe,
            "file": str(parent.file),
            "step": parent.step,
            "sha256": parent.identity,
        },
    }
    write_json(run / "environment.json", environment)
    write_bytes(path, config.to_yaml(recipe).encode())  # last: it marks the folder as claimed


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Set torch's thread count for a while."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _prepare(
    recipe: Recipe,
    index: ClipIndex,
    network: Network,
    monitor: Monitor,
    world: World,
    run: Path,
    cache: CacheSettings | None,
) -> Training:
    device = world.device
    settings = acceleration(recipe.machine, device)
    accelerate(network.to(device), settings)
    return Training(
        recipe=recipe,
        index=index,
        network=network,
        parallel=_in_parallel(network) if world.size > 1 else network,
        optimiser=build_optimiser(network, recipe.optimiser),
        monitor=monitor,
        world=world,
        run=run,
        cache=cache,
        operations=training_flops(recipe, index, network),
        peak=matmul_peak(device, settings.precision),
    )


def _in_parallel(network: Network) -> DistributedDataParallel:
    """Average the processes' gradients. Buffers need no care: their statistics span the processes."""
    with warnings.catch_warnings():
        # torch 2.13 renames the dial that older versions have alone.
        warnings.simplefilter("ignore", FutureWarning)
        return DistributedDataParallel(network, broadcast_buffers=False)


def _export(training: Training) -> None:
    """The model folder: weights, configuration and card."""
    model, recipe, index = training.network.to_model().cpu(), training.recipe, training.index
    save_model(model, training.run / "model")
    write_card(
        training.run,
        recipe,
        describe_data(index),
        instances=training.steps * recipe.groups * batch_size(index, recipe.views, recipe.groups),
        hardware=f"{training.world.size} x {describe_device(training.world.device)}",
    )


def _finished(training: Training) -> Run:
    held_out = [line["eval"] for line in read_metrics(training.run) if "eval" in line]
    tally = training.tally
    return Run(
        folder=training.run,
        steps=training.step,
        seconds=tally.total_s,
        wait_share=tally.wait_share,
        held_out=held_out[-1] if held_out else {},
        skipped=tally.skipped,
        replaced=tally.replaced,
    )

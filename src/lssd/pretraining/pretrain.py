"""One pretraining run: from a recipe and a corpus to a run folder with a model."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from torch.nn.parallel import DistributedDataParallel

from lssd.corpus import Catalog
from lssd.engine import Progress
from lssd.errors import CorpusError, InputError
from lssd.models import accelerate, save_model
from lssd.pretraining.card import describe_data, write_card
from lssd.pretraining.distributed import World, join_world, on_first, torchrun_numbers
from lssd.pretraining.folder import Run, claim, last_held_out, read_run, write_run
from lssd.pretraining.forecast import Forecast, forecast, training_flops
from lssd.pretraining.hardware import acceleration, describe_device, matmul_peak
from lssd.pretraining.held_out.clips import Monitor
from lssd.pretraining.lineage import Parent, lineage, load_parent, start_from, train_chain
from lssd.pretraining.loop import Training, resume, train
from lssd.pretraining.network import Network
from lssd.pretraining.optimiser import build_optimiser
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.quiet import quieted
from lssd.store import lock
from lssd.views import CacheSettings, ClipIndex, batch_size, sounds_per_clip

_logger = logging.getLogger(__name__)
_GB = 10**9


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
        dry_run: only say what the run would be; needs no `out`, and no clips: a corpus that the recipe cannot
            be trained on is named as the forecast's obstacle.

    Raises InputError for a wrong recipe, a corpus without dubs under a recipe that pairs them, or an
    `out` that holds a run of another recipe; CorpusError when the corpus has too few clips;
    CheckpointError for weights that do not fit.
    """
    recipes = lineage(recipe, settings) if chain else [load_recipe(recipe, settings)]
    chosen = recipes[-1]
    if out is None and not dry_run:
        raise InputError("pretraining needs a folder to write to (out)")
    silent = quiet or torchrun_numbers()[0] != 0  # of several processes, the first speaks
    with quieted(quiet), Progress(f"pretrain {chosen.name}", unit="steps", quiet=silent) as progress:
        if dry_run:
            progress.phase("measuring what a step costs")
            return _forecast(chosen, corpus)
        root = Path(out or ".")
        with join_world(chosen.machine.device) as world, _threads(chosen.machine.threads):

            def one(member: Recipe, run: Path, parent: str | Path | None) -> Run:
                progress.phase("" if member is chosen else member.name)
                return _pretrain(member, corpus, run, parent, cache_folder, world, progress)

            return train_chain(recipes, root, one)[-1] if chain else one(chosen, root, init)


def _forecast(recipe: Recipe, corpus: str | Path) -> Forecast:
    _, processes, _ = torchrun_numbers()
    _check_groups(recipe, processes)
    catalog = Catalog.open(corpus)
    index, obstacle = None, ""
    try:
        index = _index(recipe, catalog)
        _check_clips(recipe, index)
    except CorpusError as error:
        obstacle = str(error)
    with _threads(recipe.machine.threads):
        return forecast(recipe, index, processes=processes, obstacle=obstacle)


def _pretrain(
    recipe: Recipe,
    corpus: str | Path,
    run: Path,
    init: str | Path | None,
    cache_folder: str | Path | None,
    world: World,
    progress: Progress,
) -> Run:
    catalog = Catalog.open(corpus)
    index = _index(recipe, catalog)
    _check_groups(recipe, world.size)
    _check_clips(recipe, index)
    if (run / "catalog").exists():
        raise InputError(f"{run} is a corpus; choose another --out")
    parent = _parent(recipe, init, run)
    network = Network.create(recipe)
    if parent is not None:
        start_from(network, parent)
    with ExitStack() as held:

        def begin() -> Run | None:
            held.enter_context(lock(run))
            claim(run, recipe, corpus, index, parent)
            return read_run(run)

        standing = on_first(begin, "begin")
        if standing is not None:
            return standing
        folder = Path(cache_folder) if cache_folder else run / "cache"
        limit = int(recipe.machine.cache_gb * _GB)
        cache = CacheSettings(str(folder), limit) if limit else None
        monitor = Monitor.prepare(recipe, catalog, cache)
        if world.rank == 0:
            _warn(recipe, index, monitor)
        training = _prepare(recipe, index, network, monitor, world, run, cache)
        resume(training)
        if training.step < training.steps:
            train(training, progress)
        return on_first(lambda: _finish(training), "write the model")


def _index(recipe: Recipe, catalog: Catalog) -> ClipIndex:
    return ClipIndex.read(catalog, recipe.data, near_duplicates=recipe.objective.mask == "near_duplicate")


def _check_groups(recipe: Recipe, processes: int) -> None:
    """InputError when the processes cannot share the groups of a step evenly."""
    if recipe.groups % processes:
        raise InputError(
            f"recipe {recipe.name} has {recipe.groups} groups a step, which {processes} processes "
            "cannot share evenly; start another number, or set groups"
        )


def _check_clips(recipe: Recipe, index: ClipIndex) -> None:
    """CorpusError when the clips do not do for the recipe; it names what to change."""
    if recipe.views.secondary in ("dub", "round_robin", "all") and not index.dubbed:
        raise CorpusError(
            f"recipe {recipe.name} pairs dubs, but no clip of {index.root} has a second language; ingest "
            "the dubs too, or set views.secondary=original"
        )
    batch_size(index, recipe.views, recipe.groups)
    sounds_per_clip(index, recipe.views)


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


def _warn(recipe: Recipe, index: ClipIndex, monitor: Monitor) -> None:
    size = batch_size(index, recipe.views, recipe.groups)
    if size < recipe.views.batch_size:
        groups = "batches" if recipe.groups == 1 else f"the {recipe.groups} groups of a batch"
        _logger.warning(
            "%s has %d usable clips, so %s hold %d instead of %d",
            index.root,
            len(index.clips),
            groups,
            size,
            recipe.views.batch_size,
        )
    if recipe.monitor.clips and not monitor.clips:
        _logger.warning(
            "%s has no clip in its %s titles, so what is learned is not measured on held-out ones; name such "
            "titles in the column split of a titles table, and give it to lssd ingest --titles",
            index.root,
            " or ".join(recipe.monitor.splits),
        )


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


def _finish(training: Training) -> Run:
    """Write the model folder (weights, configuration and card), and then that the run is finished."""
    model, recipe, index = training.network.to_model().cpu(), training.recipe, training.index
    save_model(model, training.run / "model")
    write_card(
        training.run,
        recipe,
        describe_data(index),
        instances=training.steps * recipe.groups * batch_size(index, recipe.views, recipe.groups),
        hardware=f"{training.world.size} x {describe_device(training.world.device)}",
    )
    totals = training.totals
    return write_run(
        Run(
            folder=training.run,
            steps=training.step,
            seconds=totals.total_s,
            wait_share=totals.wait_share,
            held_out=last_held_out(training.run),
            skipped=totals.skipped,
            replaced=totals.replaced,
        )
    )

"""One pretraining run: from a recipe and a corpus to a run folder with a model."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from lssd.engine import Progress
from lssd.engine.memory import keep_memory
from lssd.errors import CorpusError, InputError, StoppedError
from lssd.models import accelerate, save_model
from lssd.models.folders import is_run
from lssd.models.seed_folders import seed_folders
from lssd.pretraining.averaging import WeightAverage
from lssd.pretraining.card import describe_data, write_card
from lssd.pretraining.distributed import World, join_world, on_first, torchrun_numbers
from lssd.pretraining.folder import Run, as_begun, claim, last_held_out, read_run, write_run
from lssd.pretraining.forecast import Forecast, forecast, training_flops
from lssd.pretraining.hardware import acceleration, describe_device, matmul_peak
from lssd.pretraining.held_out.clips import Monitor
from lssd.pretraining.lineage import lineage, train_chain
from lssd.pretraining.loop import Training, resume, train
from lssd.pretraining.network import Network
from lssd.pretraining.optimiser import build_optimiser
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.pretraining.seeds import SeedRuns, check_count, parent_of_seed, train_seeds, write_seeds
from lssd.pretraining.start import Origin, begin_with, extents, load_start, match, take_up, with_preprocessing
from lssd.quiet import quieted
from lssd.store import lock
from lssd.views import (
    CacheSettings,
    ClipIndex,
    Corpora,
    batch_size,
    check_weights,
    sounds_per_clip,
    title_share,
)

_logger = logging.getLogger(__name__)
_GB = 10**9


def pretrain(
    recipe: str | Path | Recipe,
    corpus: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    *,
    settings: tuple[str, ...] = (),
    init: str | Path | None = None,
    chain: bool = False,
    seeds: int | None = None,
    cache_folder: str | Path | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> Run | SeedRuns | Forecast:
    """Train encoders by a recipe on a corpus; the model ends in `OUT/model`.

    A run that was killed goes on from its last checkpoint, and one that is finished is returned as it
    stands. Under `torchrun` all processes call this alike, and share the batches of a step.

    Args:
        corpus: one, or several as one: the titles of all, each counted once; those that any of them holds out
            are left out of training, and measured. `views.corpus_weights`: how often each gives a title.
        settings: `KEY=VALUE` changes of the recipe.
        init: what to start from: a run or one of its checkpoints, heads included, or the encoders of any
            model that `lssd.load_model` takes; a line says what is new. A recipe with a parent takes a run of
            that, or a model. For several seeds also the folder of the parent's, of which each starts from the
            one of its own seed.
        chain: train the parents first; each run then lies in `OUT/<its recipe's name>`.
        seeds: train with so many seeds, the recipe's own and those that follow, a run each in `OUT/seed-K`;
            what they measured on held-out titles is reported together, and written to `OUT/seeds.json`.
            Runs that stand are kept, so that a larger number adds seeds.
        cache_folder: for decoded clips (`machine.cache_gb` of them); several runs may share it.
        dry_run: only say what the run would be; needs no `out`, and no clips: a corpus that the recipe cannot
            be trained on is named as the forecast's obstacle.

    Raises InputError for a wrong recipe, or an `out` that holds a run of another recipe; CorpusError when the
    corpus has too few clips, or no dubs under a recipe that pairs them; CheckpointError for weights that do
    not fit.
    """
    if seeds is not None:
        check_count(seeds)
        if chain:
            raise InputError(
                "several seeds are not trained in a chain: train the parent with --seeds first, then start "
                "from its folder with --init"
            )
    recipes = lineage(recipe, settings) if chain else [load_recipe(recipe, settings)]
    chosen = recipes[-1]
    if out is None and not dry_run:
        raise InputError("pretraining needs a folder to write to (out)")
    if chain and init is not None:
        raise InputError("a chain trains what its recipe starts from: give init or chain, not both")
    silent = quiet or torchrun_numbers()[0] != 0  # of several processes, the first speaks
    with quieted(quiet), Progress(f"pretrain {chosen.name}", unit="steps", quiet=silent) as progress:
        if dry_run:
            progress.phase("measuring what a step costs")
            parent = init if seeds is None else _parents(chosen, seeds, init)[chosen.seed]
            return _forecast(chosen, _open(corpus), parent, seeds or 1)
        root = Path(out or ".")
        if (root / "catalog").exists():
            raise InputError(f"{root} is a corpus; choose another --out")
        if seeds is not None:
            cache_folder = cache_folder or root / "cache"  # all seeds see the same clips
        with join_world(chosen.machine.device) as world, _threads(chosen.machine.threads):

            def one(member: Recipe, run: Path, parent: str | Path | None) -> Run:
                several = f"seed {member.seed}" if seeds is not None else ""
                progress.phase(several or ("" if member is chosen else member.name))
                more = member is not chosen if seeds is None else member.seed < chosen.seed + seeds - 1
                return _pretrain(member, corpus, run, parent, cache_folder, world, progress, more)

            if seeds is not None:
                return _train_seeds(chosen, seeds, root, init, one)
            return train_chain(recipes, root, one)[-1] if chain else one(chosen, root, init)


def _train_seeds(
    recipe: Recipe,
    count: int,
    root: Path,
    init: str | Path | None,
    train: Callable[[Recipe, Path, str | Path | None], Run],
) -> SeedRuns:
    """A run a seed, one after the other, and their common report."""
    parents = _parents(recipe, count, init)
    runs = train_seeds(recipe, count, root, lambda one, run: train(one, run, parents[one.seed]))
    return on_first(lambda: write_seeds(root, runs), "write the report on the seeds")


def _parents(recipe: Recipe, count: int, init: str | Path | None) -> dict[int, str | Path | None]:
    """What the run of each seed starts from."""
    return {seed: parent_of_seed(init, seed) for seed in range(recipe.seed, recipe.seed + count)}


def _forecast(recipe: Recipe, corpora: Corpora, init: str | Path | None, runs: int) -> Forecast:
    """What a run would cost, also on a corpus that it could not run on: then with the reason why not."""
    _, processes, _ = torchrun_numbers()
    _check_groups(recipe, processes)
    start = "random weights" if recipe.parent is None else f"a run of {recipe.parent}"
    if init is not None:
        weights = load_start(init, recipe)
        taken_up = take_up(recipe, weights)
        recipe = with_preprocessing(recipe, taken_up)
        with torch.device("meta"):
            network = Network.create(recipe)
        origin = match(network, weights, taken_up)
        start = "; ".join([origin.place, *origin.notes(), *extents(network, weights)])
    index, obstacle = None, ""
    try:
        index = _read_clips(recipe, corpora)
        _check_clips(recipe, index)
    except CorpusError as error:
        obstacle = str(error)
    with _threads(recipe.machine.threads):
        return forecast(recipe, index, processes=processes, obstacle=obstacle, start=start, runs=runs)


def _check_groups(recipe: Recipe, processes: int) -> None:
    """InputError when the processes cannot share the groups of a step evenly."""
    if recipe.groups % processes:
        raise InputError(
            f"recipe {recipe.name} has {recipe.groups} groups a step, which {processes} processes "
            "cannot share evenly; start another number, or set groups"
        )


def _open(corpus: str | Path | Sequence[str | Path]) -> Corpora:
    return Corpora([corpus] if isinstance(corpus, str | Path) else corpus)


def _read_clips(recipe: Recipe, corpora: Corpora) -> ClipIndex:
    near_duplicates = recipe.objective.mask == "near_duplicate"
    return ClipIndex.read_all(
        corpora, recipe.data, recipe.views, near_duplicates, held_out=recipe.monitor.splits
    )


def _check_clips(recipe: Recipe, index: ClipIndex) -> None:
    """CorpusError when the clips do not do for the recipe; it names what to change."""
    if recipe.views.secondary in ("dub", "round_robin", "all") and not index.dubbed:
        beside = "; ".join(index.left_out.lines())
        raise CorpusError(
            f"recipe {recipe.name} pairs dubs, but no clip of {index.root} has a second language"
            f"{beside and f' (left out: {beside})'}; ingest the dubs too, or set views.secondary=original"
        )
    check_weights(index, recipe.views)
    # Both raise where the corpus has too few clips, or none in a language that the recipe lists.
    batch_size(index, recipe.views, recipe.groups)
    sounds_per_clip(index, recipe.views)


def _pretrain(
    recipe: Recipe,
    corpus: str | Path | Sequence[str | Path],
    run: Path,
    init: str | Path | None,
    cache_folder: str | Path | None,
    world: World,
    progress: Progress,
    more: bool,
) -> Run:
    """One run to its end, from wherever it stands; a finished one is returned as it is.

    more: other runs follow. SIGTERM that comes too late to stop this one then keeps them from starting.
    """
    corpora = _open(corpus)
    index = _read_clips(recipe, corpora)
    _check_groups(recipe, world.size)
    _check_clips(recipe, index)
    if seed_folders(run):
        raise InputError(f"{run} holds runs of several seeds; give --seeds, or choose another --out")

    # The weights to start from. A run that has begun needs them no more.
    begun = is_run(run)
    if init is None and recipe.parent is not None and not begun:
        raise InputError(
            f"recipe {recipe.name} starts from a run of {recipe.parent}: give it with --init, or --chain to "
            "train it first"
        )
    origin: Origin | None = None
    if init is None:
        recipe = as_begun(run, recipe)
        network = Network.create(recipe)
        if recipe.optimiser.frozen and not begun and world.rank == 0:
            _logger.warning(
                "%s: random weights that stay so (optimiser.frozen); start from trained ones with --init",
                " and ".join(recipe.optimiser.frozen),
            )
    else:
        start = load_start(init, recipe)
        taken_up = take_up(recipe, start)
        recipe = with_preprocessing(recipe, taken_up)
        network = Network.create(recipe)
        origin = begin_with(network, start, taken_up)
        notes = [*origin.notes(), *extents(network, start)]
        if notes and world.rank == 0 and not begun:
            _logger.warning("starting from %s; %s", origin.place, "; ".join(notes))

    with ExitStack() as held:
        # The first process locks the folder until the run ends, and says what run it holds.
        def begin() -> Run | None:
            held.enter_context(lock(run))
            claim(run, recipe, corpora, index, origin)
            return read_run(run)

        finished = on_first(begin, "begin")
        if finished is not None:
            return finished

        # What is read beside the training clips: the cache of decoded ones, and those that are held out.
        limit_bytes = int(recipe.machine.cache_gb * _GB)
        cache = CacheSettings(str(cache_folder or run / "cache"), limit_bytes) if limit_bytes else None
        monitor = Monitor.prepare(recipe, corpora, cache)
        size = batch_size(index, recipe.views, recipe.groups)
        if world.rank == 0 and size < recipe.views.batch_size:
            _logger.warning(
                "%s has %d usable clips, so %s hold %d instead of %d",
                index.root,
                len(index.clips),
                "batches" if recipe.groups == 1 else f"the {recipe.groups} groups of a batch",
                size,
                recipe.views.batch_size,
            )
        for line in index.left_out.lines():
            if world.rank == 0:
                _logger.warning("left out: %s", line)
        share = title_share(index, recipe.views, recipe.groups, recipe.seed)
        if world.rank == 0 and not share.met:
            _logger.warning(
                "hard negatives are fewer than views.title_share asks for: of one title are %s; clips of one "
                "film that were never one file are grouped by lssd ingest --group",
                share,
            )
        if world.rank == 0 and recipe.monitor.clips and not monitor.clips:
            _logger.warning(
                "%s has no clip in its %s titles, so what is learned is not measured on held-out ones; name "
                "such titles in the column split of a titles table, and give it to lssd ingest --titles",
                index.root,
                " or ".join(recipe.monitor.splits),
            )

        if world.device.type == "cpu":
            keep_memory()
        # The network moves to its device and, among several processes, averages their gradients.
        how = acceleration(recipe.machine, world.device)
        accelerate(network.to(world.device), how)
        parallel: nn.Module = network
        if world.size > 1:
            with warnings.catch_warnings():
                # torch 2.13 gives this option another name, which older versions do not know.
                warnings.simplefilter("ignore", FutureWarning)
                # Buffers need no care: their statistics span the processes.
                parallel = DistributedDataParallel(network, broadcast_buffers=False)

        training = Training(
            recipe=recipe,
            index=index,
            network=network,
            parallel=parallel,
            optimiser=build_optimiser(network, recipe.optimiser),
            monitor=monitor,
            world=world,
            run=run,
            cache=cache,
            operations=training_flops(recipe, index, network),
            peak=matmul_peak(world.device, how.precision),
            average=None if (decay := recipe.optimiser.average) is None else WeightAverage(network, decay),
        )
        resume(training)
        train(training, progress)

        # The model with its card, and last of all the note that the run is finished.
        def finish() -> Run:
            with training.model_weights():
                save_model(network.to_model().cpu(), run / "model")
            write_card(
                run,
                recipe,
                describe_data(index),
                instances=training.steps * recipe.groups * size,
                hardware=f"{world.size} x {describe_device(world.device)}",
            )
            totals = training.totals
            return write_run(
                Run(
                    folder=run,
                    steps=training.step,
                    seconds=totals.total_s,
                    wait_share=totals.wait_share,
                    held_out=last_held_out(run),
                    skipped=totals.skipped,
                    replaced=totals.replaced,
                )
            )

        done = on_first(finish, "write the model")
        if more and training.stop_asked:
            raise StoppedError(
                f"stopped by SIGTERM after {run}, which is finished; run the same command again for the rest"
                if training.leads
                else ""
            )
        return done


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

"""The training loop: batches in, weights out; killed anywhere, it goes on from the last checkpoint."""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lssd.engine import Progress
from lssd.errors import LssdError, StoppedError
from lssd.models.draws import Draws
from lssd.models.folders import list_checkpoints
from lssd.pretraining.averaging import WeightAverage
from lssd.pretraining.checkpoint import SavedState, find_intact, load_checkpoint, save_checkpoint
from lssd.pretraining.distributed import World, any_process, gather_objects, on_first
from lssd.pretraining.held_out.clips import Monitor
from lssd.pretraining.metrics import MetricsWriter, RunTotals, StepLog, read_metrics
from lssd.pretraining.network import Network
from lssd.pretraining.objective import Losses, Projections, batch_loss
from lssd.pretraining.optimiser import learning_rate, set_rate, total_steps, update, warmup_steps
from lssd.pretraining.profiling import profiled
from lssd.pretraining.recipe import Recipe
from lssd.pretraining.step import backpropagate
from lssd.pretraining.termination import noting_sigterm
from lssd.views import Batch, CacheSettings, ClipIndex, Loader, batch_size, epoch_steps

_logger = logging.getLogger(__name__)
_PATIENCE = 5  # updates in a row that may be left out since their gradient is not finite
_NAMED_REPLACEMENTS = 10


@dataclass
class Training:
    """All that one process of a run needs in memory, and all that changes in it.

    parallel: the network in DistributedDataParallel, or itself where a process trains alone.
    operations: floating-point operations of one instance, forward and backward; peak: how many of them per
    second this process's device can do (both for the utilisation; 0 where it is not asked for).
    average: of the weights, where the recipe asks for one.
    failures: consecutive updates that were left out.
    stop_asked: whether SIGTERM came to any process when it was too late to stop.
    """

    recipe: Recipe
    index: ClipIndex
    network: Network
    parallel: nn.Module
    optimiser: torch.optim.Optimizer
    monitor: Monitor
    world: World
    run: Path
    cache: CacheSettings | None
    operations: float = 0.0
    peak: float = 0.0
    average: WeightAverage | None = None
    step: int = 0
    totals: RunTotals = field(default_factory=RunTotals)
    failures: int = 0
    stop_asked: bool = False

    @property
    def epoch_steps(self) -> int:
        return epoch_steps(self.index, self.recipe.views, self.recipe.groups)

    @property
    def steps(self) -> int:
        return total_steps(self.recipe.schedule, self.epoch_steps)

    @property
    def own_groups(self) -> range:
        """The groups of the global batch that this process computes."""
        count = self.recipe.groups // self.world.size
        return range(self.world.rank * count, (self.world.rank + 1) * count)

    @property
    def leads(self) -> bool:
        return self.world.rank == 0

    def model_weights(self) -> AbstractContextManager[None]:
        """Inside the block, the network has the weights that are judged and kept: averaged, if any are."""
        return nullcontext() if self.average is None else self.average.applied(self.network)


def resume(training: Training) -> None:
    """Take up the newest checkpoint of the run that is intact, if there is any."""
    checkpoints = list_checkpoints(training.run)
    found = checkpoints[-1].step if checkpoints else 0
    if len(set(gather_objects(found))) > 1:
        raise LssdError(
            f"the processes see different checkpoints: {training.run} must be a folder that they share"
        )
    intact = on_first(lambda: find_intact(training.run, training.recipe), "find an intact checkpoint")
    if intact is not None:
        state = load_checkpoint(
            intact,
            training.network,
            training.optimiser,
            training.average,
            training.recipe,
        )
        training.step = state.step
        training.totals = state.totals
        # The saved number is that of all processes: the first alone goes on with it.
        if not training.leads:
            training.totals.replaced = 0


def train(training: Training, progress: Progress) -> None:
    """Run the remaining steps, writing metrics and checkpoints on the way.

    Randomness comes from (seed, epoch, step, group, item) alone, so a resumed run ends in the same
    weights as an undisturbed one, to the bit at equal threads and processes.

    SIGTERM ends it in StoppedError after the running step, which is saved. After the last one it is too
    late: `stop_asked` then tells.
    """
    recipe, steps = training.recipe, training.steps
    unmeasured = _lacks_measures(training)
    if training.step == steps and not unmeasured:
        return
    loader = Loader(
        training.index,
        recipe.views,
        seed=recipe.seed,
        first_step=training.step,
        last_step=steps,
        groups=training.own_groups,
        total_groups=recipe.groups,
        workers=recipe.machine.workers,
        cache=training.cache,
    )
    with ExitStack() as stack:
        metrics: MetricsWriter | None = None
        if training.leads:
            metrics = MetricsWriter(training.run, training.step, wandb=recipe.machine.wandb, config=recipe)
            stack.enter_context(metrics)
        stack.enter_context(_without_garbage_collection())
        sigterm_came = stack.enter_context(noting_sigterm())
        log = StepLog(training.totals, training.world, training.operations, training.peak)
        batches = Prefetcher(iter(loader), training.network.device)
        end_step = stack.enter_context(profiled(recipe.machine.profile, training.run, training.world.rank))
        progress.update(training.step, total=steps)
        if unmeasured:
            _measure(training, metrics)
        while (batch := batches.next()) is not None:
            result = take_step(training, batch, meanwhile=batches.prefetch)
            training.step += 1
            log.count(batch, loader.wait_s)
            _warn_of_replacements(training, batch)

            step, last, note = training.step, training.step == steps, None
            if step % recipe.schedule.log_every == 0 or step == 1 or last:
                values = {
                    "epoch": step / training.epoch_steps,
                    "title_share": batch.title_share(len(training.own_groups)),
                    **log.collect(result.losses, result.gradient_norm, training.network, training.optimiser),
                }
                note = log.note(values)
                if metrics is not None:
                    metrics.write(step, values)
            if not last and any_process(sigterm_came()):
                # Time is short: what is to be measured now is measured when the run goes on.
                _save(training)
                raise StoppedError(
                    f"stopped by SIGTERM after step {step} of {steps}, which is saved in {training.run}; "
                    "run the same command again to go on"
                    if training.leads
                    else ""
                )
            if _due(training):
                _measure(training, metrics)
            progress.advance(note=note)
            if last or recipe.schedule.saves(step):
                _save(training)
            end_step()
        training.stop_asked = any_process(sigterm_came())


def _due(training: Training) -> bool:
    """Whether the network is measured on held-out titles as it is now."""
    every = training.recipe.monitor.every
    last = training.step == training.steps
    return bool(training.monitor.clips) and (last or (every > 0 and training.step % every == 0))


def _lacks_measures(training: Training) -> bool:
    """Whether a run was stopped, or given another end, at a step that is to be measured and is not yet."""
    if not training.step or not _due(training):
        return False
    lines = on_first(lambda: read_metrics(training.run), "read the metrics")
    return not any(line["step"] == training.step and "eval" in line for line in lines)


def _measure(training: Training, metrics: MetricsWriter | None) -> None:
    with training.model_weights():
        measured = training.monitor.measure(training.network, training.world)
    if metrics is not None:
        metrics.write(training.step, {"eval": measured})


class StepResult(NamedTuple):
    """The losses of a process's share of the batch, and the norm of the whole gradient, ()."""

    losses: Losses
    gradient_norm: Tensor


def take_step(training: Training, batch: Batch, meanwhile: Callable[[], None] | None = None) -> StepResult:
    """One update of the weights; `meanwhile` runs while a GPU computes.

    A gradient that is not finite changes no weight, and what is not finite enters no running statistics;
    after a few in a row LssdError ends the run, whose last checkpoint stands.
    """
    recipe, network = training.recipe, training.network
    warmup = warmup_steps(recipe.schedule, training.epoch_steps, training.steps)
    set_rate(training.optimiser, learning_rate(training.step, recipe.optimiser.lr, warmup, training.steps))
    training.parallel.train()
    training.optimiser.zero_grad(set_to_none=True)
    first = training.own_groups.start * batch_size(training.index, recipe.views, recipe.groups)
    draws = Draws.of_step(recipe.seed, training.step, np.arange(first, first + len(batch.clip_ids)))
    inputs = network.prepare(batch.frames_BWTCHW, batch.waveform_BKCS, batch.present_BK, draws)

    present_BK = batch.present_BK.to(network.device)

    def objective(z: Projections) -> Losses:
        return batch_loss(
            z, present_BK, batch.duplicates_B, recipe.objective, groups=len(training.own_groups)
        )

    losses = backpropagate(training.parallel, inputs, objective, recipe.machine.chunk)
    if meanwhile is not None:
        meanwhile()
    norm = update(training.optimiser, recipe.optimiser.clip_norm)
    if training.average is not None:
        training.average.update(network, training.step)
    if torch.isfinite(norm):
        training.failures = 0
    else:
        training.failures += 1
        training.totals.skipped += 1
    if training.failures >= _PATIENCE:
        raise LssdError(
            f"the loss was not finite in {_PATIENCE} steps in a row, up to step {training.step} of "
            f"{training.run}; lower optimiser.lr and start again with another --out"
        )
    return StepResult(losses, norm)


class Prefetcher:
    """Batches on the device; the next one is fetched while the current one is computed."""

    def __init__(self, batches: Iterator[Batch], device: torch.device) -> None:
        self._batches, self._device = batches, device
        self._next: Batch | None = None
        self._fetched = False

    def prefetch(self) -> None:
        """Wait for the next batch, if it is not here yet, and start its copy to the device."""
        if not self._fetched:
            batch = next(self._batches, None)
            self._next = None if batch is None else _moved(batch, self._device)
            self._fetched = True

    def next(self) -> Batch | None:
        """The next batch; None at the end."""
        self.prefetch()
        self._fetched = False
        return self._next


def _moved(batch: Batch, device: torch.device) -> Batch:
    """The tensors that encoders take, on the device; which sounds are present stays on the CPU."""
    if device.type == "cpu":
        return batch

    def move(tensor: Tensor) -> Tensor:
        return tensor.pin_memory().to(device, non_blocking=True)

    return replace(
        batch,
        frames_BWTCHW=None if batch.frames_BWTCHW is None else move(batch.frames_BWTCHW),
        waveform_BKCS=move(batch.waveform_BKCS),
        duplicates_B=move(batch.duplicates_B),
    )


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Switch automatic garbage collection off: its pauses on many processes add up, since all wait for each.

    What exists already is frozen; `_save` collects the cycles made since.
    """
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def _warn_of_replacements(training: Training, batch: Batch) -> None:
    before = training.totals.replaced - len(batch.replaced)
    for replacement in batch.replaced[: max(0, _NAMED_REPLACEMENTS - before)]:
        _logger.warning(
            "clip %s cannot be read (%s); %s takes its place",
            replacement.clip_id,
            replacement.reason,
            replacement.by,
        )


def _save(training: Training) -> None:
    gc.collect()
    totals = replace(training.totals, replaced=sum(gather_objects(training.totals.replaced)))
    state = SavedState(training.step, totals)
    on_first(
        lambda: save_checkpoint(
            training.run, training.network, training.optimiser, training.average, state, training.recipe
        ),
        "save",
    )

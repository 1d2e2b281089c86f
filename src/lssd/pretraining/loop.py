"""The training loop: batches in, weights out; killed anywhere, it goes on from the last checkpoint."""

import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lssd.engine import Progress
from lssd.errors import LssdError
from lssd.models.draws import Draws
from lssd.pretraining.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
from lssd.pretraining.distributed import World, gather_objects, on_first
from lssd.pretraining.held_out.clips import Monitor
from lssd.pretraining.metrics import MetricsWriter
from lssd.pretraining.network import Network
from lssd.pretraining.objective import Losses, Projections, batch_loss
from lssd.pretraining.optimiser import set_rate, update
from lssd.pretraining.recipe import Recipe, digest
from lssd.pretraining.schedule import learning_rate, total_steps, warmup_steps
from lssd.pretraining.step import backpropagate
from lssd.views import Batch, CacheSettings, ClipIndex, Loader, batch_size, epoch_steps

_logger = logging.getLogger(__name__)
_PATIENCE = 5  # updates in a row that may be left out since their gradient is not finite
_NAMED_REPLACEMENTS = 10


@dataclass(frozen=True)
class Tally:
    """What a run has used so far, over all sittings.

    seconds of training and of waiting for data; updates left out since their gradient was not finite;
    clips that could not be read and were replaced.
    """

    total_s: float = 0.0
    wait_s: float = 0.0
    skipped: int = 0
    replaced: int = 0

    @property
    def wait_share(self) -> float:
        return self.wait_s / self.total_s if self.total_s else 0.0


@dataclass
class Training:
    """All that one process of a run needs in memory, and all that changes in it.

    parallel: the network in DistributedDataParallel, or itself where a process trains alone.
    operations: floating-point operations of one instance, forward and backward; peak: those a second that
    this process's device can do (both for the utilisation).
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
    step: int = 0
    tally: Tally = field(default_factory=Tally)
    failures: int = 0  # updates left out in a row

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


def resume(training: Training) -> None:
    """Take up the newest checkpoint of the run, if there is one."""
    checkpoints = list_checkpoints(training.run)
    found = checkpoints[-1].step if checkpoints else 0
    if len(set(gather_objects(found))) > 1:
        raise LssdError(
            f"the processes see different checkpoints: {training.run} must be a folder that they share"
        )
    if checkpoints:
        state = load_checkpoint(
            checkpoints[-1], training.network, training.optimiser, digest(training.recipe)
        )
        training.step = int(state["step"])
        # Process 0 goes on with what all had replaced.
        kept = state["tally"]["replaced"] if training.leads else 0
        training.tally = Tally(**{**state["tally"], "replaced": kept})


def train(training: Training, progress: Progress) -> None:
    """Run the remaining steps, writing metrics and checkpoints on the way.

    Randomness comes from (seed, epoch, step, group, item) alone, so a resumed run ends in the same
    weights as an undisturbed one, to the bit at equal threads and processes.
    """
    recipe, steps = training.recipe, training.steps
    loader = Loader(
        training.index,
        recipe.views,
        seed=recipe.seed,
        first_step=training.step,
        last_step=steps,
        groups=training.own_groups,
        of=recipe.groups,
        workers=recipe.machine.workers,
        cache=training.cache,
    )
    with ExitStack() as stack:
        metrics = stack.enter_context(_metrics(training)) if training.leads else None
        stack.enter_context(_calm_collector())
        progress.update(training.step, total=steps)
        meter = Meter(training)
        batches = Ahead(iter(loader), training.network.device)
        while (batch := batches.take()) is not None:
            result = take_step(training, batch, meanwhile=batches.fetch)
            training.step += 1
            meter.count(batch, loader.wait_s)
            _warn_of_replacements(training, batch)
            values = _log(training, result, meter, metrics)
            progress.advance(note=_note(values) if values else None)
            _maybe_save(training)


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
    _guard(training, bool(torch.isfinite(norm)))
    return StepResult(losses, norm)


def _guard(training: Training, finite: bool) -> None:
    training.failures = 0 if finite else training.failures + 1
    if not finite:
        training.tally = replace(training.tally, skipped=training.tally.skipped + 1)
    if training.failures >= _PATIENCE:
        raise LssdError(
            f"the loss was not finite in {_PATIENCE} steps in a row, up to step {training.step} of "
            f"{training.run}; lower optimiser.lr and start again with another --out"
        )


class Ahead:
    """Batches on the device, the next one fetched while the current one is computed."""

    def __init__(self, batches: Iterator[Batch], device: torch.device) -> None:
        self._batches, self._device = batches, device
        self._next: Batch | None = None
        self._fetched = False

    def fetch(self) -> None:
        """Have the next batch, or the end, at hand."""
        if not self._fetched:
            batch = next(self._batches, None)
            self._next = None if batch is None else _moved(batch, self._device)
            self._fetched = True

    def take(self) -> Batch | None:
        """The next batch; None at the end."""
        self.fetch()
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
def _calm_collector() -> Iterator[None]:
    """No automatic garbage collection inside: on many processes its pauses add up, each waiting for all.

    What lives long is frozen; `_maybe_save` collects what cycles leave.
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


class Meter:
    """Speed since the last line of metrics, and the run's tally."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._last, self._waited = time.perf_counter(), 0.0
        self._start = time.perf_counter(), 0, 0.0

    def count(self, batch: Batch, waited_s: float) -> None:
        """Add a step that ends now to the tally."""
        now, tally = time.perf_counter(), self._training.tally
        self._training.tally = replace(
            tally,
            total_s=tally.total_s + now - self._last,
            wait_s=tally.wait_s + waited_s - self._waited,
            replaced=tally.replaced + len(batch.replaced),
        )
        self._last, self._waited = now, waited_s
        begun, instances, _ = self._start
        self._start = begun, instances + len(batch.clip_ids), now

    def read(self) -> dict[str, float]:
        """Instances a second of all processes and their utilisation since the last call."""
        begun, instances, now = self._start
        self._start = now, 0, now
        training = self._training
        rate = instances / max(now - begun, 1e-9)
        speed = {"instances_per_s": rate * training.world.size}
        if training.peak:
            speed["mfu"] = rate * training.operations / training.peak
        return speed


def _metrics(training: Training) -> MetricsWriter:
    recipe = training.recipe
    return MetricsWriter(training.run, training.step, wandb=recipe.machine.wandb, config=recipe)


def _log(
    training: Training, result: StepResult, meter: Meter, metrics: MetricsWriter | None
) -> dict[str, float] | None:
    """Write what is due after this step; the values, where some were due."""
    recipe, step = training.recipe, training.step
    last = step == training.steps
    values: dict[str, float] | None = None
    if step % recipe.schedule.log_every == 0 or step == 1 or last:
        values = {
            "epoch": step / training.epoch_steps,
            **_mean_losses(result.losses),
            "gradient_norm": result.gradient_norm.item(),
            "lr": training.optimiser.param_groups[0]["lr"],
            "scale": training.network.scale().item(),
            **meter.read(),
            "data_wait_share": training.tally.wait_share,
            "skipped": training.tally.skipped,
            "replaced": sum(gather_objects(training.tally.replaced)),
        }
        if metrics is not None:
            metrics.write(step, values)
    every = recipe.monitor.every
    if training.monitor.clips and (last or (every and step % every == 0)):
        measured = training.monitor.measure(training.network, training.world)
        if metrics is not None:
            metrics.write(step, {"eval": measured})
    return values


def _mean_losses(losses: Losses) -> dict[str, float]:
    """The terms by name, averaged over the processes."""
    names = {"loss": losses.total, "cross": losses.cross, "video": losses.video, "audio": losses.audio}
    own = {name: term.item() for name, term in names.items() if term is not None}
    shares = gather_objects(own)
    return {name: sum(share[name] for share in shares) / len(shares) for name in own}


def _note(values: dict[str, float]) -> str:
    waits = f"waits {values['data_wait_share']:.0%}"
    return f"loss {values['loss']:.3f}, {values['instances_per_s']:.3g} instances/s, {waits}"


def _warn_of_replacements(training: Training, batch: Batch) -> None:
    before = training.tally.replaced - len(batch.replaced)
    for replacement in batch.replaced[: max(0, _NAMED_REPLACEMENTS - before)]:
        _logger.warning(
            "clip %s cannot be read (%s); %s takes its place",
            replacement.clip_id,
            replacement.reason,
            replacement.by,
        )


def _maybe_save(training: Training) -> None:
    schedule, step = training.recipe.schedule, training.step
    if step % schedule.checkpoint_every and step != training.steps:
        return
    gc.collect()
    tally = {**vars(training.tally), "replaced": sum(gather_objects(training.tally.replaced))}
    state: dict[str, Any] = {"tally": tally, "recipe": digest(training.recipe)}

    def save() -> None:
        save_checkpoint(training.run, step, training.network, training.optimiser, state)

    on_first(save, "save")

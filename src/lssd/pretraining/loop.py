"""The training loop: batches in, weights out; killed anywhere, it goes on from the last checkpoint."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lssd.engine import Progress
from lssd.errors import LssdError
from lssd.pretraining.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
from lssd.pretraining.metrics import MetricsWriter
from lssd.pretraining.monitor import Monitor
from lssd.pretraining.network import Network
from lssd.pretraining.objective import Losses, quadruplet_loss
from lssd.pretraining.recipe import Recipe
from lssd.pretraining.schedule import learning_rate, total_steps
from lssd.views import Batch, CacheSettings, ClipIndex, Loader, epoch_steps


@dataclass
class Clock:
    """Seconds of training so far, over all sittings, and how many of them waited for data."""

    total_s: float = 0.0
    wait_s: float = 0.0

    @property
    def wait_share(self) -> float:
        return self.wait_s / self.total_s if self.total_s else 0.0


@dataclass
class Training:
    """All that one run needs in memory, and all that changes in it."""

    recipe: Recipe
    index: ClipIndex
    network: Network
    optimiser: torch.optim.Optimizer
    monitor: Monitor
    run: Path
    cache: CacheSettings | None
    step: int = 0
    clock: Clock = field(default_factory=Clock)

    @property
    def epoch_steps(self) -> int:
        return epoch_steps(self.index, self.recipe.views)

    @property
    def steps(self) -> int:
        return total_steps(self.recipe.schedule, self.epoch_steps)


def build_optimiser(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; matrices decay, vectors (norms and biases) do not."""
    settings = recipe.optimiser
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas)


def resume(training: Training) -> None:
    """Take up the newest checkpoint of the run, if there is one."""
    checkpoints = list_checkpoints(training.run)
    if checkpoints:
        state = load_checkpoint(checkpoints[-1], training.network, training.optimiser)
        training.step = int(state["step"])
        training.clock = Clock(state["total_s"], state["wait_s"])


def train(training: Training, *, quiet: bool = False) -> None:
    """Run the remaining steps, writing metrics and checkpoints on the way.

    Randomness comes from (seed, epoch, step, rank) alone, so a resumed run ends in the same weights
    as an undisturbed one, to the bit at an equal number of threads.
    """
    recipe, steps = training.recipe, training.steps
    loader = Loader(
        training.index,
        recipe.views,
        seed=recipe.seed,
        first_step=training.step,
        last_step=steps,
        workers=recipe.machine.workers,
        cache=training.cache,
    )
    progress = Progress(f"pretrain {recipe.name}", steps, "steps", quiet)
    with MetricsWriter(training.run, training.step) as metrics, progress:
        progress.update(training.step)
        begun, waited = time.perf_counter(), 0.0
        for batch in loader:
            losses = take_step(training, batch)
            training.step += 1
            now = time.perf_counter()
            sitting = Clock(now - begun, loader.wait_s - waited)
            training.clock.total_s += sitting.total_s
            training.clock.wait_s += sitting.wait_s
            _log(training, losses, sitting, len(batch.clip_ids), metrics)
            progress.advance(note=f"loss {losses.total.item():.3f}")
            _maybe_save(training)
            begun, waited = time.perf_counter(), loader.wait_s


def take_step(training: Training, batch: Batch) -> Losses:
    """One update of the weights. Raises LssdError when the loss is not finite; nothing is updated then."""
    recipe, network, optimiser = training.recipe, training.network, training.optimiser
    warmup_steps = round(recipe.schedule.warmup_epochs * training.epoch_steps)
    # A warm-up of epochs must leave room for the training itself in a run of few steps.
    warmup_steps = min(warmup_steps, training.steps // 2)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(training.step, recipe.optimiser.lr, warmup_steps, training.steps)
    network.train()
    z = network(batch.frames_B2TCHW, batch.waveform_B2CS, step_generator(recipe.seed, training.step))
    weights = recipe.objective
    losses = quadruplet_loss(
        z.v_primary,
        z.v_secondary,
        z.a_primary,
        z.a_secondary,
        lambda_v=weights.lambda_v,
        lambda_a=weights.lambda_a,
        temperature=weights.temperature,
    )
    if not torch.isfinite(losses.total):
        raise LssdError(
            f"the loss is not finite at step {training.step} of {training.run}; lower optimiser.lr and "
            "start again with another --out"
        )
    optimiser.zero_grad(set_to_none=True)
    losses.total.backward()
    if recipe.optimiser.clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.optimiser.clip_norm)
    optimiser.step()
    return losses


def step_generator(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """The source of a step's own randomness: masks and stochastic depth."""
    state = np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> 1))


def _log(training: Training, losses: Losses, sitting: Clock, instances: int, metrics: MetricsWriter) -> None:
    recipe, step = training.recipe, training.step
    last = step == training.steps
    if step % recipe.schedule.log_every == 0 or step == 1 or last:
        metrics.write(
            step,
            {
                "epoch": step / training.epoch_steps,
                "loss": losses.total.item(),
                "cross": losses.cross.item(),
                "video": losses.video.item(),
                "audio": losses.audio.item(),
                "lr": training.optimiser.param_groups[0]["lr"],
                "instances_per_s": instances / sitting.total_s,
                "data_wait_share": training.clock.wait_share,
            },
        )
    every = recipe.monitor.every
    if training.monitor.clips and (last or (every and step % every == 0)):
        metrics.write(step, {"eval": training.monitor.measure(training.network)})


def _maybe_save(training: Training) -> None:
    schedule = training.recipe.schedule
    if training.step % schedule.checkpoint_every == 0 or training.step == training.steps:
        clock = training.clock
        state: dict[str, Any] = {"total_s": clock.total_s, "wait_s": clock.wait_s}
        save_checkpoint(training.run, training.step, training.network, training.optimiser, state)

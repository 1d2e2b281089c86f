"""What a run would do, without doing it: its size, what it computes, and what it needs.

Parameters and multiply-adds are counted; memory and time are measured on this machine, by a few windows
that pass forward and backward. An instance is one clip: its windows of picture and its sounds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import nn

from lssd.errors import CorpusError
from lssd.models import EncoderSize, ProjectionHead, Tower, describe_encoder, encoder_size
from lssd.pretraining.costs import Cost, measure_cost
from lssd.pretraining.distributed import choose_device
from lssd.pretraining.hardware import acceleration
from lssd.pretraining.network import Network
from lssd.pretraining.optimiser import total_steps
from lssd.pretraining.recipe import Recipe, load_named
from lssd.text import counted
from lssd.views import ClipIndex, Corpora, TitleShare, batch_size, epoch_steps, title_share

_TRAINING = 3  # multiply-adds of forward and backward, against forward alone
_BYTES = 4  # of a weight, a gradient, a moment, an input


@dataclass(frozen=True)
class Forecast:
    """A run's size, and what it needs of each process.

    start: the weights that it starts from, in words; encoders: shapes and sizes of "video" and "audio".
    obstacle: why the corpus cannot be trained on, "" where it can. batch: clips of a step over all processes;
    with an obstacle, as the recipe states it. epoch_steps: steps in which this corpus is seen once; steps: of
    the whole run. With an obstacle there is no epoch, and steps are known only where the recipe states them.
    parity: steps of the recipes in `same_steps_as`; None where this corpus has no clips for one.
    left_out: what of the corpus is passed over unasked, in words.
    title_share: how much of a group comes from one title; None with an obstacle.
    sounds: of an instance, on average. flops: of training on one instance, a multiplication and an
    addition being two. weight_bytes: of the weights alone; input_bytes: of a process's prepared batch.
    held: instances whose activations are held at once, of `activation_bytes` together.
    step_seconds: of computing a step on `device`, without waiting for data.
    runs: how many such runs are asked for, of several seeds; all else is of one.
    corpora: of several, the root and the number of titles of each.
    video, audio: what was measured; they, activation_bytes and step_seconds are None where nothing was.
    """

    recipe: Recipe
    clips: int
    dubbed_clips: int
    titles: int
    batch: int
    processes: int
    epoch_steps: int | None
    steps: int | None
    parity: dict[str, int | None]
    sounds: float
    parameters: int
    flops: int
    weight_bytes: int
    input_bytes: int
    held: int
    device: str
    video: Cost | None = None
    audio: Cost | None = None
    activation_bytes: int | None = None
    step_seconds: float | None = None
    obstacle: str = ""
    title_share: TitleShare | None = None
    left_out: tuple[str, ...] = ()
    runs: int = 1
    corpora: tuple[tuple[str, int], ...] = ()
    start: str = "random weights"
    encoders: Mapping[str, str] = field(default_factory=dict)

    @property
    def instances(self) -> int | None:
        """Clips that the whole run sees; None where its steps are not known."""
        return None if self.steps is None else self.steps * self.batch

    @property
    def seconds(self) -> float | None:
        """Of computing the whole run; None where a step was not measured or their number is not known."""
        return None if self.steps is None or self.step_seconds is None else self.steps * self.step_seconds

    @property
    def state_bytes(self) -> int:
        """Of weights, gradients, AdamW's two moments and, where the recipe has one, the weights' average."""
        return (4 + (self.recipe.optimiser.average is not None)) * self.weight_bytes

    @property
    def memory_bytes(self) -> int | None:
        """Of a process: `state_bytes`, its prepared batch, activations."""
        if self.activation_bytes is None:
            return None
        return self.state_bytes + self.input_bytes + self.activation_bytes

    def rows(self) -> list[tuple[str, object]]:
        """The facts in words, for a terminal."""
        recipe = self.recipe
        clips = f"none of those that {recipe.name} selects"
        if self.clips:
            dubbed = f"{self.dubbed_clips} with dubs ({self.dubbed_clips / self.clips:.0%})"
            clips = f"{self.clips} of {self.titles} titles, {dubbed}"
        groups = f"{recipe.groups} groups of {self.batch // recipe.groups}"
        processes = f"{self.processes} of at most {recipe.groups} processes"
        steps, in_all = f"unknown: {recipe.schedule.epochs} epochs of a corpus that has the clips", ""
        if self.steps is not None:
            steps = str(self.steps)
            in_all = f", {_flop(self.flops * self.steps * self.batch)} in all"
            if self.epoch_steps is not None:
                steps += f" ({self.steps / self.epoch_steps:.1f} epochs of {self.epoch_steps} on this corpus)"
        return [
            ("recipe", recipe.name),
            *([("runs", f"{self.runs}, one a seed; what follows is of one")] if self.runs > 1 else []),
            ("starts from", self.start),
            *((f"{modality} encoder", words) for modality, words in self.encoders.items()),
            ("clips", clips),
            *([("corpora", self._corpora())] if self.corpora else []),
            *(("left out", line) for line in self.left_out),
            *([("on this corpus", f"cannot be trained: {self.obstacle}")] if self.obstacle else []),
            ("batch", f"{self.batch} = {groups}, on {processes}"),
            *([] if self.title_share is None else [("of one title", str(self.title_share))]),
            ("steps", steps),
            *((f"same steps as {name}", self._compared(steps)) for name, steps in self.parity.items()),
            ("instances", "unknown" if self.instances is None else self.instances),
            ("parameters", f"{self.parameters / 1e6:.2f} M, heads included"),
            ("compute", f"{_flop(self.flops)} an instance{in_all}"),
            ("memory", self._memory()),
            ("time", self._time()),
        ]

    def _corpora(self) -> str:
        weights = self.recipe.views.corpus_weights
        said = [f", weight {weight:g}" for weight in weights] or [""] * len(self.corpora)
        return ", ".join(
            f"{root} ({counted(titles, 'title')}{weight})"
            for (root, titles), weight in zip(self.corpora, said, strict=True)
        )

    def _compared(self, steps: int | None) -> str:
        if steps is None:
            return "no: this corpus has no clips for it"
        if self.steps is None:
            return f"unknown: {steps} as packaged"
        return f"yes, {steps}" if steps == self.steps else f"no: {steps} as packaged, {self.steps} here"

    def _memory(self) -> str:
        average = "" if self.recipe.optimiser.average is None else ", their average"
        state = f"weights{average}, gradients and moments {_size(self.state_bytes)}"
        batch = f"batch {_size(self.input_bytes)}"
        if self.memory_bytes is None or self.activation_bytes is None:
            return f"{state}, {batch}; activations were not measured"
        activations = f"activations of {self.held} instances {_size(self.activation_bytes)}"
        return f"{_size(self.memory_bytes)} a process: {state}, {batch}, {activations}"

    def _time(self) -> str:
        if self.step_seconds is None or self.audio is None:
            return "not measured"
        if self.seconds is None or self.instances is None:
            return f"{_duration(self.step_seconds)} of computing a step on {self.device}"
        instances = self.instances
        shares = {"sound": (self.audio, self.sounds)}
        if self.video is not None:
            shares["picture"] = (self.video, self.recipe.views.windows)
        share = min(cost.windows / (instances * count) for cost, count in shares.values())
        measured = " and ".join(
            f"{cost.windows} window{'s' * (cost.windows > 1)} of {name}" for name, (cost, _) in shares.items()
        )
        return f"{_duration(self.seconds)} of computing on {self.device}, from {measured} ({share:.1g} of it)"


@dataclass(frozen=True)
class _Path:
    """A modality's tower and head, and how many windows of it an instance has, on average."""

    tower: Tower
    head: ProjectionHead
    modality: Literal["audio", "video"]
    count: float
    frozen: bool = False

    @cached_property
    def size(self) -> EncoderSize:
        """The encoder's, without the head."""
        config = self.tower.config
        return encoder_size(config.name, self.modality, **config.dials)

    @property
    def words(self) -> str:
        """The encoder's architecture, shapes and size."""
        encoder = self.tower.encoder
        return f"{self.tower.name}, {describe_encoder(encoder.config, encoder.embedding_size, self.size)}"

    @property
    def inputs(self) -> int:
        """Numbers that the encoder takes for a window."""
        config = self.tower.encoder.config
        return int(math.prod((config.in_channels, *config.input_size)))

    @property
    def multiply_adds(self) -> int:
        """Of one window's forward pass."""
        layers = [layer for layer in self.head.modules() if isinstance(layer, nn.Linear)]
        return self.size.multiply_adds + sum(layer.weight.numel() for layer in layers)


def forecast(
    recipe: Recipe,
    index: ClipIndex | None,
    *,
    measure: bool = True,
    processes: int = 1,
    obstacle: str = "",
    runs: int = 1,
    start: str = "random weights",
) -> Forecast:
    """Size up a run of a recipe on the clips that it selects, with `processes` sharing the groups evenly.

    `measure` passes windows through the network, for at most about 20 s; without it there is neither the
    memory of activations nor a time. `obstacle` says why there is no index, or why its clips do not do: the
    run is then sized up as the recipe states it. `start` is shown as it is. `runs`: how many of them are
    asked for. Raises InputError for encoders that cannot be made, CorpusError for too few clips without an
    obstacle.
    """
    network = Network.create(recipe).train()
    usable = None if obstacle else index
    paths = _paths(network, recipe, usable)
    batch, per_epoch, steps = recipe.groups * recipe.views.batch_size, None, recipe.schedule.steps
    if usable is not None:
        batch = recipe.groups * batch_size(usable, recipe.views, recipe.groups)
        per_epoch = epoch_steps(usable, recipe.views, recipe.groups)
        steps = total_steps(recipe.schedule, per_epoch)
    local = batch // processes
    held = min(recipe.machine.chunk or local, local)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    device = choose_device(recipe.machine.device)
    costs = _measure(network.to(device), paths, recipe, held) if measure else {}
    measured = [(path.count, costs[path.modality]) for path in paths if path.modality in costs]
    # In parts, each part passes forward once more.
    again = float(held < local)
    instance_s = sum(count * (cost.training_s + again * cost.forward_s) for count, cost in measured)
    saved = sum(count * cost.saved for count, cost in measured)
    return Forecast(
        recipe=recipe,
        clips=0 if index is None else index.clip_count,
        dubbed_clips=0 if index is None else index.dubbed,
        titles=0 if index is None else len(index.titles),
        batch=batch,
        processes=processes,
        epoch_steps=per_epoch,
        steps=steps,
        parity={name: _steps_of(name, usable) for name in recipe.same_steps_as},
        sounds=_sounds(recipe, usable),
        parameters=parameters,
        flops=_flops(paths),
        weight_bytes=_BYTES * parameters,
        input_bytes=round(_BYTES * local * sum(path.count * path.inputs for path in paths)),
        held=held,
        device=str(device),
        video=costs.get("video"),
        audio=costs.get("audio"),
        activation_bytes=round(held * saved) if measured else None,
        step_seconds=local * instance_s if measured else None,
        obstacle=obstacle,
        left_out=() if index is None else tuple(index.left_out.lines()),
        title_share=(
            None if usable is None else title_share(usable, recipe.views, recipe.groups, recipe.seed)
        ),
        runs=runs,
        corpora=()
        if index is None
        else tuple(zip(index.roots, np.diff(index.title_starts).tolist(), strict=True)),
        start=start,
        encoders={path.modality: path.words for path in reversed(paths)},
    )


def describe_encoders(recipe: Recipe) -> dict[str, str]:
    """Architecture, shapes and size of a recipe's encoders, "video" and "audio", in words.

    Raises InputError for encoders that cannot be made.
    """
    with torch.device("meta"):
        network = Network.create(recipe)
    return {path.modality: path.words for path in reversed(_paths(network, recipe, None))}


def training_flops(recipe: Recipe, index: ClipIndex, network: Network) -> int:
    """Of one instance, forward and backward, on average; a multiplication and an addition are two."""
    return _flops(_paths(network, recipe, index))


def _flops(paths: list[_Path]) -> int:
    passes = ((path, 1 if path.frozen else _TRAINING) for path in paths)
    return round(2 * sum(times * path.count * path.multiply_adds for path, times in passes))


def _paths(network: Network, recipe: Recipe, index: ClipIndex | None) -> list[_Path]:
    frozen, sounds = recipe.optimiser.frozen, _sounds(recipe, index)
    paths = [_Path(network.audio, network.audio_head, "audio", sounds, "audio" in frozen)]
    if network.video is not None and network.video_head is not None:
        windows = recipe.views.windows
        paths.append(_Path(network.video, network.video_head, "video", windows, "video" in frozen))
    return paths


def _sounds(recipe: Recipe, index: ClipIndex | None) -> float:
    """Sounds of an instance, on average over the clips; without any, as if each had what the recipe names."""
    views = recipe.views
    if views.secondary == "none":
        return 1.0
    if views.secondary != "all":
        return 2.0
    wanted = views.secondary_languages
    if index is None:
        return 1.0 + max(1, len(wanted))
    # A clip without a dub of these has its original again.
    others = (
        clips * (sum(not wanted or code in wanted for code in codes) or 1)
        for codes, clips in index.dub_counts.items()
    )
    return 1.0 + sum(others) / index.clip_count


def _steps_of(name: str, index: ClipIndex | None) -> int | None:
    """Steps of a packaged recipe on the same corpus; None where the corpus has no clips for it."""
    other = load_named("same_steps_as", name)
    if other.schedule.steps is not None:
        return other.schedule.steps
    if index is None:
        return None
    try:
        clips = ClipIndex.read_all(
            Corpora(index.roots or (index.root,)), other.data, other.views, held_out=other.monitor.splits
        )
        return total_steps(other.schedule, epoch_steps(clips, other.views, other.groups))
    except CorpusError:
        return None


def _measure(network: Network, paths: list[_Path], recipe: Recipe, held: int) -> dict[str, Cost]:
    """What a window of each modality costs on the network's device, of inputs that mean nothing."""
    views, device = recipe.views, network.device
    generator = torch.Generator().manual_seed(recipe.seed)
    pictures = (1, views.frames, 3, views.size, views.size)
    raw = {
        "video": torch.randint(0, 256, pictures, generator=generator, dtype=torch.uint8),
        "audio": 0.1 * torch.randn(1, views.channels, views.window_samples, generator=generator),
    }
    return {
        path.modality: measure_cost(
            path.tower,
            path.head,
            raw[path.modality].to(device),
            math.ceil(held * path.count),
            acceleration(recipe.machine, device),
        )
        for path in paths
    }


def _size(count: float) -> str:
    return _scaled(count, "B", "MGTP")


def _flop(count: float) -> str:
    return _scaled(count, "FLOP", "MGTPEZ")


def _scaled(count: float, unit: str, prefixes: str) -> str:
    """Three digits and the prefix (M is 1e6, each next a thousand times more) that leaves 1 to 999."""
    power = 0
    while power < len(prefixes) - 1 and count >= 999.5 * 1000 ** (power + 2):
        power += 1
    return f"{count / 1000 ** (power + 2):.3g} {prefixes[power]}{unit}"


def _duration(seconds: float) -> str:
    for unit, length in (("years", 365.25 * 86400), ("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"

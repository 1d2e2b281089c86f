"""heareval's training of its predictor, for many networks at once.

On an accelerator the grid points of one depth, and then the winner's other divisions, are one stack, which
a network leaves when its training stops. On a CPU the matrix products of a single network are large enough
to keep it busy, and a stack of one keeps the network's weights in the cache.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from lssd.evaluation.metrics import metric_per_network
from lssd.evaluation.probes.division import DeviceDivision
from lssd.evaluation.probes.networks import Networks
from lssd.evaluation.probes.streams import DropoutStream, first_biases, first_weights, order


@dataclass(frozen=True)
class Point:
    """One choice of hyperparameters."""

    hidden_layers: int
    lr: float
    initialization: str


@dataclass(frozen=True)
class Schedule:
    """How every network is trained. `patience`: in validation checks; `reshuffle`: shuffle in every epoch."""

    reshuffle: bool = True
    hidden: int = 1024
    dropout: float = 0.1
    batch: int = 1024
    epochs: int = 500
    check_every: int = 3
    patience: int = 20


@dataclass(frozen=True)
class Setting:
    """What all trainings of a task share."""

    classes: int
    multilabel: bool
    metric: str
    seed: int
    schedule: Schedule


@dataclass(frozen=True)
class Trained:
    """A network at its best validation check: the metric's `value` there, its `epoch`, and its state.

    `epochs` is how many it was trained for. A network that diverged before its first check has no value
    (minus infinity), epoch 0 and no state.
    """

    value: float
    epoch: int
    epochs: int
    state: list[Tensor]

    def scores(self, x_ND: Tensor, setting: Setting) -> np.ndarray:
        """Scores of the classes, float32 (items, C)."""
        network = Networks.of_state(self.state)
        scores_GNC = network.scores(slice(0, 1), x_ND, setting.schedule.batch, setting.multilabel)
        return scores_GNC[0].cpu().numpy()


@dataclass
class _Member:
    """One network in training."""

    index: int  # among the jobs
    data: DeviceDivision
    parameters: list[Tensor]
    optimizer: torch.optim.Adam
    bounds: list[tuple[int, int]]
    value: float = -float("inf")
    epoch: int = 0
    checks_without_gain: int = 0
    state: list[Tensor] = field(default_factory=list)


Job = tuple[
    DeviceDivision, int, Point
]  # a network to train: its data, the number of its grid point, the point


def stack_width(device: torch.device, hidden_layers: int) -> int:
    """How many networks are trained at once."""
    return 1 if device.type == "cpu" and hidden_layers else 64


@torch.no_grad()
def train(jobs: Sequence[Job], setting: Setting, width: int | None = None) -> list[Trained]:
    """Train one network per job, `width` at a time; all have one depth and one number of features.

    A job's result does not depend on the others, up to rounding.
    """
    if not jobs:
        return []
    data, _, point = jobs[0]
    width = width or stack_width(data.x_train_ND.device, point.hidden_layers)
    stacks = [jobs[start : start + width] for start in range(0, len(jobs), width)]
    return [trained for stack in stacks for trained in _train_stack(stack, setting)]


def batch_bounds(items: int, batch: int) -> list[tuple[int, int]]:
    """Where batches start and stop. A last batch of one item, which has no variance, joins the one before."""
    starts = list(range(0, items, batch))
    if len(starts) > 1 and items - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], items], strict=True))


def _train_stack(jobs: Sequence[Job], setting: Setting) -> list[Trained]:
    schedule = setting.schedule
    networks, members = _start(jobs, setting)
    done: dict[int, Trained] = {}
    for epoch in range(1, schedule.epochs + 1):
        _train_epoch(networks, members, setting, epoch)
        last = epoch == schedule.epochs
        if epoch % schedule.check_every == 0:
            _check(networks, members, setting, epoch)
        going = [
            n
            for n, member in enumerate(members)
            if not last and member.checks_without_gain < schedule.patience
        ]
        if len(going) == len(members):
            continue
        for member in members:
            if last or member.checks_without_gain >= schedule.patience:
                done[member.index] = Trained(member.value, member.epoch, epoch, member.state)
        if not going:
            break
        networks.keep(going)
        members = [members[n] for n in going]
        _bind(networks, members)
    return [done[index] for index in range(len(jobs))]


def _start(jobs: Sequence[Job], setting: Setting) -> tuple[Networks, list[_Member]]:
    """Networks with their first weights, and one optimiser per network."""
    weights, biases = [], []
    for data, number, point in jobs:
        hidden = [setting.schedule.hidden] * point.hidden_layers
        widths = [data.x_train_ND.shape[1], *hidden, setting.classes]
        shapes = list(zip(widths[1:], widths[:-1], strict=True))
        weights.append(first_weights(setting.seed, data.number, number, shapes, point.initialization))
        biases.append(first_biases(setting.seed, data.number, number, shapes))
    networks = Networks.start(weights, biases, jobs[0][0].x_train_ND.device)
    members = []
    for index, (data, _, point) in enumerate(jobs):
        parameters = [tensor[index] for tensor in networks.parameters]
        optimizer = torch.optim.Adam(parameters, lr=point.lr, fused=True)
        bounds = batch_bounds(len(data.x_train_ND), setting.schedule.batch)
        members.append(_Member(index, data, parameters, optimizer, bounds))
    return networks, members


def _bind(networks: Networks, members: Sequence[_Member]) -> None:
    """Point each optimiser at the parameters of its network in the stack."""
    for place, member in enumerate(members):
        for parameter, stacked in zip(member.parameters, networks.parameters, strict=True):
            parameter.data = stacked[place]


def _train_epoch(networks: Networks, members: Sequence[_Member], setting: Setting, epoch: int) -> None:
    """One pass over the training items of each division."""
    schedule = setting.schedule
    divisions = {member.data.number: member.data for member in members}
    epochs = {
        number: _EpochBatches(data, setting, epoch, networks.hidden_layers)
        for number, data in divisions.items()
    }
    for step in range(max(len(member.bounds) for member in members)):
        batches = {member.data.number: member.bounds[step] for member in members if step < len(member.bounds)}
        drawn = {number: epochs[number].batch(*bounds) for number, bounds in batches.items()}
        for part, run in _runs(members, step):
            shared = len({member.data.number for member in run}) == 1
            fed = [drawn[member.data.number] for member in (run[:1] if shared else run)]
            x_SND, targets_SNC, *keep_SHN = (_stack(tensors) for tensors in zip(*fed, strict=True))
            gradients = networks.derive(
                part, x_SND, targets_SNC, keep_SHN, schedule.dropout, setting.multilabel
            )
            for place, member in enumerate(run):
                for parameter, gradient in zip(member.parameters, gradients, strict=True):
                    parameter.grad = gradient[place]
                member.optimizer.step()


class _EpochBatches:
    """The batches of one division in one epoch, in order."""

    def __init__(self, data: DeviceDivision, setting: Setting, epoch: int, layers: int) -> None:
        self._data, self._schedule, self._layers = data, setting.schedule, layers
        device = data.x_train_ND.device
        shuffled = epoch if setting.schedule.reshuffle else 0
        self._order = order(setting.seed, data.number, shuffled, len(data.x_train_ND)).to(device)
        self._dropout = DropoutStream(setting.seed, data.number, epoch, layers, device)

    def batch(self, start: int, stop: int) -> list[Tensor]:
        """Features (N, D), targets (N, C), and what each hidden layer keeps (H, N)."""
        rows = self._order[start:stop]
        hidden, share = self._schedule.hidden, self._schedule.dropout
        keep = [self._dropout.keep(hidden, stop - start, share) for _ in range(self._layers)]
        return [self._data.x_train_ND.index_select(0, rows), self._data.train_NC.index_select(0, rows), *keep]


def _check(networks: Networks, members: Sequence[_Member], setting: Setting, epoch: int) -> None:
    """Compute the metric on the validation items, and keep the state of each network that improved."""
    values: list[Tensor] = []
    for part, data in _shared(members):
        scores_GMC = networks.scores(part, data.x_valid_MD, setting.schedule.batch, setting.multilabel)
        values.append(metric_per_network(setting.metric, scores_GMC, data.valid_MC))
    for place, (member, value) in enumerate(zip(members, torch.cat(values).tolist(), strict=True)):
        member.checks_without_gain += 1
        if value > member.value:
            member.value, member.epoch, member.checks_without_gain = value, epoch, 0
            member.state = networks.state(place)


def _shared(members: Sequence[_Member]) -> Iterator[tuple[slice, DeviceDivision]]:
    """Runs of consecutive networks on one division, each with its slice of the stack."""
    start = 0
    for _, run in groupby(members, key=lambda member: member.data.number):
        same = list(run)
        yield slice(start, start + len(same)), same[0].data
        start += len(same)


def _runs(members: Sequence[_Member], step: int) -> Iterator[tuple[slice, list[_Member]]]:
    """Runs of consecutive networks whose batches of this step have one size; the rest have no batch left."""
    start = 0

    def size_of_batch(member: _Member) -> int:
        if step >= len(member.bounds):
            return 0
        first, last = member.bounds[step]
        return last - first

    for size, group in groupby(members, key=size_of_batch):
        run = list(group)
        if size:
            yield slice(start, start + len(run)), run
        start += len(run)


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0][None] if len(tensors) == 1 else torch.stack(list(tensors))

"""heareval's predictor: a small network chosen on the first division, trained anew on the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch

from lssd.evaluation.probes.division import DeviceDivision, Division, DivisionError, ProbeOutput
from lssd.evaluation.probes.training import Job, Point, Schedule, Setting, Trained, train

_NORMAL, _UNIFORM = "xavier_normal", "xavier_uniform"
# The eight points that the published kit draws from its sixteen, in its order: the first wins a tie.
PUBLISHED = (
    Point(1, 1e-4, _NORMAL),
    Point(2, 1e-3, _UNIFORM),
    Point(1, 1e-3, _NORMAL),
    Point(1, 3.2e-4, _NORMAL),
    Point(2, 3.2e-4, _NORMAL),
    Point(2, 3.2e-4, _UNIFORM),
    Point(2, 3.2e-3, _NORMAL),
    Point(2, 3.2e-3, _UNIFORM),
)
LINEAR = tuple(Point(0, lr, kind) for lr in (3.2e-3, 1e-3, 3.2e-4, 1e-4) for kind in (_UNIFORM, _NORMAL))


@dataclass(frozen=True)
class Heads:
    """A grid of hyperparameters, and how a network is trained at each of its points."""

    points: tuple[Point, ...]
    schedule: Schedule


def judge_heads(
    heads: Heads,
    divisions: Sequence[Division],
    classes: int,
    multilabel: bool,
    metric: str,
    seed: int,
    device: torch.device,
    width: int | None = None,
) -> ProbeOutput:
    """Train the grid on the first division, and its best point on all. `width`: networks trained at once.

    DivisionError when the training diverges: with every point on the first division, or on another one.
    """
    setting = Setting(classes, multilabel, metric, seed, heads.schedule)
    data_by_division = [
        DeviceDivision.of(number, division, classes, device, torch.float32)
        for number, division in enumerate(divisions)
    ]
    grid = _train_grid(
        [(data_by_division[0], number, point) for number, point in enumerate(heads.points)], setting, width
    )
    winner = max(range(len(grid)), key=lambda number: (grid[number].value, -number))
    point = heads.points[winner]
    trained = [grid[winner], *train([(data, winner, point) for data in data_by_division[1:]], setting, width)]
    for number, network in enumerate(trained):
        if not network.epoch:
            raise DivisionError(
                f"division {number}: the training diverged with {point}; are features very large?"
            )
    return ProbeOutput(
        scores=tuple(
            network.scores(data.x_test_KD, setting)
            for network, data in zip(trained, data_by_division, strict=True)
        ),
        validation=tuple(network.value for network in trained),
        chosen=tuple(
            {
                "hidden_layers": point.hidden_layers,
                "lr": point.lr,
                "initialization": point.initialization,
                "epoch": network.epoch,
                "epochs": network.epochs,
            }
            for network in trained
        ),
    )


def _train_grid(jobs: Sequence[Job], setting: Setting, width: int | None) -> list[Trained]:
    """Train the jobs of each depth together; results in the order of the jobs."""

    def depth(job: Job) -> int:
        return job[2].hidden_layers

    trained: dict[int, Trained] = {}
    for _, group in groupby(sorted(jobs, key=depth), key=depth):
        same = list(group)
        trained.update(zip((number for _, number, _ in same), train(same, setting, width), strict=True))
    return [trained[number] for _, number, _ in jobs]

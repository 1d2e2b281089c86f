"""Probes: small classifiers on frozen embeddings, which score test items.

`hear-fixed` and `hear-strict` are heareval's predictor; `linear` is the same without a hidden layer;
`logistic`, `ridge` and `knn` take seconds. Each states its protocol in one line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from lssd.evaluation.metrics import metric_named
from lssd.evaluation.probes.division import Division, DivisionError, ProbeOutput, check_divisions
from lssd.evaluation.probes.heads import LINEAR, PUBLISHED, Heads, judge_heads
from lssd.evaluation.probes.logistic import PENALTIES, LinearProbe, fit_probe, judge_logistic
from lssd.evaluation.probes.neighbours import NEIGHBOURS, TEMPERATURE, judge_neighbours
from lssd.evaluation.probes.ridge import LAMBDAS, judge_ridge
from lssd.evaluation.probes.training import Schedule
from lssd.threads import small_work

__all__ = [
    "PENALTIES",
    "PROBES",
    "Division",
    "DivisionError",
    "LinearProbe",
    "ProbeOutput",
    "describe",
    "fit_probe",
    "judge",
]


@dataclass(frozen=True)
class _Probe:
    judge: Callable[[Sequence[Division], int, bool, str, int, torch.device], ProbeOutput]
    text: str


def _heads(heads: Heads) -> Callable[..., ProbeOutput]:
    return lambda *arguments: judge_heads(heads, *arguments)


def _seedless(judge: Callable[..., ProbeOutput]) -> Callable[..., ProbeOutput]:
    return lambda divisions, classes, multilabel, metric, _, device: judge(
        divisions, classes, multilabel, metric, device
    )


_HIDDEN = (
    "1 or 2 hidden layers of 1024 (linear, BatchNorm, dropout 0.1, ReLU), features as they are; "
    "the 8 published grid points (layers, rate, initialisation)"
)
_TRAINING = (
    "Xavier weights (gain 1, then sqrt 2), Adam, batches of 1024, at most 500 epochs, validated every 3, "
    "stopped after 20 checks without gain, best check kept; cross-entropy, or binary cross-entropy with "
    "several labels; grid on the first division, its winner trained on the others; the task's first metric "
    "chooses, on validation items"
)
_DIFFERENCES = (
    "unlike heareval: weights are seeded for each network, batches and dropout for each division; no bias "
    "before BatchNorm (it cancels); dropout of 6554/65536; a last batch of one joins the one before; classes "
    "without a positive item leave the mean"
)
_PROBES = {
    "hear-fixed": _Probe(
        _heads(Heads(PUBLISHED, Schedule())),
        f"hear-fixed 1: {_HIDDEN}; {_TRAINING}; {_DIFFERENCES}; and training items are shuffled every epoch, "
        "as heareval means to",
    ),
    "hear-strict": _Probe(
        _heads(Heads(PUBLISHED, Schedule(reshuffle=False))),
        f"hear-strict 1: {_HIDDEN}; {_TRAINING}; training items keep one order, drawn once, as heareval "
        f"runs; {_DIFFERENCES}",
    ),
    "linear": _Probe(
        _heads(Heads(LINEAR, Schedule())),
        "linear 1: one linear layer, features as they are; rates 3.2e-3, 1e-3, 3.2e-4, 1e-4 x Xavier uniform "
        f"and normal; {_TRAINING}; training items are shuffled every epoch",
    ),
    "logistic": _Probe(
        _seedless(judge_logistic),
        "logistic 2: features standardised; multinomial logistic regression, or one a label with several "
        f"labels (L-BFGS), L2 of {PENALTIES[-1]:g} to {PENALTIES[0]:g} chosen for each division by the "
        "task's first metric on validation items",
    ),
    "ridge": _Probe(
        _seedless(judge_ridge),
        f"ridge 1: features standardised; ridge regression on labels, {len(LAMBDAS)} penalties of "
        f"{LAMBDAS[-1]:g} to {LAMBDAS[0]:.3g} chosen for each division by the task's first metric on "
        "validation items",
    ),
    "knn": _Probe(
        _seedless(judge_neighbours),
        f"knn 1: {NEIGHBOURS} nearest training items by cosine, their labels weighted by "
        f"exp(cosine / {TEMPERATURE:g})",
    ),
}
PROBES = tuple(_PROBES)


def judge(
    probe: str,
    divisions: Sequence[Division],
    classes: int,
    *,
    multilabel: bool = False,
    metric: str = "top1_acc",
    seed: int = 0,
    device: str | torch.device | None = None,
) -> ProbeOutput:
    """Train a probe on each division and score its test items.

    `metric`, of `lssd.evaluation.metrics`, chooses hyperparameters and the epoch, on validation items
    alone. One thread computes unless the dial says more (`lssd.threads`): pieces this small cost more to
    share than to do. Equal arguments give equal results at the same thread count. `device`: by default a GPU
    where torch finds one.

    ValueError for an unknown probe or metric; DivisionError for what `check_divisions` names, and for a
    training that diverges.
    """
    metric_named(metric)
    if seed < 0:
        raise ValueError(f"a seed is at least 0, not {seed}")
    chosen = _known(probe)
    check_divisions(divisions, classes, multilabel, metric)
    used = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    with torch.no_grad(), small_work():
        return chosen.judge(divisions, classes, multilabel, metric, seed, used)


def describe(probe: str) -> str:
    """The protocol in one line, a part of every result: a change of the method is a new text."""
    return _known(probe).text


def _known(probe: str) -> _Probe:
    if probe not in _PROBES:
        raise ValueError(f"unknown probe {probe!r}; known: {', '.join(PROBES)}")
    return _PROBES[probe]

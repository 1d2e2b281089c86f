"""Uncertainty over test items: of one accuracy, and of the difference between two on the same items.

Items of one group (a film, a speaker) rise and fall together, so groups are resampled whole.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from lssd.evaluation.results import Score
from lssd.measures import (
    BootstrapInterval,
    bootstrap_difference,
    bootstrap_mean,
    minimum_detectable_difference,
    minimum_detectable_from_error,
    wilson_interval,
)

LEVEL = 0.95
_RESAMPLES = 4000
_SEED = 7  # of the resampling alone: the same predictions give the same interval

Groups = Sequence[str | None] | None


@dataclass(frozen=True)
class PairedInterval:
    """The difference of two accuracies (second minus first, in -1..1) and what is known about it."""

    difference: float
    low: float
    high: float
    minimum_detectable: float
    mcnemar_p: float
    method: str


def accuracy_interval(correct_N: np.ndarray, groups: Groups) -> Score:
    """The share of correct items with its interval: Wilson's, or by resampling groups when there are any.

    Where the resampling has nothing to vary (all right, or all wrong), Wilson's interval over the number
    of groups stands in. A single group says nothing, and the interval is 0 to 1.
    """
    value = float(correct_N.mean())
    if groups is None:
        found = wilson_interval(int(correct_N.sum()), len(correct_N), LEVEL)
        return Score(value, found.low, found.high, LEVEL, "Wilson")
    count = len(set(groups))
    if count > 1 and value in (0.0, 1.0):
        found = wilson_interval(int(value) * count, count, LEVEL)
        return Score(value, found.low, found.high, LEVEL, "Wilson over groups")
    boot = bootstrap_mean(correct_N, np.random.default_rng(_SEED), _names(groups), LEVEL, _RESAMPLES)
    low, high, _ = _widen(boot)
    method = "none: a single group" if count == 1 else "cluster bootstrap over groups"
    return Score(value, max(low, 0.0), min(high, 1.0), LEVEL, method)


def paired_interval(right_a_N: np.ndarray, right_b_N: np.ndarray, groups: Groups) -> PairedInterval:
    """How much more of the same items b has right than a, from booleans item by item.

    `minimum_detectable` is that of the exact McNemar test at the discordance observed; with groups, at
    least what their spread allows.
    """
    a, b, rng = right_a_N.astype(float), right_b_N.astype(float), np.random.default_rng(_SEED)
    boot = bootstrap_difference(a, b, rng, _names(groups), LEVEL, _RESAMPLES)
    low, high, error = _widen(boot)
    gained, lost = int((b > a).sum()), int((b < a).sum())
    test = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    detectable = _detectable(len(a), gained + lost)
    if groups is not None:
        detectable = min(max(detectable, minimum_detectable_from_error(error, level=LEVEL)), 1.0)
    method = f"paired bootstrap over {'items' if groups is None else 'groups'}"
    return PairedInterval(boot.value, max(low, -1.0), min(high, 1.0), detectable, float(test), method)


def _names(groups: Groups) -> list[str] | None:
    return None if groups is None else [str(group) for group in groups]


def _detectable(n: int, discordant: int) -> float:
    """The least difference that the exact test finds with 80% power when models disagree on so many items.

    Where they disagree on too few to ever tell, the least number on which they would have to.
    """
    for count in range(max(discordant, 1), n + 1):
        found = minimum_detectable_difference(n, count / n, level=LEVEL)
        if found < 1.0:
            return found
    return 1.0


def _widen(boot: BootstrapInterval) -> tuple[float, float, float]:
    """Low, high and standard error, widened by t / z and sqrt(G / (G - 1)).

    With few groups the plain bootstrap is too narrow (Cameron, Gelbach and Miller, 2008).
    """
    if boot.groups < 2:
        return boot.low, boot.high, boot.standard_error
    tail, count = (1 - LEVEL) / 2, boot.groups
    widen = stats.t.isf(tail, count - 1) / stats.norm.isf(tail) * math.sqrt(count / (count - 1))
    low, high = boot.value - widen * (boot.value - boot.low), boot.value + widen * (boot.high - boot.value)
    return float(low), float(high), float(widen * boot.standard_error)

"""Uncertainty over test items: of one score, and of the difference between two on the same items.

Items of one group (a film, a speaker) rise and fall together, so groups are left out whole, one at a
time, and the metric is computed anew: the jackknife, with Student's t. Resampling groups instead gives
intervals that are too narrow with few of them, and studentised ones that are too narrow where two models
seldom disagree; `studies/interval_coverage.py` prints how often each holds the truth.

With several seeds of the probe a score is their mean, and the spread between them is part of its error.
Training seeds are another thing: networks trained anew. `seeds_interval` compares two ways of training by
pairs of networks, so that its interval is about the ways and not about two networks that came of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from lssd.errors import InputError
from lssd.evaluation.metrics import METRICS
from lssd.evaluation.predictions import Predictions, mean_over_folds
from lssd.evaluation.results import Result, Score, agree
from lssd.measures import (
    difference_p,
    effective_groups,
    equivalence_p,
    jackknife_error,
    mcnemar_p,
    minimum_detectable_difference,
    minimum_detectable_from_error,
    quantile,
    wilson_interval,
)

LEVEL = 0.95
_SEED = 7  # of drawing alone: the same predictions give the same interval
_MOST_GROUPS = 1000  # of a ranking metric; more are pooled at random, and their spread is known to 2%
_STEP = 256  # resamples whose weights are in memory at once


@dataclass(frozen=True)
class PairedInterval:
    """The difference of two scores on the same items, second minus first, in units of the metric.

    error: its standard error, over items (or groups), seeds of the probe and training seeds; freedom: its
    degrees of freedom; gained, lost: items that only the second, and only the first, has right (of several
    seeds: more often); n: items; alone: items are independent, and the score is one accuracy, so that
    McNemar's test applies as it is; by_seed: the difference of each pair of training seeds, empty when each
    side is one network. Between several of them items alone say nothing, and no exact test applies.
    """

    metric: str
    difference: float
    error: float
    freedom: float
    gained: int
    lost: int
    n: int
    alone: bool
    method: str
    by_seed: tuple[float, ...] = ()

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Low and high of the true difference, within what is possible."""
        if np.isinf(self.error):
            return -self._most, self._most
        width = quantile(level, self.freedom) * self.error
        return max(self.difference - width, -self._most), min(self.difference + width, self._most)

    @property
    def mcnemar_p(self) -> float:
        """McNemar's exact test, which takes items as independent. Of several seeds: the sign test."""
        return mcnemar_p(self.gained, self.lost)

    @property
    def p(self) -> float:
        """Of no difference. For accuracies the exact test must agree: a guard on the smallest sets."""
        p = difference_p(self.difference, self.error, self.freedom)
        return max(p, self.mcnemar_p) if self._exact else p

    def equivalence_p(self, margin: float) -> float:
        """Of a true difference of `margin` or more, either way."""
        return equivalence_p(self.difference, self.error, margin, self.freedom)

    def minimum_detectable(self, level: float = LEVEL) -> float:
        """The smallest true difference that such a test finds with 80% power."""
        by_error = minimum_detectable_from_error(self.error, level=level, freedom=self.freedom)
        if self._exact:
            exact = _detectable(self.n, self.gained + self.lost, level)
            by_error = exact if self.alone else max(exact, by_error)
        return min(by_error, self._most)

    @property
    def _exact(self) -> bool:
        return METRICS[self.metric].per_item and not self.by_seed

    @property
    def _most(self) -> float:
        low, high = _bounds(self.metric, self.n)
        return high - low


def score_interval(predictions: Predictions, metric: str, level: float = LEVEL) -> Score:
    """A metric with its interval: Wilson's for one accuracy of independent items, else the jackknife's.

    Scores in 0..1 are put on the logit scale, so that the interval stays within and leans to the middle.
    Where all groups score 0, or all 1, Wilson's interval over their effective number stands in; a single
    group says nothing, and the interval is all that is possible. InputError when nothing can be judged.
    """
    n, (lowest, highest) = len(predictions.items), _bounds(metric, len(predictions.items))
    if METRICS[metric].per_item and predictions.groups is None and len(predictions.seeds) == 1:
        found = wilson_interval(predictions.measure(metric) * n, n, level)
        return Score(found.value, found.low, found.high, level, "Wilson")
    codes_N = _groups(predictions, metric)
    count, over = int(codes_N.max()) + 1, "items" if predictions.groups is None else "groups"
    value_S, left_out_G = _left_out(predictions, metric, codes_N)
    value = float(value_S.mean())
    if np.isnan(value):
        raise InputError(f"{metric} cannot be computed: in no fold has a class items of both kinds")
    if METRICS[metric].bounded and value in (0.0, 1.0) and count > 1:
        effective = effective_groups(np.bincount(codes_N))
        found = wilson_interval(value * effective, effective, level)
        return Score(value, found.low, found.high, level, f"Wilson over {over}")
    error, freedom = _error(left_out_G, [value_S], codes_N, least=1 / n)
    if np.isinf(error):
        why = "a single group" if count == 1 else f"{metric} hangs on one of its {over}"
        return Score(value, lowest, highest, level, f"none: {why}")
    width = quantile(level, freedom)
    if METRICS[metric].bounded:
        centre, half = special.logit(value), width * error / (value * (1 - value))
        low, high = special.expit(centre - half), special.expit(centre + half)
    else:
        low, high = value - width * error, value + width * error
    scale = "t on the logit scale" if METRICS[metric].bounded else "t"
    method = f"jackknife over {over}{_and_seeds(predictions)}, {scale}"
    return Score(value, max(float(low), lowest), min(float(high), highest), level, method)


def check_scores(result: Result) -> None:
    """Compute a written result's scores again from its predictions, intervals included.

    InputError names the first value that is not what the predictions give; also what
    `Result.read_predictions` raises.
    """
    predictions = result.read_predictions()
    for metric, said in result.scores.items():
        found = score_interval(predictions, metric, said.level)
        for name in ("value", "low", "high"):
            values = getattr(said, name), getattr(found, name)
            if not agree(*values):
                raise InputError(
                    f"{result.source}: scores.{metric}.{name} is {values[0]}, but {result.predictions} gives "
                    f"{values[1]}; make it again: lssd evaluate"
                )


def paired_interval(a: Predictions, b: Predictions, metric: str) -> PairedInterval:
    """How much higher b scores than a, and how sure that is. Both hold the same items in the same order."""
    _check_paired((a, b))
    codes_N = _groups(a, metric)
    (a_S, left_out_a_G), (b_S, left_out_b_G) = (_left_out(one, metric, codes_N) for one in (a, b))
    by_seed = [b_S - a_S] if a.seeds == b.seeds else [a_S, b_S]
    # As if one more item were gained and one lost (Bonett and Price, 2012): models that agree on all items
    # seen need not agree on all there are.
    error, freedom = _error(left_out_b_G - left_out_a_G, by_seed, codes_N, least=np.sqrt(2) / len(a.items))
    right_a_N, right_b_N = a.correct_SN.mean(axis=0), b.correct_SN.mean(axis=0)
    several = _and_seeds(a) or _and_seeds(b)
    return PairedInterval(
        metric=metric,
        difference=float(b_S.mean() - a_S.mean()),
        error=error,
        freedom=freedom,
        gained=int((right_b_N > right_a_N).sum()),
        lost=int((right_b_N < right_a_N).sum()),
        n=len(a.items),
        alone=a.groups is None and not several,
        method=f"paired jackknife over {'items' if a.groups is None else 'groups'}{several}, t",
    )


def seeds_interval(a: Sequence[Predictions], b: Sequence[Predictions], metric: str) -> PairedInterval:
    """How much higher networks trained one way score than those trained another, over training seeds.

    a[s] and b[s] are of the pair that seed s trained; at least 2 pairs, all of the same items in the same
    order. The difference is the mean over pairs. Its interval speaks of other seeds and other items at once.

    Seeds and groups of items are crossed: each network answers each item. As in studies of many readers and
    many cases, the difference of each seed is split into jackknife pseudo-values of the groups, and their
    analysis of variance gives what seeds do to the mean, what groups do, and what is left between the two
    (Dorfman, Berbaum and Metz, 1992; a group's share is not allowed below 0). The degrees of freedom are
    Satterthwaite's, where seeds count as S - 1 (Hillis, 2007). The part of seeds is never taken as less than
    what is left: 3 seeds may agree by luck. With 3-5 seeds and at least 6 groups intervals of 95% hold the
    truth in 93-97% of simulated studies, where neither seeds nor groups matter in up to 99%;
    `studies/seed_coverage.py` prints it. With 2 seeds they hold it in as few as 91%.

    ValueError for fewer than 2 pairs, or predictions of other items.
    """
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"paired seeds must be at least 2 on both sides, not {len(a)} and {len(b)}")
    _check_paired((*a, *b))
    first, seeds = a[0], len(a)
    codes_N = _groups(first, metric)
    parts_a, parts_b = ([_left_out(one, metric, codes_N) for one in arm] for arm in (a, b))
    pairs = list(zip(parts_a, parts_b, strict=True))
    by_seed_S = np.array([of_b.mean() - of_a.mean() for (of_a, _), (of_b, _) in pairs])
    left_out_SG = np.array([of_b - of_a for (_, of_a), (_, of_b) in pairs])
    error, freedom = _crossed_error(by_seed_S, left_out_SG, codes_N)
    right_a_N, right_b_N = (np.mean([one.correct_SN.mean(axis=0) for one in arm], axis=0) for arm in (a, b))
    return PairedInterval(
        metric=metric,
        difference=float(by_seed_S.mean()),
        error=max(error, float(np.sqrt(2) / len(first.items))),  # as in `paired_interval`
        freedom=freedom,
        gained=int((right_b_N > right_a_N).sum()),
        lost=int((right_b_N < right_a_N).sum()),
        n=len(first.items),
        alone=False,
        method=f"{seeds} training seeds crossed with {'items' if first.groups is None else 'groups'}, t",
        by_seed=tuple(by_seed_S.tolist()),
    )


def resampled(
    predictions: Sequence[Predictions], metric: str, resamples: int = 1000, seed: int = _SEED
) -> np.ndarray:
    """The paired cluster bootstrap: the metric of several models on the same draws, (models, resamples).

    Each draw takes as many groups (or items) as there are, with replacement, and likewise of the seeds of
    the probe; the metric is computed anew with the multiplicities (NaN where nothing drawn can be judged).
    For questions of several models at once, such as how often one is the best. Not for intervals: beside
    being narrow, average precision of draws lies above that of the items, for a copy ranks with its item.
    """
    _check_paired(predictions)
    first = predictions[0]
    codes_N = np.arange(len(first.items)) if first.group_codes is None else first.group_codes
    groups, rng = int(codes_N.max()) + 1, np.random.default_rng(seed)
    prepared = [one.scorers(metric) for one in predictions]
    values = np.empty((len(predictions), resamples))
    for start in range(0, resamples, _STEP):
        drawn = slice(start, min(start + _STEP, resamples))
        weights_RN = _draws(rng, groups, drawn.stop - start)[:, codes_N]
        parts = [weights_RN[:, rows] for rows in first.fold_rows]
        seeds = [_draws(rng, len(one.seeds), drawn.stop - start) for one in predictions]
        for model, (scorers, seeds_RS) in enumerate(zip(prepared, seeds, strict=True)):
            by_fold_SFR = [[score(part) for score, part in zip(row, parts, strict=True)] for row in scorers]
            by_seed_SR = mean_over_folds(np.moveaxis(np.array(by_fold_SFR), 1, 2))
            values[model, drawn] = (by_seed_SR.T * seeds_RS).sum(axis=1) / len(scorers)
    return values


def _draws(rng: np.random.Generator, count: int, draws: int) -> np.ndarray:
    """How often each of `count` is drawn, when as many are drawn with replacement: (draws, count)."""
    return rng.multinomial(count, np.full(count, 1 / count), draws).astype(np.float64)


def _left_out(predictions: Predictions, metric: str, codes_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The metric of each seed, (S,), and its mean over seeds with each group left out, (G,).

    A group is left out of the folds it has items in; the other folds stay as they are.
    """
    rows, groups = predictions.fold_rows, int(codes_N.max()) + 1
    value_SF = np.empty((len(predictions.seeds), len(rows)))
    left_out_SGF = np.empty((len(predictions.seeds), groups, len(rows)))
    for seed, scorers in enumerate(predictions.scorers(metric)):
        for fold, (scorer, part) in enumerate(zip(scorers, rows, strict=True)):
            present, local = np.unique(codes_N[part], return_inverse=True)
            value_SF[seed, fold] = scorer(np.ones((1, len(part))))[0]
            left_out_SGF[seed, :, fold] = value_SF[seed, fold]
            left_out_SGF[seed, present, fold] = scorer.without(local, len(present))
    return mean_over_folds(value_SF), mean_over_folds(left_out_SGF).mean(axis=0)


def _error(
    left_out_G: np.ndarray, by_seed: Sequence[np.ndarray], codes_N: np.ndarray, least: float
) -> tuple[float, float]:
    """Standard error and degrees of freedom, of groups and of each array of values a seed.

    Groups of unequal size count as fewer of equal size. Variances add up, and so do their degrees of
    freedom by Satterthwaite's rule; what seeds do to single items is in both, on the wide side (Owen, 2007).
    """
    freedom = max(effective_groups(np.bincount(codes_N)) - 1, 1.0)
    parts = [(max(jackknife_error(left_out_G), least) ** 2, freedom)]
    parts += [(one_S.var(ddof=1) / len(one_S), len(one_S) - 1) for one_S in by_seed if len(one_S) > 1]
    variance = sum(part for part, _ in parts)
    if np.isinf(variance):
        return float("inf"), freedom
    return float(np.sqrt(variance)), float(variance**2 / sum(part**2 / own for part, own in parts))


def _crossed_error(
    by_seed_S: np.ndarray, left_out_SG: np.ndarray, codes_N: np.ndarray
) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean over seeds, each with each group left out."""
    seeds, groups = left_out_SG.shape
    of_seeds = float(by_seed_S.var(ddof=1)) / seeds
    if groups == 1 or np.isnan(left_out_SG).any() or np.isnan(by_seed_S).any():
        return float("inf"), float(seeds - 1)
    of_groups = jackknife_error(left_out_SG.mean(axis=0)) ** 2
    pseudo_SG = groups * by_seed_S[:, None] - (groups - 1) * left_out_SG
    rest_SG = pseudo_SG - pseudo_SG.mean(axis=0) - pseudo_SG.mean(axis=1, keepdims=True) + pseudo_SG.mean()
    rest = float(np.square(rest_SG).sum()) / ((seeds - 1) * (groups - 1)) / (seeds * groups)
    beyond = max(of_groups - rest, 0.0)
    variance = max(of_seeds, rest) + beyond
    freedom_groups = max(effective_groups(np.bincount(codes_N)) - 1, 1.0)
    spread = of_seeds**2 / (seeds - 1) + beyond**2 / freedom_groups
    return float(np.sqrt(variance)), variance**2 / spread if spread > 0 else float("inf")


def _check_paired(predictions: Sequence[Predictions]) -> None:
    first = predictions[0]
    for one in predictions:
        if (one.items, one.groups, one.splits) != (first.items, first.groups, first.splits):
            raise ValueError("paired predictions must be of the same items, in the same order")


def _groups(predictions: Predictions, metric: str) -> np.ndarray:
    """The number of each item's group, or of the item itself; pooled where a ranking metric has too many."""
    codes_N = predictions.group_codes
    codes_N = np.arange(len(predictions.items)) if codes_N is None else codes_N
    groups = int(codes_N.max()) + 1
    if METRICS[metric].per_item or groups <= _MOST_GROUPS:
        return codes_N
    return (np.random.default_rng(_SEED).permutation(groups) % _MOST_GROUPS)[codes_N]


def _and_seeds(predictions: Predictions) -> str:
    return " and probe seeds" if len(predictions.seeds) > 1 else ""


def _bounds(metric: str, n: int) -> tuple[float, float]:
    """The least and the highest value that n items permit."""
    if METRICS[metric].bounded:
        return 0.0, 1.0
    highest = float(np.sqrt(2) * special.ndtri(1 - 2 / max(n, 3) ** 2))  # n / 2 items of each kind
    return -highest, highest


def _detectable(n: int, discordant: int, level: float) -> float:
    """The least difference that the exact test finds with 80% power when models disagree on so many items.

    Where they disagree on too few to ever tell, the least number on which they would have to.
    """
    for count in range(max(discordant, 1), n + 1):
        found = minimum_detectable_difference(n, count / n, level=level)
        if found < 1.0:
            return found
    return 1.0

"""HEAR's four metrics, of scores against targets, for items that may count several times or not at all.

Ties are scikit-learn's: average precision steps over distinct scores, the area under the ROC curve counts
half of every tied pair. A class enters a mean only where it can be judged: with a positive item, and for
the area and d' with a negative one; a metric without any such class is NaN.

Shapes: N items, C classes, R weightings of the items (resamples), K knots (the distinct scores of a class
that a positive item has), J classes with knots.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from scipy import sparse, special

BOUNDED = ("top1_acc", "mAP", "aucroc")
"""The metrics that lie in 0..1; d' has no bounds."""

_CELLS = 1 << 22  # of one working array: 32 MiB


class Scorer(Protocol):
    """A metric prepared for fixed targets and scores, to be read under many weightings."""

    def __call__(self, weights_RN: np.ndarray) -> np.ndarray:
        """The metric (R,) under each row of weights (multiplicities of the items)."""
        ...

    def without(self, codes_N: np.ndarray, groups: int) -> np.ndarray:
        """The metric (groups,) when the items of one group are left out; codes_N in [0, groups)."""
        ...


def top1_accuracy(
    targets_NC: np.ndarray, scores_NC: np.ndarray, weights_N: np.ndarray | None = None
) -> float:
    """Share of items whose highest score is at one of their labels, in 0..1; of equal scores the first."""
    return _measure("top1_acc", targets_NC, scores_NC, weights_N)


def mean_average_precision(
    targets_NC: np.ndarray, scores_NC: np.ndarray, weights_N: np.ndarray | None = None
) -> float:
    """Average precision a class, in 0..1, and its mean over the classes that have a positive item.

    (heareval lets a class without one count as 0.)
    """
    return _measure("mAP", targets_NC, scores_NC, weights_N)


def mean_roc_auc(targets_NC: np.ndarray, scores_NC: np.ndarray, weights_N: np.ndarray | None = None) -> float:
    """Area under the ROC curve a class, in 0..1, and its mean over classes with both kinds of items."""
    return _measure("aucroc", targets_NC, scores_NC, weights_N)


def mean_d_prime(targets_NC: np.ndarray, scores_NC: np.ndarray, weights_N: np.ndarray | None = None) -> float:
    """sqrt(2) z(area under the ROC curve) a class, and its mean over classes with both kinds of items.

    An area of 0 or 1 would make it infinite (as heareval's is): it is kept half a pair of items away from
    both (Macmillan and Kaplan, 1985), and all other areas are as they are.
    """
    return _measure("d_prime", targets_NC, scores_NC, weights_N)


METRICS: Mapping[str, Callable[..., float]] = {
    "top1_acc": top1_accuracy,
    "mAP": mean_average_precision,
    "d_prime": mean_d_prime,
    "aucroc": mean_roc_auc,
}


def unjudged_classes(metric: str, targets_NC: np.ndarray) -> int:
    """How many classes a metric leaves out of its mean, for want of a positive or a negative item."""
    targets_NC = np.asarray(targets_NC, dtype=bool)
    judged_C = targets_NC.any(axis=0) | (_known(metric) == "top1_acc")
    if metric in ("aucroc", "d_prime"):
        judged_C &= ~targets_NC.all(axis=0)
    return int((~judged_C).sum())


def prepare(metric: str, targets_NC: np.ndarray, scores_NC: np.ndarray) -> Scorer:
    """Sort once, so that a weighting costs one pass over items and classes.

    ValueError for an unknown metric, for shapes that do not fit, and for scores that are NaN.
    """
    targets_NC, scores_NC = np.asarray(targets_NC, dtype=bool), np.asarray(scores_NC)
    if targets_NC.ndim != 2 or targets_NC.shape != scores_NC.shape or 0 in targets_NC.shape:
        raise ValueError(f"targets {targets_NC.shape} and scores {scores_NC.shape} must be equal (N, C)")
    if np.isnan(scores_NC).any():
        raise ValueError(f"scores of {int(np.isnan(scores_NC).any(axis=1).sum())} items hold NaN")
    if _known(metric) == "top1_acc":
        best_N1 = scores_NC.argmax(axis=1)[:, None]
        return _Hits(np.take_along_axis(targets_NC, best_N1, axis=1)[:, 0])
    return _Ranking(metric, targets_NC, scores_NC)


class _Hits:
    """Accuracy: sums of weights."""

    def __init__(self, right_N: np.ndarray) -> None:
        self._right_N = right_N.astype(np.float64)

    def __call__(self, weights_RN: np.ndarray) -> np.ndarray:
        return _ratio(weights_RN @ self._right_N, weights_RN.sum(axis=1))

    def without(self, codes_N: np.ndarray, groups: int) -> np.ndarray:
        right = np.bincount(codes_N, weights=self._right_N, minlength=groups)
        sizes = np.bincount(codes_N, minlength=groups)
        return _ratio(right.sum() - right, sizes.sum() - sizes)


class _Ranking:
    """The metrics of a class's ranking: sums of weights between knots, which precision and area follow from.

    Two rows a knot: the items strictly between it and the knot above, and the items at it. Items below a
    class's last knot enter no sum but the total.
    """

    def __init__(self, metric: str, targets_NC: np.ndarray, scores_NC: np.ndarray) -> None:
        self._metric, (items, classes) = metric, targets_NC.shape
        order_CN = np.argsort(-scores_NC.T, axis=1, kind="stable")
        ranked_CN = np.take_along_axis(scores_NC.T, order_CN, axis=1)
        positive = np.take_along_axis(targets_NC.T, order_CN, axis=1).ravel()
        starts_CN = np.ones((classes, items), dtype=bool)
        starts_CN[:, 1:] = ranked_CN[:, 1:] != ranked_CN[:, :-1]
        score = np.cumsum(starts_CN.ravel()) - 1  # the number of its distinct score, over all classes
        is_knot = np.bincount(score, weights=positive) > 0
        owner = np.repeat(np.arange(classes), items)[starts_CN.ravel()]  # the class of a distinct score
        next_knot: np.ndarray = np.cumsum(is_knot) - is_knot  # the first knot at or below each distinct score
        class_K = owner[is_knot]
        above = np.append(class_K, -1)[next_knot] == owner  # that knot is of the same class
        row, item, kept = 2 * next_knot[score] + is_knot[score], order_CN.ravel(), above[score]
        self._knots = len(class_K)
        self._all = _sums(row[kept], item[kept], (2 * self._knots, items))
        self._positive = _sums(next_knot[score[positive]], item[positive], (self._knots, items))
        _, self._first_J, self._class_K = np.unique(class_K, return_index=True, return_inverse=True)

    def __call__(self, weights_RN: np.ndarray) -> np.ndarray:
        weights_RN = np.asarray(weights_RN, dtype=np.float64)
        values = np.empty(len(weights_RN))
        step = self._rows(weights_RN.shape[1])
        for start in range(0, len(values), step):
            values[start : start + step] = self._values(weights_RN[start : start + step])
        return values

    def without(self, codes_N: np.ndarray, groups: int) -> np.ndarray:
        values, step = np.empty(groups), self._rows(len(codes_N))
        for start in range(0, groups, step):
            left_out = np.arange(start, min(start + step, groups))
            values[start : start + step] = self._values((codes_N != left_out[:, None]).astype(np.float64))
        return values

    def _rows(self, items: int) -> int:
        """How many weightings are worked on at once."""
        return max(1, _CELLS // max(items, 2 * self._knots))

    def _values(self, weights_RN: np.ndarray) -> np.ndarray:
        if not self._knots:
            return np.full(len(weights_RN), np.nan)
        judged_JR = self._average_precision(weights_RN) if self._metric == "mAP" else self._area(weights_RN)
        known_JR = ~np.isnan(judged_JR)
        return _ratio(np.where(known_JR, judged_JR, 0.0).sum(axis=0), known_JR.sum(axis=0))

    def _average_precision(self, weights_RN: np.ndarray) -> np.ndarray:
        """Sum of precision x gain in recall over a class's distinct scores: (J, R)."""
        positive_KR, above_KR, _ = self._cumulate(weights_RN)
        precision_KR = self._running(positive_KR)
        np.divide(precision_KR, above_KR, out=precision_KR, where=above_KR > 0)
        precision_KR *= positive_KR
        positives_JR = np.add.reduceat(positive_KR, self._first_J, axis=0)
        return _ratio(np.add.reduceat(precision_KR, self._first_J, axis=0), positives_JR)

    def _area(self, weights_RN: np.ndarray) -> np.ndarray:
        """Share of pairs of a positive and a negative item in the right order, or d' of it: (J, R)."""
        positive_KR, above_KR, at_KR = self._cumulate(weights_RN)
        positives_JR = np.add.reduceat(positive_KR, self._first_J, axis=0)
        negatives_JR = weights_RN.sum(axis=1) - positives_JR
        # Won pairs: the negatives below a knot, and half of those at it.
        above_KR -= self._running(positive_KR)
        at_KR -= positive_KR
        above_KR -= at_KR / 2
        won_KR = negatives_JR[self._class_K] - above_KR
        won_KR *= positive_KR
        pairs_JR = positives_JR * negatives_JR
        area_JR = _ratio(np.add.reduceat(won_KR, self._first_J, axis=0), pairs_JR)
        if self._metric == "aucroc":
            return area_JR
        half_JR = _ratio(np.full_like(pairs_JR, 0.5), pairs_JR)
        return np.sqrt(2) * special.ndtri(np.clip(area_JR, half_JR, 1 - half_JR))

    def _cumulate(self, weights_RN: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights (K, R): of the positives at a knot, of all items at or above it, of all at it."""
        weights_NR = np.ascontiguousarray(weights_RN.T)
        parts = (self._all @ weights_NR).reshape(self._knots, 2, -1)
        return self._positive @ weights_NR, self._running(parts.sum(axis=1)), parts[:, 1]

    def _running(self, values_KR: np.ndarray) -> np.ndarray:
        """Running sums down each class's knots."""
        sums_KR = np.cumsum(values_KR, axis=0)
        before_JR = (sums_KR - values_KR)[self._first_J]
        sums_KR -= before_JR[self._class_K]
        return sums_KR


def _sums(row: np.ndarray, item: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """The matrix that sums items by row; rows come in rising order."""
    ends = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=shape[0]))])
    return sparse.csr_array((np.ones(len(item)), item.astype(np.int32), ends.astype(np.int32)), shape)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top / bottom, NaN where the bottom is 0."""
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


def _measure(
    metric: str, targets_NC: np.ndarray, scores_NC: np.ndarray, weights_N: np.ndarray | None
) -> float:
    weights_1N = np.ones((1, len(targets_NC))) if weights_N is None else np.asarray(weights_N)[None]
    if weights_1N.shape != (1, len(targets_NC)) or (weights_1N < 0).any():
        raise ValueError(f"weights {weights_1N.shape[1:]} must be {len(targets_NC)} numbers of at least 0")
    return float(prepare(metric, targets_NC, scores_NC)(weights_1N)[0])


def _known(metric: str) -> str:
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; known: {', '.join(METRICS)}")
    return metric

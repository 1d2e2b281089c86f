"""The one table of metrics: what each is called, what it needs, and how it is computed.

A new metric is one entry of `METRICS`. `Metric.prepare` computes with NumPy on items that may count several
times or not at all, which is what scores and their intervals are made of; `Metric.per_network` computes with
torch for many networks at once, which is what probes choose by. Both agree, to rounding.

Ties are scikit-learn's: average precision steps over distinct scores, the area under the ROC curve counts
half of every tied pair. A class enters a mean only where it can be judged: with a positive item, and for
the area and d' with a negative one; a metric without any such class is NaN.

Shapes: N items, C classes, R weightings of the items (resamples), K knots (the distinct scores of a class
that a positive item has), J classes with knots; of networks: G networks, M items, P the most positive items
that a class has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import sparse, special

if TYPE_CHECKING:
    from torch import Tensor

_CELLS = 1 << 22  # of one working array: 32 MiB


class Scorer(Protocol):
    """A metric prepared for fixed targets and scores, to be read under many weightings."""

    def __call__(self, weights_RN: np.ndarray) -> np.ndarray:
        """The metric (R,) under each row of weights (multiplicities of the items)."""
        ...

    def without(self, codes_N: np.ndarray, groups: int) -> np.ndarray:
        """The metric (groups,) when the items of one group are left out; codes_N in [0, groups)."""
        ...


@dataclass(frozen=True)
class Metric:
    """How the scores of classes are judged against targets.

    name             as results and task folders spell it
    title            as people read it
    bounded          it lies in 0..1, and is shown in percent; d' is not, and has no bounds
    per_item         it is the share of items that are right: exact tests and Wilson's interval apply
    needs_positives  it is a mean over classes, and leaves out those without a positive item
    needs_negatives  ... and those without a negative item
    prepare          (targets_NC, scores_NC) -> Scorer; use `Metric.scorer`, which checks them
    per_network      (scores_GMC, targets_MC) -> (G,); use `metric_per_network`, which checks them
    aliases          other names that task folders give it
    """

    name: str
    title: str
    bounded: bool
    per_item: bool
    needs_positives: bool
    needs_negatives: bool
    prepare: Callable[[np.ndarray, np.ndarray], Scorer]
    per_network: Callable[["Tensor", "Tensor"], "Tensor"]
    aliases: tuple[str, ...] = ()

    def scorer(self, targets_NC: np.ndarray, scores_NC: np.ndarray) -> Scorer:
        """Sort once, so that a weighting costs one pass over items and classes.

        ValueError for shapes that do not fit, and for scores that are NaN.
        """
        targets_NC, scores_NC = np.asarray(targets_NC, dtype=bool), np.asarray(scores_NC)
        if targets_NC.ndim != 2 or targets_NC.shape != scores_NC.shape or 0 in targets_NC.shape:
            raise ValueError(f"targets {targets_NC.shape} and scores {scores_NC.shape} must be equal (N, C)")
        if np.isnan(scores_NC).any():
            raise ValueError(f"scores of {int(np.isnan(scores_NC).any(axis=1).sum())} items hold NaN")
        return self.prepare(targets_NC, scores_NC)

    def __call__(
        self, targets_NC: np.ndarray, scores_NC: np.ndarray, weights_N: np.ndarray | None = None
    ) -> float:
        """The metric of one model's scores; `weights_N` counts items several times or not at all."""
        weights_1N = np.ones((1, len(targets_NC))) if weights_N is None else np.asarray(weights_N)[None]
        if weights_1N.shape != (1, len(targets_NC)) or (weights_1N < 0).any():
            raise ValueError(
                f"weights {weights_1N.shape[1:]} must be {len(targets_NC)} numbers of at least 0"
            )
        return float(self.scorer(targets_NC, scores_NC)(weights_1N)[0])

    def judged_classes(self, targets_NC: np.ndarray) -> np.ndarray:
        """Which classes enter the mean, bool (C,)."""
        targets_NC = np.asarray(targets_NC, dtype=bool)
        judged_C = targets_NC.any(axis=0) | (not self.needs_positives)
        lacking_C = targets_NC.all(axis=0) & self.needs_negatives
        return np.asarray(judged_C & ~lacking_C)


class _Accuracy:
    """Share of items whose highest score is at one of their labels; of equal scores the first counts."""

    def __init__(self, targets_NC: np.ndarray, scores_NC: np.ndarray) -> None:
        best_N1 = scores_NC.argmax(axis=1)[:, None]
        self._right_N = np.take_along_axis(targets_NC, best_N1, axis=1)[:, 0].astype(np.float64)

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

    def __init__(self, targets_NC: np.ndarray, scores_NC: np.ndarray) -> None:
        items, classes = targets_NC.shape
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
        judged_JR = self._by_class(weights_RN)
        known_JR = ~np.isnan(judged_JR)
        return _ratio(np.where(known_JR, judged_JR, 0.0).sum(axis=0), known_JR.sum(axis=0))

    def _by_class(self, weights_RN: np.ndarray) -> np.ndarray:
        """The metric of each class with knots, (J, R); NaN where a class cannot be judged."""
        raise NotImplementedError

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


class _AveragePrecision(_Ranking):
    """Mean average precision. (heareval lets a class without a positive item count as 0.)"""

    def _by_class(self, weights_RN: np.ndarray) -> np.ndarray:
        """Sum of precision x gain in recall over a class's distinct scores."""
        positive_KR, above_KR, _ = self._cumulate(weights_RN)
        precision_KR = self._running(positive_KR)
        np.divide(precision_KR, above_KR, out=precision_KR, where=above_KR > 0)
        precision_KR *= positive_KR
        positives_JR = np.add.reduceat(positive_KR, self._first_J, axis=0)
        return _ratio(np.add.reduceat(precision_KR, self._first_J, axis=0), positives_JR)


class _RocArea(_Ranking):
    """Area under the ROC curve."""

    def _by_class(self, weights_RN: np.ndarray) -> np.ndarray:
        return self._areas(weights_RN)[0]

    def _areas(self, weights_RN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Share of pairs of a positive and a negative item in the right order, and their number: (J, R)."""
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
        return _ratio(np.add.reduceat(won_KR, self._first_J, axis=0), pairs_JR), pairs_JR


class _DPrime(_RocArea):
    """sqrt(2) z(area under the ROC curve).

    An area of 0 or 1 would make it infinite (as heareval's is): it is kept half a pair of items away from
    both (Macmillan and Kaplan, 1985), and all other areas are as they are.
    """

    def _by_class(self, weights_RN: np.ndarray) -> np.ndarray:
        area_JR, pairs_JR = self._areas(weights_RN)
        half_JR = _ratio(np.full_like(pairs_JR, 0.5), pairs_JR)
        return np.sqrt(2) * special.ndtri(np.clip(area_JR, half_JR, 1 - half_JR))


def _sums(row: np.ndarray, item: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """The matrix that sums items by row; rows come in rising order."""
    ends = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=shape[0]))])
    return sparse.csr_array((np.ones(len(item)), item.astype(np.int32), ends.astype(np.int32)), shape)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top / bottom, NaN where the bottom is 0."""
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


def _accuracy_per_network(scores_GMC: "Tensor", targets_MC: "Tensor") -> "Tensor":
    best_GM1 = scores_GMC.argmax(dim=2, keepdim=True)
    hits_GM1 = targets_MC.expand_as(scores_GMC).gather(2, best_GM1)
    return hits_GM1.double().mean(dim=(1, 2))


def _precision_per_network(scores_GMC: "Tensor", targets_MC: "Tensor") -> "Tensor":
    """Every positive item finds the precision among the items that score at least as high."""
    ranks = _Ranks(scores_GMC, targets_MC)
    precision_GCP = ranks.positives(or_equal=True).double() / ranks.items(or_equal=True)
    return _mean_over_classes((precision_GCP * ranks.real_CP).sum(dim=2) / ranks.total_C, ranks.total_C > 0)


def _area_per_network(scores_GMC: "Tensor", targets_MC: "Tensor") -> "Tensor":
    areas_GC, pairs_C = _areas_per_network(scores_GMC, targets_MC)
    return _mean_over_classes(areas_GC, pairs_C > 0)


def _d_prime_per_network(scores_GMC: "Tensor", targets_MC: "Tensor") -> "Tensor":
    import torch

    areas_GC, pairs_C = _areas_per_network(scores_GMC, targets_MC)
    half_C = 0.5 / pairs_C  # as in `_DPrime`: kept half a pair of items away from 0 and 1
    return _mean_over_classes(2**0.5 * torch.special.ndtri(areas_GC.clamp(half_C, 1 - half_C)), pairs_C > 0)


def _areas_per_network(scores_GMC: "Tensor", targets_MC: "Tensor") -> tuple["Tensor", "Tensor"]:
    """Area under the ROC curve (G, C), and how many pairs of items it counts (C,)."""
    ranks = _Ranks(scores_GMC, targets_MC)
    lost_GCP = sum(ranks.items(or_equal) - ranks.positives(or_equal) for or_equal in (True, False))
    pairs_C = ranks.total_C * (scores_GMC.shape[1] - ranks.total_C)
    return 1 - (lost_GCP * ranks.real_CP).sum(dim=2).double() / 2 / pairs_C, pairs_C


class _Ranks:
    """What scores higher than each positive item: counts (G, C, P); `real_CP` tells items from padding."""

    def __init__(self, scores_GMC: "Tensor", targets_MC: "Tensor") -> None:
        import torch

        scores_GCM = scores_GMC.transpose(1, 2).contiguous()
        class_K, item_K = targets_MC.T.nonzero(as_tuple=True)
        self.total_C = targets_MC.sum(dim=0)
        most = max(int(self.total_C.max()), 1)
        place_K = torch.arange(len(class_K), device=class_K.device)
        place_K -= (self.total_C.cumsum(0) - self.total_C)[class_K]
        item_CP = item_K.new_zeros(len(self.total_C), most)
        item_CP[class_K, place_K] = item_K
        self.real_CP = torch.arange(most, device=item_K.device) < self.total_C[:, None]
        self._scores_GCP = scores_GCM.gather(2, item_CP.expand(len(scores_GCM), -1, -1))
        self._items_GCM = scores_GCM.sort(dim=2).values
        self._positives_GCP = self._scores_GCP.masked_fill(~self.real_CP, -torch.inf).sort(dim=2).values

    def items(self, or_equal: bool) -> "Tensor":
        return self._above(self._items_GCM, or_equal)

    def positives(self, or_equal: bool) -> "Tensor":
        return self._above(self._positives_GCP, or_equal)

    def _above(self, sorted_GCN: "Tensor", or_equal: bool) -> "Tensor":
        import torch

        below_GCP = torch.searchsorted(sorted_GCN, self._scores_GCP, right=not or_equal)
        return sorted_GCN.shape[2] - below_GCP


def _mean_over_classes(values_GC: "Tensor", known_C: "Tensor") -> "Tensor":
    import torch

    return torch.where(known_C, values_GC, 0.0).sum(dim=1) / known_C.sum()


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "top1_acc",
            "accuracy",
            bounded=True,
            per_item=True,
            needs_positives=False,
            needs_negatives=False,
            prepare=_Accuracy,
            per_network=_accuracy_per_network,
            aliases=("accuracy", "pitch_acc"),  # NSynth's classes are the pitches
        ),
        Metric(
            "mAP",
            "mean average precision",
            bounded=True,
            per_item=False,
            needs_positives=True,
            needs_negatives=False,
            prepare=_AveragePrecision,
            per_network=_precision_per_network,
        ),
        Metric(
            "d_prime",
            "d'",
            bounded=False,
            per_item=False,
            needs_positives=True,
            needs_negatives=True,
            prepare=_DPrime,
            per_network=_d_prime_per_network,
        ),
        Metric(
            "aucroc",
            "area under the ROC curve",
            bounded=True,
            per_item=False,
            needs_positives=True,
            needs_negatives=True,
            prepare=_RocArea,
            per_network=_area_per_network,
        ),
    )
}
_BY_ANY_NAME = {alias: metric.name for metric in METRICS.values() for alias in metric.aliases}


def metric_named(name: str) -> Metric:
    """The metric of that name. ValueError names those that there are."""
    if name not in METRICS:
        raise ValueError(f"unknown metric {name!r}; known: {', '.join(METRICS)}")
    return METRICS[name]


def own_name(name: str) -> str:
    """A metric's own name for an alias of it; any other name as it is."""
    return _BY_ANY_NAME.get(name, name)


def usual_metrics(multilabel: bool) -> tuple[str, ...]:
    """All metrics, that by which a task is judged unless it says otherwise first.

    With several labels an item those that rank come first: an item whose highest score is at one of its
    labels is not all right.
    """
    return tuple(sorted(METRICS, key=lambda name: METRICS[name].per_item)) if multilabel else tuple(METRICS)


def metric_per_network(metric: str, scores_GMC: "Tensor", targets_MC: "Tensor") -> "Tensor":
    """The metric of each network's scores, float64 (G,).

    NaN where a network's scores are not finite, or no class can be judged. ValueError for an unknown metric.
    """
    import torch

    finite_G = torch.isfinite(scores_GMC).flatten(1).all(dim=1)
    values_G = metric_named(metric).per_network(scores_GMC, targets_MC.bool())
    return torch.where(finite_G, values_G, torch.nan)

"""HEAR's metrics as `lssd.measures.scoring` defines them, for many networks at once and on their device.

Shapes: G networks, M items, C classes, P the most positive items that a class has.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def merit(metric: str, scores_GMC: Tensor, targets_MC: Tensor) -> Tensor:
    """The metric of each network's scores, float64 (G,).

    NaN where a network's scores are not finite, or no class can be judged. ValueError for an unknown metric.
    """
    if metric not in _METRICS:
        raise ValueError(f"unknown metric {metric!r}; known: {', '.join(_METRICS)}")
    finite_G = torch.isfinite(scores_GMC).flatten(1).all(dim=1)
    values_G = _METRICS[metric](scores_GMC, targets_MC.bool())
    return torch.where(finite_G, values_G, torch.nan)


def _top1(scores_GMC: Tensor, targets_MC: Tensor) -> Tensor:
    best_GM1 = scores_GMC.argmax(dim=2, keepdim=True)
    hits_GM1 = targets_MC.expand_as(scores_GMC).gather(2, best_GM1)
    return hits_GM1.double().mean(dim=(1, 2))


def _mean_average_precision(scores_GMC: Tensor, targets_MC: Tensor) -> Tensor:
    """Every positive item finds the precision among the items that score at least as high."""
    ranks = _Ranks(scores_GMC, targets_MC)
    precision_GCP = ranks.positives(or_equal=True).double() / ranks.items(or_equal=True)
    return _mean_over((precision_GCP * ranks.real_CP).sum(dim=2) / ranks.total_C, ranks.total_C > 0)


def _roc_auc(scores_GMC: Tensor, targets_MC: Tensor) -> Tensor:
    areas_GC, pairs_C = _areas(scores_GMC, targets_MC)
    return _mean_over(areas_GC, pairs_C > 0)


def _d_prime(scores_GMC: Tensor, targets_MC: Tensor) -> Tensor:
    areas_GC, pairs_C = _areas(scores_GMC, targets_MC)
    half_C = 0.5 / pairs_C  # as in `measures`: kept half a pair of items away from 0 and 1
    return _mean_over(2**0.5 * torch.special.ndtri(areas_GC.clamp(half_C, 1 - half_C)), pairs_C > 0)


_METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "top1_acc": _top1,
    "mAP": _mean_average_precision,
    "d_prime": _d_prime,
    "aucroc": _roc_auc,
}
METRIC_NAMES = tuple(_METRICS)


def _areas(scores_GMC: Tensor, targets_MC: Tensor) -> tuple[Tensor, Tensor]:
    """Area under the ROC curve (G, C), and how many pairs of items it counts (C,)."""
    ranks = _Ranks(scores_GMC, targets_MC)
    lost_GCP = sum(ranks.items(or_equal) - ranks.positives(or_equal) for or_equal in (True, False))
    pairs_C = ranks.total_C * (scores_GMC.shape[1] - ranks.total_C)
    return 1 - (lost_GCP * ranks.real_CP).sum(dim=2).double() / 2 / pairs_C, pairs_C


class _Ranks:
    """What scores higher than each positive item: counts (G, C, P); `real_CP` tells items from padding."""

    def __init__(self, scores_GMC: Tensor, targets_MC: Tensor) -> None:
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

    def items(self, or_equal: bool) -> Tensor:
        return self._above(self._items_GCM, or_equal)

    def positives(self, or_equal: bool) -> Tensor:
        return self._above(self._positives_GCP, or_equal)

    def _above(self, sorted_GCN: Tensor, or_equal: bool) -> Tensor:
        below_GCP = torch.searchsorted(sorted_GCN, self._scores_GCP, right=not or_equal)
        return sorted_GCN.shape[2] - below_GCP


def _mean_over(values_GC: Tensor, known_C: Tensor) -> Tensor:
    return torch.where(known_C, values_GC, 0.0).sum(dim=1) / known_C.sum()

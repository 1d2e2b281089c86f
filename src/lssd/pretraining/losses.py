"""Contrastive losses, one value an instance, over candidates that may stand on other processes.

B: instances of this process; N: candidates, those of all processes (N = B for one process alone);
M: the embeddings that match one instance (the sounds of a clip, say), absent ones marked; Z: their size.

Every other clip weighs as one candidate whatever the number of its embeddings, and with M = 1 each loss
is the usual one. An instance with none of its M adds 0. No process holds more than B x N x M
similarities: memory is linear in N.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

SIGLIP_BIAS = -10.0


class Contrast(NamedTuple):
    """One embedding x of each clip against the M embeddings y of it, and against those of other clips.

    present_*: bool, which of the M there are. excluded_BN: bool, candidates that are no negatives of an
    instance; the instance itself must be among them. scale: 0-d, 1 / temperature; gradient flows through it.
    """

    x_BZ: Tensor
    y_BMZ: Tensor
    present_BM: Tensor
    x_NZ: Tensor
    y_NMZ: Tensor
    present_NM: Tensor
    excluded_BN: Tensor
    scale: Tensor


InstanceLoss = Callable[[Contrast], Tensor]


def nt_xent(contrast: Contrast) -> Tensor:
    """Eq. 1 -> (B,): one softmax over an instance's positive, its row and its column.

    l_i = mean over m of -log( e^{s(x_i,y_im)} / D_im ), with D_im = e^{s(x_i,y_im)} +
    sum_{j!=i} mean_k e^{s(x_i,y_jk)} + sum_{j!=i} e^{s(x_j,y_im)}, over the m and k that are present.
    """
    positive_BM, row_B1, column_BM = _log_sums(contrast)
    candidates = torch.stack([positive_BM, row_B1.expand_as(positive_BM), column_BM])
    return _mean_of_present(candidates.logsumexp(dim=0) - positive_BM, contrast.present_BM)


def clip(contrast: Contrast) -> Tensor:
    """Symmetric cross-entropy -> (B,): a softmax over the row, one over the column, and their mean.

    Radford et al. 2021, "Learning transferable visual models from natural language supervision". The
    positive stands in both, and the rest as in `nt_xent`.
    """
    positive_BM, row_B1, column_BM = _log_sums(contrast)
    both = torch.logaddexp(positive_BM, row_B1) + torch.logaddexp(positive_BM, column_BM)
    return _mean_of_present(both / 2 - positive_BM, contrast.present_BM)


def siglip(contrast: Contrast) -> Tensor:
    """A sigmoid a pair -> (B,): matching or not, each pair for itself, summed over an instance's row.

    Zhai et al. 2023, "Sigmoid loss for language image pre-training". They learn a bias that begins at -10,
    where hardly any pair is taken for a match, as is right for nearly all of them; here it stays there.
    Over the whole batch rows alone hold every pair once, so no column is needed.
    """
    negative_BNM = F.softplus(_rows(contrast) + SIGLIP_BIAS)
    negative_BNM = negative_BNM.masked_fill(_no_negatives(contrast), 0.0)
    share_N1 = 1 / _count(contrast.present_NM, negative_BNM.dtype)
    negative_B = (negative_BNM * share_N1).sum(dim=(1, 2))
    positive_BM = F.softplus(-(_positives(contrast) + SIGLIP_BIAS))
    return _mean_of_present(positive_BM + negative_B[:, None], contrast.present_BM)


INSTANCE_LOSSES: dict[str, InstanceLoss] = {"nt_xent": nt_xent, "clip": clip, "siglip": siglip}


def _log_sums(contrast: Contrast) -> tuple[Tensor, Tensor, Tensor]:
    """The positives' similarities, and the logarithms of the sums over negatives: (B, M), (B, 1), (B, M).

    A sum over nothing is the smallest finite number, not minus infinity, whose gradient would be NaN.
    """
    rows_BNM = _rows(contrast)
    if len(contrast.x_NZ) == len(contrast.x_BZ):
        # With nobody else taking part, the columns are the rows turned: [i, m, j] = rows[j, i, m].
        columns_BMN = rows_BNM.permute(1, 2, 0)
    else:
        columns_BMN = (contrast.scale * contrast.y_BMZ) @ contrast.x_NZ.t()
    nothing = torch.finfo(rows_BNM.dtype).min
    rows_BNM = rows_BNM - _count(contrast.present_NM, rows_BNM.dtype).log()
    row_B = rows_BNM.masked_fill(_no_negatives(contrast), nothing).flatten(1).logsumexp(dim=1)
    column_BM = columns_BMN.masked_fill(contrast.excluded_BN[:, None], nothing).logsumexp(dim=2)
    return _positives(contrast), row_B[:, None], column_BM


def _rows(contrast: Contrast) -> Tensor:
    """s(x_i, y_jk): (B, N, M)."""
    flat = (contrast.scale * contrast.x_BZ) @ contrast.y_NMZ.flatten(0, 1).t()
    return flat.unflatten(1, contrast.y_NMZ.shape[:2])


def _positives(contrast: Contrast) -> Tensor:
    """s(x_i, y_im): (B, M)."""
    return ((contrast.scale * contrast.x_BZ)[:, None] * contrast.y_BMZ).sum(dim=2)


def _no_negatives(contrast: Contrast) -> Tensor:
    """Which of the rows' similarities are with no negative: (B, N, M)."""
    return contrast.excluded_BN[:, :, None] | ~contrast.present_NM


def _count(present: Tensor, dtype: torch.dtype) -> Tensor:
    """How many of the M there are, in one column; 1 where there are none, which never weigh."""
    return present.sum(dim=1, keepdim=True, dtype=dtype).clamp(min=1)


def _mean_of_present(values_BM: Tensor, present_BM: Tensor) -> Tensor:
    count_B1 = _count(present_BM, values_BM.dtype)
    return values_BM.masked_fill(~present_BM, 0.0).sum(dim=1) / count_B1[:, 0]

"""Contrastive losses: matching views against those of other clips, one value per instance.

All three take the same arguments:

    z_v: one view of each instance, (B, Z). Rows have length 1 (not checked).
    z_a: what matches it, (B, Z), or (B, M, Z) where several views do, such as all dubs of a clip.
    temperature: similarities are cosines divided by it; above 0.
    present_BM: bool, which of the M views exist; all by default.
    candidates: what instances are contrasted with, where that is more than this batch; see `Candidates`.
    scale: 1 / temperature as a 0-d tensor that may take gradient; replaces `temperature`.

They compute in float32 (float64 for float64 input) whatever autocast is active, since exp(1 / 0.07)
overflows half precision. They raise InputError for fewer than 2 candidates, where there is nothing to
contrast with, for shapes that do not fit together and for a temperature that is not above 0.

Every other clip weighs as one candidate however many of its M views exist, and with M = 1 each loss is the
usual one. An instance with none of its M views adds 0. No process holds more than B x N x M similarities,
so memory is linear in N.

Shape suffixes: B instances of this process; N candidates, those of all processes (N = B for one process
alone); M views that match one instance; Z size of an embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lssd.errors import InputError

SIGLIP_BIAS = -10.0

InstanceLoss = Callable[..., Tensor]


@dataclass(frozen=True)
class Candidates:
    """The views of all N clips that take part, this process's own among them.

    present_NM: bool, which of the M views exist. excluded_BN: bool, which candidates are not negatives of
    an instance; the instance itself must be among them.
    """

    x_NZ: Tensor
    y_NMZ: Tensor
    present_NM: Tensor
    excluded_BN: Tensor


def nt_xent(
    z_v: Tensor,
    z_a: Tensor,
    temperature: float = 0.07,
    *,
    present_BM: Tensor | None = None,
    candidates: Candidates | None = None,
    scale: Tensor | None = None,
) -> Tensor:
    """Eq. 1 of the paper -> (B,): one softmax over an instance's positive, its row and its column.

    With s = z_v @ z_a.T / temperature, instance i picks s_ii among 2B - 1 candidates: its row holds the
    other sounds for its picture, its column the other pictures for its sound. CLIP's loss instead has one
    softmax per direction. With one match per instance the loss is symmetric in its arguments.

    With several matches y_i1, y_i2, ...: l_i = mean over m of -log( e^{s(x_i,y_im)} / D_im ), with D_im =
    e^{s(x_i,y_im)} + sum_{j!=i} mean_k e^{s(x_i,y_jk)} + sum_{j!=i} e^{s(x_j,y_im)}, over the m and k that
    are present. See the module for the arguments and errors.
    """
    with torch.autocast(z_v.device.type, enabled=False):
        x_BZ, y_BMZ, present_BM, among, scale = _complete(
            z_v, z_a, temperature, present_BM, candidates, scale
        )
        positive_BM, row_B1, column_BM = _log_sums(x_BZ, y_BMZ, among, scale)
        logits = torch.stack([positive_BM, row_B1.expand_as(positive_BM), column_BM])
        return _mean_of_present(logits.logsumexp(dim=0) - positive_BM, present_BM)


def clip(
    z_v: Tensor,
    z_a: Tensor,
    temperature: float = 0.07,
    *,
    present_BM: Tensor | None = None,
    candidates: Candidates | None = None,
    scale: Tensor | None = None,
) -> Tensor:
    """Symmetric cross-entropy -> (B,): the mean of a softmax over the row and one over the column.

    Radford et al. 2021, "Learning transferable visual models from natural language supervision". The
    positive is in both, and the other candidates are those of `nt_xent`.
    """
    with torch.autocast(z_v.device.type, enabled=False):
        x_BZ, y_BMZ, present_BM, among, scale = _complete(
            z_v, z_a, temperature, present_BM, candidates, scale
        )
        positive_BM, row_B1, column_BM = _log_sums(x_BZ, y_BMZ, among, scale)
        both = torch.logaddexp(positive_BM, row_B1) + torch.logaddexp(positive_BM, column_BM)
        return _mean_of_present(both / 2 - positive_BM, present_BM)


def siglip(
    z_v: Tensor,
    z_a: Tensor,
    temperature: float = 0.07,
    *,
    present_BM: Tensor | None = None,
    candidates: Candidates | None = None,
    scale: Tensor | None = None,
) -> Tensor:
    """One sigmoid per pair, matching or not, summed over an instance's row -> (B,).

    Zhai et al. 2023, "Sigmoid loss for language image pre-training". They learn a bias that starts at -10,
    where almost no pair is taken for a match, as is right for almost all of them; here it stays there.
    Over the whole batch the rows alone hold every pair once, so no column is needed.
    """
    with torch.autocast(z_v.device.type, enabled=False):
        x_BZ, y_BMZ, present_BM, among, scale = _complete(
            z_v, z_a, temperature, present_BM, candidates, scale
        )
        negative_BNM = F.softplus(_rows(x_BZ, among, scale) + SIGLIP_BIAS)
        negative_BNM = negative_BNM.masked_fill(_not_negative(among), 0.0)
        share_N1 = 1 / _count(among.present_NM, negative_BNM.dtype)
        negative_B = (negative_BNM * share_N1).sum(dim=(1, 2))
        positive_BM = F.softplus(-(_positives(x_BZ, y_BMZ, scale) + SIGLIP_BIAS))
        return _mean_of_present(positive_BM + negative_B[:, None], present_BM)


INSTANCE_LOSSES: dict[str, InstanceLoss] = {"nt_xent": nt_xent, "clip": clip, "siglip": siglip}


def _complete(
    z_v: Tensor,
    z_a: Tensor,
    temperature: float,
    present_BM: Tensor | None,
    candidates: Candidates | None,
    scale: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Candidates, Tensor]:
    """The arguments, checked and complete: x_BZ, y_BMZ, present_BM, candidates and scale."""
    if z_v.ndim != 2 or z_a.ndim not in (2, 3) or z_v.shape != (len(z_a), z_a.shape[-1]):
        raise InputError(
            f"the objective takes two (batch, size) tensors of one shape, not {tuple(z_v.shape)} "
            f"and {tuple(z_a.shape)}"
        )
    count = len(z_v) if candidates is None else len(candidates.x_NZ)
    if count < 2:
        raise InputError(f"the objective contrasts clips with each other: it needs at least 2, not {count}")
    x_BZ = full_precision(z_v)
    y_BMZ = full_precision(z_a if z_a.ndim == 3 else z_a[:, None])
    if present_BM is None:
        present_BM = torch.ones(y_BMZ.shape[:2], dtype=torch.bool, device=x_BZ.device)
    if candidates is None:
        own_BB = torch.eye(len(x_BZ), dtype=torch.bool, device=x_BZ.device)
        candidates = Candidates(x_BZ, y_BMZ, present_BM, own_BB)
    if scale is None:
        if not temperature > 0:
            raise InputError(f"temperature must be above 0, not {temperature}")
        scale = torch.full((), 1 / temperature, dtype=x_BZ.dtype, device=x_BZ.device)
    return x_BZ, y_BMZ, present_BM, candidates, scale


def full_precision(x: Tensor) -> Tensor:
    """float64 as it is, everything else as float32."""
    return x if x.dtype == torch.float64 else x.float()


def _log_sums(x_BZ: Tensor, y_BMZ: Tensor, among: Candidates, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The positives' similarities, and the logarithms of the sums over negatives: (B, M), (B, 1), (B, M).

    An empty sum is the smallest finite number, not minus infinity, whose gradient would be NaN.
    """
    # Similarities of each instance with all candidates' views (rows), and of its views with all x (columns).
    rows_BNM = _rows(x_BZ, among, scale)
    if len(among.x_NZ) == len(x_BZ):
        # This process is alone, so the columns are the rows transposed: [i, m, j] = rows[j, i, m].
        columns_BMN = rows_BNM.permute(1, 2, 0)
    else:
        columns_BMN = (scale * y_BMZ) @ among.x_NZ.t()
    # Subtracting log(count) turns the sum over a clip's k views into their mean.
    nothing = torch.finfo(rows_BNM.dtype).min
    rows_BNM = rows_BNM - _count(among.present_NM, rows_BNM.dtype).log()
    # Only negatives enter the sums.
    row_B = rows_BNM.masked_fill(_not_negative(among), nothing).flatten(1).logsumexp(dim=1)
    column_BM = columns_BMN.masked_fill(among.excluded_BN[:, None], nothing).logsumexp(dim=2)
    return _positives(x_BZ, y_BMZ, scale), row_B[:, None], column_BM


def _rows(x_BZ: Tensor, among: Candidates, scale: Tensor) -> Tensor:
    """s(x_i, y_jk): (B, N, M)."""
    flat = (scale * x_BZ) @ among.y_NMZ.flatten(0, 1).t()
    return flat.unflatten(1, among.y_NMZ.shape[:2])


def _positives(x_BZ: Tensor, y_BMZ: Tensor, scale: Tensor) -> Tensor:
    """s(x_i, y_im): (B, M)."""
    return ((scale * x_BZ)[:, None] * y_BMZ).sum(dim=2)


def _not_negative(among: Candidates) -> Tensor:
    """Which entries of the rows belong to no negative, since they are excluded or absent: (B, N, M)."""
    return among.excluded_BN[:, :, None] | ~among.present_NM


def _count(present: Tensor, dtype: torch.dtype) -> Tensor:
    """How many of the M views exist, as a column; 1 where none do, which then never weigh."""
    return present.sum(dim=1, keepdim=True, dtype=dtype).clamp(min=1)


def _mean_of_present(values_BM: Tensor, present_BM: Tensor) -> Tensor:
    count_B1 = _count(present_BM, values_BM.dtype)
    return values_BM.masked_fill(~present_BM, 0.0).sum(dim=1) / count_B1[:, 0]

"""The contrastive objective (paper, Eq. 1-3), one file, no state.

z are L2-normalised rows, B of them; row i of every argument comes from clip i.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lssd.errors import InputError


def nt_xent(z_v: Tensor, z_a: Tensor, temperature: float = 0.07) -> Tensor:
    """Eq. 1: the instance-wise loss of matching rows, (B, Z) x (B, Z) -> (B,).

    With s = z_v @ z_a.T / temperature, instance i picks s_ii among 2B - 1 candidates in one softmax: its
    row (other sounds for its picture) and its column (other pictures for its sound). This is not CLIP's
    loss, which has one softmax a direction. It is symmetric in its arguments.

    Computed in float32 (float64 for float64 input) whatever autocast is active, since exp(1 / 0.07)
    overflows half precision. Rows must have length 1 (not checked). Raises InputError for B < 2, where
    nothing is left to contrast with, for unequal shapes and for a temperature that is not above 0.
    """
    if z_v.ndim != 2 or z_v.shape != z_a.shape:
        raise InputError(
            f"the objective takes two (batch, size) tensors of one shape, not {tuple(z_v.shape)} "
            f"and {tuple(z_a.shape)}"
        )
    if len(z_v) < 2:
        raise InputError(
            f"the objective contrasts clips with each other: it needs at least 2, not {len(z_v)}"
        )
    if not temperature > 0:
        raise InputError(f"temperature must be above 0, not {temperature}")
    exact = torch.float64 if z_v.dtype == torch.float64 else torch.float32
    with torch.autocast(z_v.device.type, enabled=False):
        logits_BB = z_v.to(exact) @ z_a.to(exact).t() / temperature
        # The positive stands in the row already; leave it out of the column.
        own = torch.eye(len(logits_BB), dtype=torch.bool, device=logits_BB.device)
        columns_BB = logits_BB.t().masked_fill(own, float("-inf"))
        return torch.cat([logits_BB, columns_BB], dim=1).logsumexp(dim=1) - logits_BB.diagonal()


class Losses(NamedTuple):
    """Scalars of one batch: `total` carries the gradient; the others are its terms, unweighted, detached."""

    total: Tensor
    cross: Tensor
    video: Tensor
    audio: Tensor


def quadruplet_loss(
    z_vp: Tensor,
    z_vs: Tensor,
    z_ap: Tensor,
    z_as: Tensor,
    lambda_v: float = 0.0,
    lambda_a: float = 0.0,
    temperature: float = 0.07,
) -> Losses:
    """Eq. 2-3: the loss of quadruplets, as batch means (the paper's sums divided by B).

    cross = 1/2 mean( l(v_p, a_s) + l(v_s, a_p) ), video = mean l(v_p, v_s), audio = mean l(a_p, a_s),
    total = cross + lambda_v video + lambda_a audio. The within-modal terms are returned at weight 0 too,
    to be watched, and then take no part in the total: not even a NaN of theirs can reach it.

    Args: (B, Z) unit rows for primary and secondary windows of picture and sound; weights >= 0. Raises
    InputError as `nt_xent` does.
    """
    cross = 0.5 * (nt_xent(z_vp, z_as, temperature) + nt_xent(z_vs, z_ap, temperature)).mean()
    video = nt_xent(z_vp, z_vs, temperature).mean()
    audio = nt_xent(z_ap, z_as, temperature).mean()
    total = cross
    if lambda_v > 0:
        total = total + lambda_v * video
    if lambda_a > 0:
        total = total + lambda_a * audio
    return Losses(total, cross.detach(), video.detach(), audio.detach())

"""Features scaled by the training items, so that a penalty means the same for every embedding."""

import torch
from torch import Tensor


def moments(x_ND: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation (D,) of the training items.

    A feature that is constant (to rounding) tells nothing and must not be blown up: its deviation is
    infinite.
    """
    mean_D, deviation_D = x_ND.mean(dim=0), x_ND.std(dim=0, correction=0)
    varies_D = deviation_D > 1e-9 * (mean_D.abs() + 1e-9)
    return mean_D, torch.where(varies_D, deviation_D, torch.inf)

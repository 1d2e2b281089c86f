"""Projection heads: used in pretraining only, and left out of a finished model."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ProjectionHead(nn.Module):
    """A 2-layer MLP from an embedding to the unit sphere of the contrastive objective.

    The paper: two layers, output 512, L2-normalised. Hidden width (that of the input by default), ReLU
    and no normalisation between are our choice: batches hold several clips of a title, and a BatchNorm
    here would leak which.
    """

    def __init__(self, width: int, size: int = 512, hidden: int | None = None) -> None:
        super().__init__()
        hidden = width if hidden is None else hidden
        self.layers = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, size))

    def forward(self, embedding_BD: Tensor) -> Tensor:
        """(B, width) -> (B, size) of length 1, float32 (float64 for float64): the normalisation is inside."""
        z_BZ: Tensor = self.layers(embedding_BD)
        return F.normalize(z_BZ if z_BZ.dtype == torch.float64 else z_BZ.float(), dim=-1)

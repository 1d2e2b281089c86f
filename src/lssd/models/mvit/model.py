"""Multiscale vision transformers of both families, for pictures in motion and for spectrograms.

After "Multiscale Vision Transformers" (Fan et al., ICCV 2021) and "MViTv2" (Li et al., CVPR 2022):
attention whose queries, keys and values are pooled by depthwise convolutions, a width that doubles and
a grid that halves at the start of each stage. The second family adds decomposed relative positions and
residual pooling, and widens in attention instead of the MLP. A spectrogram is a film of one picture.

Shape suffixes: B batch, C channels, T H W grid (frames, rows, columns), N = T * H * W tokens (after the
class token, where there is one).
"""

import dataclasses
from typing import Literal

import torch
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models.draws import Randomness
from lssd.models.encoder import Encoder
from lssd.models.mvit.attention import PoolingAttention
from lssd.models.mvit.blocks import Block, PatchEmbedding, draw_depth
from lssd.models.mvit.config import LAYER_NORM_EPS, Grid, MViTConfig
from lssd.models.mvit.pooling import TokenPool
from lssd.models.mvit.positions import AbsolutePositions


class MViT(Encoder):
    """The encoder: patches, blocks, a final norm, and a vector an item."""

    config: MViTConfig

    def __init__(self, config: MViTConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding_size = config.embedding_size
        self.patches = PatchEmbedding(config)
        self.class_token = nn.Parameter(torch.zeros(1, 1, config.width)) if config.class_token else None
        self.positions = (
            AbsolutePositions(config.width, config.patch_grid(config.input_size), config.class_token)
            if config.positions == "absolute"
            else None
        )
        self.blocks = nn.ModuleList(Block(config, plan) for plan in config.blocks())
        self.norm = nn.LayerNorm(self.embedding_size, eps=LAYER_NORM_EPS)
        self._initialise()

    def forward(self, x_BCTHW: Tensor, generator: Randomness = None) -> Tensor:
        """(B, in_channels, T, H, W) floats -> (B, embedding_size).

        Other T, H, W than `config.input_size` interpolate the positions. `generator` draws
        stochastic depth in training mode. Raises InputError for a shape that the network cannot take.
        """
        grid = self._check(x_BCTHW)
        x = self.patches(x_BCTHW, grid)
        if self.class_token is not None:
            x = torch.cat([self.class_token.to(x.dtype).expand(len(x), -1, -1), x], dim=1)
        if self.positions is not None:
            x = x + self.positions(grid)
        plans = self.config.blocks()
        drops = self.training and any(plan.drop_path for plan in plans)
        depths: list[Tensor | None] = draw_depth(plans, x, generator) if drops else [None] * len(plans)
        for block, depth_2B in zip(self.blocks, depths, strict=True):
            x, grid = block(x, grid, depth_2B)
        if self.config.readout == "class":
            return self.norm(x)[:, 0]
        if self.config.readout == "mean_then_norm":
            return self.norm((x[:, 1:] if self.config.class_token else x).mean(dim=1))
        x = self.norm(x)
        return (x[:, 1:] if self.config.class_token else x).mean(dim=1)

    def use_attention(self, attention: Literal["fast", "plain"]) -> None:
        """Change the dial of that name in place; weights stay, and numbers up to rounding."""
        self.config = dataclasses.replace(self.config, attention=attention)
        for module in self.modules():
            if isinstance(module, PoolingAttention | TokenPool):
                module.plain = attention == "plain"
        self.patches.use_attention(self.config)

    def _check(self, x_BCTHW: Tensor) -> Grid:
        channels = self.config.in_channels
        if x_BCTHW.ndim != 5 or x_BCTHW.shape[1] != channels:
            raise InputError(
                f"the MViT takes (batch, {channels}, frames, rows, columns), not {tuple(x_BCTHW.shape)}"
            )
        if not x_BCTHW.is_floating_point():
            raise InputError(f"the MViT takes floating-point values, not {x_BCTHW.dtype}")
        t, h, w = x_BCTHW.shape[2:]
        grid = self.config.patch_grid((t, h, w))
        if min(grid) < 1:
            raise InputError(
                f"the input is {t} x {h} x {w} (frames, rows, columns): "
                f"smaller than one patch of {' x '.join(map(str, self.config.patch_kernel))}"
            )
        return grid

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        if self.class_token is not None:
            nn.init.trunc_normal_(self.class_token, std=0.02)

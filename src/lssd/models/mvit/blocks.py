"""Parts of an MViT around its attention: patches, stochastic depth, and the block.

Shape suffixes: B batch, C channels, T H W grid (frames, rows, columns), N tokens.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.models.draws import Randomness, uniform
from lssd.models.mvit.attention import PoolingAttention
from lssd.models.mvit.config import LAYER_NORM_EPS, BlockPlan, Grid, MViTConfig, pooled_grid


def draw_depth(plans: Sequence[BlockPlan], x_BNC: Tensor, source: Randomness) -> list[Tensor | None]:
    """Stochastic depth of one forward pass: a block's factors (2, B), or None where it drops nothing.

    An item's path through attention (0) or the MLP (1) is left out with the block's probability, factor 0,
    and else scaled up to the same mean. Drawn for all blocks at once, since a generator inside a block
    would break the graph that `torch.compile` makes of it.
    """
    drawn_N2B = uniform(2 * len(plans), len(x_BNC), source, x_BNC.device).unflatten(0, (-1, 2))
    return [
        (drawn >= plan.drop_path).to(drawn) / (1.0 - plan.drop_path) if plan.drop_path else None
        for plan, drawn in zip(plans, drawn_N2B, strict=True)
    ]


def _scaled(x_BNC: Tensor, factor_B: Tensor) -> Tensor:
    return x_BNC * factor_B.to(x_BNC).view(-1, 1, 1)


class PatchEmbedding(nn.Module):
    """A strided 3D convolution from a picture sequence to tokens."""

    def __init__(self, config: MViTConfig) -> None:
        super().__init__()
        self.conv = nn.Conv3d(
            config.in_channels, config.width, config.patch_kernel, config.patch_stride, config.patch_padding
        )
        self.use_attention(config)

    def use_attention(self, config: MViTConfig) -> None:
        """Follow the dial `attention`: "fast" cuts plain patches out instead of convolving."""
        cut = config.patch_kernel == config.patch_stride and not any(config.patch_padding)
        self.plain = cut and config.attention == "fast"

    def forward(self, x_BCTHW: Tensor, grid: Grid) -> Tensor:
        """(B, C, T, H, W) -> (B, N, width). What does not fill a patch at the far edges is left out."""
        if not self.plain:
            return self.conv(x_BCTHW).flatten(2).transpose(1, 2)
        # Plain patches are one matrix product: several times faster than the convolution on a CPU.
        b, c = x_BCTHW.shape[:2]
        (t, h, w), (kt, kh, kw) = grid, self.conv.kernel_size
        x = x_BCTHW[:, :, : t * kt, : h * kh, : w * kw].reshape(b, c, t, kt, h, kh, w, kw)
        x = x.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(b, t * h * w, c * kt * kh * kw)
        return F.linear(x, self.conv.weight.flatten(1), self.conv.bias)


class Block(nn.Module):
    """Pooling attention and an MLP, each around a skip path.

    Where the width grows, a linear layer widens the skip path: that around attention (MViTv2) or that
    around the MLP (MViT). Where the grid shrinks, a maximum pools the skip path around attention.
    """

    def __init__(self, config: MViTConfig, plan: BlockPlan) -> None:
        super().__init__()
        self.plan = plan
        self.class_token = config.class_token
        self.norm1 = nn.LayerNorm(plan.width, eps=LAYER_NORM_EPS)
        self.attention = PoolingAttention(config, plan)
        self.widens_attention = plan.attention_width != plan.width
        self.widen = nn.Linear(plan.width, plan.width_out) if plan.width_out != plan.width else None
        self.norm2 = nn.LayerNorm(plan.attention_width, eps=LAYER_NORM_EPS)
        hidden = round(plan.attention_width * config.mlp_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(plan.attention_width, hidden), nn.GELU(), nn.Linear(hidden, plan.width_out)
        )

    def forward(self, x_BNC: Tensor, grid: Grid, depth_2B: Tensor | None = None) -> tuple[Tensor, Grid]:
        """(B, N, width) over `grid` -> (B, N', width_out) and its grid, pooled where a stage starts.

        `depth_2B`: this block's factors of `draw_depth`; None leaves nothing out.
        """
        normed = self.norm1(x_BNC)
        skip = self.widen(normed) if self.widen is not None and self.widens_attention else x_BNC
        attended = self.attention(normed, grid)
        x = self._pool_skip(skip, grid) + (attended if depth_2B is None else _scaled(attended, depth_2B[0]))
        normed = self.norm2(x)
        skip = self.widen(normed) if self.widen is not None and not self.widens_attention else x
        mixed = self.mlp(normed)
        x = skip + (mixed if depth_2B is None else _scaled(mixed, depth_2B[1]))
        return x, pooled_grid(grid, self.plan.q_stride)

    def _pool_skip(self, x_BNC: Tensor, grid: Grid) -> Tensor:
        stride = self.plan.q_stride
        if stride == 1:
            return x_BNC
        b, _, c = x_BNC.shape
        t, h, w = grid
        tokens = x_BNC[:, 1:] if self.class_token else x_BNC
        frames = tokens.reshape(b * t, h, w, c).permute(0, 3, 1, 2)
        kernel = stride + 1
        pooled = F.max_pool2d(frames, kernel, stride, kernel // 2).permute(0, 2, 3, 1).reshape(b, -1, c)
        return torch.cat([x_BNC[:, :1], pooled], dim=1) if self.class_token else pooled

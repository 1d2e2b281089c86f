"""The dials of the multiscale vision transformers, and what follows from them block by block."""

import dataclasses
import itertools
import math
from typing import Literal

from lssd.models.limits import LAYERS, SIZE, require_ranges, require_size

Grid = tuple[int, int, int]
LAYER_NORM_EPS = 1e-6  # as in both papers' released settings


@dataclasses.dataclass(frozen=True)
class MViTConfig:
    """The dials of an MViT. Defaults are MViTv2-S on 16 frames of 224 x 224.

    `input_size` (T, H, W) fixes the size of the position tables; other sizes interpolate them.
    `patch_kernel` equal to `patch_stride` with no padding gives plain patches, otherwise they overlap.
    `kv_stride` is the keys' and values' spatial stride in the first stage; with `kv_adaptive` it halves
    at each later one, so that their grid keeps its size, without it stays.
    `attention`: "plain" writes out what the papers define and is the reference; "fast" gives the same
    numbers by fused kernels.

    What differs between the families, the first one's value second:
    `positions`: "relative" decomposed biases, or "absolute" separable embeddings of space and time;
    `residual_pooling`: whether pooled queries are added to what attention returns;
    `widen_in`: the width grows in the "attention" of a stage's first block, or in the "mlp" of the last
    block before it;
    `pool_queries`: convolve "all" queries, or only the "strided" ones that start a stage.

    `readout`: "mean" averages the normalised tokens of the grid, "class" takes the class token, and
    "mean_then_norm" averages before the last normalisation.
    """

    in_channels: int = 3
    input_size: tuple[int, int, int] = (16, 224, 224)
    depth: int = 16
    width: int = 96
    heads: int = 1
    stage_starts: tuple[int, ...] = (1, 3, 14)
    patch_kernel: tuple[int, int, int] = (3, 7, 7)
    patch_stride: tuple[int, int, int] = (2, 4, 4)
    patch_padding: tuple[int, int, int] = (1, 3, 3)
    pool_kernel: tuple[int, int, int] = (3, 3, 3)
    kv_stride: int = 8
    kv_adaptive: bool = True
    mlp_ratio: float = 4.0
    drop_path: float = 0.2
    positions: Literal["relative", "absolute", "none"] = "relative"
    residual_pooling: bool = True
    widen_in: Literal["attention", "mlp"] = "attention"
    pool_queries: Literal["all", "strided"] = "all"
    class_token: bool = False
    readout: Literal["mean", "class", "mean_then_norm"] = "mean"
    attention: Literal["fast", "plain"] = "fast"

    def __post_init__(self) -> None:
        require_ranges(
            self, depth=(1, LAYERS), patch_kernel=(1, SIZE), patch_stride=(1, SIZE), mlp_ratio=(1e-3, SIZE)
        )
        if min(self.depth, self.width, self.heads, self.in_channels) < 1:
            raise ValueError("depth, width, heads and in_channels must be at least 1")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        starts = (0, *self.stage_starts, self.depth)
        if any(later <= earlier for earlier, later in itertools.pairwise(starts)):
            raise ValueError(
                f"stage_starts {self.stage_starts} must rise from 1 to below the depth, {self.depth}"
            )
        if any(size % 2 == 0 for size in self.pool_kernel):
            raise ValueError(f"pool_kernel {self.pool_kernel} must hold odd sizes")
        if self.kv_stride < 1:
            raise ValueError(f"kv_stride {self.kv_stride} must be at least 1")
        if self.readout == "class" and not self.class_token:
            raise ValueError("readout 'class' needs class_token true")
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path {self.drop_path} is not a probability below 1")
        if min(self.patch_grid(self.input_size)) < 1:
            raise ValueError(f"input_size {self.input_size} is smaller than one patch, {self.patch_kernel}")
        require_size("input_size and in_channels", inputs=self.in_channels * math.prod(self.input_size))
        names = "width, depth, stage_starts and mlp_ratio"
        require_size(names, parameters=self.least_parameters)
        plans = self.blocks()
        tokens = [math.prod(plan.grid) for plan in plans]
        widest = [max(3, round(self.mlp_ratio)) * plan.attention_width for plan in plans]
        require_size(
            f"input_size, patch_stride and {names}",
            activations=max(count * width for count, width in zip(tokens, widest, strict=True)),
        )
        if self.positions == "relative":
            require_size("input_size, patch_stride and kv_stride", tables=sum(map(_table_size, plans)))

    @property
    def embedding_size(self) -> int:
        """Width of the last stage, which is the width of the output."""
        return self.width * 2 ** len(self.stage_starts)

    @property
    def least_parameters(self) -> int:
        """A lower bound of the parameters: those of patches, linear layers and absolute positions."""
        total = self.in_channels * self.width * math.prod(self.patch_kernel)
        if self.positions == "absolute":
            t, h, w = self.patch_grid(self.input_size)
            total += (t + h * w) * self.width
        for plan in self.blocks():
            hidden = round(plan.attention_width * self.mlp_ratio)
            total += plan.attention_width * (3 * plan.width + plan.attention_width)
            total += hidden * (plan.attention_width + plan.width_out)
        return total

    def patch_grid(self, size: Grid) -> Grid:
        """The (T, H, W) grid of tokens that an input of (frames, rows, columns) becomes."""
        t, h, w = (
            (length + 2 * padding - kernel) // stride + 1
            for length, kernel, stride, padding in zip(
                size, self.patch_kernel, self.patch_stride, self.patch_padding, strict=True
            )
        )
        return t, h, w

    def blocks(self) -> list["BlockPlan"]:
        """Widths, heads, strides and grids of all blocks, first to last."""
        plans: list[BlockPlan] = []
        width, grid = self.width, self.patch_grid(self.input_size)
        for index in range(self.depth):
            stage = sum(index >= start for start in self.stage_starts)
            later = sum(index + 1 >= start for start in self.stage_starts)
            attention_width = self.width * 2**stage
            plan = BlockPlan(
                width=width,
                attention_width=attention_width,
                width_out=attention_width if self.widen_in == "attention" else self.width * 2**later,
                heads=self.heads * 2**stage,
                grid=grid,
                q_stride=2 if index in self.stage_starts else 1,
                kv_stride=max(self.kv_stride >> stage, 1) if self.kv_adaptive else self.kv_stride,
                drop_path=self.drop_path * index / max(self.depth - 1, 1),
            )
            plans.append(plan)
            width, grid = plan.width_out, pooled_grid(grid, plan.q_stride)
        return plans


@dataclasses.dataclass(frozen=True)
class BlockPlan:
    """One block: widths of its input, attention and output; its input's grid; its spatial strides."""

    width: int
    attention_width: int
    width_out: int
    heads: int
    grid: Grid
    q_stride: int
    kv_stride: int
    drop_path: float


def _table_size(plan: BlockPlan) -> int:
    """Numbers of the constant tables that relative positions keep for a block (`RelativePositions`)."""
    queries, keys = pooled_grid(plan.grid, plan.q_stride), pooled_grid(plan.grid, plan.kv_stride)
    pairs = sum(q * k for q, k in zip(queries, keys, strict=True))
    return pairs + math.prod(keys) * sum(keys)


def pooled_grid(grid: Grid, stride: int) -> Grid:
    """The grid after a pooling with odd kernel, half padding and a spatial stride."""
    t, h, w = grid
    return t, (h - 1) // stride + 1, (w - 1) // stride + 1

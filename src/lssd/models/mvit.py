"""Multiscale vision transformer (MViTv2), one definition for pictures in motion and for spectrograms.

After "Multiscale Vision Transformers" (Fan et al., ICCV 2021) and "MViTv2" (Li et al., CVPR 2022):
attention whose queries, keys and values are pooled by depthwise convolutions, a width that doubles and
a grid that halves at the start of each stage, decomposed relative positions, residual pooling.
A spectrogram is a film of one picture: T = 1.

Shape suffixes: B batch, C channels, T H W grid (frames, rows, columns), N = T * H * W tokens (after the
class token, where there is one), n heads, D channels a head, A = T + H + W of the keys' grid.
"""

import dataclasses
import itertools
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models.positions import RelativePositions

Grid = tuple[int, int, int]
_EPS = 1e-6  # LayerNorm, as in both papers' released settings


@dataclasses.dataclass(frozen=True)
class MViTConfig:
    """The dials of an MViT. Defaults are MViTv2-S on 16 frames of 224 x 224.

    `patch_kernel` equal to `patch_stride` with no padding gives plain patches, otherwise they overlap.
    `kv_stride` is the keys' and values' spatial stride in the first stage; it halves at each later one.
    `input_size` (T, H, W) fixes the size of the position tables; other sizes interpolate them.
    `readout`: "mean" averages the tokens of the grid, "class" takes the class token.
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
    mlp_ratio: float = 4.0
    drop_path: float = 0.2
    class_token: bool = False
    readout: Literal["mean", "class"] = "mean"

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        starts = (0, *self.stage_starts, self.depth)
        if any(later <= earlier for earlier, later in itertools.pairwise(starts)):
            raise ValueError(
                f"stage_starts {self.stage_starts} must rise from 1 to below the depth, {self.depth}"
            )
        if any(size % 2 == 0 for size in self.pool_kernel):
            raise ValueError(f"pool_kernel {self.pool_kernel} must hold odd sizes")
        if self.readout == "class" and not self.class_token:
            raise ValueError("readout 'class' needs class_token true")
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path {self.drop_path} is not a probability below 1")
        if min(self.patch_grid(self.input_size)) < 1:
            raise ValueError(f"input_size {self.input_size} is smaller than one patch, {self.patch_kernel}")

    @property
    def embedding_size(self) -> int:
        """Width of the last stage, which is the width of the output."""
        return self.width * 2 ** len(self.stage_starts)

    def patch_grid(self, size: Grid) -> Grid:
        """The (T, H, W) grid of tokens that an input of (frames, rows, columns) becomes."""
        t, h, w = (
            (length + 2 * padding - kernel) // stride + 1
            for length, kernel, stride, padding in zip(
                size, self.patch_kernel, self.patch_stride, self.patch_padding, strict=True
            )
        )
        return t, h, w


def pooled_grid(grid: Grid, stride: int) -> Grid:
    """The grid after a pooling with odd kernel, half padding and a spatial stride."""
    t, h, w = grid
    return t, (h - 1) // stride + 1, (w - 1) // stride + 1


def drop_path(x_BNC: Tensor, probability: float, generator: torch.Generator | None) -> Tensor:
    """Stochastic depth: zero whole items with this probability and scale the others up to the same mean."""
    if probability == 0.0:
        return x_BNC
    device = x_BNC.device if generator is None else generator.device
    kept_B = torch.rand(len(x_BNC), generator=generator, device=device) >= probability
    return x_BNC * (kept_B.to(x_BNC) / (1.0 - probability)).view(-1, 1, 1)


class PatchEmbedding(nn.Module):
    """A strided 3D convolution from a picture sequence to tokens."""

    def __init__(self, config: MViTConfig) -> None:
        super().__init__()
        self.conv = nn.Conv3d(
            config.in_channels, config.width, config.patch_kernel, config.patch_stride, config.patch_padding
        )
        self.plain = config.patch_kernel == config.patch_stride and not any(config.patch_padding)

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


class TokenPool(nn.Module):
    """Depthwise convolution over the grid, its weights shared by all heads, then LayerNorm a head."""

    def __init__(self, head_width: int, kernel: Grid, stride: int) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        # Held as a module for its parameters and their initialisation; `forward` runs it for all heads.
        self.conv = nn.Conv3d(
            head_width, head_width, kernel, (1, stride, stride), padding, groups=head_width, bias=False
        )
        self.norm = nn.LayerNorm(head_width, eps=_EPS)
        self.stride = stride

    def forward(self, x_BNC: Tensor, grid: Grid, class_token: bool) -> Tensor:
        """(B, N, n * D) over `grid` -> (B, n, N', D); a leading class token is normalised, not pooled."""
        b, _, channels = x_BNC.shape
        head_width = self.conv.in_channels
        heads = channels // head_width
        tokens = x_BNC[:, 1:] if class_token else x_BNC
        pooled = self._convolve(tokens.reshape(b, *grid, channels), heads)
        pooled = pooled.reshape(b, -1, heads, head_width)
        if class_token:
            pooled = torch.cat([x_BNC[:, :1].reshape(b, 1, heads, head_width), pooled], dim=1)
        return self.norm(pooled).transpose(1, 2)

    def _convolve(self, x_BTHWC: Tensor, heads: int) -> Tensor:
        b, t, h, w, channels = x_BTHWC.shape
        weight = self.conv.weight.repeat(heads, 1, 1, 1, 1)
        padding = self.conv.padding
        if weight.shape[2] == 1 or t == 1:
            # No neighbour in time: only the middle tap counts, and a channels-last 2D convolution is
            # three to seven times faster than the 3D one on a CPU.
            x = x_BTHWC.reshape(b * t, h, w, channels).permute(0, 3, 1, 2)
            middle = weight[:, :, weight.shape[2] // 2]
            return F.conv2d(x, middle, None, self.stride, padding[1:], groups=channels).permute(0, 2, 3, 1)
        x = x_BTHWC.permute(0, 4, 1, 2, 3)
        y = F.conv3d(x, weight, None, self.conv.stride, padding, groups=channels)
        return y.permute(0, 2, 3, 4, 1)


class PoolingAttention(nn.Module):
    """Multi-head attention over pooled queries, keys and values, plus the pooled query itself.

    MViTv2, Section 4.1: attention of pooled tokens, decomposed relative positions, residual pooling.
    """

    def __init__(self, width: int, width_out: int, heads: int, grid: Grid, block: "BlockShape") -> None:
        super().__init__()
        self.heads = heads
        self.class_token = block.class_token
        self.q_stride, self.kv_stride = block.q_stride, block.kv_stride
        head_width = width_out // heads
        self.qkv = nn.Linear(width, 3 * width_out)
        self.pool_q = TokenPool(head_width, block.pool_kernel, block.q_stride)
        self.pool_k = TokenPool(head_width, block.pool_kernel, block.kv_stride)
        self.pool_v = TokenPool(head_width, block.pool_kernel, block.kv_stride)
        self.positions = RelativePositions(
            head_width, pooled_grid(grid, block.q_stride), pooled_grid(grid, block.kv_stride)
        )
        self.project = nn.Linear(width_out, width_out)

    def forward(self, x_BNC: Tensor, grid: Grid) -> Tensor:
        """(B, N, width) over `grid` -> (B, N', width_out) over the queries' grid."""
        q, k, v = self.qkv(x_BNC).chunk(3, dim=-1)
        q_BnND = self.pool_q(q, grid, self.class_token)
        k_BnND = self.pool_k(k, grid, self.class_token)
        v_BnND = self.pool_v(v, grid, self.class_token)
        q_grid, k_grid = pooled_grid(grid, self.q_stride), pooled_grid(grid, self.kv_stride)
        head_width = q_BnND.shape[-1]
        # The bias of relative positions is linear in q. Carried as extra channels of q (and one-hot
        # places as extra channels of k) it needs no attention mask, so the fused kernels stay usable.
        q_bias, k_places = self.positions(q_BnND, q_grid, k_grid, self.class_token)
        extra = q_bias.shape[-1]
        out = F.scaled_dot_product_attention(
            torch.cat([q_BnND * head_width**-0.5, q_bias], dim=-1),
            torch.cat([k_BnND, k_places.to(k_BnND.dtype).expand(*k_BnND.shape[:3], extra)], dim=-1),
            F.pad(v_BnND, (0, extra)),
            scale=1.0,
        )[..., :head_width]
        if self.class_token:
            # Residual pooling is for the grid's tokens alone.
            out = torch.cat([out[:, :, :1], out[:, :, 1:] + q_BnND[:, :, 1:]], dim=2)
        else:
            out = out + q_BnND
        return self.project(out.transpose(1, 2).flatten(2))


@dataclasses.dataclass(frozen=True)
class BlockShape:
    """What the blocks of one network differ in, apart from their widths and grids."""

    pool_kernel: Grid
    q_stride: int
    kv_stride: int
    class_token: bool
    mlp_ratio: float
    drop_path: float


class Block(nn.Module):
    """Pooling attention and an MLP, each around a skip path; the first widens and pools where asked."""

    def __init__(self, width: int, width_out: int, heads: int, grid: Grid, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape
        self.norm1 = nn.LayerNorm(width, eps=_EPS)
        self.attention = PoolingAttention(width, width_out, heads, grid, shape)
        self.widen = nn.Linear(width, width_out) if width_out != width else None
        self.norm2 = nn.LayerNorm(width_out, eps=_EPS)
        hidden = round(width_out * shape.mlp_ratio)
        self.mlp = nn.Sequential(nn.Linear(width_out, hidden), nn.GELU(), nn.Linear(hidden, width_out))

    def forward(self, x_BNC: Tensor, grid: Grid, generator: torch.Generator | None) -> tuple[Tensor, Grid]:
        """(B, N, width) over `grid` -> (B, N', width_out) and its grid, pooled where a stage starts."""
        dropped = self.shape.drop_path if self.training else 0.0
        normed = self.norm1(x_BNC)
        skip = x_BNC if self.widen is None else self.widen(normed)
        attended = self.attention(normed, grid)
        x = self._pool_skip(skip, grid) + drop_path(attended, dropped, generator)
        x = x + drop_path(self.mlp(self.norm2(x)), dropped, generator)
        return x, pooled_grid(grid, self.shape.q_stride)

    def _pool_skip(self, x_BNC: Tensor, grid: Grid) -> Tensor:
        stride = self.shape.q_stride
        if stride == 1:
            return x_BNC
        b, _, c = x_BNC.shape
        t, h, w = grid
        tokens = x_BNC[:, 1:] if self.shape.class_token else x_BNC
        frames = tokens.reshape(b * t, h, w, c).permute(0, 3, 1, 2)
        kernel = stride + 1
        pooled = F.max_pool2d(frames, kernel, stride, kernel // 2).permute(0, 2, 3, 1).reshape(b, -1, c)
        return torch.cat([x_BNC[:, :1], pooled], dim=1) if self.shape.class_token else pooled


class MViT(nn.Module):
    """The encoder: patches, blocks, a final norm, and a vector an item."""

    def __init__(self, config: MViTConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding_size = config.embedding_size
        self.patches = PatchEmbedding(config)
        self.class_token = nn.Parameter(torch.zeros(1, 1, config.width)) if config.class_token else None
        blocks: list[Block] = []
        width, heads, grid = config.width, config.heads, config.patch_grid(config.input_size)
        for index in range(config.depth):
            starts = index in config.stage_starts
            stage = sum(index >= start for start in config.stage_starts)
            shape = BlockShape(
                pool_kernel=config.pool_kernel,
                q_stride=2 if starts else 1,
                kv_stride=max(config.kv_stride >> stage, 1),
                class_token=config.class_token,
                mlp_ratio=config.mlp_ratio,
                drop_path=config.drop_path * index / max(config.depth - 1, 1),
            )
            width_out, heads = (2 * width, 2 * heads) if starts else (width, heads)
            blocks.append(Block(width, width_out, heads, grid, shape))
            width, grid = width_out, pooled_grid(grid, shape.q_stride)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self._initialise()

    def forward(self, x_BCTHW: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, in_channels, T, H, W) floats -> (B, embedding_size).

        Other T, H, W than `config.input_size` interpolate the relative positions. `generator` draws
        stochastic depth in training mode. Raises InputError for a shape that the network cannot take.
        """
        grid = self._check(x_BCTHW)
        x = self.patches(x_BCTHW, grid)
        if self.class_token is not None:
            x = torch.cat([self.class_token.to(x.dtype).expand(len(x), -1, -1), x], dim=1)
        for block in self.blocks:
            x, grid = block(x, grid, generator)
        x = self.norm(x)
        if self.config.readout == "class":
            return x[:, 0]
        return (x[:, 1:] if self.config.class_token else x).mean(dim=1)

    def _check(self, x_BCTHW: Tensor) -> Grid:
        channels = self.config.in_channels
        if x_BCTHW.ndim != 5 or x_BCTHW.shape[1] != channels:
            raise InputError(
                f"the MViT takes (batch, {channels}, frames, rows, columns), not {tuple(x_BCTHW.shape)}"
            )
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

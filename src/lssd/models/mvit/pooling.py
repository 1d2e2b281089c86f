"""Pooling of tokens by depthwise convolution over their grid, in exact variants of different speed.

Shape suffixes: B batch, T H W grid, C all channels, N tokens, n heads, D channels a head.
"""

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.models.mvit.config import LAYER_NORM_EPS, Grid


def convolve_3d(x_BTHWC: Tensor, weight: Tensor, stride: int) -> Tensor:
    """The definition: `conv3d` with half padding, a group a channel, strides in space alone."""
    padding = [size // 2 for size in weight.shape[2:]]
    x = x_BTHWC.permute(0, 4, 1, 2, 3)
    return F.conv3d(x, weight, None, (1, stride, stride), padding, groups=len(weight)).permute(0, 2, 3, 4, 1)


def convolve_3d_channels_last(x_BTHWC: Tensor, weight: Tensor, stride: int) -> Tensor:
    """`conv3d` on the layout that the tokens have anyway, with weights laid out alike."""
    return convolve_3d(x_BTHWC, weight.contiguous(memory_format=torch.channels_last_3d), stride)


def convolve_frames(x_BTHWC: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Exact where no kernel tap meets a neighbour in time: the middle tap as a 2D convolution of frames."""
    b, t, h, w, c = x_BTHWC.shape
    _, _, taps, rows, columns = weight.shape
    frames = x_BTHWC.reshape(b * t, h, w, c).permute(0, 3, 1, 2)
    padding = (rows // 2, columns // 2)
    y = F.conv2d(frames, weight[:, :, taps // 2], None, stride, padding, groups=c)
    return y.permute(0, 2, 3, 1).unflatten(0, (b, t))


def convolve_taps(x_BTHWC: Tensor, weight: Tensor, stride: int) -> Tensor:
    """One 2D convolution of all frames a tap in time, shifted by the tap's distance and summed."""
    taps, frames = weight.shape[2], x_BTHWC.shape[1]
    total = None
    for tap in range(taps):
        shift = tap - taps // 2  # output frame t reads input frame t + shift
        if abs(shift) >= frames:
            continue
        part = x_BTHWC[:, max(shift, 0) : frames + min(shift, 0)]
        y = convolve_frames(part, weight[:, :, tap : tap + 1], stride)
        y = F.pad(y, (0, 0, 0, 0, 0, 0, max(-shift, 0), max(shift, 0)))
        total = y if total is None else total + y
    assert total is not None  # the middle tap always contributes
    return total


Convolution = Callable[[Tensor, Tensor, int], Tensor]

# The fastest variant for kernels that reach over time, by device and by whether gradients are wanted:
# what `benchmarks/depthwise_pooling.py` prints. CPU: measured. CUDA: not measured yet; the taps are its
# entry because depthwise conv3d has slow kernels there.
FASTEST: dict[tuple[str, bool], Convolution] = {
    ("cpu", False): convolve_3d_channels_last,
    ("cpu", True): convolve_taps,
    ("cuda", False): convolve_taps,
    ("cuda", True): convolve_taps,
}


def fast_convolution(x_BTHWC: Tensor, weight: Tensor) -> Convolution:
    """The variant that suits these operands and their device; all variants give the same numbers."""
    if weight.shape[2] == 1 or x_BTHWC.shape[1] == 1:
        return convolve_frames
    return FASTEST.get((x_BTHWC.device.type, torch.is_grad_enabled()), convolve_3d)


def convolve_in_float32(convolve: Convolution, x_BTHWC: Tensor, weight: Tensor, stride: int) -> Tensor:
    """A variant at full precision whatever the precision around it; the result has x's type again."""
    with torch.autocast(x_BTHWC.device.type, enabled=False):
        return convolve(x_BTHWC.float(), weight.float(), stride).to(x_BTHWC.dtype)


def _wants_float32(x_BTHWC: Tensor, stride: int) -> bool:
    """Whether to leave bf16, in which strided depthwise convolutions go back 10-20 times slower on a CPU."""
    low = x_BTHWC.dtype == torch.bfloat16 and x_BTHWC.device.type == "cpu"
    return low and stride > 1 and torch.is_grad_enabled()


class TokenPool(nn.Module):
    """Depthwise convolution over the grid, its weights shared by all heads, then LayerNorm a head.

    MViT, Section 3.1, with the learnt pooling of its final models. `plain` takes `conv3d` throughout.
    """

    def __init__(self, head_width: int, kernel: Grid, stride: int, plain: bool = False) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        # Held as a module for its parameters and their initialisation; `forward` runs it for all heads.
        self.conv = nn.Conv3d(
            head_width, head_width, kernel, (1, stride, stride), padding, groups=head_width, bias=False
        )
        self.norm = nn.LayerNorm(head_width, eps=LAYER_NORM_EPS)
        self.stride = stride
        self.plain = plain

    def forward(self, x_BNC: Tensor, grid: Grid, class_token: bool) -> Tensor:
        """(B, N, n * D) over `grid` -> (B, n, N', D); a leading class token is normalised, not pooled."""
        b, _, channels = x_BNC.shape
        head_width = self.conv.in_channels
        heads = channels // head_width
        tokens = x_BNC[:, 1:] if class_token else x_BNC
        x_BTHWC = tokens.reshape(b, *grid, channels)
        weight = self.conv.weight.repeat(heads, 1, 1, 1, 1)
        convolve = convolve_3d if self.plain else fast_convolution(x_BTHWC, weight)
        if not self.plain and _wants_float32(x_BTHWC, self.stride):
            convolve = functools.partial(convolve_in_float32, convolve)
        pooled = convolve(x_BTHWC, weight, self.stride).reshape(b, -1, heads, head_width)
        if class_token:
            pooled = torch.cat([x_BNC[:, :1].reshape(b, 1, heads, head_width), pooled], dim=1)
        return self.norm(pooled).transpose(1, 2)


def split_heads(x_BNC: Tensor, heads: int) -> Tensor:
    """(B, N, n * D) -> (B, n, N, D): what takes the place of a pool that an architecture leaves out."""
    return x_BNC.unflatten(-1, (heads, -1)).transpose(1, 2)

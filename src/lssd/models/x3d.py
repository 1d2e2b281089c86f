"""X3D, the picture's encoder of the controlled study: a small residual network of 3D convolutions.

After "X3D: Expanding Architectures for Efficient Video Recognition" (Feichtenhofer, CVPR 2020): inverted
bottlenecks around a depthwise convolution over space and time, squeeze-and-excitation in every second
block, no pooling in time before the end.

The controlled study says of X3D-M and the Acoustic ResNet50 that "both output 1024-dimensional
representations per clip" (appendix B.3). X3D's own features are 432-d (conv5, pooled) and 2048-d (the
hidden layer of its head, also behind the pooling). Here the hidden layer is made 1024 wide and the
classification layer left out, so that the representation is X3D's own last feature, narrowed; the
Acoustic ResNet50 has 1024 channels by nature. `head_width` 2048 is X3D as published, None gives conv5.

Shape suffixes: B batch, C channels, T H W frames, rows, columns.
"""

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.models.draws import Randomness
from lssd.models.encoder import Encoder
from lssd.models.limits import LAYERS, require_ranges, require_size
from lssd.models.residual import Norm, check_input, closing_norm, initialise


@dataclasses.dataclass(frozen=True)
class X3DConfig:
    """The dials of an X3D. Defaults are X3D-M (16 frames of 224 x 224) with a 1024-d representation.

    `widths`, `depths`, `strides`: a stage's channels, blocks, and stride over rows and columns.
    `expansion`: the channels inside a block over those between blocks.
    `squeeze`: the share of these that squeeze-and-excitation's bottleneck has; 0 leaves it out.
    `conv5_width`: channels of the last 1 x 1 x 1 convolution; None takes the last block's inner width.
    `head_width`: width of the layer behind the pooling, and of the output; None leaves the layer out.
    `input_size` (T, H, W) is what the encoder is meant for; any size from `smallest_input` on is taken.
    """

    in_channels: int = 3
    input_size: tuple[int, int, int] = (16, 224, 224)
    stem_width: int = 24
    stem_kernel: tuple[int, int, int] = (5, 3, 3)
    stem_stride: int = 2
    widths: tuple[int, ...] = (24, 48, 96, 192)
    depths: tuple[int, ...] = (3, 5, 11, 7)
    strides: tuple[int, ...] = (2, 2, 2, 2)
    kernel: tuple[int, int, int] = (3, 3, 3)
    expansion: float = 2.25
    squeeze: float = 0.0625
    conv5_width: int | None = None
    head_width: int | None = 1024

    def __post_init__(self) -> None:
        require_ranges(self)
        if not len(self.widths) == len(self.depths) == len(self.strides) > 0:
            raise ValueError(
                f"widths, depths and strides must hold one value a stage; they hold {len(self.widths)}, "
                f"{len(self.depths)} and {len(self.strides)}"
            )
        counts = (self.in_channels, self.stem_width, self.stem_stride, self.conv5_width, self.head_width)
        if any(
            count is not None and count < 1 for count in counts + self.widths + self.depths + self.strides
        ):
            raise ValueError("channels, widths, depths and strides must be at least 1")
        if any(size < 1 or size % 2 == 0 for size in self.stem_kernel + self.kernel):
            raise ValueError(f"stem_kernel {self.stem_kernel} and kernel {self.kernel} must hold odd sizes")
        if int(self.expansion * min(self.widths)) < 1 or not 0 <= self.squeeze <= 1:
            raise ValueError(
                f"expansion {self.expansion} must leave a channel and squeeze {self.squeeze} lie in [0, 1]"
            )
        if any(size < least for size, least in zip(self.input_size, self.smallest_input, strict=True)):
            raise ValueError(f"input_size {self.input_size} is smaller than {self.smallest_input}")
        if sum(self.depths) > LAYERS:
            raise ValueError(f"depths {self.depths} are more than {LAYERS} blocks together")
        require_size("input_size and in_channels", inputs=self.in_channels * math.prod(self.input_size))
        require_size("widths, depths and expansion", parameters=self.least_parameters)
        t, h, w = self.input_size
        activations, stride = 0, self.stem_stride
        for width, stage_stride in zip((self.stem_width, *self.widths), (1, *self.strides), strict=True):
            positions = t * math.ceil(h / stride) * math.ceil(w / stride)
            activations = max(activations, positions * max(width, self.inner_width(width)))
            stride *= stage_stride
        require_size("input_size, widths and expansion", activations=activations)

    @property
    def smallest_input(self) -> tuple[int, int, int]:
        """The fewest (frames, rows, columns) that the network takes: 1 x 32 x 32 for X3D-M."""
        stride = self.stem_stride * math.prod(self.strides)
        return 1, stride, stride

    @property
    def feature_width(self) -> int:
        """Channels of conv5: 432 for X3D-M."""
        return self.inner_width(self.widths[-1]) if self.conv5_width is None else self.conv5_width

    @property
    def least_parameters(self) -> int:
        """A lower bound of the parameters: those of all convolutions inside blocks, conv5 and the head."""
        total, width = 0, self.stem_width
        for width_out, depth in zip(self.widths, self.depths, strict=True):
            inner = self.inner_width(width_out)
            total += inner * (width + (2 * depth - 1) * width_out + depth * math.prod(self.kernel))
            width = width_out
        return total + self.feature_width * (width + (self.head_width or 0))

    @property
    def embedding_size(self) -> int:
        """Width of the output."""
        return self.feature_width if self.head_width is None else self.head_width

    def inner_width(self, width: int) -> int:
        """Channels inside the blocks of a stage that is `width` wide."""
        return int(self.expansion * width)

    def squeeze_width(self, inner: int) -> int:
        """Channels of a block's squeeze-and-excitation, 0 where it has none.

        X3D rounds to a multiple of 8, half up, with 8 the least, and one step further up where that
        would lose more than a tenth.
        """
        wanted = inner * self.squeeze
        rounded = max(8, 8 * math.floor(wanted / 8 + 0.5))
        return 0 if wanted == 0 else rounded + (8 if rounded < 0.9 * wanted else 0)


class Pointwise(nn.Conv3d):
    """A 1 x 1 x 1 convolution, over every `stride`-th row and column."""

    def __init__(self, width: int, width_out: int, stride: int = 1) -> None:
        super().__init__(width, width_out, 1, (1, stride, stride), bias=False)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """(B, width, T, H, W) -> (B, width_out, T, H / stride, W / stride), rounded up."""
        if x_BCTHW.device.type != "cpu":
            return super().forward(x_BCTHW)
        # Over channels-last memory this is one matrix product, without the copies of a CPU's conv3d.
        stride = self.stride[-1]
        x_BTHWC = x_BCTHW[..., ::stride, ::stride].movedim(1, -1)
        return F.linear(x_BTHWC, self.weight.flatten(1)).movedim(-1, 1)


class Stem(nn.Module):
    """A convolution over space, then a depthwise one over time, then a norm and ReLU."""

    def __init__(self, config: X3DConfig, norm: Norm) -> None:
        super().__init__()
        (t, h, w), stride, width = config.stem_kernel, config.stem_stride, config.stem_width
        self.spatial = nn.Conv3d(
            config.in_channels, width, (1, h, w), (1, stride, stride), (0, h // 2, w // 2), bias=False
        )
        self.temporal = nn.Conv3d(width, width, (t, 1, 1), padding=(t // 2, 0, 0), groups=width, bias=False)
        self.norm = norm(width)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """(B, in_channels, T, H, W) -> (B, stem_width, T, H / stride, W / stride), rounded up."""
        return F.relu(self.norm(self._convolve(x_BCTHW)))

    def _convolve(self, x_BCTHW: Tensor) -> Tensor:
        if x_BCTHW.device.type != "cpu":
            return self.temporal(self.spatial(x_BCTHW))
        # A CPU's 3D convolution is slow where the kernel is flat: frames folded into the batch, then
        # rows and columns folded into one axis, make two 2D ones of it.
        b, t = x_BCTHW.shape[0], x_BCTHW.shape[2]
        frames = x_BCTHW.transpose(1, 2).flatten(0, 1)
        stride, padding = self.spatial.stride[1:], self.spatial.padding[1:]
        x = F.conv2d(frames, self.spatial.weight[:, :, 0], None, stride, padding)
        h, w = x.shape[2:]
        x = x.permute(0, 2, 3, 1).reshape(b, t, h * w, -1).permute(0, 3, 1, 2)
        weight, padding = self.temporal.weight[..., 0], self.temporal.padding[:2]
        x = F.conv2d(x, weight, None, 1, padding, groups=len(weight))
        return x.permute(0, 2, 3, 1).reshape(b, t, h, w, -1).permute(0, 4, 1, 2, 3)


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate in (0, 1) that sees the mean of all channels (Hu et al., CVPR 2018)."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(width, squeezed)
        self.restore = nn.Linear(squeezed, width)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """(B, width, T, H, W) -> the same shape."""
        mean_BC = x_BCTHW.mean(dim=(2, 3, 4))
        gate_BC = torch.sigmoid(self.restore(F.relu(self.reduce(mean_BC))))
        return x_BCTHW * gate_BC[:, :, None, None, None]


class Block(nn.Module):
    """An inverted bottleneck around a skip path.

    1 x 1 x 1 up, norm, ReLU; depthwise, norm, squeeze-and-excitation, swish; 1 x 1 x 1 down, norm; the
    sum with the skip path; ReLU. Where the grid or the width changes, the skip path is a strided
    1 x 1 x 1 convolution, with a norm only where the width changes, as in PyTorchVideo's weights.
    """

    def __init__(
        self, width: int, width_out: int, stride: int, squeezed: int, config: X3DConfig, norm: Norm
    ) -> None:
        super().__init__()
        inner = config.inner_width(width_out)
        strides = (1, stride, stride)
        t, h, w = config.kernel
        self.expand = Pointwise(width, inner)
        self.norm1 = norm(inner)
        self.depthwise = nn.Conv3d(
            inner, inner, config.kernel, strides, (t // 2, h // 2, w // 2), groups=inner, bias=False
        )
        self.norm2 = norm(inner)
        self.excitation = SqueezeExcitation(inner, squeezed) if squeezed else None
        self.project = Pointwise(inner, width_out)
        self.norm3 = closing_norm(norm, width_out)
        changes = width != width_out or stride > 1
        self.skip = Pointwise(width, width_out, stride) if changes else None
        self.skip_norm = norm(width_out) if width != width_out else None

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """(B, width, T, H, W) -> (B, width_out, T, H / stride, W / stride), rounded up."""
        skip = x_BCTHW if self.skip is None else self.skip(x_BCTHW)
        if self.skip_norm is not None:
            skip = self.skip_norm(skip)
        y = F.relu(self.norm1(self.expand(x_BCTHW)))
        y = self.norm2(self.depthwise(y))
        if self.excitation is not None:
            y = self.excitation(y)
        return F.relu(skip + self.norm3(self.project(F.silu(y))))


class X3D(Encoder):
    """The encoder: stem, blocks, conv5, the mean over space and time, and a linear layer with ReLU.

    `norm` makes every normalisation, from a number of channels: exchange it to share statistics between
    processes.
    """

    def __init__(self, config: X3DConfig, norm: Norm = nn.BatchNorm3d) -> None:
        super().__init__()
        self.config = config
        self.embedding_size = config.embedding_size
        self.stem = Stem(config, norm)
        blocks: list[Block] = []
        width = config.stem_width
        for width_out, depth, stride in zip(config.widths, config.depths, config.strides, strict=True):
            squeezed = config.squeeze_width(config.inner_width(width_out))
            for index in range(depth):
                first = index == 0
                # Squeeze-and-excitation sits in the first, third, fifth ... block of a stage.
                blocks.append(
                    Block(
                        width, width_out, stride if first else 1, 0 if index % 2 else squeezed, config, norm
                    )
                )
                width = width_out
        self.blocks = nn.ModuleList(blocks)
        self.conv5 = Pointwise(width, config.feature_width)
        self.norm5 = norm(config.feature_width)
        self.head = (
            None
            if config.head_width is None
            else nn.Linear(config.feature_width, config.head_width, bias=False)
        )
        initialise(self)

    def forward(self, x_BCTHW: Tensor, generator: Randomness = None) -> Tensor:
        """(B, in_channels, T, H, W) floats -> (B, embedding_size), none of it negative.

        Nothing is random: `generator` goes unused. Raises InputError for another rank or number of
        channels, and for less than `config.smallest_input`.
        """
        c = self.config
        check_input(x_BCTHW, "X3D", c.in_channels, "frames, rows, columns", c.smallest_input)
        if x_BCTHW.device.type == "cpu":
            # Over channels-last memory a CPU's depthwise convolutions take half the time or less.
            x_BCTHW = x_BCTHW.contiguous(memory_format=torch.channels_last_3d)
        x = self.stem(x_BCTHW)
        for block in self.blocks:
            x = block(x)
        pooled_BC = F.relu(self.norm5(self.conv5(x))).mean(dim=(2, 3, 4))
        return pooled_BC if self.head is None else F.relu(self.head(pooled_BC))

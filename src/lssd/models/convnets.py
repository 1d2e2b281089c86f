"""Small convolutional encoders, one for sound and one for pictures, for two processor cores.

Both end in statistics pooling, the mean and the deviation over time of what the last layer finds
(Snyder et al., "X-vectors", ICASSP 2018): a scene is heard in the gaps of speech and seen in what moves,
which a mean alone loses.

Shape suffixes: B batch, C channels, T frames, H W rows and columns, M mels, L spectrogram frames.
"""

import dataclasses
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models.draws import Randomness
from lssd.models.encoder import Encoder
from lssd.models.limits import LAYERS, require_ranges, require_size
from lssd.models.residual import check_input, initialise

_LEAST_VARIANCE = 1e-5  # below it a deviation's gradient grows without bound


@dataclasses.dataclass(frozen=True)
class TDNNConfig:
    """The dials of a `TDNN`.

    `input_size` (1, mels, frames): the mels are fixed, any number of frames is taken. `width`: channels of
    every layer. `kernels`, `strides`: over frames, one a layer.
    """

    in_channels: int = 1
    input_size: tuple[int, int, int] = (1, 96, 288)
    width: int = 128
    kernels: tuple[int, ...] = (5, 5, 5)
    strides: tuple[int, ...] = (2, 2, 2)

    def __post_init__(self) -> None:
        require_ranges(self)
        _check_layers("kernels", self.kernels, "strides", self.strides)
        if min(self.in_channels, self.width, *self.input_size) < 1:
            raise ValueError("in_channels, width and input_size must be at least 1")
        if self.input_size[0] != 1:
            raise ValueError(f"input_size {self.input_size} must be (1, mels, frames)")
        require_size("input_size and in_channels", inputs=self.in_channels * math.prod(self.input_size))
        require_size("width and kernels", parameters=self.least_parameters)
        require_size("input_size and width", activations=self.width * self.input_size[2])

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each layer's input, and of the last one's output; mels are channels of the first."""
        return self.in_channels * self.input_size[1], *(self.width for _ in self.kernels)

    @property
    def least_parameters(self) -> int:
        """The parameters of the convolutions."""
        widths = self.widths
        return sum(k * a * b for k, a, b in zip(self.kernels, widths, widths[1:], strict=False))

    @property
    def embedding_size(self) -> int:
        """A mean and a deviation for each channel."""
        return 2 * self.width


@dataclasses.dataclass(frozen=True)
class FrameCNNConfig:
    """The dials of a `FrameCNN`.

    `widths`: channels of each layer, every one a 3 x 3 convolution that halves rows and columns.
    `input_size` (frames, rows, columns) is what the encoder is meant for; any size is taken.
    """

    in_channels: int = 3
    input_size: tuple[int, int, int] = (16, 224, 224)
    widths: tuple[int, ...] = (16, 32, 64, 128)

    def __post_init__(self) -> None:
        require_ranges(self)
        if not self.widths or len(self.widths) > LAYERS:
            raise ValueError(f"widths must hold 1 to {LAYERS} layers, not {len(self.widths)}")
        if min(self.in_channels, *self.widths, *self.input_size) < 1:
            raise ValueError("in_channels, widths and input_size must be at least 1")
        frames, rows, columns = self.input_size
        require_size("input_size", inputs=self.in_channels * math.prod(self.input_size))
        require_size("widths", parameters=self.least_parameters)
        require_size(
            "input_size and widths",
            activations=max(
                frames * math.ceil(rows / 2**layer) * math.ceil(columns / 2**layer) * width
                for layer, width in enumerate(self.widths[:32], start=1)
            ),
        )

    @property
    def least_parameters(self) -> int:
        """The parameters of the convolutions."""
        widths = (self.in_channels, *self.widths)
        return sum(9 * a * b for a, b in zip(widths, self.widths, strict=False))

    @property
    def embedding_size(self) -> int:
        """A mean and a deviation over frames for each channel of the last layer."""
        return 2 * self.widths[-1]


def _check_layers(name: str, values: Sequence[int], other: str, others: Sequence[int]) -> None:
    if len(values) != len(others) or not 1 <= len(values) <= LAYERS:
        raise ValueError(
            f"{name} and {other} must hold one value a layer; they hold {len(values)} and {len(others)}"
        )
    if min(*values, *others) < 1 or any(value % 2 == 0 for value in values):
        raise ValueError(f"{name} must be odd, and {other} at least 1")


class Layer(nn.Module):
    """Convolution, batch norm and ReLU, padded so that a stride of 1 keeps the size."""

    def __init__(self, width: int, width_out: int, kernel: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.conv = nn.Conv2d(width, width_out, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(width_out)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, width, H, W) -> (B, width_out, H / stride, W / stride), rounded up."""
        return F.relu(self.norm(self.conv(x_BCHW)), inplace=True)


class TDNN(Encoder):
    """Time-delay network: convolutions over time whose channels are the mel bands, then their statistics.

    A band keeps its place, unlike in a convolution over mels and frames: what a scene sounds like is where
    its energy lies, not a pattern that may be higher or lower.
    """

    def __init__(self, config: TDNNConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding_size = config.embedding_size
        widths = config.widths
        self.blocks = nn.ModuleList(
            Layer(widths[number], widths[number + 1], (1, kernel), (1, stride))
            for number, (kernel, stride) in enumerate(zip(config.kernels, config.strides, strict=True))
        )
        initialise(self)

    def forward(self, x_BCTML: Tensor, generator: Randomness = None) -> Tensor:
        """(B, in_channels, 1, mels, frames) floats -> (B, 2 * width), none of it negative.

        Nothing is random: `generator` goes unused. Raises InputError for another rank, or another number
        of channels, pictures or mels than the config's.
        """
        c = self.config
        mels = c.input_size[1]
        check_input(x_BCTML, "the TDNN", c.in_channels, "1, mels, frames", (1, mels, 1))
        if x_BCTML.shape[2:4] != (1, mels):
            raise InputError(
                f"the TDNN takes (batch, {c.in_channels}, 1, {mels}, frames), not {tuple(x_BCTML.shape)}"
            )
        x_BCHW = x_BCTML.flatten(1, 3).unsqueeze(2)
        if x_BCHW.device.type == "cpu":
            x_BCHW = x_BCHW.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x_BCHW = block(x_BCHW)
        return _statistics(x_BCHW.squeeze(2))


class FrameCNN(Encoder):
    """Convolutions over each picture alone, their mean over its place, then the statistics over frames."""

    def __init__(self, config: FrameCNNConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding_size = config.embedding_size
        widths = (config.in_channels, *config.widths)
        self.blocks = nn.ModuleList(
            Layer(width, width_out, (3, 3), (2, 2))
            for width, width_out in zip(widths, config.widths, strict=False)
        )
        initialise(self)

    def forward(self, x_BCTHW: Tensor, generator: Randomness = None) -> Tensor:
        """(B, in_channels, T, H, W) floats -> (B, 2 * the last width), none of it negative.

        Nothing is random: `generator` goes unused. Raises InputError for another rank or number of channels.
        """
        check_input(x_BCTHW, "the FrameCNN", self.config.in_channels, "frames, rows, columns", (1, 1, 1))
        frames = x_BCTHW.shape[2]
        x_BCHW = x_BCTHW.transpose(1, 2).flatten(0, 1)
        if x_BCHW.device.type == "cpu":
            x_BCHW = x_BCHW.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x_BCHW = block(x_BCHW)
        return _statistics(x_BCHW.mean(dim=(2, 3)).unflatten(0, (-1, frames)).transpose(1, 2))


def _statistics(x_BCT: Tensor) -> Tensor:
    """The mean and the deviation over time: (B, C, T) -> (B, 2 C). One moment alone deviates by nearly 0."""
    variance_BC = x_BCT.var(dim=2, unbiased=False)
    return torch.cat([x_BCT.mean(dim=2), (variance_BC + _LEAST_VARIANCE).sqrt()], dim=1)

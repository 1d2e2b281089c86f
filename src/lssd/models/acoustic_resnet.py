"""Acoustic ResNet, the sound's encoder of the controlled study: a residual network over spectrograms.

After the audio pathway of "Audiovisual SlowFast Networks" (Xiao et al., 2020), which the controlled
study names (appendix B.3). Frequency and time are no two axes of one picture, so the stem and the first
two stages convolve along each apart and add the two; the last two stages convolve over both at once.
That pathway is half as wide as an ordinary ResNet50, 32 channels at its stem, and so ends in 1024: the
1024 dimensions that the study states, without any projection.

Shape suffixes: B batch, C channels, M mels, L spectrogram frames.
"""

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models.draws import Randomness
from lssd.models.encoder import Encoder
from lssd.models.limits import LAYERS, require_ranges, require_size
from lssd.models.residual import Norm, check_input, closing_norm, initialise


@dataclasses.dataclass(frozen=True)
class AcousticResNetConfig:
    """The dials of an Acoustic ResNet. Defaults: 50 layers, stereo, 1024-d, as in AVSlowFast.

    `width`: channels of the stem; stage i of `depths` is 4 * 2**i times as wide.
    `separable_stages`: how many stages, from the first, convolve over mels and frames apart.
    `strides`: each stage's stride, over mels and frames alike.
    `stem_stride`: that of the stem over (mels, frames).
    `entry_kernel`: reach over frames of each block's first convolution, 1 in AVSlowFast. PyTorchVideo's
        `create_acoustic_resnet` has 3, with width 64 and stem_stride (3, 1): 2048-d.
    `input_size` (1, mels, frames) is what the encoder is meant for; any size from `smallest_input` on
        is taken.
    """

    in_channels: int = 2
    input_size: tuple[int, int, int] = (1, 96, 288)
    width: int = 32
    depths: tuple[int, ...] = (3, 4, 6, 3)
    strides: tuple[int, ...] = (1, 2, 2, 2)
    separable_stages: int = 2
    stem_kernel: int = 9
    stem_stride: tuple[int, int] = (1, 1)
    entry_kernel: int = 1

    def __post_init__(self) -> None:
        require_ranges(self)
        if len(self.depths) != len(self.strides) or not self.depths:
            raise ValueError(
                "depths and strides must hold one value a stage; "
                f"they hold {len(self.depths)} and {len(self.strides)}"
            )
        counts = (self.in_channels, self.width, *self.stem_stride, *self.depths, *self.strides)
        if min(counts) < 1:
            raise ValueError("channels, width, depths and strides must be at least 1")
        if any(size < 1 or size % 2 == 0 for size in (self.stem_kernel, self.entry_kernel)):
            raise ValueError(
                f"stem_kernel {self.stem_kernel} and entry_kernel {self.entry_kernel} must be odd"
            )
        if not 0 <= self.separable_stages <= len(self.depths):
            raise ValueError(f"separable_stages {self.separable_stages} is not in 0..{len(self.depths)}")
        if any(size < least for size, least in zip(self.input_size, self.smallest_input, strict=True)):
            raise ValueError(f"input_size {self.input_size} is smaller than {self.smallest_input}")
        if sum(self.depths) > LAYERS:
            raise ValueError(f"depths {self.depths} are more than {LAYERS} blocks together")
        require_size("input_size and in_channels", inputs=self.in_channels * math.prod(self.input_size))
        require_size("width, depths and entry_kernel", parameters=self.least_parameters)
        _, mels, frames = self.input_size
        down, along = self.stem_stride
        activations = math.ceil(mels / down) * math.ceil(frames / along) * self.width
        for stage, stride in enumerate(self.strides):
            down, along = down * stride, along * stride
            positions = math.ceil(mels / down) * math.ceil(frames / along)
            activations = max(activations, positions * 4 * self.width * 2**stage)
        require_size("input_size and width", activations=activations)

    @property
    def smallest_input(self) -> tuple[int, int, int]:
        """The least (1, mels, frames) that the network takes: 1 x 8 x 8 for the Acoustic ResNet50."""
        stride = math.prod(self.strides)
        return 1, self.stem_stride[0] * stride, self.stem_stride[1] * stride

    @property
    def least_parameters(self) -> int:
        """A lower bound of the parameters: those of the convolutions inside blocks."""
        total, width = 0, self.width
        for stage, depth in enumerate(self.depths):
            width_out = 4 * self.width * 2**stage
            inner = width_out // 4
            middle = (6 if stage < self.separable_stages else 9) * inner
            total += inner * (self.entry_kernel * (width + (depth - 1) * width_out))
            total += inner * depth * (middle + width_out)
            width = width_out
        return total

    @property
    def embedding_size(self) -> int:
        """Width of the last stage, which is the width of the output."""
        return 4 * self.width * 2 ** (len(self.depths) - 1)


class Stem(nn.Module):
    """One convolution along mels and one along frames, added; then a norm and ReLU."""

    def __init__(self, config: AcousticResNetConfig, norm: Norm) -> None:
        super().__init__()
        channels, width, stride = config.in_channels, config.width, config.stem_stride
        k = config.stem_kernel
        self.along_mels = nn.Conv2d(channels, width, (k, 1), stride, (k // 2, 0), bias=False)
        self.along_frames = nn.Conv2d(channels, width, (1, k), stride, (0, k // 2), bias=False)
        self.norm = norm(width)

    def forward(self, x_BCML: Tensor) -> Tensor:
        """(B, in_channels, M, L) -> (B, width, M / stride, L / stride), rounded up."""
        return F.relu(self.norm(self.along_mels(x_BCML) + self.along_frames(x_BCML)))


class Middle(nn.Module):
    """A block's 3 x 3 convolution over mels and frames, with its norm and ReLU."""

    def __init__(self, width: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, (stride, 1), 1, bias=False)
        self.norm = norm(width)

    def forward(self, x_BCML: Tensor) -> Tensor:
        """(B, width, M, L) -> (B, width, M / stride, L), rounded up."""
        return F.relu(self.norm(self.conv(x_BCML)))


class SeparableMiddle(nn.Module):
    """In its place in the first stages: 3 x 1 and 1 x 3, each with its norm and ReLU, added."""

    def __init__(self, width: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.along_mels = nn.Conv2d(width, width, (3, 1), (stride, 1), (1, 0), bias=False)
        self.mels_norm = norm(width)
        self.along_frames = nn.Conv2d(width, width, (1, 3), (stride, 1), (0, 1), bias=False)
        self.frames_norm = norm(width)

    def forward(self, x_BCML: Tensor) -> Tensor:
        """(B, width, M, L) -> (B, width, M / stride, L), rounded up."""
        mels = F.relu(self.mels_norm(self.along_mels(x_BCML)))
        return mels + F.relu(self.frames_norm(self.along_frames(x_BCML)))


class Block(nn.Module):
    """A bottleneck around a skip path: frames are strided on the way in, mels in the middle."""

    def __init__(
        self, width: int, width_out: int, stride: int, separable: bool, entry_kernel: int, norm: Norm
    ) -> None:
        super().__init__()
        inner = width_out // 4
        reach = (1, entry_kernel)
        self.reduce = nn.Conv2d(width, inner, reach, (1, stride), (0, entry_kernel // 2), bias=False)
        self.norm1 = norm(inner)
        self.middle = SeparableMiddle(inner, stride, norm) if separable else Middle(inner, stride, norm)
        self.restore = nn.Conv2d(inner, width_out, 1, bias=False)
        self.norm3 = closing_norm(norm, width_out)
        changes = width != width_out or stride > 1
        self.skip = nn.Conv2d(width, width_out, 1, stride, bias=False) if changes else None
        self.skip_norm = norm(width_out) if changes else None

    def forward(self, x_BCML: Tensor) -> Tensor:
        """(B, width, M, L) -> (B, width_out, M / stride, L / stride), rounded up."""
        skip = x_BCML
        if self.skip is not None and self.skip_norm is not None:
            skip = self.skip_norm(self.skip(x_BCML))
        y = self.middle(F.relu(self.norm1(self.reduce(x_BCML))))
        return F.relu(skip + self.norm3(self.restore(y)))


class AcousticResNet(Encoder):
    """The encoder: stem, blocks, and the mean over mels and frames.

    `norm` makes every normalisation, from a number of channels: exchange it to share statistics between
    processes.
    """

    def __init__(self, config: AcousticResNetConfig, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        self.config = config
        self.embedding_size = config.embedding_size
        self.stem = Stem(config, norm)
        blocks: list[Block] = []
        width = config.width
        for stage, (depth, stride) in enumerate(zip(config.depths, config.strides, strict=True)):
            width_out, separable = 4 * config.width * 2**stage, stage < config.separable_stages
            for index in range(depth):
                blocks.append(
                    Block(width, width_out, 1 if index else stride, separable, config.entry_kernel, norm)
                )
                width = width_out
        self.blocks = nn.ModuleList(blocks)
        initialise(self)

    def forward(self, x_BCTML: Tensor, generator: Randomness = None) -> Tensor:
        """(B, in_channels, 1, mels, frames) floats -> (B, embedding_size), none of it negative.

        A spectrogram is a film of one picture, as `SoundInput` gives it. Nothing is random: `generator`
        goes unused. Raises InputError for another rank or number of channels, for more than one picture,
        and for less than `config.smallest_input`.
        """
        c = self.config
        check_input(x_BCTML, "the Acoustic ResNet", c.in_channels, "1, mels, frames", c.smallest_input)
        if x_BCTML.shape[2] != 1:
            raise InputError(
                f"the Acoustic ResNet takes one picture, (batch, {c.in_channels}, 1, mels, frames), "
                f"not {tuple(x_BCTML.shape)}"
            )
        x = x_BCTML[:, :, 0]
        if x.device.type == "cpu":
            # Forward and backward together take a fifth to a third less time so on a CPU.
            x = x.contiguous(memory_format=torch.channels_last)
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x.mean(dim=(2, 3))

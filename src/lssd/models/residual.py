"""What the convolutional residual networks share: their norm layers, initial weights and input check."""

import math
from collections.abc import Callable

from torch import Tensor, nn

from lssd.errors import InputError

Norm = Callable[[int], nn.Module]
"""Makes the norm of a number of channels: `nn.BatchNorm3d`, or one that speaks to other processes."""


def initialise(network: nn.Module) -> None:
    """He's normal initialisation by fan-out (He et al., ICCV 2015) for convolutions and linear layers.

    A grouped convolution's fan-out is that of one group, so that depthwise weights start at the size of
    the others': their size, with BatchNorm behind them, sets how fast AdamW turns them.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        elif isinstance(module, nn.Linear):
            fan_out = module.out_features
        else:
            continue
        nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def closing_norm(norm: Norm, width: int) -> nn.Module:
    """The last norm of a residual branch, with a gain of 0: every block starts as its skip path.

    (Goyal et al., "Accurate, Large Minibatch SGD", 2017.) A norm without gain is left as it is.
    """
    layer = norm(width)
    if isinstance(layer.weight, nn.Parameter):
        nn.init.zeros_(layer.weight)
    return layer


def check_input(x_BCTHW: Tensor, name: str, channels: int, axes: str, smallest: tuple[int, int, int]) -> None:
    """Raise InputError unless x is (B, channels, ...) with at least the `smallest` three further sizes.

    `axes` is what the message calls these, as in "frames, rows, columns".
    """
    if x_BCTHW.ndim != 5 or x_BCTHW.shape[1] != channels:
        raise InputError(f"{name} takes (batch, {channels}, {axes}), not {tuple(x_BCTHW.shape)}")
    size = tuple(x_BCTHW.shape[2:])
    if any(found < least for found, least in zip(size, smallest, strict=True)):
        found, least = (" x ".join(map(str, sizes)) for sizes in (size, smallest))
        raise InputError(f"the input is {found} ({axes}); {name} needs at least {least}")

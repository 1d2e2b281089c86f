"""What every encoder has in common, so that a model can hold any of them."""

from typing import Any

from torch import nn


class Encoder(nn.Module):
    """A module from (B, C, T, H, W) floats to (B, embedding_size).

    `forward(x, generator=None)`: `generator` draws whatever is random in training mode. `config` is the
    frozen dataclass of dials that the module was made from; it has `in_channels` and `input_size`.
    """

    config: Any
    embedding_size: int

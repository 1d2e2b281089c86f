"""How large an encoder is: parameters, and multiply-adds of one forward pass."""

import dataclasses
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from lssd.models.mvit.config import MViTConfig
from lssd.models.registry import Modality, create


@dataclasses.dataclass(frozen=True)
class EncoderSize:
    """Parameters, and multiply-adds for one item (of convolutions and matrix products)."""

    parameters: int
    multiply_adds: int


def encoder_size(name: str, modality: Modality = "video", classes: int = 0, **dials: Any) -> EncoderSize:
    """Count an encoder of `create(name, modality, **dials)` at its input size, without computing it.

    `classes` adds a linear classification layer, which published figures include (400 for Kinetics).
    An MViT is counted as its paper defines it, not with the padding of fused kernels. Raises InputError
    as `create` does.
    """
    with torch.device("meta"), torch.no_grad():
        encoder = create(name, modality, **dials).eval()
        if hasattr(encoder.config, "attention"):
            encoder = create(name, modality, **{**dials, "attention": "plain"}).eval()
        item = torch.zeros(1, encoder.config.in_channels, *encoder.config.input_size)
        with FlopCounterMode(display=False) as counter:
            encoder(item)
    parameters = sum(parameter.numel() for parameter in encoder.parameters())
    return EncoderSize(
        parameters=parameters + classes * (encoder.embedding_size + 1),
        # The counter takes a multiplication and an addition for two.
        multiply_adds=counter.get_total_flops() // 2 + classes * encoder.embedding_size,
    )


def describe_encoder(config: Any, embedding_size: int, size: EncoderSize) -> str:
    """An encoder's shapes and size in words: input, tokens where it has them, output.

    `config`: `Encoder.config`. The input is (channels, frames, rows, columns).
    """
    steps = [" x ".join(map(str, (config.in_channels, *config.input_size)))]
    if isinstance(config, MViTConfig):
        grid = " x ".join(map(str, config.patch_grid(config.input_size)))
        steps.append(f"{grid} tokens{' and a class token' if config.class_token else ''}")
    steps.append(f"{embedding_size}-d")
    return (
        f"{' -> '.join(steps)}; {size.parameters / 1e6:.2f} M parameters, "
        f"{size.multiply_adds / 1e9:.3g} G multiply-adds a window"
    )

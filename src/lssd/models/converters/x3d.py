"""PyTorchVideo's X3D-M, whose public weights were trained on Kinetics-400."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lssd.errors import InputError
from lssd.models.converters.carrying import Carried, Names, carry, need
from lssd.models.model import TowerConfig
from lssd.models.registry import create

_SOURCE = "PyTorchVideo's x3d_m"
_HEAD_WIDTHS = {"head": 2048, "conv5": None}
# After the blocks' numbers have become their stages' and no longer look like their "blocks".
_RULES = (
    (r"\.expand\.", ".branch2.conv_a."),
    (r"\.norm1\.", ".branch2.norm_a."),
    (r"\.depthwise\.", ".branch2.conv_b."),
    (r"\.norm2\.", ".branch2.norm_b.0."),
    (r"\.excitation\.reduce\.", ".branch2.norm_b.1.block.0."),
    (r"\.excitation\.restore\.", ".branch2.norm_b.1.block.2."),
    (r"\.project\.", ".branch2.conv_c."),
    (r"\.norm3\.", ".branch2.norm_c."),
    (r"\.skip\.", ".branch1_conv."),
    (r"\.skip_norm\.", ".branch1_norm."),
    (r"^stages\.", "blocks."),
    # They name the stem's two convolutions the other way round.
    (r"^stem\.spatial\.", "blocks.0.conv.conv_t."),
    (r"^stem\.temporal\.", "blocks.0.conv.conv_xy."),
    (r"^stem\.norm\.", "blocks.0.norm."),
    (r"^conv5\.", "blocks.5.pool.pre_conv."),
    (r"^norm5\.", "blocks.5.pool.pre_norm."),
    (r"^head\.", "blocks.5.pool.post_conv."),
)
# Their published evaluation: 16 frames, every fifth of 30 a second, so that the last lies 2.5 s after the
# first, normalised by one mean and one deviation for all colours. On our grid of 25 a second, 64 frames.
_PREPROCESSING = {
    "frames": 16,
    "size": 224,
    "window_s": 2.56,
    "mean": [0.45] * 3,
    "deviation": [0.225] * 3,
}


def convert(state: Mapping[str, Tensor], readout: str | None = None) -> dict[str, Carried]:
    """The video tower of a PyTorchVideo state dict, without its classification layer.

    `readout`: "head" for the 2048-d hidden layer that the classifier saw (the default), "conv5" for the
    pooled 432-d features before it. Raises CheckpointError for anything but an X3D-M (X3D-XS and -S have
    the same tensors), naming the tensor, what was expected and what was found.
    """
    if (readout or "head") not in _HEAD_WIDTHS:
        raise InputError(f"unknown readout '{readout}' of {_SOURCE}; known: {', '.join(_HEAD_WIDTHS)}")
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    need(state, "blocks.0.conv.conv_t.weight", [(24, 3, 1, 3, 3)], _SOURCE)
    dials: dict[str, Any] = {"head_width": _HEAD_WIDTHS[readout or "head"]}
    with torch.device("meta"):
        encoder = create("x3d_m", "video", **dials)
    left_out = ("blocks.5.proj.",) if dials["head_width"] else ("blocks.5.proj.", "blocks.5.pool.post_conv.")
    tensors = carry(
        state,
        encoder,
        names(encoder.config.depths),
        {},
        ignored=lambda theirs: theirs.startswith(left_out),
    )
    named = {f"encoder.{ours}": tensor for ours, tensor in tensors.items()}
    return {"video": Carried(TowerConfig("x3d_m", dials, dict(_PREPROCESSING)), named)}


def names(depths: tuple[int, ...]) -> Names:
    """How PyTorchVideo calls the tensors of an X3D with so many blocks a stage.

    Our blocks are numbered through; theirs are numbered within stages, of which the stem is number 0.
    """
    places = [(stage, index) for stage, depth in enumerate(depths, start=1) for index in range(depth)]
    stages = [
        (rf"^blocks\.{number}\.", f"stages.{stage}.res_blocks.{index}.")
        for number, (stage, index) in enumerate(places)
    ]
    return Names(_SOURCE, "", (*stages, *_RULES))

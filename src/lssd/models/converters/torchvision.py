"""torchvision's `mvit_v1_b` and `mvit_v2_s`, whose public weights were trained on Kinetics-400."""

from collections.abc import Mapping
from math import isqrt
from typing import Any

from torch import Tensor

from lssd.errors import CheckpointError
from lssd.models.converters.carrying import Carried, Names, blank_encoder, carry, count_blocks, need
from lssd.models.model import TowerConfig

_SOURCE = "torchvision's mvit_v1_b or mvit_v2_s"
_DEPTH = 16
_RULES = (
    (r"^patches\.conv\.", "conv_proj."),
    (r"^positions\.space$", "pos_encoding.spatial_pos"),
    (r"^positions\.time$", "pos_encoding.temporal_pos"),
    (r"^positions\.class_token$", "pos_encoding.class_pos"),
    (r"^class_token$", "pos_encoding.class_token"),
    (r"attention\.positions\.rows$", "attn.rel_pos_h"),
    (r"attention\.positions\.columns$", "attn.rel_pos_w"),
    (r"attention\.positions\.time$", "attn.rel_pos_t"),
    (r"attention\.project\.", "attn.project.0."),
    (r"attention\.pool_([qkv])\.conv\.", r"attn.pool_\1.pool."),
    (r"attention\.pool_([qkv])\.norm\.", r"attn.pool_\1.norm_act.0."),
    (r"attention\.qkv\.", "attn.qkv."),
    (r"\.widen\.", ".project."),
    (r"\.mlp\.2\.", ".mlp.3."),
)
# Their published evaluation: 16 frames at 7.5 a second, so that the last lies 2.0 s after the first,
# normalised by one mean and one deviation for all colours. On our grid of 25 frames a second, 51 frames.
# Pictures are scaled to a short side of 256 for the 224 that are seen.
_PREPROCESSING = {"window_s": 2.04, "mean": [0.45] * 3, "deviation": [0.225] * 3}


def convert(state: Mapping[str, Tensor], readout: str | None = None) -> dict[str, Carried]:
    """The video tower of a torchvision state dict, without its classification layer.

    `readout` replaces theirs, the class token. Frames and picture size are read from the position
    tables' lengths. Raises CheckpointError for anything but these two architectures.
    """
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    need(state, "conv_proj.weight", [(96, 3, 3, 7, 7)], _SOURCE)
    if (found := count_blocks(state, "")) != _DEPTH:
        raise CheckpointError(f"expected {_DEPTH} blocks ({_SOURCE}), found {found} in the checkpoint")
    first = "pos_encoding.spatial_pos" in state
    frames, size = _input_size(state, first)
    name = "mvit_v1_b" if first else "mvit_v2_s"
    dials: dict[str, Any] = {"class_token": True, "readout": readout or "class"}
    preprocessing: dict[str, Any] = {
        **_PREPROCESSING,
        "frames": frames,
        "size": size,
        "short_side": round(size * 256 / 224),
    }
    encoder = blank_encoder(name, "video", {**dials, "input_size": (frames, size, size)})
    tensors = carry(
        state,
        encoder,
        Names(f"torchvision's {name}", "", _RULES),
        {},
        ignored=lambda theirs: theirs.startswith("head."),
    )
    named = {f"encoder.{ours}": tensor for ours, tensor in tensors.items()}
    return {"video": Carried(TowerConfig(name, dials, preprocessing), named)}


def _input_size(state: Mapping[str, Tensor], first: bool) -> tuple[int, int]:
    """Frames and rows of the (square) input whose positions the checkpoint holds."""
    if first:
        t = len(need(state, "pos_encoding.temporal_pos", [(0, 96)], _SOURCE))
        places = len(need(state, "pos_encoding.spatial_pos", [(0, 96)], _SOURCE))
        if isqrt(places) ** 2 != places:
            raise CheckpointError(
                f"'pos_encoding.spatial_pos' has {places} rows, expected a square number: only square "
                "pictures are converted"
            )
        return 2 * t, 4 * isqrt(places)
    t = (len(need(state, "blocks.0.attn.rel_pos_t", [(0, 96)], _SOURCE)) + 1) // 2
    side = (len(need(state, "blocks.0.attn.rel_pos_h", [(0, 96)], _SOURCE)) + 1) // 2
    return 2 * t, 4 * side

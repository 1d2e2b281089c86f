"""The checkpoints released with the paper (B.3, B.5, C.2): MViTv2-S or -B for sound and for pictures.

What is particular to them: a BatchNorm without affine inside the patch layer (our stem), tables of
relative positions as long as rows and columns together less one on both axes, and a class token for
pictures alone. Their patches are a pixel larger than their stride (or, with `PATCH_OVERLAP`, SlowFast's).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lssd.errors import CheckpointError
from lssd.models.converters.carrying import Carried, Names, blank_encoder, carry, count_blocks, need
from lssd.models.model import TowerConfig
from lssd.models.mvit.config import Grid
from lssd.models.mvit.model import MViT
from lssd.models.registry import Modality

_SOURCE = "an authors' checkpoint"
_WRAPPERS = ("module.", "backbone.", "net.")
_NAMES = {16: "mvit_released_s", 24: "mvit_released_b"}
# Patch kernel: stride and padding. The first of each is the default, PATCH_OVERLAP false, and the preset of
# these names.
_PATCHES: dict[str, dict[Grid, tuple[Grid, Grid]]] = {
    "video": {(3, 9, 9): ((2, 8, 8), (1, 4, 4)), (3, 7, 7): ((2, 4, 4), (1, 3, 3))},
    "audio": {(1, 7, 9): ((1, 4, 8), (0, 3, 4)), (1, 7, 7): ((1, 4, 4), (0, 3, 3))},
}
_SPECTROGRAM = (96, 288)
_RULES = (
    (r"^patches\.conv\.", "patch_embed.proj."),
    (r"^class_token$", "cls_token"),
    (r"attention\.positions\.rows$", "attn.rel_pos_h"),
    (r"attention\.positions\.columns$", "attn.rel_pos_w"),
    (r"attention\.positions\.time$", "attn.rel_pos_t"),
    (r"attention\.project\.", "attn.proj."),
    (r"attention\.pool_([qkv])\.conv\.", r"attn.pool_\1."),
    (r"attention\.pool_([qkv])\.norm\.", r"attn.norm_\1."),
    (r"attention\.qkv\.", "attn.qkv."),
    (r"\.widen\.", ".proj."),
    (r"\.mlp\.0\.", ".mlp.fc1."),
    (r"\.mlp\.2\.", ".mlp.fc2."),
)
_STEM = ("running_mean", "running_var", "num_batches_tracked")
# Their sound's way in, dial by dial, so that a change of our defaults does not change these models.
_SOUND = {
    "sample_rate": 48000,
    "window_s": 3.0,
    "channels": 1,
    "n_fft": 1024,
    "hop": 501,
    "mels": 96,
    "f_min": 0.0,
    "f_max": 24000.0,
    "floor": 1e-10,
    "pad_mode": "reflect",
}


def convert(state: Mapping[str, Tensor], readout: str | None = None) -> dict[str, Carried]:
    """The towers of a checkpoint: "audio", "video" or both; projection heads are left out.

    Takes names with and without the wrappers `module.`, `backbone.` and `net.`. `readout` replaces
    theirs: the class token for pictures, the mean over normalised tokens for sound. Configurations with
    `USE_MEAN_POOLING` are "mean_then_norm". Raises CheckpointError for another architecture.
    """
    plain = {_unwrap(name): tensor for name, tensor in state.items()}
    modalities: list[Modality] = ["audio", "video"]
    towers: dict[str, Carried] = {
        modality: _tower(plain, modality, readout)
        for modality in modalities
        if any(name.startswith(f"{modality}.") for name in plain)
    }
    if not towers:
        raise CheckpointError(
            f"the checkpoint is not {_SOURCE}: expected 'net.video.patch_embed.proj.weight' or the same "
            f"of audio, found '{next(iter(state), 'nothing')}' and other names"
        )
    return towers


def _unwrap(name: str) -> str:
    while name.startswith(_WRAPPERS):
        name = name.split(".", 1)[1]
    return name


def _tower(state: Mapping[str, Tensor], modality: Modality, readout: str | None) -> Carried:
    prefix = f"{modality}."
    own = {name: tensor for name, tensor in state.items() if name.startswith(prefix)}
    blocks = count_blocks(own, prefix)
    if blocks not in _NAMES:
        raise CheckpointError(
            f"expected 16 or 24 blocks under '{prefix}' (MViTv2-S or -B), found {blocks} in the checkpoint"
        )
    patches = _patch_dials(own, prefix, modality)
    input_size = _input_size(own, prefix, modality, patches["patch_stride"])
    dials: dict[str, Any] = {**patches, "kv_stride": 4 if modality == "audio" else 8}
    if modality == "video":
        dials |= {"class_token": True, "readout": readout or "class"}
        preprocessing: dict[str, Any] = {"frames": input_size[0], "size": input_size[1], "window_s": 3.0}
    else:
        dials |= {"class_token": False, "readout": readout or "mean"}
        preprocessing = dict(_SOUND)
    name = _NAMES[blocks]
    encoder = blank_encoder(name, modality, {**dials, "input_size": input_size})
    names = Names(f"the authors' {modality} {name}", prefix, _RULES)
    stem = f"{prefix}patch_embed.norm."
    tensors = carry(own, encoder, names, _table_rows(encoder), ignored=lambda key: key.startswith(stem))
    named = {f"encoder.{ours}": tensor for ours, tensor in tensors.items()}
    config = TowerConfig(name, dials, preprocessing)
    return Carried(config, {**named, **_stem(own, stem, encoder.config.in_channels)})


def _patch_dials(state: Mapping[str, Tensor], prefix: str, modality: Modality) -> dict[str, Grid]:
    """Patch kernel, stride and padding, told by the kernel's size."""
    known = _PATCHES[modality]
    name = f"{prefix}patch_embed.proj.weight"
    shapes: list[tuple[int, ...]] = (
        [(96, 3, *kernel) for kernel in known]
        if modality == "video"
        else [(96, 1, *kernel[1:]) for kernel in known]
    )
    sizes = need(state, name, shapes, _SOURCE).shape[2:]
    kernel = next(kernel for kernel in known if kernel[-len(sizes) :] == tuple(sizes))
    stride, padding = known[kernel]
    return {"patch_kernel": kernel, "patch_stride": stride, "patch_padding": padding}


def _input_size(state: Mapping[str, Tensor], prefix: str, modality: Modality, stride: Grid) -> Grid:
    """The input that the first block's tables were made for: square pictures, or 96 x 288 spectrograms."""
    block = f"{prefix}blocks.0.attn."
    if modality == "video":
        t = (len(need(state, f"{block}rel_pos_t", [(0, 96)], _SOURCE)) + 1) // 2
        side = (len(need(state, f"{block}rel_pos_h", [(0, 96)], _SOURCE)) + 1) // 2
        return t * stride[0], side * stride[1], side * stride[2]
    mels, frames = _SPECTROGRAM
    need(state, f"{block}rel_pos_h", [(mels // stride[1] + frames // stride[2] - 1, 96)], _SOURCE)
    return 1, mels, frames


def _table_rows(encoder: MViT) -> dict[str, int]:
    """Rows of their tables by our name: sizes rounded down at every stride, both axes' in one length."""
    rows: dict[str, int] = {}
    patches = zip(encoder.config.input_size, encoder.config.patch_stride, strict=True)
    t, h, w = (size // stride for size, stride in patches)
    for index, plan in enumerate(encoder.config.blocks()):
        finest = min(plan.q_stride, plan.kv_stride)
        place = f"blocks.{index}.attention.positions."
        rows[f"{place}rows"] = rows[f"{place}columns"] = h // finest + w // finest - 1
        rows[f"{place}time"] = 2 * t - 1
        h, w = h // plan.q_stride, w // plan.q_stride
    return rows


def _stem(state: Mapping[str, Tensor], stem: str, channels: int) -> dict[str, Tensor]:
    """Their input statistics as our stem's."""
    values = {
        "running_mean": need(state, f"{stem}running_mean", [(channels,)], _SOURCE).float(),
        "running_var": need(state, f"{stem}running_var", [(channels,)], _SOURCE).float(),
        "num_batches_tracked": state.get(f"{stem}num_batches_tracked", torch.tensor(0)),
    }
    for name in state:
        if name.startswith(stem) and name.removeprefix(stem) not in _STEM:
            raise CheckpointError(f"the checkpoint holds '{name}': {_SOURCE} has a stem without affine")
    return {f"front.stem.{name}": tensor for name, tensor in values.items()}

"""Architectures by name: presets of dials, and networks made from them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from lssd import config
from lssd.errors import InputError
from lssd.models.mvit import MViT, MViTConfig

Modality = Literal["audio", "video"]

# A spectrogram of 96 mels x 288 frames in plain patches of 4 x 8: a grid of 24 x 36. No neighbours in
# time, so pooling kernels reach over mels and frames alone.
_SPECTROGRAM: dict[str, Any] = {
    "in_channels": 1,
    "input_size": (1, 96, 288),
    "patch_kernel": (1, 4, 8),
    "patch_stride": (1, 4, 8),
    "patch_padding": (0, 0, 0),
    "pool_kernel": (1, 3, 3),
}

# The MViTv2 paper's variants: blocks a stage T 1-2-5-2, S 1-2-11-2, B 2-3-16-3, all 96 wide at the start.
_PRESETS: dict[str, dict[str, Any]] = {
    "mvit": {},
    "mvit_v2_t": {"depth": 10, "stage_starts": (1, 3, 8), "drop_path": 0.1},
    "mvit_v2_s": {"depth": 16, "stage_starts": (1, 3, 14), "drop_path": 0.2},
    "mvit_v2_b": {"depth": 24, "stage_starts": (2, 5, 21), "drop_path": 0.3},
}


def architectures() -> tuple[str, ...]:
    """The names that `create` knows."""
    return tuple(_PRESETS)


def create(name: str, modality: Modality = "video", *, seed: int = 0, **dials: Any) -> MViT:
    """Make a freshly initialised encoder.

    Args:
        name: one of `architectures()`; "mvit" starts from MViTv2-S with every dial free.
        modality: "video" or "audio"; it chooses the preset's channels, sizes and patches.
        seed: draws the initial weights, apart from any global generator.
        dials: fields of `MViTConfig`, replacing those of the preset.

    Returns a module from (B, C, T, H, W) floats to (B, embedding_size). Raises InputError for an unknown
    name, modality or dial, and for dials that do not fit together.
    """
    if name not in _PRESETS:
        raise InputError(f"unknown architecture '{name}'; known: {', '.join(_PRESETS)}")
    if modality not in ("audio", "video"):
        raise InputError(f"unknown modality '{modality}'; known: audio, video")
    preset = {**(_SPECTROGRAM if modality == "audio" else {}), **_PRESETS[name]}
    with _seeded(seed):
        return MViT(config.build(MViTConfig, {**preset, **dials}, f"architecture {name} ({modality})"))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from a seed inside the block and leave the caller's generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield

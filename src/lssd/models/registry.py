"""Architectures by name: presets of dials, and networks made from them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from lssd import config
from lssd.errors import InputError
from lssd.models.acoustic_resnet import AcousticResNet, AcousticResNetConfig
from lssd.models.convnets import TDNN, FrameCNN, FrameCNNConfig, TDNNConfig
from lssd.models.encoder import Encoder
from lssd.models.limits import check_values
from lssd.models.mvit.config import MViTConfig
from lssd.models.mvit.model import MViT
from lssd.models.x3d import X3D, X3DConfig

Modality = Literal["audio", "video"]


@dataclass(frozen=True)
class Architecture:
    """A name's config class, the module made from it, and the dials that each modality presets."""

    config: type
    module: Callable[[Any], Encoder]
    presets: Mapping[str, Mapping[str, Any]]


# A spectrogram of 96 mels x 288 frames in plain patches of 4 x 8: a grid of 24 x 36. No neighbours in
# time, so pooling kernels reach over mels and frames alone; keys on a grid of 6 x 9, as in the authors'
# released audio model.
_SPECTROGRAM: dict[str, Any] = {
    "in_channels": 1,
    "input_size": (1, 96, 288),
    "patch_kernel": (1, 4, 8),
    "patch_stride": (1, 4, 8),
    "patch_padding": (0, 0, 0),
    "pool_kernel": (1, 3, 3),
    "kv_stride": 4,
}

# What sets the first family (Fan et al. 2021) apart from the second, whose dials are the defaults.
_FIRST_FAMILY: dict[str, Any] = {
    "positions": "absolute",
    "residual_pooling": False,
    "widen_in": "mlp",
    "pool_queries": "strided",
}


def _mvit(video: Mapping[str, Any] | None = None, **dials: Any) -> Architecture:
    """An MViT of these dials; `video` holds those for pictures alone."""
    presets = {"video": {**dials, **(video or {})}, "audio": {**_SPECTROGRAM, **dials}}
    return Architecture(MViTConfig, MViT, presets)


# Blocks a stage. MViT (Fan et al. 2021, Table 3): S 3-7-6, 128 wide, plain patches in space; B 1-2-11-2.
# MViTv2 (Li et al. 2022, Table 1): T 1-2-5-2, S 1-2-11-2, B 2-3-16-3. All but v1-S start 96 wide.
_ARCHITECTURES: dict[str, Architecture] = {
    "mvit": _mvit(),
    "mvit_v1_s": _mvit(
        {"patch_kernel": (3, 8, 8), "patch_stride": (2, 8, 8), "patch_padding": (1, 0, 0)},
        **_FIRST_FAMILY,
        width=128,
        depth=16,
        stage_starts=(3, 10),
        kv_stride=4,
        drop_path=0.1,
    ),
    "mvit_v1_b": _mvit(**_FIRST_FAMILY, depth=16, stage_starts=(1, 3, 14), drop_path=0.2),
    "mvit_v2_t": _mvit(depth=10, stage_starts=(1, 3, 8), drop_path=0.1),
    "mvit_v2_s": _mvit(depth=16, stage_starts=(1, 3, 14), drop_path=0.2),
    "mvit_v2_b": _mvit(depth=24, stage_starts=(2, 5, 21), drop_path=0.3),
    "x3d_m": Architecture(X3DConfig, X3D, {"video": {}}),
    "acoustic_resnet50": Architecture(AcousticResNetConfig, AcousticResNet, {"audio": {}}),
    "tdnn": Architecture(TDNNConfig, TDNN, {"audio": {}}),
    "frame_cnn": Architecture(FrameCNNConfig, FrameCNN, {"video": {}}),
}


def architectures() -> tuple[str, ...]:
    """The names that `create` knows."""
    return tuple(_ARCHITECTURES)


def create(name: str, modality: Modality = "video", *, seed: int = 0, **dials: Any) -> Encoder:
    """Make a freshly initialised encoder.

    Args:
        name: one of `architectures()`; "mvit" starts from MViTv2-S with every dial free.
        modality: "video" or "audio"; it chooses the preset's channels, sizes and patches.
        seed: draws the initial weights, apart from any global generator.
        dials: fields of the architecture's config class, replacing those of the preset.

    Returns a module from (B, C, T, H, W) floats to (B, embedding_size). Raises InputError for an unknown
    name, modality or dial, for a modality that the architecture is not for, for dials that do not fit
    together, and for a size far beyond every published model (`lssd.models.limits`).
    """
    return create_from(name, modality, dials, seed)


def create_from(name: str, modality: Modality, dials: Mapping[str, Any], seed: int = 0) -> Encoder:
    """As `create`, from dials of unknown origin."""
    settings = encoder_config(name, modality, dials)
    with _seeded(seed):
        return _ARCHITECTURES[name].module(settings)


def encoder_config(name: str, modality: Modality, dials: Mapping[str, Any]) -> Any:
    """The config of the encoder that `create_from` would make; raises what that raises."""
    if name not in _ARCHITECTURES:
        raise InputError(f"unknown architecture '{name}'; known: {', '.join(_ARCHITECTURES)}")
    if modality not in ("audio", "video"):
        raise InputError(f"unknown modality '{modality}'; known: audio, video")
    architecture = _ARCHITECTURES[name]
    if modality not in architecture.presets:
        raise InputError(f"{name} is for {' and '.join(architecture.presets)}, not for {modality}")
    source = f"architecture {name} ({modality})"
    check_values(dials, source)
    return config.build(architecture.config, {**architecture.presets[modality], **dials}, source)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from a seed inside the block and leave the caller's generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield

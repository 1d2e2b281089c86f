"""Encoders, their preprocessing and heads; the only room that defines layers.

mvit, positions   the multiscale vision transformer, for pictures and spectrograms
preprocessing     uint8 pictures and waveforms -> what encoders take; travels with the weights
heads             projection onto the contrastive objective's sphere
registry          architectures by name
model             encoders with their preprocessing: raw input -> embeddings
checkpoint        model folders: safetensors and JSON
"""

from lssd.models.checkpoint import load_model, save_model, weights_hash
from lssd.models.heads import ProjectionHead
from lssd.models.model import AudioTower, Model, Tower, TowerConfig, VideoTower, build_model, window_starts
from lssd.models.mvit import MViT, MViTConfig
from lssd.models.preprocessing import (
    FrameInput,
    FrameInputConfig,
    LogMel,
    SoundInput,
    SoundInputConfig,
    SpectrogramMasks,
    mel_filters,
    mix_channels,
)
from lssd.models.registry import architectures, create

__all__ = [
    "AudioTower",
    "FrameInput",
    "FrameInputConfig",
    "LogMel",
    "MViT",
    "MViTConfig",
    "Model",
    "ProjectionHead",
    "SoundInput",
    "SoundInputConfig",
    "SpectrogramMasks",
    "Tower",
    "TowerConfig",
    "VideoTower",
    "architectures",
    "build_model",
    "create",
    "load_model",
    "mel_filters",
    "mix_channels",
    "save_model",
    "weights_hash",
    "window_starts",
]

"""Encoders, their preprocessing and heads; the only room that defines layers.

mvit              multiscale vision transformers of both families, for pictures and spectrograms
x3d               the controlled study's encoder of pictures
acoustic_resnet   the controlled study's encoder of spectrograms
convnets          small encoders of sound and of pictures for two processor cores
preprocessing     uint8 pictures and waveforms -> what encoders take; travels with the weights
batch_norm        statistics over all processes of a run, on CPU and GPU
heads             projection onto the contrastive objective's sphere
registry          architectures by name
model             encoders with their preprocessing: raw input -> embeddings
checkpoint, hub   model folders: safetensors and JSON, here or on the Hugging Face hub
folders           where a model lies, in runs and their checkpoints too
seed_folders      where the runs of several training seeds lie
description       what a model folder holds, in numbers
average           one model from several, such as a run's last checkpoints
acceleration      compilation, checkpointing and precision, apart from the model files
converters        weights from elsewhere (torchvision, the authors) as our model folders
sizes             parameters and multiply-adds
"""

from lssd.models.acceleration import AccelerationConfig, accelerate
from lssd.models.acoustic_resnet import AcousticResNet, AcousticResNetConfig
from lssd.models.batch_norm import BatchNorm, span_processes
from lssd.models.checkpoint import load_model, save_model, weights_hash
from lssd.models.converters import convert
from lssd.models.convnets import TDNN, FrameCNN, FrameCNNConfig, TDNNConfig
from lssd.models.description import ModelDescription, describe_model
from lssd.models.heads import ProjectionHead
from lssd.models.model import AudioTower, Model, Tower, TowerConfig, VideoTower, build_model, window_starts
from lssd.models.mvit.config import MViTConfig
from lssd.models.mvit.model import MViT
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
from lssd.models.sizes import EncoderSize, describe_encoder, encoder_size
from lssd.models.x3d import X3D, X3DConfig

__all__ = [
    "TDNN",
    "X3D",
    "AccelerationConfig",
    "AcousticResNet",
    "AcousticResNetConfig",
    "AudioTower",
    "BatchNorm",
    "EncoderSize",
    "FrameCNN",
    "FrameCNNConfig",
    "FrameInput",
    "FrameInputConfig",
    "LogMel",
    "MViT",
    "MViTConfig",
    "Model",
    "ModelDescription",
    "ProjectionHead",
    "SoundInput",
    "SoundInputConfig",
    "SpectrogramMasks",
    "TDNNConfig",
    "Tower",
    "TowerConfig",
    "VideoTower",
    "X3DConfig",
    "accelerate",
    "architectures",
    "build_model",
    "convert",
    "create",
    "describe_encoder",
    "describe_model",
    "encoder_size",
    "load_model",
    "mel_filters",
    "mix_channels",
    "save_model",
    "span_processes",
    "weights_hash",
    "window_starts",
]

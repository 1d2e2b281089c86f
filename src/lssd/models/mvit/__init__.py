"""Multiscale vision transformers of both families, for pictures and spectrograms.

config       every dial, and the published architectures' values
model        the encoder
blocks, attention, pooling, positions    its parts, used by it and the converters alone
"""

from lssd.models.mvit.config import MViTConfig
from lssd.models.mvit.model import MViT

__all__ = ["MViT", "MViTConfig"]

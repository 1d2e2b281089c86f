"""Separation: a track is split into speech and background, which add up to it.

Sounds are processed in blocks, so that memory does not grow with their length, and the result depends on the
sound alone. The background is the track minus the speech that was found.
"""

from lssd.dubbing.separation.deepfilter import DeepFilter
from lssd.dubbing.separation.demucs import Demucs
from lssd.dubbing.separation.separator import Separator
from lssd.dubbing.separation.silence import NoSeparation
from lssd.dubbing.separation.stems import Stems

BACKENDS: tuple[type[Separator], ...] = (DeepFilter, Demucs, Stems, NoSeparation)

__all__ = ["BACKENDS", "DeepFilter", "Demucs", "NoSeparation", "Separator", "Stems"]

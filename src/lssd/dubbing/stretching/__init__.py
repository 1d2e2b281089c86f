"""Time stretching: a spoken line gets the duration of the original."""

from lssd.dubbing.declaration import Backend
from lssd.dubbing.stretching.signalsmith import Signalsmith
from lssd.dubbing.stretching.stretcher import Stretcher

BACKENDS: tuple[type[Backend], ...] = (Signalsmith,)

__all__ = ["BACKENDS", "Signalsmith", "Stretcher"]

"""Clips become training instances: the quadruplet of two windows and their sounds, in batches by title.

A batch is a pure function of (seed, epoch, step, rank): `plan_batch` draws it, `read_batch` decodes it,
`Loader` does both ahead of time in worker processes.
"""

from lssd.views.batches import Batch, read_batch, read_centre
from lssd.views.clip_cache import ClipCache
from lssd.views.index import ClipEntry, ClipIndex, Selection
from lssd.views.loader import CacheSettings, Loader
from lssd.views.sampling import Quadruplet, ViewSettings, Window, batch_size, epoch_steps, plan_batch

__all__ = [
    "Batch",
    "CacheSettings",
    "ClipCache",
    "ClipEntry",
    "ClipIndex",
    "Loader",
    "Quadruplet",
    "Selection",
    "ViewSettings",
    "Window",
    "batch_size",
    "epoch_steps",
    "plan_batch",
    "read_batch",
    "read_centre",
]

"""Clips become training instances: the quadruplet of two windows and their sounds, in batches by title.

A step's batch is a pure function of (seed, epoch, step): `GlobalBatch` draws it, of several groups,
`read_groups` decodes some of them, `Loader` does both ahead of time in worker processes.
"""

from lssd.views.batch import Batch, Replacement, read_groups
from lssd.views.batch_plan import GlobalBatch, batch_size, check_weights, epoch_steps
from lssd.views.clip_cache import ClipCache
from lssd.views.columns import ClipEntry
from lssd.views.corpora import Corpora
from lssd.views.decoding import Decoder
from lssd.views.duplicates import group_duplicates
from lssd.views.index import ClipIndex
from lssd.views.instance import Quadruplet, Window, centre_window, sounds_per_clip
from lssd.views.loader import CacheSettings, Loader
from lssd.views.selection import LeftOut, Selection, require_splits, unknown_originals
from lssd.views.settings import ViewSettings
from lssd.views.title_share import TitleShare, title_share

__all__ = [
    "Batch",
    "CacheSettings",
    "ClipCache",
    "ClipEntry",
    "ClipIndex",
    "Corpora",
    "Decoder",
    "GlobalBatch",
    "LeftOut",
    "Loader",
    "Quadruplet",
    "Replacement",
    "Selection",
    "TitleShare",
    "ViewSettings",
    "Window",
    "batch_size",
    "centre_window",
    "check_weights",
    "epoch_steps",
    "group_duplicates",
    "read_groups",
    "require_splits",
    "sounds_per_clip",
    "title_share",
    "unknown_originals",
]

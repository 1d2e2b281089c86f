"""Who speaks, apart from all else: a track becomes speech and background, which add up to it.

Everything is done a block at a time and depends on the sound alone, so an hour fits and a run that was
killed makes the same when it is made again. Background is the track less the speech that was found.
"""

from lssd.dubbing.separation.deepfilter import DeepFilter
from lssd.dubbing.separation.demucs import Demucs
from lssd.dubbing.separation.separator import Separator
from lssd.dubbing.separation.silence import NoSeparation
from lssd.dubbing.separation.stems import Stems

BACKENDS: tuple[type[Separator], ...] = (DeepFilter, Demucs, Stems, NoSeparation)

__all__ = ["BACKENDS", "DeepFilter", "Demucs", "NoSeparation", "Separator", "Stems"]

"""Retrieval between sound and picture on held-out titles."""

from dataclasses import dataclass

import numpy as np
import torch

from lssd.corpus import Catalog
from lssd.errors import CorpusError
from lssd.measures import cosine_similarity, recall_at_k
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import Recipe
from lssd.views import CacheSettings, ClipCache, ClipEntry, ClipIndex, Selection, read_centre

_CHUNK = 16
_RANKS = (1, 5, 10)


@dataclass(frozen=True)
class Monitor:
    """The held-out clips of a run; `clips` is empty when the corpus has no held-out title."""

    clips: tuple[ClipEntry, ...]
    recipe: Recipe
    catalog: Catalog
    cache: CacheSettings | None

    @classmethod
    def prepare(cls, recipe: Recipe, catalog: Catalog, cache: CacheSettings | None) -> "Monitor":
        """Choose up to `monitor.clips` held-out clips, by a draw that depends on the seed alone."""
        try:
            clips = ClipIndex.read(catalog, Selection(splits=recipe.monitor.splits)).clips
        except CorpusError:
            return cls((), recipe, catalog, cache)
        order = np.random.default_rng([recipe.seed]).permutation(len(clips))[: recipe.monitor.clips]
        return cls(tuple(clips[position] for position in sorted(order)), recipe, catalog, cache)

    def measure(self, network: Network) -> dict[str, float]:
        """Recall at 1, 5 and 10 (shares of 0..1) among all held-out clips, both ways, and chance.

        Each clip is one candidate, with its middle window and its original sound.
        """
        network.eval()
        z_v, z_a = [], []
        cache = ClipCache(self.cache.folder, self.cache.limit_bytes) if self.cache else None
        with torch.inference_mode():
            for first in range(0, len(self.clips), _CHUNK):
                chunk = self.clips[first : first + _CHUNK]
                frames_BTCHW, waveform_BCS = read_centre(chunk, self.recipe.views, self.catalog, cache)
                z_v.append(network.project_video(frames_BTCHW))
                z_a.append(network.project_audio(waveform_BCS))
        return summarise(torch.cat(z_v).numpy(), torch.cat(z_a).numpy())


def summarise(z_v: np.ndarray, z_a: np.ndarray) -> dict[str, float]:
    """Recall both ways, their mean, and chance, of N matching pairs (N, D) each."""
    recall = recall_at_k(cosine_similarity(z_v, z_a), _RANKS)
    values: dict[str, float] = {"clips": len(z_v)}
    for position, k in enumerate(_RANKS):
        both = recall.video_to_audio[position], recall.audio_to_video[position]
        values[f"video_to_audio@{k}"], values[f"audio_to_video@{k}"] = both
        values[f"recall@{k}"] = sum(both) / 2
        values[f"chance@{k}"] = recall.chance[position]
    return values

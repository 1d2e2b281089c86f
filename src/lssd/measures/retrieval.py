"""Retrieval across modalities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lssd.measures.embeddings import normalise_rows


@dataclass(frozen=True)
class Recall:
    """Recall at k for k in `ks`, in [0, 1], in both directions, and what random order would score."""

    ks: tuple[int, ...]
    video_to_audio: tuple[float, ...]
    audio_to_video: tuple[float, ...]
    chance: tuple[float, ...]
    n: int


def cosine_similarity(z_v: ArrayLike, z_a: ArrayLike) -> np.ndarray:
    """(N, D), (M, D) -> (N, M) cosines in float64."""
    return normalise_rows(z_v) @ normalise_rows(z_a).T


def recall_at_k(similarity: ArrayLike, ks: Sequence[int] = (1, 5, 10)) -> Recall:
    """How often the matching item is among the k most similar: similarity (N, N), item i matches item i.

    Rows are video queries and columns audio ones. Ties are resolved as a random order would on average,
    so constant embeddings score chance, not 1. A k above N counts as N. Raises ValueError for an array
    that is not square, holds NaN, or is empty, and for k < 1.
    """
    scores = np.asarray(similarity, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or len(scores) == 0:
        raise ValueError(f"similarity must be square and not empty, not {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError("similarity holds NaN")
    if min(ks, default=1) < 1:
        raise ValueError(f"ks must be at least 1, not {tuple(ks)}")
    n = len(scores)
    return Recall(
        ks=tuple(ks),
        video_to_audio=_hit_rates(scores, ks),
        audio_to_video=_hit_rates(scores.T, ks),
        chance=tuple(min(k, n) / n for k in ks),
        n=n,
    )


def _hit_rates(scores: np.ndarray, ks: Sequence[int]) -> tuple[float, ...]:
    matching = np.diagonal(scores)[:, None]
    above = (scores > matching).sum(axis=1)
    equal = (scores == matching).sum(axis=1)  # the matching item itself included
    return tuple(float(np.clip((k - above) / equal, 0.0, 1.0).mean()) for k in ks)

"""The geometry of embeddings and what their neighbours say."""

import numpy as np
from numpy.typing import ArrayLike


def normalise_rows(x_ND: ArrayLike) -> np.ndarray:
    """Rows scaled to length 1, in float64. A row of zeros stays zero. ValueError unless (N, D)."""
    x = np.asarray(x_ND, dtype=np.float64)
    if x.ndim != 2:
        raise ValueError(f"embeddings must be (items, size), not {x.shape}")
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)


def alignment(x_ND: ArrayLike, y_ND: ArrayLike) -> float:
    """Mean squared distance of matching unit rows, in [0, 4]; 0 when pairs coincide.

    Wang & Isola, "Understanding contrastive representation learning through alignment and uniformity on
    the hypersphere" (ICML 2020), alpha = 2.
    """
    x, y = normalise_rows(x_ND), normalise_rows(y_ND)
    if x.shape != y.shape or len(x) == 0:
        raise ValueError(f"alignment compares equally many rows, not {x.shape} and {y.shape}")
    return float(np.square(x - y).sum(axis=1).mean())


def uniformity(x_ND: ArrayLike, t: float = 2.0) -> float:
    """Log mean Gaussian potential over pairs of distinct unit rows: 0 when all coincide, lower is better.

    Wang & Isola (ICML 2020). At least two rows; ValueError otherwise.
    """
    x = normalise_rows(x_ND)
    n = len(x)
    if n < 2:
        raise ValueError(f"uniformity needs at least 2 rows, not {n}")
    squared = np.clip(2.0 - 2.0 * (x @ x.T), 0.0, None)[np.triu_indices(n, 1)]
    exponents = -t * squared
    top = exponents.max()
    return float(top + np.log(np.exp(exponents - top).mean()))


def predict_neighbours(
    train_ND: ArrayLike,
    train_labels: ArrayLike,
    test_MD: ArrayLike,
    k: int = 10,
    temperature: float | None = 0.07,
) -> np.ndarray:
    """The label with most votes among the k nearest training rows by cosine: (M,) labels.

    A vote weighs exp(cosine / temperature), or 1 when `temperature` is None. Votes that tie go to the
    label that sorts first; k above N counts as N. Raises ValueError for k < 1, for no training rows, and
    for sizes that do not match.
    """
    train, test = normalise_rows(train_ND), normalise_rows(test_MD)
    labels = np.asarray(train_labels)
    if labels.shape != (len(train),) or len(train) == 0:
        raise ValueError(f"{labels.shape} labels do not fit {len(train)} training rows")
    if k < 1 or train.shape[1] != test.shape[1]:
        raise ValueError(f"k is {k} and sizes are {train.shape[1]} and {test.shape[1]}: k >= 1, equal sizes")
    classes, codes = np.unique(labels, return_inverse=True)
    k = min(k, len(train))
    predicted = np.empty(len(test), dtype=np.int64)
    for start in range(0, len(test), 1024):  # bounds the memory of the cosines
        cosines = test[start : start + 1024] @ train.T
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        near = np.take_along_axis(cosines, nearest, axis=1)
        # Cosines are at most 1, so the shifted exponent cannot overflow.
        weights = np.ones_like(near) if temperature is None else np.exp((near - 1.0) / temperature)
        votes = np.zeros((len(cosines), len(classes)))
        np.add.at(votes, (np.arange(len(cosines))[:, None], codes[nearest]), weights)
        predicted[start : start + 1024] = votes.argmax(axis=1)
    return classes[predicted]

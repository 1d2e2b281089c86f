"""Plain functions of arrays: retrieval, neighbours, geometry, accuracy and uncertainty.

Wrong arguments raise ValueError: these are functions for code, not for the command line. Rates and
differences are in [0, 1] or [-1, 1]; whoever prints them turns them into points.
"""

from lssd.measures.classification import accuracy, chance_rate, majority_rate
from lssd.measures.embeddings import (
    alignment,
    knn_accuracy,
    normalise_rows,
    predict_neighbours,
    uniformity,
)
from lssd.measures.retrieval import Recall, cosine_similarity, recall_at_k
from lssd.measures.uncertainty import (
    BootstrapInterval,
    Interval,
    bootstrap_difference,
    bootstrap_mean,
    minimum_detectable_difference,
    minimum_detectable_from_error,
    wilson_interval,
)

__all__ = [
    "BootstrapInterval",
    "Interval",
    "Recall",
    "accuracy",
    "alignment",
    "bootstrap_difference",
    "bootstrap_mean",
    "chance_rate",
    "cosine_similarity",
    "knn_accuracy",
    "majority_rate",
    "minimum_detectable_difference",
    "minimum_detectable_from_error",
    "normalise_rows",
    "predict_neighbours",
    "recall_at_k",
    "uniformity",
    "wilson_interval",
]

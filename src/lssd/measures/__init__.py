"""Plain functions of arrays: retrieval, neighbours, geometry, uncertainty, tests.

Wrong arguments raise ValueError: these functions are called by code, not by users. Rates and differences are
in [0, 1] or [-1, 1]; whoever prints them makes percent or points of them.
"""

from lssd.measures.classification import chance_rate, majority_rate
from lssd.measures.embeddings import (
    alignment,
    normalise_rows,
    predict_neighbours,
    uniformity,
)
from lssd.measures.retrieval import Recall, cosine_similarity, recall_at_k
from lssd.measures.significance import (
    SeedTest,
    difference_p,
    equivalence_p,
    holm,
    mcnemar_p,
    seed_test,
)
from lssd.measures.uncertainty import (
    Interval,
    effective_groups,
    jackknife_error,
    mean_interval,
    minimum_detectable_difference,
    minimum_detectable_from_error,
    quantile,
    wilson_interval,
)

__all__ = [
    "Interval",
    "Recall",
    "SeedTest",
    "alignment",
    "chance_rate",
    "cosine_similarity",
    "difference_p",
    "effective_groups",
    "equivalence_p",
    "holm",
    "jackknife_error",
    "majority_rate",
    "mcnemar_p",
    "mean_interval",
    "minimum_detectable_difference",
    "minimum_detectable_from_error",
    "normalise_rows",
    "predict_neighbours",
    "quantile",
    "recall_at_k",
    "seed_test",
    "uniformity",
    "wilson_interval",
]

"""Accuracies without a model, beside which those of models are read."""

import numpy as np
from numpy.typing import ArrayLike


def chance_rate(labels: ArrayLike) -> float:
    """Expected accuracy of guessing uniformly among the classes that occur: 1 / classes."""
    classes = np.unique(np.asarray(labels))
    if len(classes) == 0:
        raise ValueError("chance_rate needs at least one label")
    return 1.0 / len(classes)


def majority_rate(train_labels: ArrayLike, test_labels: ArrayLike | None = None) -> float:
    """Accuracy of always answering the commonest training label, on the test labels (or the same ones).

    Of equally common labels the one that sorts first is taken.
    """
    values, counts = np.unique(np.asarray(train_labels), return_counts=True)
    truth = np.asarray(train_labels if test_labels is None else test_labels)
    if len(values) == 0 or len(truth) == 0:
        raise ValueError("majority_rate needs at least one label")
    return float((truth == values[counts.argmax()]).mean())

"""A probe's input and output, as arrays, and the checks that the input passes before training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lssd.evaluation.metrics import METRICS


class DivisionError(ValueError):
    """A probe cannot be trained on what it is given: the message names the division and what is wrong."""


@dataclass(frozen=True)
class Division:
    """The data of one training of a probe: training, validation and test items.

    x: float32 (items, D), one row per item; y: int64 class numbers (items,), or bool (items, C) when an
    item may have any number of labels. There are no test labels, since a probe has no use for them.
    """

    x_train_ND: np.ndarray
    y_train: np.ndarray
    x_valid_MD: np.ndarray
    y_valid: np.ndarray
    x_test_KD: np.ndarray


@dataclass(frozen=True)
class ProbeOutput:
    """What a probe computes, one entry per division.

    `scores`: float32 (K, C) of the test items, higher is likelier; comparable down a column, so that a
    ranking of items by a class's score is the probe's own. `validation`: the primary metric on the
    validation items. `chosen`: the hyperparameters that were chosen there, and the epoch.
    """

    scores: tuple[np.ndarray, ...]
    validation: tuple[float, ...]
    chosen: tuple[dict, ...]


@dataclass(frozen=True)
class DeviceDivision:
    """A division as tensors of one type, on the device where it is worked on.

    Targets are (items, C), 1 at an item's labels. `number` is the division's own.
    """

    number: int
    x_train_ND: Tensor
    train_NC: Tensor
    x_valid_MD: Tensor
    valid_MC: Tensor
    x_test_KD: Tensor

    @classmethod
    def of(
        cls, number: int, division: Division, classes: int, device: torch.device, dtype: torch.dtype
    ) -> "DeviceDivision":
        def place(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device, dtype)

        return cls(
            number,
            place(division.x_train_ND),
            place(targets(division.y_train, classes)),
            place(division.x_valid_MD),
            place(targets(division.y_valid, classes)),
            place(division.x_test_KD),
        )


def check_divisions(divisions: Sequence[Division], classes: int, multilabel: bool, metric: str) -> None:
    """DivisionError that names the division, the part and what is wrong with it.

    Empty parts, shapes and types that do not fit, features that are not finite, class numbers out of
    range, a single training item, and validation items that the metric cannot judge. A class may lack
    training items: folds drawn without regard to classes leave a rare one out here and there, and its
    test items are then judged wrong (`lssd.evaluation.tasks` notes or refuses it).
    """
    if not divisions:
        raise DivisionError("a probe needs at least one division")
    if classes < 1:
        raise DivisionError(f"a probe needs at least one class, not {classes}")
    sizes = set()
    for number, division in enumerate(divisions):
        parts = {
            "train": (division.x_train_ND, division.y_train),
            "valid": (division.x_valid_MD, division.y_valid),
            "test": (division.x_test_KD, None),
        }
        for part, (x_ND, y) in parts.items():
            where = f"division {number}, {part}"
            _check_features(x_ND, where)
            sizes.add(x_ND.shape[1])
            if y is not None:
                _check_labels(y, len(x_ND), classes, multilabel, where)
        if len(sizes) > 1:
            raise DivisionError(f"division {number}: features have {sorted(sizes)} columns, not one number")
        if len(division.x_train_ND) < 2:
            raise DivisionError(f"division {number}, train: one item is not enough to learn from")
        if not METRICS[metric].judged_classes(targets(division.y_valid, classes)).any():
            raise DivisionError(f"division {number}, valid: {metric} has no class there that it can judge")


def targets(y: np.ndarray, classes: int) -> np.ndarray:
    """Class numbers (items,) or bool (items, C) -> bool (items, C)."""
    return y if y.ndim == 2 else np.eye(classes, dtype=bool)[y]


def _check_features(x_ND: np.ndarray, where: str) -> None:
    if x_ND.ndim != 2 or 0 in x_ND.shape:
        raise DivisionError(f"{where}: features must be (items, D) and not empty, not {x_ND.shape}")
    if not np.issubdtype(x_ND.dtype, np.floating):
        raise DivisionError(f"{where}: features must be floating point, not {x_ND.dtype}")
    finite_N = np.isfinite(x_ND).all(axis=1)
    if not finite_N.all():
        bad = np.flatnonzero(~finite_N)
        raise DivisionError(
            f"{where}: features of {len(bad)} of {len(x_ND)} items hold NaN or infinity, row {bad[0]} first"
        )


def _check_labels(y: np.ndarray, items: int, classes: int, multilabel: bool, where: str) -> None:
    if multilabel:
        if y.shape != (items, classes) or y.dtype != np.bool_:
            raise DivisionError(f"{where}: labels must be bool ({items}, {classes}), not {y.dtype} {y.shape}")
        return
    if y.shape != (items,) or not np.issubdtype(y.dtype, np.integer):
        raise DivisionError(f"{where}: labels must be class numbers ({items},), not {y.dtype} {y.shape}")
    if y.min() < 0 or y.max() >= classes:
        raise DivisionError(f"{where}: class numbers must lie in 0..{classes - 1}, not {y.min()}..{y.max()}")


def double_device(device: torch.device) -> torch.device:
    """The device to compute on in double precision: the given one, or the CPU where that lacks it."""
    return torch.device("cpu") if device.type == "mps" else device


def moments(x_ND: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation (D,) of the training items, by which features are scaled.

    A penalty then means the same for every embedding. A feature that is constant up to rounding carries no
    information; its deviation is infinite, which scales it to zero.
    """
    mean_D, deviation_D = x_ND.mean(dim=0), x_ND.std(dim=0, correction=0)
    varies_D = deviation_D > 1e-9 * (mean_D.abs() + 1e-9)
    return mean_D, torch.where(varies_D, deviation_D, torch.inf)

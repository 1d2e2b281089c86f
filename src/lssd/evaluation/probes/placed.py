"""A division as tensors, on the device where it is worked on."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lssd.evaluation.probes.divisions import Division, targets


@dataclass(frozen=True)
class Placed:
    """All of one type; targets are (items, C), 1 at an item's labels. `number` is the division's own."""

    number: int
    x_train_ND: Tensor
    train_NC: Tensor
    x_valid_MD: Tensor
    valid_MC: Tensor
    x_test_KD: Tensor

    @classmethod
    def of(
        cls, number: int, division: Division, classes: int, device: torch.device, dtype: torch.dtype
    ) -> "Placed":
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


def double_device(device: torch.device) -> torch.device:
    """Where double precision is to be had: the device itself, unless it has none."""
    return torch.device("cpu") if device.type == "mps" else device

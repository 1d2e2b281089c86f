"""The random numbers of a training. Each depends on its purpose alone, never on what was drawn before.

A network that is trained alone therefore draws the same numbers as in a stack. Networks of one division
and depth see the same batches and the same dropout (common random numbers); first weights are each
network's own. Weights and batches are drawn on the CPU and agree between devices; dropout is drawn on the
device that needs it.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

_WEIGHTS, _BIASES, _ORDER, _DROPOUT = range(4)
_RELU_GAIN = math.sqrt(2.0)


def first_weights(
    seed: int, division: int, point: int, shapes: list[tuple[int, int]], initialization: str
) -> list[Tensor]:
    """Xavier weights (rows, columns) of each layer: gain 1 for the first layer, sqrt(2) after a ReLU."""
    stream = _stream(torch.device("cpu"), seed, _WEIGHTS, division, point)
    weights = []
    for layer, (rows, columns) in enumerate(shapes):
        deviation = (_RELU_GAIN if layer else 1.0) * math.sqrt(2.0 / (rows + columns))
        empty = torch.empty(rows, columns)
        if initialization == "xavier_normal":
            weights.append(empty.normal_(0.0, deviation, generator=stream))
        else:
            limit = math.sqrt(3.0) * deviation
            weights.append(empty.uniform_(-limit, limit, generator=stream))
    return weights


def first_biases(seed: int, division: int, point: int, shapes: list[tuple[int, int]]) -> list[Tensor]:
    """The bias (rows,) of each layer, uniform within 1 / sqrt(columns): torch's default for Linear."""
    stream = _stream(torch.device("cpu"), seed, _BIASES, division, point)
    limits = [1.0 / math.sqrt(columns) for _, columns in shapes]
    return [
        torch.empty(rows).uniform_(-limit, limit, generator=stream)
        for (rows, _), limit in zip(shapes, limits, strict=True)
    ]


def order(seed: int, division: int, epoch: int, items: int) -> Tensor:
    """The order (items,) of the training items in an epoch, int64."""
    return torch.randperm(items, generator=_stream(torch.device("cpu"), seed, _ORDER, division, epoch))


class DropoutStream:
    """The dropout of one division's training in one epoch: masks in the order in which they are needed."""

    def __init__(self, seed: int, division: int, epoch: int, layers: int, device: torch.device) -> None:
        self._stream = _stream(device, seed, _DROPOUT, division, epoch, layers)
        self._device = device

    def keep(self, rows: int, columns: int, share: float) -> Tensor:
        """float32 (rows, columns): 0 with probability `share` (to 1 in 65536), else 1.

        Sixteen random bits per entry: torch's own dropout takes as long here as a whole layer's product.
        """
        words = torch.empty(-(-rows * columns // 4), dtype=torch.int64, device=self._device)
        words.random_(-(2**63), None, generator=self._stream)
        bits = words.view(torch.int16)[: rows * columns]
        lowest_kept = drop_count(share) - 2**15
        return bits.float().add_(1 - lowest_kept).clamp_(0, 1).view(rows, columns)


def drop_count(share: float) -> int:
    """How many of 65536 equally likely draws are dropped."""
    return round(share * 2**16)


def _stream(device: torch.device, *key: int) -> torch.Generator:
    return torch.Generator(device).manual_seed(_seed_of(*key))


@lru_cache(maxsize=4096)
def _seed_of(*key: int) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)

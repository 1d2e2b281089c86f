"""Where the random numbers of a training step come from: masks and stochastic depth.

Shape suffixes: B batch, R rows of numbers that an item needs.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_UNIT = 2.0**-24  # of float32, whose values in [0, 1) then are exact


class Draws:
    """Random numbers that belong to items: the same for an item whatever batch it is computed in.

    A step that is divided among processes, or computed in parts, then draws what the whole would have
    drawn. Numbers are a pure function of (the item's key, purpose, row): SplitMix64 (Steele et al. 2014)
    of a counter.
    """

    def __init__(self, keys_B: np.ndarray) -> None:
        self._keys_B = np.asarray(keys_B, dtype=np.uint64)

    @classmethod
    def of_step(cls, seed: int, step: int, items: Sequence[int] | np.ndarray) -> "Draws":
        """Keys of the numbered items of one step of a run."""
        start = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
        return cls(_mixed(start + _mixed(np.asarray(items, dtype=np.uint64))))

    def __len__(self) -> int:
        return len(self._keys_B)

    def __getitem__(self, items: slice | np.ndarray) -> "Draws":
        return Draws(self._keys_B[items])

    def child(self, purpose: int) -> "Draws":
        """Other numbers for the same items."""
        offset = np.uint64((purpose + 1) * int(_GOLDEN) % 2**64)
        return Draws(_mixed(self._keys_B + offset))

    def spread(self, count: int) -> "Draws":
        """`count` items in the place of each, one after the other: (B * count) keys."""
        counters_1K = np.arange(1, count + 1, dtype=np.uint64)[None, :] * _GOLDEN
        return Draws(_mixed(self._keys_B[:, None] + counters_1K).ravel())

    def uniform(self, rows: int) -> Tensor:
        """(rows, B) float32 in [0, 1), on the CPU."""
        counters_R1 = np.arange(1, rows + 1, dtype=np.uint64)[:, None] * _GOLDEN
        bits_RB = _mixed(self._keys_B[None, :] + counters_R1) >> np.uint64(40)
        return torch.from_numpy(bits_RB.astype(np.float32) * np.float32(_UNIT))


Randomness = Draws | torch.Generator | None


def uniform(rows: int, batch: int, source: Randomness, device: torch.device) -> Tensor:
    """(rows, batch) uniform numbers in [0, 1) on a device: from draws, a generator, or torch's own."""
    if isinstance(source, Draws):
        if len(source) != batch:
            raise ValueError(f"{len(source)} draws do not fit a batch of {batch}")
        return source.uniform(rows).to(device, non_blocking=True)
    place = device if source is None else source.device
    return torch.rand(rows, batch, generator=source, device=place).to(device)


def _mixed(x: np.ndarray | np.uint64) -> np.ndarray:
    """SplitMix64's finaliser."""
    with np.errstate(over="ignore"):
        z = np.asarray(x, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: np.ndarray = z ^ (z >> np.uint64(31))
        return mixed

"""The interface of voice converters."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from lssd.dubbing.declaration import Backend

LOUDEST = 0.99  # no sample of a converted line goes beyond


class Converter(Backend, ABC):
    """Makes one voice sound like another."""

    @abstractmethod
    def reference(self, samples_S: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
        """Features of a speaker from some seconds of speech float32 (S,), for `convert`."""

    @abstractmethod
    def convert(
        self, samples_S: np.ndarray, sample_rate: int, reference: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """The same words, float32 of the same rate, length and level, and never beyond full scale."""


def levelled(samples_S: np.ndarray, like_S: np.ndarray) -> np.ndarray:
    """Samples scaled to the RMS level of others, or less where they would clip; silence stays silent."""
    ours, theirs = (np.sqrt(np.mean(np.square(x, dtype=np.float64))) for x in (samples_S, like_S))
    gain = theirs / ours if ours > 0 else 0.0
    peak = gain * np.abs(samples_S).max(initial=0.0)
    return (samples_S * (gain * min(1.0, LOUDEST / max(peak, 1e-9)))).astype(np.float32)

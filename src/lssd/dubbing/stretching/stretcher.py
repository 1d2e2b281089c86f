"""The interface of time stretchers."""

from abc import ABC, abstractmethod

import numpy as np

from lssd.dubbing.declaration import Backend


class Stretcher(Backend, ABC):
    """Makes speech longer or shorter."""

    @abstractmethod
    def stretch(self, samples_S: np.ndarray, sample_rate: int, length: int) -> np.ndarray:
        """`length` samples float32 (length,) of the same pitch; time is scaled evenly.

        A sound that has that length already comes back unchanged. BackendError where there is nothing to
        stretch, the length is below 1, or the ratio is beyond the backend's limits.
        """

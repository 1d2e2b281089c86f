"""What every stretcher does."""

from abc import ABC, abstractmethod

import numpy as np

from lssd.dubbing.declaration import Backend


class Stretcher(Backend, ABC):
    """Makes speech longer or shorter."""

    @abstractmethod
    def stretch(self, samples_S: np.ndarray, sample_rate: int, length: int) -> np.ndarray:
        """`length` samples float32 of the same pitch; what was at share t of the sound is at share t still.

        A sound that has that length already comes back unchanged. InputError where there is nothing to
        stretch or no room for it, or where the ratio is beyond all sense.
        """

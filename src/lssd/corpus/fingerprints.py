"""Fingerprints of clips' pictures: few bits apart where two clips show the same."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

FINGERPRINT = "fingerprint"  # the name of the label
_ROWS, _COLUMNS = 8, 9
_LUMA = np.array([299.0, 587.0, 114.0])  # thousandths, ITU-R BT.601


def difference_hash(image_HWC: np.ndarray) -> int:
    """64 bits of a picture uint8 (H, W, 3): where, in 9 x 8 mean greys, a cell is brighter than its left one.

    Row by row from the top left, the first bit the highest. All sums are of whole numbers, so that every
    machine finds the same bits, and a plain picture none.
    """
    height, width, channels = image_HWC.shape
    flat = image_HWC.reshape(height, width * channels).astype(np.float64)
    strips = (_shares(height, _ROWS) @ flat).reshape(_ROWS, width, channels) @ _LUMA
    grey = strips @ _shares(width, _COLUMNS).T
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


@lru_cache(maxsize=16)
def _shares(pixels: int, cells: int) -> np.ndarray:
    """How much of each pixel lies in each of `cells` equal parts of a line: whole numbers (cells, pixels)."""
    pixel, cell = np.arange(pixels), np.arange(cells)[:, None]
    # In units in which a pixel is `cells` long and a cell `pixels` long, all borders are whole numbers.
    end = np.minimum((pixel + 1) * cells, (cell + 1) * pixels)
    start = np.maximum(pixel * cells, cell * pixels)
    return np.maximum(0, end - start).astype(np.float64)


class Fingerprint:
    """The fingerprint of a clip of so many frames, computed while they are passed on to the encoder."""

    def __init__(self, frames: int) -> None:
        self._ordinals = tuple(quarter * frames // 4 for quarter in (1, 2, 3))
        self._hashes: dict[int, int] = {}

    def watch(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass on all frames, uint8 (H, W, 3)."""
        for number, image in enumerate(images):
            if number in self._ordinals:
                self._hashes[number] = difference_hash(image)
            yield image

    @property
    def value(self) -> str:
        """48 hex digits: the difference hashes at one quarter, half and three quarters of the clip."""
        return "".join(f"{self._hashes[ordinal]:016x}" for ordinal in self._ordinals)

"""Which frames of a window are seen, and which square of a picture: one rule, to train by and to judge by.

Nothing here imports torch, so that processes which only read start quickly.
"""

import numpy as np


def pick_frames(window_frames: int, frames: int) -> np.ndarray:
    """The ordinals of `frames` frames spread uniformly over a window of so many, first and last included.

    Integers (frames,), rounded down: 16 of 75 are 0, 4, 9, 14, ..., 74.
    """
    return np.linspace(0, window_frames - 1, frames).astype(int)


def place_square(height: int, width: int, share: float, top: float, left: float) -> tuple[int, int, int]:
    """First row, first column and side in pixels of a square within a picture.

    share: its side as a share of the picture's short side; top and left place it, 0 at one end and 1 at the
    other.
    """
    side = min(round(share * min(height, width)), height, width)
    return round(top * (height - side)), round(left * (width - side)), side

"""Decoded pictures as the viewer sees them: rotated, in square pixels, scaled, RGB."""

from fractions import Fraction

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream


def pixel_aspect(stream: VideoStream) -> Fraction:
    """Width over height of a coded pixel; 1 where the file does not say."""
    aspect = stream.sample_aspect_ratio
    return Fraction(aspect) if aspect else Fraction(1)


def scaled_size(width: int, height: int, aspect: Fraction, short_side: int | None) -> tuple[int, int]:
    """Size (width, height) to scale a coded picture to, before rotation.

    None keeps the coded size. Otherwise pixels become square, the short side is exactly `short_side`
    (also when that enlarges) and the long side is the nearest even number.
    """
    if short_side is None:
        return width, height
    wide = width * aspect
    ratio = wide / height if wide >= height else height / wide
    long_side = 2 * round(short_side * ratio / 2)
    long_side = max(long_side, short_side)
    return (long_side, short_side) if wide >= height else (short_side, long_side)


class Converter:
    """Converts the frames of one film to uint8 (H, W, 3); all come out in the first one's size."""

    def __init__(self, aspect: Fraction, short_side: int | None) -> None:
        self._aspect = aspect
        self._short_side = short_side
        self._size: tuple[int, int] | None = None
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        if self._size is None:
            self._size = scaled_size(frame.width, frame.height, self._aspect, self._short_side)
        width, height = self._size
        scaled = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation=Interpolation.BICUBIC,
            threads=1,  # the callers are processes that share the machine
        )
        image = scaled.to_ndarray()
        turns = quarter_turns(frame)
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def quarter_turns(frame: VideoFrame) -> int:
    """Quarter turns counter-clockwise (0 to 3) that the display matrix asks for."""
    return round(frame.rotation / 90) % 4

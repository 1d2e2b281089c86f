"""Frames of a window and squares of a picture, against literal loops."""

import pytest

from lssd.media import pick_frames, place_square


def test_sixteen_of_seventy_five_frames() -> None:
    spread = [int(number * 74 / 15) for number in range(16)]
    assert pick_frames(75, 16).tolist() == spread
    assert (spread[0], spread[-1]) == (0, 74)
    assert pick_frames(75, 1).tolist() == [0]


@pytest.mark.parametrize(
    ("size", "square"),
    [
        ((288, 512, 224 / 288, 0.5, 0.5), (32, 144, 224)),
        ((288, 512, 224 / 288, 0.5, 1.0), (32, 288, 224)),
        ((512, 288, 224 / 288, 0.0, 0.5), (0, 32, 224)),
        ((90, 90, 1.2, 0.5, 0.5), (0, 0, 90)),
    ],
)
def test_squares(size: tuple[int, int, float, float, float], square: tuple[int, int, int]) -> None:
    assert place_square(*size) == square

"""The camera's move over a shot, as a path that picture and truth both follow.

A scene is painted on a canvas in square pixels. At each frame the camera sees a part of it: the rectangle
around (x, y) that is 1 / zoom of the canvas wide and high, stretched to the stored picture.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels, the last two exclusive

MOVES = ("still", "pan", "tilt", "zoom", "handheld")
SAFE = 0.15  # whatever lies this far (a share of width and height) within the canvas stays in view
_KNOTS = 24  # pieces of a smooth move
_SWAYS_A_FRAME = (1 / 90, 1 / 50, 1 / 24)  # of a hand that holds the camera


@dataclass(frozen=True)
class Camera:
    """A move and its path: (frame since `seen_from`, x, y, zoom), linear in between and held outside.

    x, y: the middle of the view, in shares of the canvas' width and height; zoom at least 1. canvas,
    stored: (width, height) in pixels of what is painted and of what is stored.
    """

    move: str
    path: tuple[tuple[int, float, float, float], ...]
    canvas: tuple[int, int]
    stored: tuple[int, int]

    @cached_property
    def identity(self) -> bool:
        """Whether every frame is the canvas as it was painted."""
        return self.canvas == self.stored and all(point[1:] == (0.5, 0.5, 1.0) for point in self.path)

    @cached_property
    def _columns(self) -> np.ndarray:
        return np.array(self.path, dtype=float).T

    def view(self, frame: float) -> tuple[float, float, float]:
        """(x, y, zoom) at a frame since `seen_from`."""
        frames, xs, ys, zooms = self._columns
        return tuple(float(np.interp(frame, frames, values)) for values in (xs, ys, zooms))  # type: ignore[return-value]

    def matrix(self, frame: float) -> np.ndarray:
        """(2, 3): pixel centres of the canvas (x, y, 1) to those of the stored picture."""
        x, y, zoom = self.view(frame)
        rows = []
        for middle, canvas, stored in (
            (x, self.canvas[0], self.stored[0]),
            (y, self.canvas[1], self.stored[1]),
        ):
            scale = zoom * stored / canvas
            # An edge u of the canvas goes to (u - middle * canvas) * scale + stored / 2; a pixel's centre is
            # half a pixel after its edge.
            rows.append((scale, 0.5 * scale - middle * canvas * scale + stored / 2 - 0.5))
        (sx, tx), (sy, ty) = rows
        return np.array([[sx, 0.0, tx], [0.0, sy, ty]])

    def seen(self, box: Box, frame: float) -> Box:
        """A box of the canvas as it lies in the stored picture at a frame since `seen_from`."""
        (sx, _, tx), (_, sy, ty) = self.matrix(frame)
        top, left, bottom, right = box
        edges = (
            (top - 0.5) * sy + ty,
            (left - 0.5) * sx + tx,
            (bottom - 0.5) * sy + ty,
            (right - 0.5) * sx + tx,
        )
        top_, left_, bottom_, right_ = (edge + 0.5 for edge in edges)
        return round(top_), round(left_), round(bottom_), round(right_)


def canvas_size(stored: tuple[int, int], pixel_aspect: Fraction) -> tuple[int, int]:
    """(width, height) in square pixels of a stored picture's (width, height): as high, as wide as seen."""
    return max(1, round(stored[0] * pixel_aspect)), stored[1]


def sample_camera(
    rng: np.random.Generator, move: str, frames: int, canvas: tuple[int, int], stored: tuple[int, int]
) -> Camera:
    """A camera that makes one of MOVES, smoothly, over the `frames` in which a shot is seen.

    canvas, stored: (width, height) in pixels, see `canvas_size`. The view never leaves the canvas, zoom
    stays within 1 and 1.35, and what lies SAFE within the canvas is seen in every frame.
    """
    last = max(1, frames - 1)
    if move == "still":
        return Camera(move, ((0, 0.5, 0.5, 1.0),), canvas, stored)
    if move == "handheld":
        knots = np.unique(np.append(np.arange(0, last, 4), last))
        x, y, zoom = _held(rng, knots)
    else:
        knots = np.unique(np.linspace(0, last, _KNOTS + 1).round().astype(int))
        x, y, zoom = _planned(rng, move, knots / last)
    reach = np.maximum(0.0, np.minimum(0.5 - 0.5 / zoom, 0.5 / zoom - (0.5 - SAFE)))
    x, y = (0.5 + np.clip(way - 0.5, -reach, reach) for way in (x, y))
    path = tuple(
        (int(frame), round(float(across), 5), round(float(down), 5), round(float(near), 5))
        for frame, across, down, near in zip(knots, x, y, zoom, strict=True)
    )
    return Camera(move, path, canvas, stored)


def _planned(rng: np.random.Generator, move: str, share: np.ndarray) -> tuple[np.ndarray, ...]:
    """x, y, zoom of a pan, a tilt or a zoom at shares 0..1 of the shot: slow at both ends."""
    ease = share * share * (3 - 2 * share)
    way = float(rng.choice([-1.0, 1.0])) * (2 * ease - 1)
    aside = rng.uniform(-0.02, 0.02)
    middle = np.full(len(share), 0.5)
    if move == "zoom":
        near, far = rng.uniform(1.18, 1.35), rng.uniform(1.0, 1.06)
        half = 0.5 * (near - far)
        zoom = far + half + half * way
        return middle + aside * (zoom - 1), middle + rng.uniform(-0.05, 0.05) * (zoom - 1), zoom
    moved = 0.5 + rng.uniform(0.045, 0.066) * way
    zoom = np.full(len(share), rng.uniform(1.17, 1.2))
    return (moved, middle + aside, zoom) if move == "pan" else (middle + aside, moved, zoom)


def _held(rng: np.random.Generator, frames: np.ndarray) -> tuple[np.ndarray, ...]:
    """x, y, zoom of a camera in someone's hands: a few slow waves each."""
    waves = []
    for strength in (0.014, 0.014, 0.006):
        phases, rates = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.8, 1.25, 3) * _SWAYS_A_FRAME
        parts = [
            np.sin(2 * np.pi * rate * frames + phase) / (1 + step)
            for step, (rate, phase) in enumerate(zip(rates, phases, strict=True))
        ]
        waves.append(strength * np.sum(parts, axis=0))
    return 0.5 + waves[0], 0.5 + waves[1], rng.uniform(1.09, 1.16) + waves[2]

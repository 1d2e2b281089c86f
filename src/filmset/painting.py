"""A small anti-aliased painter in NumPy: planes, soft masks, sprites.

Lengths are in picture heights: y runs 0..1 downwards, x runs 0..aspect. Colours are RGB in 0..1 and
pass through the title's grade when they are painted, so frames need no colour work later. Finished
values stay within 10..245, so that grain can be added without clipping.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float] | np.ndarray
Grade = Callable[[np.ndarray], np.ndarray]
LOW, HIGH = 10, 245


def as_bytes(rgb: np.ndarray) -> np.ndarray:
    """Colours 0..1 as uint8 within LOW..HIGH."""
    return np.rint(LOW + (HIGH - LOW) * np.clip(rgb, 0.0, 1.0)).astype(np.uint8)


@dataclass(frozen=True)
class Sprite:
    """A picture with soft edges: premultiplied colour uint8 (h, w, 3), and transparency 0..256."""

    colour: np.ndarray
    transparency: np.ndarray

    def stamp(self, frame: np.ndarray, top: int, left: int) -> None:
        """Lay it over a frame (H, W, 3) uint8, in place; parts outside are cut off."""
        height, width = frame.shape[:2]
        y0, x0 = max(0, top), max(0, left)
        y1, x1 = min(height, top + self.colour.shape[0]), min(width, left + self.colour.shape[1])
        if y0 >= y1 or x0 >= x1:
            return
        inner = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        under = frame[y0:y1, x0:x1].astype(np.uint16)
        under *= self.transparency[inner]
        under >>= 8
        frame[y0:y1, x0:x1] = under.astype(np.uint8) + self.colour[inner]


class Plane:
    """A canvas of `height` x `width` pixels that is `scale` picture heights tall."""

    def __init__(self, height: int, width: int, grade: Grade, scale: float = 1.0) -> None:
        self.height, self.width, self.grade = height, width, grade
        self.pixel = scale / height
        self.y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) * self.pixel
        self.x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) * self.pixel
        self.aspect = width * self.pixel
        self.rgb = np.zeros((height, width, 3), dtype=np.float32)
        self.alpha = np.zeros((height, width, 1), dtype=np.float32)

    def copy(self) -> "Plane":
        """A copy that can be painted on further."""
        other = Plane(self.height, self.width, self.grade, self.pixel * self.height)
        other.rgb[:], other.alpha[:] = self.rgb, self.alpha
        return other

    def paint(self, mask: np.ndarray | float, colour: Colour) -> None:
        """Blend in a colour, or one for each pixel, after grading it; mask: how much of it, 0..1."""
        mask_HW = np.broadcast_to(np.asarray(mask, dtype=np.float32), (self.height, self.width))
        area = _extent(mask_HW)
        colours = np.asarray(colour, dtype=np.float32)
        if colours.ndim == 3:
            colours = np.broadcast_to(colours, self.rgb.shape)[area]
        graded = np.asarray(self.grade(colours), dtype=np.float32)
        mask_hw1, rgb, alpha = mask_HW[area][..., None], self.rgb[area], self.alpha[area]
        rgb += mask_hw1 * (graded - rgb)
        alpha += mask_hw1 * (1.0 - alpha)

    def soft(self, distance: np.ndarray) -> np.ndarray:
        """The mask of where a signed distance (in picture heights) is negative, its edge a pixel wide."""
        return np.clip(0.5 - distance / self.pixel, 0.0, 1.0)

    def disc(self, x: float, y: float, rx: float, ry: float | None = None) -> np.ndarray:
        """The mask of an ellipse."""
        ry = rx if ry is None else ry
        radius = np.sqrt(((self.x - x) / rx) ** 2 + ((self.y - y) / ry) ** 2)
        return self.soft((radius - 1.0) * min(rx, ry))

    def box(self, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        """The mask of an upright rectangle."""
        across = np.minimum(self.soft(x0 - self.x), self.soft(self.x - x1))
        return across * np.minimum(self.soft(y0 - self.y), self.soft(self.y - y1))

    def below(self, line: np.ndarray | float) -> np.ndarray:
        """The mask of everything below a height, or below a curve given per column (1, W)."""
        return np.broadcast_to(self.soft(np.asarray(line) - self.y), (self.height, self.width))

    def glow(self, x: float, y: float, radius: float) -> np.ndarray:
        """The mask of a light's halo."""
        return np.exp(-((self.x - x) ** 2 + (self.y - y) ** 2) / (radius * radius))

    def gradient(self, top: Colour, bottom: Colour, y0: float = 0.0, y1: float = 1.0) -> np.ndarray:
        """Colours (H, W, 3) that run from `top` at y0 to `bottom` at y1."""
        share = np.clip((self.y - y0) / max(y1 - y0, 1e-6), 0, 1)[..., None]
        mixed = np.asarray(top) + share * (np.asarray(bottom) - np.asarray(top))
        return np.broadcast_to(mixed, (self.height, self.width, 3)).astype(np.float32)

    def picture(self) -> np.ndarray:
        """The canvas as uint8 (H, W, 3)."""
        return as_bytes(self.rgb)

    def sprite(self) -> Sprite:
        """The canvas as a sprite; nothing painted is transparent."""
        through = np.rint(256 * (1 - self.alpha)).astype(np.uint16)
        colour = (LOW + (HIGH - LOW) * np.clip(self.rgb / np.maximum(self.alpha, 1e-6), 0, 1)) * self.alpha
        # Both parts are rounded; these bounds keep their sum within LOW..HIGH over any such frame.
        colour = np.clip(colour.astype(np.uint16), LOW - (LOW * through >> 8), HIGH - (HIGH * through >> 8))
        return Sprite(colour.astype(np.uint8), through)


def _extent(mask_HW: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns outside which a mask is 0, so that painting can skip them."""
    rows = np.flatnonzero(mask_HW.any(axis=1))
    if not len(rows):
        return slice(0), slice(0)
    tall = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(mask_HW[tall].any(axis=0))
    return tall, slice(int(columns[0]), int(columns[-1]) + 1)


def shift(colour: Colour, hue: float, amount: float = 0.12) -> np.ndarray:
    """A colour moved towards red (hue 1) or blue (hue -1)."""
    return np.clip(np.asarray(colour) + hue * amount * np.array([1.0, 0.1, -1.0]), 0, 1)


def specks(
    rng: np.random.Generator,
    height: int,
    width: int,
    count: int,
    length: int,
    slant: float,
    level: Colour,
    thick: int = 1,
) -> np.ndarray:
    """Streaks or dots of light on black, uint8 (2H, 2W, 3): its (H, W) windows scroll without a seam.

    length, thick: of a streak, in pixels down and across; slant: pixels that it moves across a pixel down.
    """
    tile = np.zeros((height, width), dtype=np.float32)
    ys, xs = rng.integers(0, height, count), rng.integers(0, width, count)
    for step in range(length):
        fade = (step + 1) / length
        light = fade * rng.uniform(0.6, 1.0, count)
        rows, columns = (ys + step) % height, np.rint(xs + slant * step).astype(int)
        for beside in range(thick):
            np.maximum.at(tile, (rows, (columns + beside) % width), light)
    return np.tile(as_bytes(tile[..., None] * np.asarray(level)), (2, 2, 1))


def scrolled(tile: np.ndarray, height: int, width: int, down: float, right: float) -> np.ndarray:
    """The (H, W) window of a doubled tile after it moved `down` and `right` by pixels."""
    top, left = int(-down) % height, int(-right) % width
    return tile[top : top + height, left : left + width]


def skyline(plane: Plane, rng: np.random.Generator, ground: float, tall: float) -> np.ndarray:
    """The upper edge of a row of houses: a height for each column (1, W)."""
    edge = np.full(plane.width, ground, dtype=np.float32)
    column = 0
    while column < plane.width:
        wide = int(plane.width * rng.uniform(0.06, 0.16)) + 2
        edge[column : column + wide] = ground - tall * rng.uniform(0.35, 1.0)
        column += wide
    return edge[None, :]


def windows(
    plane: Plane, rng: np.random.Generator, edge: np.ndarray, ground: float, lit: float
) -> np.ndarray:
    """The mask of lit windows on houses below `edge`; `lit` is the share of windows with light."""
    step = max(4, round(0.05 * plane.height))
    rows, columns = np.arange(plane.height)[:, None], np.arange(plane.width)[None, :]
    light = rng.uniform(size=(plane.height // step + 1, plane.width // step + 1)) < lit
    pane = (rows % step < step / 2) & (columns % step < step / 2) & light[rows // step, columns // step]
    inside = (plane.y > edge + 0.03) & (plane.y < ground - 0.03)
    return (pane & inside).astype(np.float32)

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
    """A picture with soft edges: premultiplied colour uint8 (h, w, 3), what shows through 0..256."""

    colour: np.ndarray
    through: np.ndarray

    def stamp(self, frame: np.ndarray, top: int, left: int) -> None:
        """Lay it over a frame (H, W, 3) uint8, in place; parts outside are cut off."""
        height, width = frame.shape[:2]
        y0, x0 = max(0, top), max(0, left)
        y1, x1 = min(height, top + self.colour.shape[0]), min(width, left + self.colour.shape[1])
        if y0 >= y1 or x0 >= x1:
            return
        inner = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        under = frame[y0:y1, x0:x1].astype(np.uint16)
        under *= self.through[inner]
        under >>= 8
        frame[y0:y1, x0:x1] = under.astype(np.uint8) + self.colour[inner]


class Plane:
    """A canvas of `height` x `width` pixels that stands `scale` picture heights tall."""

    def __init__(self, height: int, width: int, grade: Grade, scale: float = 1.0) -> None:
        self.height, self.width, self.grade = height, width, grade
        self.pixel = scale / height
        self.y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) * self.pixel
        self.x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) * self.pixel
        self.aspect = width * self.pixel
        self.rgb = np.zeros((height, width, 3), dtype=np.float32)
        self.alpha = np.zeros((height, width, 1), dtype=np.float32)

    def copy(self) -> "Plane":
        """A plane with the same painting, to go on from."""
        other = Plane(self.height, self.width, self.grade, self.pixel * self.height)
        other.rgb[:], other.alpha[:] = self.rgb, self.alpha
        return other

    def paint(self, mask: np.ndarray | float, colour: Colour) -> None:
        """Cover the plane with a graded colour (or a colour a pixel) as far as the mask (0..1) says."""
        mask_HW1 = np.broadcast_to(np.asarray(mask, dtype=np.float32), (self.height, self.width))[..., None]
        graded = np.asarray(self.grade(np.asarray(colour, dtype=np.float32)), dtype=np.float32)
        self.rgb += mask_HW1 * (graded - self.rgb)
        self.alpha += mask_HW1 * (1.0 - self.alpha)

    def soft(self, distance: np.ndarray) -> np.ndarray:
        """1 where a signed distance (in picture heights) is negative, 0 where positive, a pixel soft."""
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
        """A colour a pixel that runs from `top` at y0 to `bottom` at y1."""
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
        # Rounding down keeps colour + what shows through at or below HIGH.
        return Sprite(colour.astype(np.uint8), through)


def shift(colour: Colour, hue: float, amount: float = 0.12) -> np.ndarray:
    """A colour moved towards red (hue 1) or blue (hue -1)."""
    return np.clip(np.asarray(colour) + hue * amount * np.array([1.0, 0.1, -1.0]), 0, 1)


def specks(
    rng: np.random.Generator, height: int, width: int, count: int, length: int, slant: float, level: Colour
) -> np.ndarray:
    """Streaks or dots of light on black, uint8 (2H, 2W, 3): its (H, W) windows scroll without a seam."""
    tile = np.zeros((height, width), dtype=np.float32)
    ys, xs = rng.integers(0, height, count), rng.integers(0, width, count)
    for step in range(length):
        fade = (step + 1) / length
        place = (ys + step) % height, np.rint(xs + slant * step).astype(int) % width
        np.maximum.at(tile, place, fade * rng.uniform(0.6, 1.0, count))
    return np.tile(as_bytes(tile[..., None] * np.asarray(level)), (2, 2, 1))


def scrolled(tile: np.ndarray, height: int, width: int, down: float, right: float) -> np.ndarray:
    """The (H, W) window of a doubled tile after it moved `down` and `right` by pixels."""
    top, left = int(-down) % height, int(-right) % width
    return tile[top : top + height, left : left + width]

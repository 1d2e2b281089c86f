"""A vase falls from its shelf and breaks."""

import math

import numpy as np

from filmset.events.event import EventCanvas, EventKind, Moment, PaintMoment, noise, sample_beats, together
from filmset.painting import Sprite
from filmset.synthesis import add, ring

_GRAVITY = 7.0
_FLOOR, _SHELF = 0.9, 0.42
_TIPPING_S = 0.35
_VASE = 0.34  # its height


def rhythm(rng: np.random.Generator, seconds: float) -> list[float]:
    """It breaks once."""
    return sample_beats(rng, seconds, 1, (1.0, 1.0))


def paint(canvas: EventCanvas) -> PaintMoment:
    """The vase tips over the end of a shelf, falls, and flies apart on the floor."""
    rng = canvas.rng
    shelf = canvas.plane()
    wood = np.array([0.45, 0.3, 0.2]) * rng.uniform(0.7, 1.4)
    shelf.paint(shelf.box(0.0, _SHELF, 0.42, _SHELF + 0.06), wood)
    shelf.paint(shelf.box(0.06, _SHELF + 0.05, 0.12, _SHELF + 0.2), wood * 0.7)
    shelf.paint(shelf.box(0.0, _FLOOR, 1.0, 1.0), wood * 0.6)
    still = shelf.sprite()
    glaze, second = rng.uniform(0.2, 1.0, 3), rng.uniform(0.1, 1.0, 3)
    vases = [_vase(canvas, glaze, second, angle) for angle in np.linspace(0, 1.9, 9)]
    shards = [_shard(canvas, glaze if number % 2 else second, number) for number in range(14)]
    speeds = np.stack([rng.uniform(-0.9, 0.7, 14), rng.uniform(0.4, 2.3, 14)], axis=1)
    burst = canvas.burst(0.36, (0.97, 0.95, 0.9), int(rng.integers(11, 17)))
    fall_s = math.sqrt(2 * (_FLOOR - _SHELF) / _GRAVITY)

    def paint_moment(view: np.ndarray, moment: Moment) -> None:
        still.stamp(view, 0, 0)
        if moment.hits:
            burst.put(view, moment.since_s, 0.6, _FLOOR - 0.12)
            for shard, (across, up) in zip(shards, speeds, strict=True):
                flown = min(moment.since_s + 0.05, 2 * up / _GRAVITY)
                y = _FLOOR - 0.02 - up * flown + 0.5 * _GRAVITY * flown * flown
                canvas.put(view, shard, 0.6 + across * flown, y)
            return
        falling_s = max(0.0, fall_s - moment.until_s)
        tipped = min(1.0, max(0.0, 1 - (moment.until_s - fall_s) / _TIPPING_S))
        turn = min(len(vases) - 1, round(3 * tipped**2 + 14 * falling_s))
        y = _SHELF - _VASE / 2 + 0.5 * _GRAVITY * falling_s**2
        canvas.put(view, vases[turn], 0.3 + 0.12 * tipped + 0.5 * falling_s, y)

    return paint_moment


def _vase(canvas: EventCanvas, glaze: np.ndarray, second: np.ndarray, angle: float) -> Sprite:
    plane = canvas.turned(float(angle), 0.2, 0.2, 0.4, 0.4)
    shape = np.maximum(plane.disc(0.2, 0.25, 0.11, 0.115), plane.box(0.155, 0.05, 0.245, 0.2))
    shape = np.maximum(shape, plane.box(0.13, 0.03, 0.27, 0.06))
    plane.paint(shape, glaze)
    plane.paint(shape * plane.box(0, 0.215, 1, 0.275), second)
    plane.paint(0.4 * shape * plane.disc(0.16, 0.22, 0.025, 0.07), (1.0, 1.0, 1.0))
    return plane.sprite()


def _shard(canvas: EventCanvas, colour: np.ndarray, number: int) -> Sprite:
    size = 0.05 + 0.012 * (number % 4)
    plane = canvas.turned(1.3 * number, size, size, 2 * size, 2 * size)
    edge = np.maximum(plane.y - 1.6 * size, 0.4 * size - plane.y + 1.3 * np.abs(plane.x - size))
    plane.paint(plane.soft(edge), colour)
    return plane.sprite()


def sound(rng: np.random.Generator, rate: int, hits: int) -> list[np.ndarray]:
    """A burst, then splinters that ring high and grow fewer."""
    length, pitch = rng.uniform(0.12, 0.6), rng.uniform(1500, 4500)
    sharp, dull = rng.uniform(0.004, 0.02), rng.uniform(0.02, 0.09)
    crashes = []
    for _ in range(hits):
        crash = np.zeros(int((length + 0.3) * rate), dtype=np.float32)
        add(crash, 0, together(noise(rng, rate, 900, 9000, sharp), 0.5 * noise(rng, rate, 200, 3000, dull)))
        for start in rng.exponential(length / 3, int(rng.integers(8, 36))):
            splinter = ring(rate, pitch * rng.uniform(0.6, 2.2, 2), rng.uniform(0.004, 0.04))
            add(crash, int(start * rate), rng.uniform(0.1, 0.7) * math.exp(-start / length) * splinter)
        crashes.append(crash)
    return crashes


KIND = EventKind("crash", rhythm, paint, sound)

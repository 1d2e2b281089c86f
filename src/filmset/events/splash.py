"""A stone drops into a bucket of water."""

import numpy as np

from filmset.events.event import (
    EventCanvas,
    EventKind,
    Moment,
    PaintMoment,
    modes,
    noise,
    sample_beats,
    together,
)
from filmset.painting import Sprite
from filmset.synthesis import add

_GRAVITY = 8.0
_WATER = 0.58
_DROPS = 16


def rhythm(rng: np.random.Generator, seconds: float) -> list[float]:
    """One to three stones."""
    return sample_beats(rng, seconds, 3, (0.55, 1.1), 0.2)


def paint(canvas: EventCanvas) -> PaintMoment:
    """Each stone falls in from above the square and throws up a crown of water."""
    rng = canvas.rng
    metal = np.array([0.55, 0.57, 0.6]) * rng.uniform(0.6, 1.3) * rng.uniform(0.8, 1.2, 3)
    back, front = canvas.plane(), canvas.plane()
    back.paint(back.disc(0.5, _WATER, 0.38, 0.09), metal * 0.6)
    back.paint(back.disc(0.5, _WATER + 0.01, 0.34, 0.07), (0.15, 0.38, 0.5))
    wall = front.soft(np.abs(front.x - 0.5) - 0.38 + 0.2 * (front.y - _WATER))
    rim = 1 - front.disc(0.5, _WATER, 0.345, 0.075)
    shape = np.maximum(
        wall * front.below(_WATER) * (1 - front.below(0.95)), front.disc(0.5, 0.95, 0.3, 0.045)
    )
    front.paint(shape * rim, metal)
    front.paint(shape * rim * front.box(0.24, 0, 0.32, 1) * 0.35, (1.0, 1.0, 1.0))
    behind, before = back.sprite(), front.sprite()
    stone, drop = _stone(canvas, rng.uniform(0.25, 0.6)), _drop(canvas)
    speeds = np.stack([rng.uniform(-0.75, 0.75, _DROPS), rng.uniform(0.9, 2.6, _DROPS)], axis=1)
    burst = canvas.burst(0.3, (0.85, 0.94, 1.0), int(rng.integers(9, 15)))

    def paint_moment(view: np.ndarray, moment: Moment) -> None:
        behind.stamp(view, 0, 0)
        if moment.until_s < 0.5:
            canvas.put(view, stone, 0.5, _WATER - 0.5 * _GRAVITY * moment.until_s**2)
        if moment.since_s < 0.8:
            burst.put(view, moment.since_s, 0.5, _WATER - 0.1)
            flown = moment.since_s + 0.06
            for across, up in speeds:
                y = _WATER - up * flown + 0.5 * _GRAVITY * flown * flown
                if y < _WATER:
                    canvas.put(view, drop, 0.5 + across * flown, y)
        before.stamp(view, 0, 0)

    return paint_moment


def _stone(canvas: EventCanvas, grey: float) -> Sprite:
    plane = canvas.plane(0.22, 0.2)
    plane.paint(plane.disc(0.11, 0.1, 0.095, 0.08), (grey, grey * 0.96, grey * 0.9))
    plane.paint(0.5 * plane.disc(0.08, 0.07, 0.03), (grey + 0.3, grey + 0.3, grey + 0.3))
    return plane.sprite()


def _drop(canvas: EventCanvas) -> Sprite:
    plane = canvas.plane(0.07, 0.08)
    plane.paint(plane.disc(0.035, 0.04, 0.026, 0.034), (0.75, 0.88, 1.0))
    return plane.sprite()


def sound(rng: np.random.Generator, rate: int, hits: int) -> list[np.ndarray]:
    """The slap on the water, a wash of noise, and bubbles that rise in pitch."""
    low, high = rng.uniform(180, 700), rng.uniform(2000, 6500)
    decay, bubbles = rng.uniform(0.03, 0.16), rng.uniform(0.3, 1.2)
    splashes = []
    for _ in range(hits):
        splash = np.zeros(int(0.9 * rate), dtype=np.float32)
        add(splash, 0, together(noise(rng, rate, low, high, decay), 0.8 * noise(rng, rate, 300, 8000, 0.004)))
        thump = modes(rate, np.array([rng.uniform(90, 260)]), np.array([0.03]), np.ones(1))
        add(splash, 0, rng.uniform(0.2, 1.0) * thump)
        for start in rng.uniform(0.02, 0.35, int(rng.integers(3, 10))):
            add(splash, int(start * rate), bubbles * rng.uniform(0.2, 0.8) * _bubble(rng, rate))
        splashes.append(rng.uniform(0.7, 1.0) * splash)
    return splashes


def _bubble(rng: np.random.Generator, rate: int) -> np.ndarray:
    count = int(rng.uniform(0.02, 0.08) * rate)
    t = np.linspace(0, 1, count, dtype=np.float32)
    hz = rng.uniform(300, 1500) * (1 + rng.uniform(0.1, 0.7) * t)
    return np.sin(2 * np.pi * np.cumsum(hz) / rate) * np.exp(-4 * t) * (1 - t)


KIND = EventKind("splash", rhythm, paint, sound)

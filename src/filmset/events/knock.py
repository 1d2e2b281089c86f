"""A fist knocks on a door."""

import numpy as np

from filmset.events.event import (
    EventCanvas,
    EventKind,
    Moment,
    PaintMoment,
    approach,
    modes,
    noise,
    sample_beats,
    together,
)
from filmset.painting import Sprite

_SKINS = ((0.93, 0.74, 0.6), (0.66, 0.46, 0.33), (0.42, 0.29, 0.21))


def rhythm(rng: np.random.Generator, seconds: float) -> list[float]:
    """One to five knocks."""
    return sample_beats(rng, seconds, 5, (0.18, 0.42))


def paint(canvas: EventCanvas) -> PaintMoment:
    """A door of planks with a lock; the fist comes from the right."""
    rng = canvas.rng
    wood = np.array([0.5, 0.32, 0.18]) * rng.uniform(0.7, 1.3) * rng.uniform(0.85, 1.15, 3)
    door = canvas.plane()
    door.paint(door.box(0.04, 0.0, 0.96, 1.0), wood * 0.55)
    planks = int(rng.integers(3, 6))
    for number in range(planks):
        left = 0.08 + 0.84 * number / planks
        door.paint(
            door.box(left + 0.008, 0.05, left + 0.84 / planks - 0.008, 1.0), wood * rng.uniform(0.9, 1.1)
        )
    for y in (0.2, 0.82):
        door.paint(door.box(0.08, y, 0.92, y + 0.06), wood * 0.75)
    door.paint(door.disc(0.16, 0.52, 0.045), (0.85, 0.72, 0.3))
    panel = door.sprite()
    fist = _fist(canvas, np.array(_SKINS[rng.integers(len(_SKINS))]), rng.uniform(0.1, 0.8, 3))
    burst = canvas.burst(0.3, (1.0, 0.96, 0.75), int(rng.integers(7, 12)))

    def paint_moment(view: np.ndarray, moment: Moment) -> None:
        panel.stamp(view, 0, 0)
        away = approach(moment, 0.12, 0.2)
        burst.put(view, moment.since_s, 0.45, 0.48)
        canvas.put(view, fist, 0.6 + 0.2 * away, 0.56 + 0.16 * away)

    return paint_moment


def _fist(canvas: EventCanvas, skin: np.ndarray, sleeve: np.ndarray) -> Sprite:
    plane = canvas.turned(0.45, 0.11, 0.12, 0.52, 0.44)
    plane.paint(plane.box(0.2, 0.06, 9.0, 0.24), sleeve)
    plane.paint(plane.box(0.09, 0.07, 0.24, 0.22), skin)
    for knuckle in range(4):
        plane.paint(
            plane.disc(0.09, 0.085 + 0.04 * knuckle, 0.035, 0.024), skin * (0.92 + 0.04 * (knuckle % 2))
        )
    plane.paint(plane.disc(0.15, 0.075, 0.05, 0.022), skin * 0.85)
    return plane.sprite()


def sound(rng: np.random.Generator, rate: int, hits: int) -> list[np.ndarray]:
    """A wooden panel: a few low modes and the click of the knuckles."""
    base, decay = rng.uniform(110, 420), rng.uniform(0.012, 0.05)
    hz = base * np.array([1.0, rng.uniform(1.5, 1.9), rng.uniform(2.3, 3.1), rng.uniform(3.6, 5.0)])
    level = np.array([1.0, 0.6, 0.4, 0.25]) * rng.uniform(0.5, 1.2, 4)
    high, click = rng.uniform(1200, 5000), rng.uniform(0.2, 0.8)
    return [
        rng.uniform(0.6, 1.0)
        * together(
            modes(rate, hz * rng.uniform(0.98, 1.02), decay * np.array([1, 0.8, 0.6, 0.5]), level),
            click * noise(rng, rate, 200, high, rng.uniform(0.002, 0.006)),
        )
        for _ in range(hits)
    ]


KIND = EventKind("knock", rhythm, paint, sound)

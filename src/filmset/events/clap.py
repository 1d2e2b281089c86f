"""Two hands clap."""

import numpy as np

from filmset.events.event import (
    EventCanvas,
    EventKind,
    Moment,
    PaintMoment,
    approach,
    noise,
    sample_beats,
    together,
)
from filmset.painting import Sprite
from filmset.synthesis import add

_SKINS = ((0.93, 0.74, 0.6), (0.66, 0.46, 0.33), (0.42, 0.29, 0.21))


def rhythm(rng: np.random.Generator, seconds: float) -> list[float]:
    """One to six claps."""
    return sample_beats(rng, seconds, 6, (0.22, 0.55))


def paint(canvas: EventCanvas) -> PaintMoment:
    """The hands come up from the lower corners."""
    rng = canvas.rng
    skin, sleeve = np.array(_SKINS[rng.integers(len(_SKINS))]), rng.uniform(0.1, 0.8, 3)
    right = _hand(canvas, skin, sleeve)
    left = Sprite(right.colour[:, ::-1], right.transparency[:, ::-1])
    burst = canvas.burst(0.36, (1.0, 0.95, 0.7), int(rng.integers(8, 13)))

    def paint_moment(view: np.ndarray, moment: Moment) -> None:
        away = approach(moment, 0.13, 0.2)
        burst.put(view, moment.since_s, 0.5, 0.42)
        canvas.put(view, left, 0.33 - 0.14 * away, 0.58 + 0.05 * away)
        canvas.put(view, right, 0.67 + 0.14 * away, 0.58 + 0.05 * away)

    return paint_moment


def _hand(canvas: EventCanvas, skin: np.ndarray, sleeve: np.ndarray) -> Sprite:
    """The right one, leaning to the left."""
    plane = canvas.turned(-0.4, 0.2, 0.3, 0.44, 0.72)
    plane.paint(plane.box(0.1, 0.45, 0.3, 9.0), sleeve)
    plane.paint(plane.box(0.13, 0.36, 0.27, 0.47), skin * 0.92)
    plane.paint(plane.disc(0.2, 0.3, 0.1, 0.12), skin)
    for finger in range(4):
        x = 0.125 + 0.05 * finger
        plane.paint(
            plane.box(x - 0.02, 0.08 + 0.02 * abs(finger - 1.5), x + 0.02, 0.28),
            skin * (0.94 + 0.03 * finger),
        )
    plane.paint(plane.disc(0.1, 0.3, 0.03, 0.08), skin * 0.88)
    return plane.sprite()


def sound(rng: np.random.Generator, rate: int, hits: int) -> list[np.ndarray]:
    """Short bands of noise, at times with the slap of another part of the palm."""
    centre, wide, decay = rng.uniform(650, 2600), rng.uniform(1.4, 2.6), rng.uniform(0.004, 0.02)
    claps = []
    for _ in range(hits):
        middle = centre * rng.uniform(0.85, 1.18)
        clap = together(
            noise(rng, rate, middle / wide, middle * wide, decay * rng.uniform(0.8, 1.25)),
            0.6 * noise(rng, rate, 300, 9000, 0.0015),
        )
        add(
            clap,
            int(rng.uniform(0.003, 0.009) * rate),
            0.5 * noise(rng, rate, middle / wide, middle * wide, decay),
        )
        claps.append(rng.uniform(0.65, 1.0) * clap)
    return claps


KIND = EventKind("clap", rhythm, paint, sound)

"""A lamp is switched on and off by its cord."""

import cv2
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
from filmset.painting import as_bytes
from filmset.synthesis import add


def rhythm(rng: np.random.Generator, seconds: float) -> list[float]:
    """One to three clicks."""
    return sample_beats(rng, seconds, 3, (0.7, 1.5), 0.3)


def paint(canvas: EventCanvas) -> PaintMoment:
    """A hanging lamp; its light fills the square or is gone from one frame to the next."""
    rng = canvas.rng
    shade, half = rng.uniform(0.15, 0.9, 3), rng.uniform(0.2, 0.28)
    lamp = canvas.plane()
    lamp.paint(lamp.box(0.49, 0.0, 0.51, 0.2), (0.12, 0.12, 0.13))
    bulb = lamp.disc(0.5, 0.44, 0.075)
    cone = lamp.soft(np.abs(lamp.x - 0.5) - 0.05 - (half - 0.05) * (lamp.y - 0.18) / 0.24)
    cover = cone * lamp.box(0, 0.18, 1, 0.42)
    lamps = []
    for lit in (False, True):
        plane = lamp.copy()
        plane.paint(bulb, (1.0, 0.97, 0.8) if lit else (0.45, 0.45, 0.45))
        plane.paint(cover, np.clip(shade * (1.25 if lit else 0.8), 0, 1))
        lamps.append(plane.sprite())
    knob = canvas.plane(0.07, 0.5)
    knob.paint(knob.box(0.03, 0.0, 0.042, 0.45), (0.8, 0.78, 0.7))
    knob.paint(knob.disc(0.035, 0.46, 0.032), (0.85, 0.8, 0.6))
    cord = knob.sprite()
    warm = np.array([1.0, rng.uniform(0.8, 0.95), rng.uniform(0.45, 0.75)])
    glow = lamp.glow(0.5, 0.5, 0.38) * lamp.disc(0.5, 0.5, 0.49)
    light = as_bytes(canvas.grade(warm * (0.75 * glow)[..., None])) - as_bytes(np.zeros(3))
    first = bool(rng.integers(2))

    def paint_moment(view: np.ndarray, moment: Moment) -> None:
        lit = first ^ bool(moment.hits % 2)
        if lit:
            cv2.add(view, light[: view.shape[0], : view.shape[1]], dst=view)
        canvas.put(view, cord, 0.5 + half * 0.6, 0.62 + 0.07 * (1 - approach(moment, 0.25, 0.12)))
        lamps[int(lit)].stamp(view, 0, 0)

    return paint_moment


def sound(rng: np.random.Generator, rate: int, hits: int) -> list[np.ndarray]:
    """Two tiny clicks a few milliseconds apart, in a box of metal or plastic."""
    high, decay = rng.uniform(2500, 9000), rng.uniform(0.0012, 0.006)
    body, gap = rng.uniform(450, 2800), rng.uniform(0.006, 0.045)
    second = rng.uniform(0.2, 0.9)
    clicks = []
    for _ in range(hits):
        click = np.zeros(int(0.2 * rate), dtype=np.float32)
        for start, level in ((0.0, 1.0), (gap, second)):
            tick = together(
                noise(rng, rate, 500, high, decay),
                0.7
                * modes(rate, body * np.array([1.0, 2.3]), np.array([0.006, 0.004]), np.array([1.0, 0.6])),
            )
            add(click, int(start * rate), level * tick)
        clicks.append(rng.uniform(0.7, 1.0) * click)
    return clicks


KIND = EventKind("switch", rhythm, paint, sound)

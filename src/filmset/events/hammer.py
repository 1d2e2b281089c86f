"""A hammer drives a nail."""

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

_ANGLES = 12
_RAISED = 0.58  # radians
_HEAD = (0.3, 0.5)  # where the head strikes when the nail is new


def rhythm(rng: np.random.Generator, seconds: float) -> list[float]:
    """One to five strokes."""
    return sample_beats(rng, seconds, 5, (0.3, 0.6))


def paint(canvas: EventCanvas) -> PaintMoment:
    """The hammer turns about the end of its handle; every stroke drives the nail deeper."""
    rng = canvas.rng
    block = canvas.plane()
    wood = np.array([0.62, 0.45, 0.27]) * rng.uniform(0.6, 1.25) * rng.uniform(0.85, 1.15, 3)
    block.paint(block.box(0.05, 0.72, 0.75, 1.0), wood)
    for y in (0.79, 0.87, 0.95):
        block.paint(block.box(0.05, y, 0.75, y + 0.015), wood * 0.75)
    base = block.sprite()
    nail = canvas.plane(0.1, 0.2)
    nail.paint(nail.box(0.035, 0.0, 0.065, 1.0), (0.6, 0.6, 0.63))
    nail.paint(nail.box(0.01, 0.0, 0.09, 0.03), (0.75, 0.75, 0.78))
    steel, handle = np.array([0.35, 0.37, 0.42]) * rng.uniform(0.7, 1.5), rng.uniform(0.2, 0.9, 3)
    hammers = []
    for number in range(_ANGLES):
        plane = canvas.turned(_RAISED * number / (_ANGLES - 1), 0.95, 0.5)
        plane.paint(plane.box(0.3, 0.4, 0.97, 0.46), handle)
        plane.paint(plane.box(0.22, 0.33, 0.38, 0.53), steel)
        plane.paint(plane.box(0.22, 0.33, 0.27, 0.53), steel * 1.35)
        hammers.append(plane.sprite())
    pin = nail.sprite()
    burst = canvas.burst(0.3, (1.0, 0.9, 0.5), int(rng.integers(8, 14)))

    def paint_moment(view: np.ndarray, moment: Moment) -> None:
        driven = 0.04 * min(moment.hits, 4)
        canvas.put(view, pin, _HEAD[0], _HEAD[1] + 0.12 + driven)
        base.stamp(view, 0, 0)
        away = approach(moment, 0.14, 0.3)
        down = round((driven + 0.02) * canvas.side)
        burst.put(view, moment.since_s, _HEAD[0], _HEAD[1] + 0.06 + driven)
        hammers[round(away * (_ANGLES - 1))].stamp(view, down, 0)

    return paint_moment


def sound(rng: np.random.Generator, rate: int, hits: int) -> list[np.ndarray]:
    """Steel on steel in wood: short inharmonic modes over a click and a thud."""
    base, decay = rng.uniform(350, 2200), rng.uniform(0.008, 0.07)
    hz = base * np.array([1.0, rng.uniform(1.4, 1.8), rng.uniform(2.2, 2.9), rng.uniform(3.3, 4.6)])
    level = np.array([1.0, 0.8, 0.6, 0.4]) * rng.uniform(0.3, 1.2, 4)
    thud, click = rng.uniform(0.1, 0.8), rng.uniform(0.2, 0.7)
    low = np.array([rng.uniform(120, 300)])
    return [
        rng.uniform(0.65, 1.0)
        * together(
            modes(rate, hz * (1 + 0.015 * number), decay * np.array([1, 0.8, 0.7, 0.5]), level),
            thud * modes(rate, low, np.array([0.02]), np.ones(1)),
            click * noise(rng, rate, 700, 8000, rng.uniform(0.0015, 0.005)),
        )
        for number in range(hits)
    ]


KIND = EventKind("hammer", rhythm, paint, sound)

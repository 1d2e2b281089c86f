"""A bell swings and rings."""

import math

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

_ANGLES = 17
_SWING = 0.42  # radians to either side
_TOP = 0.16  # where it hangs


def rhythm(rng: np.random.Generator, seconds: float) -> list[float]:
    """One to four strokes."""
    return sample_beats(rng, seconds, 4, (0.4, 0.75), 0.03)


def paint(canvas: EventCanvas) -> PaintMoment:
    """A bell on a bracket; it strikes at each end of its swing."""
    rng = canvas.rng
    metal = np.array([0.85, 0.66, 0.24]) * rng.uniform(0.75, 1.15) * rng.uniform(0.85, 1.15, 3)
    bracket = canvas.plane()
    bracket.paint(bracket.box(0.18, 0.04, 0.82, 0.1), (0.2, 0.17, 0.16))
    bracket.paint(bracket.box(0.48, 0.08, 0.52, _TOP), (0.2, 0.17, 0.16))
    frame = bracket.sprite()
    bells = []
    for number in range(_ANGLES):
        plane = canvas.turned(_SWING * (2 * number / (_ANGLES - 1) - 1), 0.5, _TOP)
        waist = np.clip((plane.y - 0.2) / 0.45, 0, 1)
        skirt = plane.soft(np.abs(plane.x - 0.5) - 0.13 - 0.13 * waist**3)
        plane.paint(plane.disc(0.5, 0.72, 0.05), metal * 0.45)  # the clapper
        plane.paint(np.maximum(skirt * plane.box(0, 0.28, 1, 0.67), plane.disc(0.5, 0.3, 0.13, 0.1)), metal)
        plane.paint(0.35 * skirt * plane.box(0.4, 0.26, 0.46, 0.64), (1.0, 1.0, 0.9))
        plane.paint(plane.box(0.23, 0.645, 0.77, 0.69), metal * 0.7)
        plane.paint(plane.disc(0.5, _TOP + 0.02, 0.035, 0.05), metal * 0.6)
        bells.append(plane.sprite())
    burst = canvas.burst(0.42, (1.0, 0.97, 0.8), int(rng.integers(12, 20)))

    def paint_moment(view: np.ndarray, moment: Moment) -> None:
        burst.put(view, moment.since_s, 0.5, 0.5)
        frame.stamp(view, 0, 0)
        number = round((_lean(moment) + 1) / 2 * (_ANGLES - 1))
        bells[number].stamp(view, 0, 0)

    return paint_moment


def _lean(moment: Moment) -> float:
    """The bell's angle, -1..1: at each hit it is at an end of its swing, left and right in turn."""
    side = 1.0 if moment.hits % 2 else -1.0
    if not moment.hits:
        return 0.5 - 0.5 * math.cos(math.pi * max(0.0, 1 - moment.until_s / 0.3))
    if math.isinf(moment.until_s):
        return side * math.cos(2 * math.pi * moment.since_s / 0.9) * math.exp(-moment.since_s / 0.7)
    return side * math.cos(math.pi * moment.since_s / (moment.since_s + moment.until_s))


def sound(rng: np.random.Generator, rate: int, hits: int) -> list[np.ndarray]:
    """Inharmonic partials that ring on, and a tap."""
    base, decay = rng.uniform(520, 2400), rng.uniform(0.08, 0.5)
    ratios = np.array([1.0, 2.0, 2.4, 3.0, 4.5]) * np.append(1.0, rng.uniform(0.93, 1.07, 4))
    level = np.array([1.0, 0.8, 0.6, 0.5, 0.3]) * rng.uniform(0.3, 1.2, 5)
    decays = decay * np.array([1.0, 0.7, 0.6, 0.4, 0.25])
    tap = rng.uniform(0.1, 0.5)
    return [
        rng.uniform(0.7, 1.0)
        * together(
            modes(rate, base * ratios, decays, level * rng.uniform(0.8, 1.2, 5)),
            tap * noise(rng, rate, 800, 9000, 0.002),
        )
        for _ in range(hits)
    ]


KIND = EventKind("ring", rhythm, paint, sound)

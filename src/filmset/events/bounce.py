"""A ball drops onto a board and bounces until it rests."""

import numpy as np

from filmset.events.event import (
    EventCanvas,
    EventKind,
    Moment,
    PaintMoment,
    modes,
    noise,
    sample_pattern,
    together,
)

_GRAVITY = 10.0  # in squares per second squared
_FLOOR = 0.86
_SHORTEST_S = 0.13


def rhythm(rng: np.random.Generator, seconds: float) -> list[float]:
    """Bounces, each at a share of the last one's speed, until they can no longer be told apart."""
    keep = rng.uniform(0.6, 0.85)
    gap = rng.uniform(0.35, 0.6)
    pattern = [0.0]
    while gap >= _SHORTEST_S and len(pattern) < 8 and pattern[-1] + gap < 0.7 * seconds:
        pattern.append(pattern[-1] + gap)
        gap *= keep
    return sample_pattern(rng, seconds, np.array(pattern))


def paint(canvas: EventCanvas) -> PaintMoment:
    """The ball falls in from above the square."""
    rng = canvas.rng
    board = canvas.plane()
    wood = np.array([0.6, 0.45, 0.3]) * rng.uniform(0.6, 1.3) * rng.uniform(0.85, 1.15, 3)
    board.paint(board.box(0.03, _FLOOR, 0.97, 1.0), wood)
    board.paint(board.box(0.03, _FLOOR, 0.97, _FLOOR + 0.03), wood * 1.3)
    ground = board.sprite()
    colour, second = rng.uniform(0.15, 1.0, 3), rng.uniform(0.1, 1.0, 3)
    radius = rng.uniform(0.1, 0.14)
    balls = []
    for squash in (1.0, 0.72):
        wide = radius / squash**0.5
        plane = canvas.plane(2.2 * wide, 2.2 * wide)
        ball = plane.disc(1.1 * wide, 1.1 * wide, wide, radius * squash)
        plane.paint(ball, colour)
        plane.paint(ball * plane.box(0, 1.1 * wide - 0.03, 9, 1.1 * wide + 0.03), second)
        plane.paint(0.5 * ball * plane.disc(0.8 * wide, 0.75 * wide, 0.3 * radius), (1.0, 1.0, 1.0))
        balls.append(plane.sprite())
    burst = canvas.burst(0.42, (1.0, 0.97, 0.85), int(rng.integers(9, 14)))

    def paint_moment(view: np.ndarray, moment: Moment) -> None:
        ground.stamp(view, 0, 0)
        burst.put(view, moment.since_s, 0.5, _FLOOR - 0.2)
        touching = moment.since_s == 0
        height = 0.0 if touching else _height(moment)
        centre = _FLOOR - radius * (0.72 if touching else 1.0) - height
        canvas.put(view, balls[int(touching)], 0.5, centre)

    return paint_moment


def _height(moment: Moment) -> float:
    """How far the ball is above the board."""
    if not moment.hits:
        return 0.5 * _GRAVITY * min(moment.until_s, 1.0) ** 2
    if moment.until_s > 2.0:
        return 0.0
    return 0.5 * _GRAVITY * moment.since_s * moment.until_s


def sound(rng: np.random.Generator, rate: int, hits: int) -> list[np.ndarray]:
    """A thump and a slap, weaker with each bounce."""
    base, decay = rng.uniform(80, 330), rng.uniform(0.015, 0.07)
    hz = base * np.array([1.0, rng.uniform(1.6, 2.2), rng.uniform(2.6, 4.0)])
    level = np.array([1.0, 0.5, 0.25]) * rng.uniform(0.6, 1.2, 3)
    slap, high, keep = rng.uniform(0.15, 0.7), rng.uniform(800, 4000), rng.uniform(0.65, 0.9)
    return [
        keep**number
        * together(
            modes(rate, hz * (1 + 0.02 * number), np.full(3, decay), level),
            slap * noise(rng, rate, 150, high, rng.uniform(0.002, 0.007)),
        )
        for number in range(hits)
    ]


KIND = EventKind("bounce", rhythm, paint, sound)

"""What every kind of event is made of."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from filmset.camera import Box
from filmset.painting import Colour, Grade, Plane, Sprite
from filmset.synthesis import add, band, shaped_noise

_SIDES = (0.4, 0.34, 0.28, 0.24, 0.2)  # of an event's square box, in shorter sides of the canvas
_LOW, _HIGH, _WINGS = 0.9, 0.12, 0.1  # its lower or upper edge and its distance from the sides, in shares
_LEAD_S, _TAIL_S = 0.35, 0.15  # kept free before the first hit and after the last
_BURSTS = 8  # strengths of a flash
_BURST_S = 0.09  # until a flash has faded to a third


@dataclass(frozen=True)
class Moment:
    """How far an event is: hits so far, seconds since the last and until the next (infinite: none)."""

    hits: int
    since_s: float
    until_s: float


PaintMoment = Callable[[np.ndarray, Moment], None]


@dataclass(frozen=True)
class EventKind:
    """A kind of event.

    name: one of EVENT_KINDS. rhythm(rng, seconds): instants of its hits within that time. paint(canvas)
    prepares what is seen and returns paint_moment(view, moment), which paints it into its box, uint8
    (H, W, 3), in place.
    sound(rng, rate, hits): one sound float32 (S,) a hit, each beginning with the hit, at any level.
    """

    name: str
    rhythm: Callable[[np.random.Generator, float], list[float]]
    paint: Callable[["EventCanvas"], PaintMoment]
    sound: Callable[[np.random.Generator, int, int], list[np.ndarray]]


@dataclass(frozen=True)
class EventCanvas:
    """The square in which an event is painted: `side` pixels; lengths are shares of it, y downwards."""

    side: int
    grade: Grade
    rng: np.random.Generator

    def plane(self, width: float = 1.0, height: float = 1.0) -> Plane:
        """An empty plane of a size."""
        rows, columns = max(2, round(height * self.side)), max(2, round(width * self.side))
        return Plane(rows, columns, self.grade, scale=rows / self.side)

    def turned(self, angle: float, x: float, y: float, width: float = 1.0, height: float = 1.0) -> Plane:
        """A plane whose painting comes out turned clockwise by `angle` radians around (x, y)."""
        plane = self.plane(width, height)
        across, down = plane.x - x, plane.y - y
        cos, sin = math.cos(angle), math.sin(angle)
        plane.x, plane.y = x + cos * across + sin * down, y - sin * across + cos * down
        return plane

    def put(self, view: np.ndarray, sprite: Sprite, x: float, y: float) -> None:
        """Lay a sprite with its middle at (x, y); parts outside the square are cut off."""
        rows, columns = sprite.colour.shape[:2]
        sprite.stamp(view, round(y * self.side - rows / 2), round(x * self.side - columns / 2))

    def burst(self, radius: float, colour: Colour, points: int) -> "Burst":
        """A star that flashes up and fades."""
        plane = self.plane(2 * radius, 2 * radius)
        across, down = plane.x - radius, plane.y - radius
        away, angle = np.hypot(across, down), np.arctan2(down, across) + self.rng.uniform(0, 6.3)
        ray = 0.5 + 0.5 * np.cos(points * angle)
        star = plane.soft(away - radius * (0.5 + 0.48 * ray**2))
        levels = []
        for level in range(_BURSTS):
            faded = self.plane(2 * radius, 2 * radius)
            faded.paint((level + 1) / _BURSTS * star, colour)
            levels.append(faded.sprite())
        return Burst(self, tuple(levels))


@dataclass(frozen=True)
class Burst:
    """A flash of impact: sprites by strength."""

    canvas: EventCanvas
    levels: tuple[Sprite, ...]

    def put(self, view: np.ndarray, since_s: float, x: float, y: float) -> None:
        """Lay it around (x, y), as strong as it is `since_s` after the hit."""
        level = round(math.exp(-since_s / _BURST_S) * _BURSTS)
        if level:
            self.canvas.put(view, self.levels[level - 1], x, y)


def approach(moment: Moment, before_s: float, after_s: float) -> float:
    """How far something that strikes is from its aim: 0 at a hit, 1 at rest; it speeds up to the hit."""
    coming = min(1.0, moment.until_s / before_s)
    going = min(1.0, moment.since_s / after_s)
    return min(coming * (2 - coming), going * going * (3 - 2 * going))


def sample_beats(
    rng: np.random.Generator, seconds: float, most: int, gap_s: tuple[float, float], wobble: float = 0.08
) -> list[float]:
    """One to `most` hits at a steady pace, fewer where `seconds` is too short for them."""
    count, gap = int(rng.integers(1, most + 1)), float(rng.uniform(*gap_s))
    room = max(0.0, seconds - _LEAD_S - _TAIL_S)
    count = min(count, 1 + int(room / (gap * (1 + wobble))))
    steps = gap * (1 + wobble * rng.uniform(-1, 1, count - 1))
    return sample_pattern(rng, seconds, np.concatenate([[0.0], np.cumsum(steps)]))


def sample_pattern(rng: np.random.Generator, seconds: float, pattern_s: np.ndarray) -> list[float]:
    """A pattern of instants that begins at 0, moved to a random start within `seconds`.

    Instants after the end are left out.
    """
    lead = min(_LEAD_S, seconds / 2)
    slack = max(0.0, seconds - lead - _TAIL_S - float(pattern_s[-1]))
    times = lead + rng.uniform(0, 1) * slack + pattern_s
    return [float(time) for time in times if time == times[0] or time < seconds]


def moment_at(hits: Sequence[int], frame: int, rate: float) -> Moment:
    """The moment of a frame, given the frames of all hits in order."""
    count = bisect_right(hits, frame)
    since = (frame - hits[count - 1]) / rate if count else math.inf
    until = (hits[count] - frame) / rate if count < len(hits) else math.inf
    return Moment(count, since, until)


def sample_box(
    rng: np.random.Generator, canvas: tuple[int, int], faces: Sequence[Box], taken: Sequence[Box]
) -> Box:
    """A square at the lower or upper edge of the canvas that hides no face, as large as there is room for.

    taken: boxes of other events, to keep clear of too. Where all is full, the box that hides least.
    """
    crowded: list[tuple[int, Box]] = []
    for size in _SIDES:
        boxes = _edge_boxes(canvas, max(8, round(size * min(canvas))))
        hidden = [sum(_common(box, one) for one in (*faces, *taken)) for box in boxes]
        free = [box for box, common in zip(boxes, hidden, strict=True) if not common]
        if free:
            return free[int(rng.integers(len(free)))]
        crowded += zip(hidden, boxes, strict=True)
    return min(crowded)[1]


def _edge_boxes(canvas: tuple[int, int], side: int) -> list[Box]:
    """Squares along the lower edge, where things stand in front of people; then along the upper one."""
    width, height = canvas
    low, high = max(0, round(_LOW * height) - side), round(_HIGH * height)
    lefts = (
        np.linspace(_WINGS * width, max(_WINGS * width, (1 - _WINGS) * width - side), 5).round().astype(int)
    )
    return [(top, int(left), top + side, int(left) + side) for top in (low, high) for left in lefts]


def _common(one: Box, other: Box) -> int:
    """The area in pixels that two boxes share."""
    tall = min(one[2], other[2]) - max(one[0], other[0])
    wide = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, tall) * max(0, wide)


def modes(rate: int, hz: np.ndarray, decay_s: np.ndarray, level: np.ndarray) -> np.ndarray:
    """A struck body: sines with a decay time and a level each, float32 (S,)."""
    t = np.arange(int(6 * float(np.max(decay_s)) * rate), dtype=np.float32) / rate
    sound = np.zeros(len(t), dtype=np.float32)
    for one_hz, one_decay, one_level in zip(hz, decay_s, level, strict=True):
        sound += (
            np.float32(one_level)
            * np.sin(2 * np.pi * np.float32(one_hz) * t)
            * np.exp(-t / np.float32(one_decay))
        )
    return sound


def noise(rng: np.random.Generator, rate: int, low: float, high: float, decay_s: float) -> np.ndarray:
    """Noise of a band in Hz that begins at once, with RMS about 1, and dies away, float32 (S,)."""
    count = max(64, int(7 * decay_s * rate))
    burst = shaped_noise(rng, count, rate, lambda hz: band(hz, low, high, 1.5))
    return (burst * np.exp(-np.arange(count) / (decay_s * rate))).astype(np.float32)


def together(*sounds: np.ndarray) -> np.ndarray:
    """Sounds that begin at the same time."""
    mixed = np.zeros(max(len(sound) for sound in sounds), dtype=np.float32)
    for sound in sounds:
        add(mixed, 0, sound)
    return mixed


def joined(sounds: Sequence[np.ndarray], offsets: Sequence[int]) -> np.ndarray:
    """Sounds that begin at given samples, float32 (S,), peak 1."""
    ends = [offset + len(sound) for offset, sound in zip(offsets, sounds, strict=True)]
    mixed = np.zeros(max(ends), dtype=np.float32)
    for offset, sound in zip(offsets, sounds, strict=True):
        tail = min(len(sound), 240)
        whole = sound.copy()
        whole[len(sound) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
        add(mixed, offset, whole)
    return mixed / np.float32(max(float(np.abs(mixed).max()), 1e-9))

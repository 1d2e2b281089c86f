"""A workshop, with wheels that strike as they turn."""

from collections.abc import Callable
from functools import cache

import numpy as np

from filmset.painting import Grade, Plane, Sprite, shift
from filmset.scenes.scene import EVENTS, LAYOUT, MAIN, PaintedScene, Scene, SceneKind
from filmset.synthesis import add, band, ring, rms, shaped_noise

_WHEEL_STEPS = 24  # positions of a wheel until it looks the same again
_REACH = 1.15  # half the side of a wheel's sprite, in radii


def turns_a_second(scene: Scene) -> float:
    """How fast a machine's wheel turns."""
    return 0.25 + 0.9 * scene.pace


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Two meshing wheels, a conveyor with boxes, a lamp that blinks at each strike; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    floor = 0.76 + 0.1 * scene.horizon
    _hall(scene, rng, plane, floor)
    lamp = plane.aspect * rng.uniform(0.72, 0.92), rng.uniform(0.25, 0.4)
    plane.paint(plane.disc(*lamp, 0.045), (0.3, 0.05, 0.05))
    still = plane.picture()
    plane.paint(0.85 * plane.glow(*lamp, 0.1), ((1.0, 0.35, 0.2), (1.0, 0.8, 0.3))[int(rng.integers(2))])
    shining = plane.picture()
    radius = rng.uniform(0.19, 0.29)
    centre = plane.aspect * rng.uniform(0.26, 0.44), floor - 0.1 - radius
    small = 0.55 * radius
    second = centre[0] + (radius + small) * 1.02, centre[1] + 0.3 * small
    metal = shift((0.75, 0.72, 0.66), scene.hue, 0.2)
    big_wheel = _wheel(height, grade, radius, 12, int(rng.choice([3, 4, 6])), metal)
    small_wheel = _wheel(height, grade, small, 8, 4, shift((0.8, 0.55, 0.25), scene.hue, 0.3))
    box, belt = _parcel(rng, height, grade), round((floor - 0.05 - 0.1) * height)
    turns = turns_a_second(scene)
    spacing = 0.75 - 0.4 * scene.activity

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        if (4 * turns * seconds) % 1.0 < 0.3:
            frame[:] = shining
        offset = (0.5 * turns * seconds) % spacing
        for left in np.arange(offset - spacing, plane.aspect, spacing):
            box.stamp(frame, belt, round(left * height))
        angle = 2 * np.pi * turns * seconds
        for wheel, (x, y), reach, direction in (
            (big_wheel, centre, radius, 1.0),
            (small_wheel, second, small, -12 / 8),
        ):
            corner = round((y - _REACH * reach) * height), round((x - _REACH * reach) * height)
            wheel(direction * angle).stamp(frame, *corner)

    return still, paint_motion


def _hall(scene: Scene, rng: np.random.Generator, plane: Plane, floor: float) -> None:
    """A wall with pillars and pipes, the floor, the belt that boxes ride on."""
    tone = np.array([(0.36, 0.45, 0.42), (0.47, 0.4, 0.36), (0.36, 0.4, 0.5)][int(rng.integers(3))])
    wall = shift(rng.uniform(0.8, 1.1) * tone, scene.hue, 0.1)
    plane.paint(1.0, plane.gradient(wall * 1.2, wall * 0.75, 0, floor))
    for x in np.arange(rng.uniform(0, 0.3), plane.aspect, rng.uniform(0.22, 0.5)):
        plane.paint(plane.box(x, 0, x + 0.012, floor), wall * 0.6)
    for y in rng.uniform(0.04, 0.22, int(rng.integers(1, 4))):
        plane.paint(plane.box(0, y, 9, y + 0.035), shift((0.6, 0.42, 0.25), scene.hue))
        plane.paint(plane.box(0, y, 9, y + 0.01), (0.85, 0.7, 0.5))
    plane.paint(plane.below(floor), rng.uniform(0.7, 1.3) * np.array((0.22, 0.21, 0.2)))
    plane.paint(plane.box(0, floor - 0.05, 9, floor - 0.01), (0.12, 0.12, 0.13))


def _parcel(rng: np.random.Generator, height: int, grade: Grade) -> Sprite:
    rows, wide = max(4, round(0.1 * height)), rng.uniform(0.1, 0.18)
    parcel = Plane(rows, max(4, round(wide * height)), grade, scale=0.1)
    parcel.paint(1.0, rng.uniform(0.7, 1.2) * np.array((0.72, 0.54, 0.34)))
    parcel.paint(parcel.box(0.42 * wide, 0, 0.58 * wide, 1), (0.9, 0.82, 0.6))
    return parcel.sprite()


def _wheel(
    height: int, grade: Grade, radius: float, teeth: int, spokes: int, colour: np.ndarray
) -> Callable[[float], Sprite]:
    """A toothed wheel as a function of its angle; `spokes` must divide `teeth`."""
    period = 2 * np.pi / spokes
    side = round(2 * _REACH * radius * height)

    @cache
    def at(step: int) -> Sprite:
        plane = Plane(side, side, grade, scale=2 * _REACH * radius)
        y, x = plane.y - _REACH * radius, plane.x - _REACH * radius
        turned, r = np.arctan2(y, x) - step * period / _WHEEL_STEPS, np.hypot(y, x) / radius
        rim = 1.0 + 0.07 * np.clip(4 * np.cos(teeth * turned), -1, 1)
        solid = plane.soft((r - rim) * radius)
        plane.paint(solid, colour)
        inner = plane.soft((r - 0.78) * radius) * plane.soft((0.2 - r) * radius)
        plane.paint(inner, colour * 0.35)
        plane.paint(inner * np.clip(6 * np.cos(spokes * turned) - 4, 0, 1), colour * 0.7)
        return plane.sprite()

    return lambda angle: at(round(angle / period * _WHEEL_STEPS) % _WHEEL_STEPS)


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """A hum, the rush of air, and a strike four times a turn; see `SceneKind`."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    base = rng.uniform(38, 125)
    t = np.arange(samples, dtype=np.float32) / rate
    sound = np.zeros(samples, dtype=np.float32)
    fall = rng.uniform(0.55, 0.85)
    wobble = 1 + 0.1 * np.sin(2 * np.pi * turns_a_second(scene) * t)
    for harmonic in range(1, 9):
        sound += fall**harmonic * np.sin(2 * np.pi * base * harmonic * t + rng.uniform(0, 6)) * wobble
    sound *= rng.uniform(0.3, 1.0) / rms(sound)
    bright = rng.uniform(800, 6000)
    sound += rng.uniform(0.4, 1.0) * shaped_noise(rng, samples, rate, lambda hz: band(hz, 150, bright, 1.0))
    body = events.uniform(500, 1800) * np.array([1.0, 1.51, 2.37])
    knock, loud = ring(rate, body, events.uniform(0.006, 0.03)), events.uniform(0.5, 3.0)
    for strike in np.arange(0, samples / rate, 1 / (4 * turns_a_second(scene))):
        add(sound, int(strike * rate), loud * events.uniform(0.6, 1.0) * knock)
    return sound


KIND = SceneKind(
    "machine",
    reverb_s=(0.5, 1.2),
    esc50=("washing_machine", "hand_saw", "vacuum_cleaner", "chainsaw"),
    paint=paint,
    sound=sound,
)

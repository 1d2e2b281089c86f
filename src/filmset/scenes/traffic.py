"""A street by day: cars, vans and buses are heard to pass when they are seen to."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from filmset.painting import Grade, Plane, Sprite, shift, skyline, windows
from filmset.scenes.scene import (
    EVENTS,
    LAYOUT,
    MAIN,
    MOTION,
    PaintedScene,
    Scene,
    SceneKind,
    SubPlane,
    random_times,
)
from filmset.synthesis import add, band, envelope, ring, shaped_noise

_COLOURS = (
    *((0.8, 0.15, 0.12), (0.92, 0.92, 0.9), (0.12, 0.25, 0.6)),
    *((0.9, 0.72, 0.1), (0.15, 0.16, 0.18), (0.2, 0.5, 0.35)),
)
_BODIES = ("car", "car", "car", "van", "bus")
_LONG = {"car": 2.2, "van": 2.7, "bus": 5.2}  # lengths and heights, relative to a car's height
_TALL = {"car": 1.0, "van": 1.35, "bus": 1.75}
_SIZES = (0.17 * 0.85, 0.17 * 1.25)  # a car's height, far and near lane
_WHEELS_AT = (0.8, 0.985)


@dataclass(frozen=True)
class Pass:
    """A vehicle that crosses the picture: its middle is reached at `time_s`; lane 0 is far, 1 near."""

    time_s: float
    lane: int
    seconds_across: float
    body: str
    colour: int


def car_passes(scene: Scene, start_s: float, end_s: float) -> list[Pass]:
    """The vehicles whose middle crosses the picture's between two times, in order."""
    across = 3.2 - 1.8 * scene.pace
    found = random_times(scene, MOTION, 1.0 / (0.25 + 1.0 * scene.activity)).between(
        start_s + across, end_s + across
    )
    return [
        Pass(
            time - across,  # those under way when the scene begins have crossed before 0
            int(2 * lane),
            across * (0.85 + 0.3 * slow),
            _BODIES[int(body * len(_BODIES))],
            int(colour * len(_COLOURS)),
        )
        for time, (lane, slow, body, colour) in found
    ]


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Houses, trees, a road with two lanes; see `SceneKind`."""
    still = _street(scene, Plane(height, width, grade))
    reach = 0.75 * 1.15 * (3.2 - 1.8 * scene.pace)

    @cache
    def vehicle(body: str, colour: int, lane: int) -> Sprite:
        sprite = _vehicle(grade, height * _SIZES[lane], body, _COLOURS[colour])
        if lane:
            return sprite
        # the far lane drives the other way
        return Sprite(
            np.ascontiguousarray(sprite.colour[:, ::-1]), np.ascontiguousarray(sprite.transparency[:, ::-1])
        )

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        passes = car_passes(scene, seconds - reach, seconds + reach)
        for one in sorted(passes, key=lambda one: one.lane):
            way = (seconds - one.time_s) / one.seconds_across
            if abs(way) <= 0.75:
                sprite = vehicle(one.body, one.colour, one.lane)
                middle = (0.5 + way if one.lane else 0.5 - way) * width
                top = round(_WHEELS_AT[one.lane] * height) - sprite.colour.shape[0]
                sprite.stamp(frame, top, round(middle - sprite.colour.shape[1] / 2))

    return still, paint_motion


def _street(scene: Scene, plane: Plane) -> np.ndarray:
    """The street without cars, uint8 (H, W, 3)."""
    rng = scene.rng(LAYOUT)
    road = 0.6 + 0.08 * scene.horizon
    cloudy = rng.uniform()
    sky = (1 - cloudy) * np.array((0.5, 0.7, 0.92)) + cloudy * np.array((0.7, 0.72, 0.74))
    plane.paint(1.0, plane.gradient(shift(sky, scene.hue, 0.15), (0.88, 0.88, 0.84), 0, road))
    for tall, tone in ((rng.uniform(0.4, 0.58), 0.62), (rng.uniform(0.25, 0.45), 0.45)):
        edge = skyline(plane, rng, road, tall)
        wall = shift((tone, tone * 0.93, tone * 0.88), scene.hue * rng.uniform(0.4, 1.0), 0.15)
        plane.paint(plane.below(edge), wall)
        plane.paint(0.8 * windows(plane, rng, edge, road, 0.8), wall * 0.55)
    for x in rng.uniform(0, plane.aspect, int(rng.integers(0, 5))):
        top, wide = road - rng.uniform(0.18, 0.28), rng.uniform(0.06, 0.1)
        tree = SubPlane(plane, x - wide, top - wide, x + wide, road)
        tree.paint(tree.box(x - 0.008, top, x + 0.008, road), (0.3, 0.22, 0.15))
        tree.paint(tree.disc(x, top, wide, 0.9 * wide), shift((0.2, 0.4, 0.18), scene.hue, 0.1))
    plane.paint(plane.below(road), (0.62, 0.6, 0.57))
    plane.paint(plane.below(road + 0.05), rng.uniform(0.85, 1.2) * np.array((0.3, 0.3, 0.32)))
    dash = ((plane.x * 4.0) % 1.0 < 0.55) * plane.box(0, 0.795, 9, 0.81)
    plane.paint(dash, (0.92, 0.9, 0.8))
    return plane.picture()


def _vehicle(grade: Grade, car_height: float, body: str, colour: tuple[float, float, float]) -> Sprite:
    """Seen from the side, driving to the right; its lower edge is the road. Units: a car's height."""
    tall, long = _TALL[body], _LONG[body]
    rows = max(6, round(car_height * tall))
    plane = Plane(rows, round(rows * long / tall), grade, scale=tall)
    paint, box, disc, floor = plane.paint, plane.box, plane.disc, tall - 0.2
    glass = (0.62, 0.76, 0.84)
    if body == "car":
        paint(np.maximum(box(0.08, 0.42, 2.12, 0.8), disc(1.05, 0.45, 0.66, 0.4)), colour)
        paint(disc(1.05, 0.42, 0.52, 0.27) * box(0, 0, 2.2, 0.42), glass)
        paint(box(1.0, 0.1, 1.08, 0.45), colour)
    else:
        paint(box(0.06, 0.06, long - 0.06, floor), colour)
        panes = np.arange(0.3, long - 0.6, 0.62) if body == "bus" else (long - 0.95,)
        for x in panes:
            paint(box(x, 0.2, x + 0.48, 0.2 + 0.32 * tall), glass)
        paint(box(long - 0.36, 0.2, long - 0.06, 0.2 + 0.38 * tall), glass)
    for wheel in (0.5, long - 0.52):
        paint(disc(wheel, floor, 0.2), (0.06, 0.06, 0.07))
        paint(disc(wheel, floor, 0.08), (0.7, 0.7, 0.7))
    paint(box(long - 0.2, floor - 0.3, long - 0.08, floor - 0.18), (1.0, 0.95, 0.6))
    return plane.sprite()


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """A city's rumble, tyres and engines that come and go, now and then a horn; see `SceneKind`."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    low, high = rng.uniform(40, 90), rng.uniform(250, 900)
    sound = rng.uniform(0.4, 1.0) * shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    bright = rng.uniform(1500, 5000)
    tyres = shaped_noise(rng, samples, rate, lambda hz: band(hz, 250, bright, 1.0))
    engine = shaped_noise(rng, samples, rate, lambda hz: band(hz, 60, 260, 1.5))
    passes = car_passes(scene, -4.0, samples / rate + 4.0)

    def nearness(t: np.ndarray, bodies: tuple[str, ...]) -> np.ndarray:
        level = np.zeros_like(t)
        for one in passes:
            if one.body in bodies:
                spread = 0.28 * one.seconds_across
                level += (1.0 if one.lane else 0.6) * np.exp(-0.5 * ((t - one.time_s) / spread) ** 2)
        return level

    sound += 1.6 * tyres * envelope(samples, rate, lambda t: nearness(t, ("car", "van", "bus")))
    sound += 1.2 * engine * envelope(samples, rate, lambda t: nearness(t, ("van", "bus")))
    for one in passes:
        if events.uniform() < 0.12:
            horn = ring(rate, events.uniform(320, 480) * np.array([1.0, 1.26, 2.0]), 0.12)
            add(sound, int((one.time_s - 0.2) * rate), 2.5 * np.clip(3 * horn, -0.6, 0.6))
    return sound


KIND = SceneKind("traffic", reverb_s=(0.0, 0.0), esc50=("engine", "car_horn"), paint=paint, sound=sound)

"""A kitchen: pots simmer under steam, lids hop and clink, the tap drips."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from filmset.painting import Colour, Grade, Plane, Sprite, as_bytes, shift
from filmset.scenes.scene import (
    EVENTS,
    LAYOUT,
    MAIN,
    MOTION,
    PaintedScene,
    RandomTimes,
    Scene,
    SceneKind,
    SubPlane,
    random_times,
    texture,
)
from filmset.synthesis import add, band, envelope, ring, rms, scatter, shaped_noise

_HOP_S = 0.16  # how long a lid is off its pot before it falls back
_FALL_S, _SPLASH_S = 0.24, 0.16  # of a drop
_GLAZES = ((0.93, 0.92, 0.88), (0.62, 0.78, 0.75), (0.93, 0.82, 0.6), (0.72, 0.76, 0.86), (0.8, 0.6, 0.5))


def simmer(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """How hard the water boils, 0..1, at each time: seen as steam, heard as hissing."""
    rng = scene.rng(MOTION)
    rates, phases = rng.uniform(0.08, 0.4, 2) * (0.7 + 0.8 * scene.pace), rng.uniform(0, 2 * np.pi, 2)
    waves = [np.sin(2 * np.pi * rate * times_s + phase) for rate, phase in zip(rates, phases, strict=True)]
    return 0.5 + 0.25 * np.sum(waves, axis=0)


def clinks(scene: Scene) -> RandomTimes:
    """When a lid falls back on its pot; details: which pot, how high it hopped."""
    return random_times(scene, MOTION + 1, 1.5 - 1.15 * scene.activity)


def drips(scene: Scene) -> RandomTimes:
    """When a drop from the tap hits the sink; details: size, pitch."""
    return random_times(scene, MOTION + 2, 2.2 - 1.5 * scene.pace)


@dataclass(frozen=True)
class _Pot:
    x: float
    rim: float
    half: float
    lid: Sprite
    steam: Callable[[np.ndarray, float, float], None]


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Tiles, cupboards, a stove with pots, a sink; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    counter = 0.6 + 0.08 * scene.horizon
    stove_left = bool(rng.integers(2))
    stove = plane.aspect * (rng.uniform(0.27, 0.34) if stove_left else rng.uniform(0.66, 0.73))
    sink = plane.aspect * (rng.uniform(0.74, 0.86) if stove_left else rng.uniform(0.14, 0.26))
    _room(scene, rng, plane, counter, stove)
    tip = _tap(plane, sink, counter)
    pots = _pots(rng, plane, stove, counter)
    still = plane.picture()
    drop, splash = _drop(height, grade), _splash(height, grade)
    under_tap = round(tip[0] * height)
    clinking, dripping = clinks(scene), drips(scene)
    basin = counter + 0.035

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        boil = float(simmer(scene, np.array(seconds)))
        hops = clinking.between(seconds, seconds + _HOP_S)
        for number, pot in enumerate(pots):
            lifted = max(
                (
                    (0.4 + 0.6 * high) * np.sin(np.pi * (time - seconds) / _HOP_S)
                    for time, (which, high, *_) in hops
                    if int(which * len(pots)) == number
                ),
                default=0.0,
            )
            top = pot.rim - pot.lid.colour.shape[0] / height - 0.05 * lifted
            pot.lid.stamp(frame, round(top * height), round((pot.x - pot.half) * height))
            pot.steam(frame, seconds, 0.2 + 0.75 * boil)
        for time, _ in dripping.between(seconds - _SPLASH_S, seconds + _FALL_S):
            if time > seconds:
                fallen = (1 - (time - seconds) / _FALL_S) ** 2
                foot, sprite = tip[1] + fallen * (basin - tip[1]), drop
            else:
                foot, sprite = basin, splash
            rows, columns = sprite.colour.shape[:2]
            sprite.stamp(frame, round(foot * height) - rows, under_tap - columns // 2)

    return still, paint_motion


def _room(scene: Scene, rng: np.random.Generator, plane: Plane, counter: float, stove: float) -> None:
    """Wall, cupboards above and below, the worktop, the stove's front."""
    wall = shift(np.array(_GLAZES[int(rng.integers(len(_GLAZES)))]), scene.hue, 0.08)
    plane.paint(1.0, plane.gradient(wall * 0.95, wall * 0.82, 0, counter))
    size = rng.uniform(0.05, 0.1)
    offset = 0.5 * size * (np.floor(plane.y / size) % 2) * int(rng.integers(2))  # a running bond, or not
    joint = np.maximum(
        plane.soft(np.abs((plane.x + offset) % size - size / 2) - 0.003),
        plane.soft(np.abs(plane.y % size - size / 2) - 0.003),
    )
    plane.paint(0.5 * joint * (1 - plane.below(counter)), wall * 0.6)
    wood = shift(rng.uniform(0.7, 1.15) * np.array((0.62, 0.44, 0.28)), rng.uniform(-1, 1), 0.15)
    _window_or_shelf(scene, rng, plane, wood, stove)
    hood = plane.soft(np.abs(plane.x - stove) - 0.1 - 0.9 * np.maximum(plane.y - 0.1, 0))
    plane.paint(hood * (1 - plane.below(0.22)), (0.62, 0.63, 0.65))
    plane.paint(plane.below(counter), wood * 0.85)
    wide = rng.uniform(0.26, 0.42)
    for x in np.arange(rng.uniform(-wide, 0), plane.aspect, wide):
        plane.paint(plane.box(x + 0.01, counter + 0.08, x + wide - 0.01, 1.1), wood)
        plane.paint(plane.disc(x + wide - 0.04, counter + 0.14, 0.012), (0.85, 0.83, 0.78))
    plane.paint(plane.box(stove - 0.24, counter + 0.03, stove + 0.24, 1.1), (0.2, 0.2, 0.22))
    plane.paint(plane.box(stove - 0.18, counter + 0.13, stove + 0.18, counter + 0.3), (0.4, 0.24, 0.12))
    stone = rng.uniform(0.5, 0.95) * np.array((0.8, 0.79, 0.77))
    plane.paint(plane.box(-1, counter, 9, counter + 0.045), stone)
    plane.paint(plane.box(stove - 0.24, counter, stove + 0.24, counter + 0.03), (0.1, 0.1, 0.11))


def _window_or_shelf(
    scene: Scene, rng: np.random.Generator, plane: Plane, wood: np.ndarray, stove: float
) -> None:
    """Paint a window or a shelf on the wall beside the hood."""
    middle = plane.aspect - stove
    half = min(0.34, 0.22 * plane.aspect)
    if rng.uniform() < 0.5:
        light = shift(rng.uniform(0.4, 1.0) * np.array((0.8, 0.9, 1.0)), scene.hue, 0.15)
        plane.paint(plane.box(middle - half - 0.02, 0.04, middle + half + 0.02, 0.4), (0.92, 0.91, 0.88))
        pane = plane.box(middle - half, 0.06, middle + half, 0.38)
        plane.paint(pane, plane.gradient(light, light * 0.8, 0.06, 0.38))
        plane.paint(plane.box(middle - 0.01, 0.05, middle + 0.01, 0.4), (0.92, 0.91, 0.88))
        return
    for y in (0.18, 0.36):
        plane.paint(plane.box(middle - half, y, middle + half, y + 0.02), wood * 0.8)
        x = middle - half + 0.05
        while x < middle + half - 0.05:
            wide, tall = rng.uniform(0.02, 0.04), rng.uniform(0.05, 0.12)
            plane.paint(plane.box(x - wide, y - tall, x + wide, y), rng.uniform(0.15, 0.95, 3))
            x += 2 * wide + rng.uniform(0.01, 0.06)


def _tap(plane: Plane, x: float, counter: float) -> tuple[float, float]:
    """Paint a tap over a basin; returns where its drops fall from."""
    steel = (0.78, 0.8, 0.83)
    plane.paint(plane.box(x - 0.02, counter + 0.005, x + 0.2, counter + 0.035), (0.35, 0.37, 0.4))
    plane.paint(plane.box(x + 0.12, counter - 0.2, x + 0.145, counter), steel)
    plane.paint(plane.box(x + 0.03, counter - 0.22, x + 0.145, counter - 0.195), steel)
    plane.paint(plane.box(x + 0.03, counter - 0.22, x + 0.055, counter - 0.165), steel)
    return x + 0.0425, counter - 0.16


def _pots(rng: np.random.Generator, plane: Plane, stove: float, counter: float) -> list[_Pot]:
    """Two or three pots of different size on the stove, painted on the plane but for their lids."""
    count = int(rng.integers(2, 4))
    pots = []
    for number in range(count):
        x = stove + (number - (count - 1) / 2) * 0.46 / count
        half, tall = 0.19 / count * rng.uniform(0.8, 1.0), rng.uniform(0.09, 0.17)
        metal = shift(rng.uniform(0.45, 0.95) * np.array((0.85, 0.85, 0.87)), rng.uniform(-1, 1), 0.3)
        rim = counter - 0.012 - tall
        for flame in np.linspace(-0.6, 0.6, 5) * half:
            plane.paint(plane.disc(x + flame, counter - 0.008, 0.012, 0.016), (0.3, 0.45, 0.95))
        body = SubPlane(plane, x - half - 0.05, rim - 0.01, x + half + 0.05, counter)
        round_ = 1.0 - 0.35 * np.clip(np.abs(body.x - x + 0.3 * half) / half, 0, 1) ** 2
        shade = np.broadcast_to(round_, (body.height, body.width))[..., None] * metal
        body.paint(body.box(x - half - 0.04, rim + 0.02, x + half + 0.04, rim + 0.035), (0.1, 0.1, 0.1))
        body.paint(body.box(x - half, rim, x + half, counter - 0.012), shade)
        steam = _steam(rng, plane, x, rim - 0.03, half)
        pots.append(_Pot(x, rim, half, _lid(plane, half, metal), steam))
    return pots


def _lid(plane: Plane, half: float, metal: Colour) -> Sprite:
    rows = max(3, round(0.05 / plane.pixel))
    lid = Plane(rows, max(4, round(2 * half / plane.pixel)), plane.grade, scale=rows * plane.pixel)
    lid.paint(lid.disc(half, 0.05, half, 0.032) * (1 - lid.below(0.05)), np.asarray(metal) * 0.85)
    lid.paint(lid.disc(half, 0.012, 0.014), (0.12, 0.1, 0.1))
    return lid.sprite()


def _steam(
    rng: np.random.Generator, plane: Plane, x: float, foot: float, half: float
) -> Callable[[np.ndarray, float, float], None]:
    """A cloud that rises from `foot`: paints itself on a frame at a time, as strong as told (0..1)."""
    wide, tall = 1.9 * half + 0.08, min(foot, 0.46)
    rows, columns = max(2, round(tall / plane.pixel)), max(2, round(2 * wide / plane.pixel))
    top, left = round(foot / plane.pixel) - rows, round((x - wide) / plane.pixel)
    up = np.linspace(1, 0, rows, dtype=np.float32)[:, None]
    across = np.linspace(-wide, wide, columns, dtype=np.float32)[None]
    shape = (
        np.exp(-((across / (0.55 * half + 0.5 * wide * up)) ** 2)) * (1 - up) ** 0.5 * np.minimum(1, 6 * up)
    )
    cloud = np.tile(texture(rng, rows, columns, 3.0, 3.0), (2, 1))
    seen = np.s_[max(0, top) : top + rows, max(0, left) : max(0, left + columns)]
    inner = np.s_[max(0, -top) :, max(0, -left) : max(0, plane.width - left)]
    shape = shape[inner]
    white = as_bytes(np.asarray(plane.grade(np.array((0.95, 0.96, 0.97), dtype=np.float32)))).astype(
        np.float32
    )
    speed = rng.uniform(0.16, 0.26) / plane.pixel

    def paint_steam(frame: np.ndarray, seconds: float, strength: float) -> None:
        start = int(speed * seconds) % rows
        noise = cloud[start : start + rows][inner]
        share = (strength * shape * np.clip(0.5 + 1.0 * noise, 0, 1))[..., None]
        under = frame[seen]
        frame[seen] = under + share * (white - under)

    return paint_steam


def _drop(height: int, grade: Grade) -> Sprite:
    rows = max(3, round(0.035 * height))
    plane = Plane(rows, max(2, rows // 2), grade, scale=0.035)
    plane.paint(plane.disc(plane.aspect / 2, 0.02, 0.009, 0.015), (0.85, 0.93, 1.0))
    return plane.sprite()


def _splash(height: int, grade: Grade) -> Sprite:
    rows = max(2, round(0.03 * height))
    plane = Plane(rows, 3 * rows, grade, scale=0.03)
    crown = np.abs(plane.y - 0.03 + 0.5 * np.abs(plane.x - 0.045)) - 0.007
    plane.paint(plane.soft(crown), (0.85, 0.93, 1.0))
    return plane.sprite()


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """A fridge's hum, hissing and bubbling that swell with the steam, lids, drops; see `SceneKind`."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    low, high = rng.uniform(300, 1500), rng.uniform(3000, 9000)
    sound = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    bubbles, pitch = np.zeros(samples, dtype=np.float32), rng.uniform(220, 600)

    def bubble() -> np.ndarray:
        t = np.linspace(0, 1, int(rate * events.uniform(0.02, 0.06)), dtype=np.float32)
        sweep = pitch * events.uniform(0.7, 1.6) * (1 + 0.8 * t)
        return np.sin(2 * np.pi * np.cumsum(sweep) / rate) * t * np.exp(-4 * t) * events.exponential()

    scatter(bubbles, events, rate, 12 + 40 * scene.activity, bubble)
    sound += rng.uniform(6.0, 14.0) * bubbles
    sound *= envelope(samples, rate, lambda t: 0.25 + 1.1 * simmer(scene, t) ** 1.5)
    t = np.arange(samples, dtype=np.float32) / rate
    hum = sum(np.sin(2 * np.pi * 50 * part * t + rng.uniform(0, 6)) / part for part in (1, 2, 3, 6))
    sound += np.float32(rng.uniform(0.1, 0.7)) * np.asarray(hum, dtype=np.float32)
    sound /= rms(sound)
    body, loud = rng.uniform(1700, 3800) * np.array([1.0, 1.47, 2.09]), rng.uniform(2.0, 4.5)
    for time, (which, high_up, *_) in clinks(scene).between(0, samples / rate):
        lid = ring(rate, body * (0.85 + 0.3 * which), 0.012 + 0.03 * float(which))
        for rattle, share in ((0.0, 1.0), (0.055, 0.4)):
            add(sound, int((time + rattle) * rate), float(loud * share * (0.4 + 0.6 * high_up)) * lid)
    tone = rng.uniform(700, 1900)
    for time, (size, bend, *_) in drips(scene).between(0, samples / rate):
        drop = ring(rate, np.array([tone * (0.9 + 0.3 * bend)]), 0.01 + 0.012 * float(size))
        add(sound, int(time * rate), float(0.7 * loud * (0.5 + 0.5 * size)) * drop)
    return sound


KIND = SceneKind(
    "kitchen",
    reverb_s=(0.3, 0.6),
    esc50=("can_opening", "pouring_water"),
    paint=paint,
    sound=sound,
)

"""A street at night in the rain: the biggest drops are seen and heard to splash."""

import numpy as np

from filmset.painting import Grade, Plane, as_bytes, scrolled, shift, skyline, specks, windows
from filmset.scenes.scene import (
    LAYOUT,
    MAIN,
    MOTION,
    PaintedScene,
    RandomTimes,
    Scene,
    SceneKind,
    lighten,
    random_times,
)
from filmset.scenes.wind import gusts
from filmset.synthesis import add, band, envelope, ring, shaped_noise

_SPLASH_S = 0.28
_AGES, _SIZES = 7, 3  # of the pictures of a splash


def splashes(scene: Scene) -> RandomTimes:
    """When big drops hit the street; details: where across, where down, size, pitch."""
    return random_times(scene, MOTION + 1, 1.0 / (2 + 22 * scene.activity))


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Lit windows, their reflection on wet ground, streaks of rain, splashes; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    ground = 0.6 + 0.14 * scene.horizon
    still = _street(scene, rng, Plane(height, width, grade), ground)
    slant = float(rng.uniform(-0.35, 0.35))
    tiles = []
    for share, length, thick, level in (
        (0.026 + 0.04 * scene.activity, max(3, height // 14), 1 + height // 400, (0.4, 0.45, 0.56)),
        (0.01 + 0.02 * scene.activity, max(4, height // 9), 1 + height // 240, (0.6, 0.66, 0.76)),
    ):
        count = max(3, int(share * height * width / (length * thick)))
        tiles.append(specks(rng, height, width, count, length, slant, level, thick))
    fall = height * (1.3 + 1.2 * scene.pace)
    rings = [[_splash(grade, height, age, size) for age in range(_AGES)] for size in range(_SIZES)]
    hits = splashes(scene)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        for time, (across, down, size, _) in hits.between(seconds - _SPLASH_S, seconds + 1e-6):
            age = int((seconds - time) / _SPLASH_S * _AGES)
            light = rings[int(size * _SIZES)][min(age, _AGES - 1)]
            row = (ground + (1 - ground) * (0.08 + 0.9 * down)) * height
            lighten(frame, light, int(row) - light.shape[0] // 2, int(across * width) - light.shape[1] // 2)
        for tile, speed in zip(tiles, (0.7, 1.0), strict=True):
            down = speed * fall * seconds
            np.maximum(frame, scrolled(tile, height, width, down, slant * down), out=frame)

    return still, paint_motion


def _street(scene: Scene, rng: np.random.Generator, plane: Plane, ground: float) -> np.ndarray:
    """The street without rain, uint8 (H, W, 3)."""
    sky = shift(rng.uniform(0.7, 1.3) * np.array((0.09, 0.12, 0.22)), scene.hue, 0.06)
    plane.paint(1.0, plane.gradient(sky, sky + 0.12, 0, ground))
    share = rng.uniform(0.2, 0.5)
    for tall, shade in ((rng.uniform(0.45, 0.62), 0.55), (rng.uniform(0.25, 0.42), 0.3)):
        edge = skyline(plane, rng, ground, tall)
        plane.paint(plane.below(edge), shade * sky + 0.02)
        lit = shift((0.98, 0.78, 0.35), scene.hue * rng.uniform(0.3, 1.0), 0.3)
        plane.paint(0.9 * windows(plane, rng, edge, ground, share), lit)
    light = shift((1.0, 0.85, 0.55), scene.hue, 0.25)
    for lamp in rng.uniform(0.1, 0.9, int(rng.integers(1, 4))) * plane.aspect:
        plane.paint(plane.box(lamp - 0.008, 0.3, lamp + 0.008, ground), (0.05, 0.05, 0.06))
        plane.paint(0.8 * plane.glow(lamp, 0.3, 0.14), light)
    row = int(ground * plane.height)
    wet = plane.rgb[:row][::-1][: plane.height - row].copy()
    for _ in range(3):  # reflections on wet ground are stretched downwards
        wet[1:] = 0.5 * wet[1:] + 0.5 * wet[:-1]
    plane.rgb[row : row + len(wet)] = 0.55 * wet + 0.02
    plane.rgb[row + len(wet) :] = 0.02
    return plane.picture()


def _splash(grade: Grade, height: int, age: int, size: int) -> np.ndarray:
    """A ring on the water as light on black, uint8 (h, w, 3)."""
    share = (age + 1) / _AGES
    radius = (0.006 + 0.034 * share) * (0.6 + 0.4 * size)
    rows = max(3, round(1.3 * radius * height))
    plane = Plane(rows, max(5, round(2.8 * radius * height)), grade, scale=rows / height)
    x, y = plane.aspect / 2, rows / height / 2
    outer = plane.disc(x, y, radius, 0.4 * radius)
    inner = plane.disc(x, y, 0.75 * radius, 0.26 * radius) if age else 0.0
    tone = np.asarray(grade(np.asarray((0.72, 0.78, 0.88), dtype=np.float32)))
    return as_bytes(((1 - 0.75 * share) * np.clip(outer - inner, 0, 1))[..., None] * tone)


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """The hiss of many drops that the wind sways, and the big ones one by one; see `SceneKind`."""
    rng = scene.rng(MAIN)
    low, high = rng.uniform(250, 1600), rng.uniform(3500, 13000)
    sound = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.2))
    sound *= envelope(samples, rate, lambda t: 0.85 + 0.3 * gusts(scene, t))
    loud = rng.uniform(1.0, 4.0)
    for time, (_, _, size, pitch) in splashes(scene).between(0, samples / rate):
        note = ring(rate, np.array([800 + 2800 * pitch]), 0.002 + 0.006 * size)
        add(sound, int(time * rate), float(loud * (0.3 + 1.6 * size)) * note)
    return sound


KIND = SceneKind("rain", reverb_s=(0.0, 0.0), esc50=("rain",), paint=paint, sound=sound)

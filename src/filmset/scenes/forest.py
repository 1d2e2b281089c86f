"""A wood: foliage sways with the wind that is heard, and a bird opens its beak when it sings."""

from functools import lru_cache

import numpy as np

from filmset.painting import Grade, Plane, Sprite, as_bytes, shift
from filmset.scenes.scene import (
    LAYOUT,
    MAIN,
    MOTION,
    PaintedScene,
    RandomTimes,
    Scene,
    SceneKind,
    SubPlane,
    random_times,
)
from filmset.scenes.wind import gusts
from filmset.synthesis import add, band, envelope, shaped_noise

_SONG_S = 0.42  # the longest call


def songs(scene: Scene) -> RandomTimes:
    """When a bird sings; details: its tune, pitch, loudness, and below 0.5: it is the one in the picture."""
    return random_times(scene, MOTION + 1, 1.0 / (0.3 + 2.2 * scene.activity))


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Trunks and light, foliage that sways with the gusts, falling leaves, a bird; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.7 + 0.14 * scene.horizon
    still = _wood(scene, rng, plane, ground)
    margin = max(3, height // 16)
    layers = [_foliage(scene, rng, height, width, grade, *layer) for layer in ((0.42, 0.75), (0.28, 1.0))]

    @lru_cache(maxsize=32)  # a small picture shows few positions, again and again
    def swayed(shifts: tuple[int, ...]) -> np.ndarray:
        picture = still.copy()
        for layer, right in zip(layers, shifts, strict=True):
            layer.stamp(picture, 0, right - margin)
        return picture

    falling = rng.uniform(0, 1, (4 + int(16 * scene.activity), 3))
    leaf, side = as_bytes(grade(shift((0.8, 0.6, 0.15), scene.hue))), max(2, height // 80)
    birds = [_bird(grade, height, scene.hue, beak) for beak in (False, True)]
    perch = round((ground - 0.08) * height), round(rng.uniform(0.1, 0.9) * width) - birds[0].colour.shape[1]
    singing = songs(scene)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        gust = float(gusts(scene, np.array(seconds)))
        frame[:] = swayed(tuple(_sway(gust, number, margin, seconds) for number in (0, 1)))
        calls = singing.between(seconds - _SONG_S, seconds + 1e-6)
        sings = any(seconds < time + _length(details) for time, details in calls if details[3] < 0.5)
        birds[sings].stamp(frame, *perch)
        y = (falling[:, 0] + (0.06 + 0.16 * scene.pace) * seconds * (0.7 + falling[:, 2])) % 1.0
        x = (falling[:, 1] + 0.03 * np.sin(2 * seconds + 6 * falling[:, 2]) + 0.1 * gust) % 1.0
        for row, column in zip((y * height).astype(int), (x * width).astype(int), strict=True):
            frame[row : row + side, column : column + side // 2 + 1] = leaf
            frame[row + side // 2 : row + side, column : column + side] = leaf

    return still, paint_motion


def _wood(scene: Scene, rng: np.random.Generator, plane: Plane, ground: float) -> np.ndarray:
    """Light, trunks and ground, uint8 (H, W, 3)."""
    bright = rng.uniform(0.8, 1.05)
    top, low = bright * np.array((0.72, 0.85, 0.5)), bright * np.array((0.4, 0.6, 0.3))
    plane.paint(1.0, plane.gradient(shift(top, scene.hue, 0.08), shift(low, scene.hue, 0.08), 0, ground))
    for slant in rng.uniform(-0.5, 0.5, int(rng.integers(1, 4))):
        ray = plane.soft(np.abs(plane.x - rng.uniform(0, 1) * plane.aspect - slant * plane.y) - 0.06)
        plane.paint(0.3 * ray, (0.97, 0.98, 0.75))
    thick = rng.uniform(0.6, 1.5)
    for dark in (0.75, 0.45, 0.3):
        for _ in range(int(rng.integers(2, 6))):
            x, half = rng.uniform(0, plane.aspect), thick * (0.055 * (1 - dark) + 0.012)
            bark = np.asarray(shift((0.5, 0.36, 0.24), scene.hue)) * dark
            foot = ground + 0.1 * (1 - dark)
            part = SubPlane(plane, x - half, 0, x + half, foot)
            part.paint(part.box(x - half, -1, x + half, foot), bark)
            part.paint(part.box(x - half, -1, x - 0.4 * half, foot - 0.02 * (1 - dark)), bark * 1.35)
    plane.paint(plane.below(ground + 0.02 * np.sin(7 * plane.x)), shift((0.25, 0.36, 0.14), scene.hue))
    return plane.picture()


def _foliage(
    scene: Scene,
    rng: np.random.Generator,
    height: int,
    width: int,
    grade: Grade,
    depth: float,
    shade: float,
) -> Sprite:
    margin = max(3, height // 16)
    rows = height // 2 + margin
    leaves = Plane(rows, width + 2 * margin, grade, scale=rows / height)
    for _ in range(round(19 * leaves.aspect)):
        x, y = rng.uniform(0, leaves.aspect), depth * rng.uniform(-0.1, 1.0) ** 2
        wide, tall = rng.uniform(0.04, 0.1), rng.uniform(0.03, 0.06)
        green = shift((0.16, 0.42, 0.12), scene.hue, 0.16) * shade * rng.uniform(0.7, 1.35)
        part = SubPlane(leaves, x - wide, y - tall, x + wide, y + tall)
        part.paint(part.disc(x, y, wide, tall), green)
    return leaves.sprite()


def _bird(grade: Grade, height: int, hue: float, beak: bool) -> Sprite:
    """A bird on a twig, its beak open or not."""
    rows = max(6, round(0.13 * height))
    plane = Plane(rows, round(1.4 * rows), grade, scale=1.0)
    body = shift((0.55, 0.3, 0.2), hue, 0.3)
    plane.paint(plane.box(0.0, 0.86, 1.4, 0.94), (0.2, 0.14, 0.1))
    plane.paint(plane.disc(0.55, 0.62, 0.34, 0.24), body)
    plane.paint(plane.disc(0.86, 0.36, 0.19), body * 1.15)
    plane.paint(plane.disc(0.92, 0.32, 0.05), (0.02, 0.02, 0.02))
    for side in (-1, 1):
        tip = 0.38 + side * (0.17 if beak else 0.02)
        edge = np.abs(plane.y - 0.38 - (tip - 0.38) * (plane.x - 1.0) / 0.3) - 0.06 * (1.3 - plane.x) / 0.3
        plane.paint(plane.soft(edge) * plane.box(1.0, 0, 1.3, 1), (0.95, 0.72, 0.15))
    return plane.sprite()


def _length(details: np.ndarray) -> float:
    """Seconds that a call lasts."""
    return (1 + int(3 * details[0])) * (0.06 + 0.08 * float(details[2]))


def _sway(gust: float, layer: int, margin: int, seconds: float) -> int:
    """How far a layer of foliage hangs to the right, in pixels, -margin..margin."""
    sway = margin * (gust - 0.5) * (1.0 + 0.8 * np.sin((2.1 + layer) * seconds))
    return round(float(np.clip((1 + layer) * sway, -margin, margin)))


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Rustling that the gusts carry, and birds; see `SceneKind`."""
    rng = scene.rng(MAIN)
    low, high = rng.uniform(500, 2500), rng.uniform(5000, 12000)
    sound = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.2))
    sound *= envelope(samples, rate, lambda t: 0.35 + 1.3 * gusts(scene, t) ** 2)
    pitch, loud = rng.uniform(2000, 4800), rng.uniform(0.6, 3.0)
    for time, details in songs(scene).between(0, samples / rate):
        tune, high_low, long, near = (float(one) for one in details)
        calls = 1 + int(3 * tune)
        t = np.linspace(0, 1, int(rate * _length(details) / calls), dtype=np.float32)
        sweep = pitch * (0.85 + 0.35 * high_low) * (1 + (tune * 7 % 1 - 0.5) * 0.6 * t)
        tone = np.sin(2 * np.pi * np.cumsum(sweep) / rate) * np.sin(np.pi * t) ** 2
        level = loud * (0.7 + 0.3 * long) * (1.0 if near < 0.5 else 0.45)
        add(sound, int(time * rate), level * np.tile(tone, calls).astype(np.float32))
    return sound


KIND = SceneKind("forest", reverb_s=(0.0, 0.0), esc50=("chirping_birds",), paint=paint, sound=sound)

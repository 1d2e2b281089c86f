"""Mountains and firs under falling snow that the wind carries as it is heard to blow."""

import numpy as np

from filmset.painting import Grade, Plane, scrolled, shift, specks
from filmset.scenes.scene import LAYOUT, MAIN, PaintedScene, Scene, SceneKind, SubPlane
from filmset.scenes.wind import carried, gusts
from filmset.synthesis import band, envelope, shaped_noise


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Mountains, firs, flakes; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.66 + 0.14 * scene.horizon
    sky = shift(rng.uniform(0.75, 1.05) * np.array((0.55, 0.62, 0.72)), scene.hue, 0.1)
    plane.paint(1.0, plane.gradient(sky - 0.12, sky + 0.1, 0, ground))
    _mountains(scene, rng, plane, ground)
    plane.paint(plane.below(ground + 0.015 * np.sin(5 * plane.x)), (0.84, 0.88, 0.93))
    for x in np.sort(rng.uniform(0, plane.aspect, int(rng.integers(2, 10)))):
        foot = ground + rng.uniform(0.0, 0.14)
        _fir(scene, plane, float(x), foot, rng.uniform(0.14, 0.34))
    still = plane.picture()
    size = max(1, round(height / 120))
    tiles = []
    for side in (size, 2 * size):
        count = max(4, int((0.004 + 0.016 * scene.activity) * height * width / side**2))
        tiles.append(specks(rng, height, width, count, side, 0.0, (0.97, 0.98, 1.0), -(-side // 2)))
    fall = height * (0.14 + 0.2 * scene.pace)
    blow = float(rng.choice([-1.0, 1.0])) * height * (0.1 + 0.9 * scene.pace)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        across = blow * carried(scene, seconds)
        for number, tile in enumerate(tiles):
            speed = 0.8 + 0.7 * number
            window = scrolled(tile, height, width, speed * fall * seconds, speed * across)
            np.maximum(frame, window, out=frame)

    return still, paint_motion


def _mountains(scene: Scene, rng: np.random.Generator, plane: Plane, ground: float) -> None:
    for shade in (0.1, 0.0):
        for _ in range(int(rng.integers(2, 5))):
            peak, tall = rng.uniform(0, 1) * plane.aspect, rng.uniform(0.2, 0.5)
            slope = ground - tall + np.abs(plane.x - peak) * rng.uniform(0.6, 1.2)
            slope = slope + 0.012 * np.sin(40 * plane.x + peak * 9)
            part = SubPlane(plane, 0.0, ground - tall - 0.03, plane.aspect, 1.0)
            rock = part.below(slope)
            part.paint(rock, shift((0.24 + shade, 0.31 + shade, 0.42 + shade), scene.hue, 0.08))
            edge = ground - 0.66 * tall + 0.03 * np.sin(31 * plane.x + peak)
            part.paint(rock * (1 - part.below(edge)), (0.86, 0.89, 0.94))


def _fir(scene: Scene, plane: Plane, x: float, foot: float, tall: float) -> None:
    part = SubPlane(plane, x - 0.3 * tall, foot - 1.05 * tall, x + 0.3 * tall, foot + 0.03)
    part.paint(part.box(x - 0.008, foot - 0.03, x + 0.008, foot + 0.02), (0.25, 0.17, 0.12))
    green = shift((0.1, 0.27, 0.2), scene.hue, 0.06)
    for tier in range(3):
        tip = foot - tall * (1.0 - 0.275 * tier)
        cone = part.soft(np.abs(part.x - x) - (part.y - tip) * (0.42 - 0.06 * tier))
        part.paint(cone * (1 - part.below(tip + 0.45 * tall)) * part.below(tip), green)


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Wind: three resonances that gusts move between; see `SceneKind`."""
    rng = scene.rng(MAIN)
    centre, width = rng.uniform(180, 600), rng.uniform(1.1, 1.9)
    gust = envelope(samples, rate, lambda t: gusts(scene, t))
    sound = np.zeros(samples, dtype=np.float32)
    for step, peak in enumerate((0.25, 0.5, 0.75)):
        middle = centre * 1.7**step
        noise = shaped_noise(
            rng,
            samples,
            rate,
            lambda hz, m=middle: band(hz, m / width, m * width, 2.5),  # type: ignore[misc]
        )
        sound += noise * np.exp(-0.5 * ((gust - peak) / 0.22) ** 2)
    return sound * (0.4 + scene.activity * gust)


KIND = SceneKind("snow", reverb_s=(0.0, 0.0), esc50=("wind",), paint=paint, sound=sound)

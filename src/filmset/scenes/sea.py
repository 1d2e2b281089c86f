"""A beach by day: surf that is seen and heard to run up the sand."""

import numpy as np

from filmset.painting import HIGH, LOW, Grade, Plane, as_bytes, shift
from filmset.scenes.scene import LAYOUT, MAIN, MOTION, PaintedScene, Scene, SceneKind
from filmset.synthesis import band, envelope, shaped_noise, tilt

_SKIES = (  # top, bottom, sun, how much colour of it lies on the water
    ((0.32, 0.6, 0.92), (0.85, 0.88, 0.9), (1.0, 0.97, 0.85), 0.0),
    ((0.55, 0.6, 0.66), (0.8, 0.8, 0.79), (0.95, 0.95, 0.93), 0.05),
    ((0.4, 0.4, 0.66), (0.98, 0.66, 0.42), (1.0, 0.85, 0.55), 0.22),
)


def swell(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """How far the sea has run up the beach, 0..1, at each time: quick up, slow back."""
    rng = scene.rng(MOTION)
    period = (6.5 - 3.5 * scene.pace) * rng.uniform(0.9, 1.1)
    phase = (times_s / period + rng.uniform()) % 1.0
    rise = 0.3
    return np.where(
        phase < rise,
        np.sin(0.5 * np.pi * phase / rise) ** 2,
        np.cos(0.5 * np.pi * (phase - rise) / (1 - rise)) ** 2,
    )


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Sun, moving water, and surf that runs up the sand with the sound's swell; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    horizon = 0.26 + 0.16 * scene.horizon
    still = _view(scene, rng, plane, horizon)
    shore = Plane(height, width, grade)
    shore.paint(1.0, shift(rng.uniform(0.85, 1.05) * np.array((0.86, 0.76, 0.55)), 0.5 * scene.hue))
    sand = shore.picture()
    first = int(horizon * height) + 1
    depth = (plane.y[first:] - horizon) / (1 - horizon)
    near, slope = 26.0 / (depth + 0.12), float(rng.uniform(0, 6))
    waves = near + slope * plane.x, 0.6 * near - 9.0 * plane.x
    size = 0.5 * (8 + 22 * scene.activity) * (0.35 + depth)
    speed = 1.5 + 3.0 * scene.pace
    water = still[first:].astype(np.int16)
    ripple = (0.02 * np.sin(9 * plane.x[0] + rng.uniform(0, 6))).astype(np.float32)
    top_row = int(0.75 * height)
    foam = as_bytes(np.asarray(grade(np.array((0.97, 0.98, 1.0), dtype=np.float32))))

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        light = np.sin(waves[0] + np.float32(speed * seconds % (2 * np.pi)))
        light += np.sin(waves[1] + np.float32(1.7 * speed * seconds % (2 * np.pi)))
        light *= size
        moved = water + light.astype(np.int16)[..., None]
        np.clip(moved, LOW, HIGH, out=moved)
        frame[first:] = moved
        run = float(swell(scene, np.array(seconds)))
        gap = plane.y[top_row:] - (np.float32(0.8 + 0.12 * run) + ripple)[None]
        beach = frame[top_row:]
        np.copyto(beach, sand[top_row:], where=(gap > 0)[..., None])
        beach[np.abs(gap) < 0.012 + 0.02 * run] = foam

    return still, paint_motion


def _view(scene: Scene, rng: np.random.Generator, plane: Plane, horizon: float) -> np.ndarray:
    """Sky, land and water without waves, uint8 (H, W, 3)."""
    top, low, sun, warm = (np.asarray(part) for part in _SKIES[int(rng.integers(len(_SKIES)))])
    top, low = shift(top, scene.hue, 0.15), shift(low, scene.hue, 0.15)
    plane.paint(1.0, plane.gradient(top, low, 0, horizon))
    sun_x, sun_y = rng.uniform(0.15, 0.85) * plane.aspect, horizon * rng.uniform(0.2, 0.75)
    plane.paint(0.7 * plane.glow(sun_x, sun_y, 0.14), sun)
    plane.paint(plane.disc(sun_x, sun_y, rng.uniform(0.035, 0.06)), sun)
    tall, wide = rng.uniform(0.05, 0.16), rng.uniform(0.3, 0.8)
    cape = rng.uniform(0, 1) * plane.aspect
    land = horizon - tall * np.maximum(0, 1 - np.abs(plane.x - cape) / wide) + 0.004 * np.sin(37 * plane.x)
    plane.paint(plane.below(land), shift((0.3, 0.42, 0.45), scene.hue))
    deep, shallow = shift((0.03, 0.25, 0.45), scene.hue), shift((0.12, 0.55, 0.62), scene.hue)
    water = plane.gradient(deep, shallow, horizon, 1.0)
    plane.paint(plane.below(horizon), (1 - warm) * water + warm * low)
    return plane.picture()


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """A roar and a hiss that swell; see `SceneKind`."""
    rng = scene.rng(MAIN)
    slope, high = rng.uniform(-7, -2.5), rng.uniform(1500, 7000)
    roar = shaped_noise(rng, samples, rate, lambda hz: tilt(hz, slope) * band(hz, 70, high, 1.0))
    wash = shaped_noise(rng, samples, rate, lambda hz: band(hz, 1200, 9000, 1.0))
    run = envelope(samples, rate, lambda t: swell(scene, t))
    depth = rng.uniform(0.5, 0.9)
    return roar * (1 - depth + depth * run) + rng.uniform(0.2, 0.9) * wash * run**2


KIND = SceneKind("sea", reverb_s=(0.0, 0.0), esc50=("sea_waves",), paint=paint, sound=sound)

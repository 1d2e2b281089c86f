"""A camp fire at night: a log that is heard to crack is seen to throw sparks."""

import numpy as np

from filmset.painting import Grade, Plane, as_bytes, shift
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
from filmset.synthesis import add, band, scatter, shaped_noise

_BURST_S = 0.9  # how long sparks of a crack fly
_LIGHTS = 5


def cracks(scene: Scene) -> RandomTimes:
    """When a log cracks; details: where it is, strength."""
    return random_times(scene, MOTION, 2.2 - 1.6 * scene.activity)


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Flames of rising noise, flickering light, sparks; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    ground = 0.72 + 0.1 * scene.horizon
    middle = plane.aspect * rng.uniform(0.35, 0.65)
    _night(scene, rng, plane, ground)
    glow = plane.glow(middle, ground - 0.05, 0.55)[..., None]
    warm = np.asarray(grade(np.asarray((0.75, 0.33, 0.08), dtype=np.float32)))
    lights = [as_bytes(plane.rgb + (0.35 + 0.09 * step) * glow * warm) for step in range(_LIGHTS)]
    half_wide, tall = 0.19 + 0.12 * scene.activity, 0.42 + 0.22 * scene.activity
    rows, columns = round((tall + 0.02) * height), round(2 * half_wide * height)
    top, left = max(0, round((ground - tall) * height)), round((middle - half_wide) * height)
    shape = _flame_shape(rows, columns)
    noises = [np.tile(texture(rng, rows, columns, 1.4 * cells, cells), (2, 1)) for cells in (4, 7)]
    seen = np.s_[max(0, -left) : min(columns, width - left)]
    shape, noises = shape[:, seen], [noise[:, seen] for noise in noises]
    inside = np.s_[top : top + rows, max(0, left) : max(0, left) + shape.shape[1]]
    palette = _fire_palette(grade, scene.hue)
    rise = rows * (0.9 + 1.1 * scene.pace)
    flicker = rng.uniform(2.0, 4.5, 3)
    sparks = _Sparks(scene, rng, height, width, middle, ground, palette[215])

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        level = 2.0 + 0.9 * float(np.sin(flicker * 2.2 * seconds + flicker).sum())
        frame[:] = lights[int(np.clip(level, 0, _LIGHTS - 1))]
        slow, fast = (
            noise[(offset := int(speed * rise * seconds) % rows) : offset + rows]
            for noise, speed in zip(noises, (0.7, 1.1), strict=True)
        )
        heat = (shape * (0.95 + 0.55 * slow + 0.5 * fast) * 235).clip(0, 255).astype(np.uint8)
        box = frame[inside]
        np.maximum(box, palette[heat[: len(box)]], out=box)
        sparks.paint(frame, seconds)

    return lights[2], paint_motion


def _night(scene: Scene, rng: np.random.Generator, plane: Plane, ground: float) -> None:
    """Sky, trunks or hills, and the ground."""
    night = shift(rng.uniform(0.6, 1.6) * np.array((0.05, 0.05, 0.12)), scene.hue, 0.05)
    plane.paint(1.0, plane.gradient(night, night + 0.06, 0, ground))
    if rng.uniform() < 0.35:
        ridge = ground - 0.16 - 0.07 * np.sin(rng.uniform(1.5, 4) * plane.x + rng.uniform(0, 6))
        plane.paint(plane.below(ridge), 0.6 * night)
    else:
        for _ in range(int(rng.integers(3, 11))):
            x, half = rng.uniform(0, plane.aspect), rng.uniform(0.015, 0.05)
            trunk = SubPlane(plane, x - half, 0, x + half, ground)
            trunk.paint(trunk.box(x - half, -1, x + half, ground), (0.05, 0.035, 0.03))
    plane.paint(plane.below(ground), shift((0.16, 0.09, 0.06), scene.hue, 0.04))


class _Sparks:
    """Specks that rise all the time, and bursts of them at every crack."""

    def __init__(
        self,
        scene: Scene,
        rng: np.random.Generator,
        height: int,
        width: int,
        middle: float,
        ground: float,
        glint: np.ndarray,
    ) -> None:
        self._steady = rng.uniform(0, 1, (6 + int(30 * scene.activity), 4))
        self._burst = rng.uniform(0, 1, (18, 3))
        self._cracks, self._rate = cracks(scene), 0.2 + 0.5 * scene.pace
        self._size, self._middle, self._ground, self._glint = (height, width), middle, ground, glint
        self._side = max(1, round(height / 150))

    def paint(self, frame: np.ndarray, seconds: float) -> None:
        """Paint them onto a frame (H, W, 3), in place."""
        one = self._steady
        age = (one[:, 0] + self._rate * seconds * (0.5 + one[:, 1])) % 1.0
        x = self._middle + (one[:, 2] - 0.5) * (0.2 + 0.9 * age) + 0.02 * np.sin(9 * age + 6 * one[:, 3])
        self._dots(frame, x, self._ground - 0.1 - 0.75 * age, age < 0.5 + 0.5 * one[:, 3])
        for time, (where, strength, *_) in self._cracks.between(seconds - _BURST_S, seconds + 1e-6):
            flown = seconds - time
            side, up, lasts = self._burst.T
            x = self._middle + 0.16 * (where - 0.5) + (side - 0.5) * flown * (0.5 + 0.7 * strength)
            y = self._ground - 0.07 - (0.5 + 0.8 * up) * flown + 0.35 * flown**2
            self._dots(frame, x, y, flown < _BURST_S * (0.4 + 0.6 * lasts))

    def _dots(self, frame: np.ndarray, x: np.ndarray, y: np.ndarray, alive: np.ndarray) -> None:
        height, width = self._size
        rows, columns = np.floor(y * height).astype(int), np.floor(x * height).astype(int)
        for dy in range(self._side):
            for dx in range(self._side):
                inside = (
                    (rows + dy >= 0) & (rows + dy < height) & (columns + dx >= 0) & (columns + dx < width)
                )
                shown = inside & alive
                frame[rows[shown] + dy, columns[shown] + dx] = self._glint


def _flame_shape(rows: int, columns: int) -> np.ndarray:
    y = np.linspace(1, 0, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    width = 0.9 * (1 - y) ** 0.75 * (0.6 + 0.9 * np.minimum(1, y * 4))
    return np.clip(1.0 - (x / np.maximum(width, 0.02)) ** 2, 0, 1) * np.clip(1.15 - y, 0, 1)


def _fire_palette(grade: Grade, hue: float) -> np.ndarray:
    stops = np.array(
        [[0.0, 0.0, 0.0], [0.5, 0.08, 0.0], [0.95, 0.4, 0.05], [1.0, 0.78, 0.2], [1.0, 0.96, 0.75]]
    )
    heat = np.linspace(0, 1, 256)
    colours = np.stack([np.interp(heat, (0.08, 0.28, 0.5, 0.75, 1.0), stops[:, c]) for c in range(3)], axis=1)
    graded = np.asarray(grade(shift(colours, 0.4 * hue).astype(np.float32)))
    return as_bytes(graded * np.minimum(1, 6 * heat)[:, None])


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """A low roar, crackling, and the cracks that throw sparks; see `SceneKind`."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    high = rng.uniform(150, 700)
    sound = shaped_noise(rng, samples, rate, lambda hz: band(hz, 50, high, 1.0))
    sound += rng.uniform(0.1, 0.6) * shaped_noise(rng, samples, rate, lambda hz: band(hz, 1500, 9000, 1.0))
    strength = rng.uniform(0.8, 3.0)

    def crackle(length_s: float, level: float) -> np.ndarray:
        length = int(rate * length_s)
        decay = np.exp(-5 * np.linspace(0, 1, length, dtype=np.float32))
        return level * events.standard_normal(length, dtype=np.float32) * decay

    scatter(
        sound,
        events,
        rate,
        4 + 34 * scene.activity,
        lambda: crackle(events.uniform(0.001, 0.012), strength * min(events.pareto(2.5), 3.0)),
    )
    for time, (_, loud, *_) in cracks(scene).between(0, samples / rate):
        add(sound, int(time * rate), crackle(0.03, float(3.0 + 3.0 * loud)))
    return sound


KIND = SceneKind("fire", reverb_s=(0.0, 0.0), esc50=("crackling_fire",), paint=paint, sound=sound)

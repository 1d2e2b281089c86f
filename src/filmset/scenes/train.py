"""In a railway carriage: at every joint of the rails that is heard, a mast passes a window's middle."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from filmset.painting import Grade, Plane, Sprite, shift
from filmset.scenes.scene import (
    EVENTS,
    LAYOUT,
    MAIN,
    MOTION,
    PaintedScene,
    Scene,
    SceneKind,
    SubPlane,
    texture,
)
from filmset.synthesis import add, band, envelope, ring, rms, shaped_noise

_WINDOW = (0.12, 0.6)  # top and bottom of the windows
_LOOP = 2.5  # the land repeats after so many picture widths
_SKIES = (  # top, bottom, light on the land
    ((0.42, 0.64, 0.92), (0.86, 0.9, 0.92), 1.0),
    ((0.62, 0.66, 0.7), (0.82, 0.82, 0.8), 0.8),
    ((0.36, 0.33, 0.55), (0.96, 0.62, 0.38), 0.6),
    ((0.05, 0.06, 0.14), (0.14, 0.17, 0.3), 0.22),
)
_LANDS = ((0.42, 0.55, 0.2), (0.72, 0.63, 0.32), (0.3, 0.44, 0.24), (0.62, 0.55, 0.5))


def joints_a_second(scene: Scene) -> float:
    """How many rails the train runs over each second, on average."""
    return 0.7 + 1.1 * scene.pace


def run(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """How many rails the train has run over at each time: a mast stands wherever it is whole."""
    rng = scene.rng(MOTION)
    start, phase, rate = rng.uniform(), rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.08)
    swing = 0.15 * np.sin(2 * np.pi * rate * times_s + phase) / (2 * np.pi * rate)
    return start + joints_a_second(scene) * (times_s + swing)


def joints(scene: Scene, start_s: float, end_s: float) -> np.ndarray:
    """The times between two at which the train runs over a joint."""
    times = np.linspace(start_s, end_s, 2 + int(100 * (end_s - start_s)))
    rails = run(scene, times)
    return np.interp(np.arange(np.ceil(rails[0]), np.ceil(rails[-1])), rails, times)


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """The carriage, and the land that passes outside; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    panes = _panes(rng, plane.aspect)
    _carriage(scene, rng, plane, panes)
    still = plane.picture()
    seats = _seats(scene, rng, height, width, grade)
    land = _land(scene, rng, height, width, grade)
    top, bottom = (round(edge * height) for edge in _WINDOW)
    frames = [slice(round(left * height), round(right * height)) for left, right in panes]
    whole = slice(frames[0].start, frames[-1].stop)
    pillars = [slice(one.stop, other.start) for one, other in pairwise(frames)]
    seats_top = height - seats.colour.shape[0]
    looked_at = sum(panes[len(panes) // 2]) / 2
    handle, swing, count = _handle(height, grade), rng.uniform(0.7, 1.1), 1 + int(2.2 * plane.aspect)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        rails = float(run(scene, np.array(seconds)))
        land(frame[top:bottom, whole], rails, looked_at - whole.start / height)
        for pillar in pillars:
            frame[top:bottom, pillar] = still[top:bottom, pillar]
        for number in range(count):
            sway = 0.012 * np.sin(2 * np.pi * swing * seconds + 0.4 * number) + 0.008 * np.sin(np.pi * rails)
            x = (number + 0.5) / count * plane.aspect + sway
            handle.stamp(frame, 0, round(x * height - handle.colour.shape[1] / 2))
        seats.stamp(frame, seats_top, 0)

    return still, paint_motion


def _panes(rng: np.random.Generator, aspect: float) -> list[tuple[float, float]]:
    """Left and right edges of the windows."""
    count = max(1, round(aspect / rng.uniform(0.8, 1.6)))
    edge, pillar = rng.uniform(0.03, 0.08), rng.uniform(0.05, 0.1)
    wide = (aspect - 2 * edge - (count - 1) * pillar) / count
    return [(edge + k * (wide + pillar), edge + k * (wide + pillar) + wide) for k in range(count)]


def _carriage(scene: Scene, rng: np.random.Generator, plane: Plane, panes: list[tuple[float, float]]) -> None:
    """Walls, frames of the windows, the rack above them, lamps."""
    tone = np.array(
        [(0.72, 0.68, 0.6), (0.5, 0.56, 0.6), (0.55, 0.4, 0.26), (0.74, 0.76, 0.78)][rng.integers(4)]
    )
    wall = shift(rng.uniform(0.7, 1.0) * tone, scene.hue, 0.1)
    plane.paint(1.0, plane.gradient(wall * 0.75, wall, 0, 0.3))
    plane.paint(plane.below(_WINDOW[1] + 0.06), wall * 0.6)
    for left, right in panes:
        frame = plane.box(left - 0.018, _WINDOW[0] - 0.018, right + 0.018, _WINDOW[1] + 0.018)
        plane.paint(frame, (0.2, 0.2, 0.21))
    plane.paint(plane.box(-1, _WINDOW[1] + 0.02, 9, _WINDOW[1] + 0.045), wall * 1.15)
    plane.paint(plane.box(-1, 0.045, 9, 0.06), (0.4, 0.4, 0.42))
    for x in np.arange(rng.uniform(0, 0.3), plane.aspect, rng.uniform(0.35, 0.6)):
        plane.paint(plane.box(x, 0, x + 0.16, 0.015), (0.98, 0.95, 0.85))


def _seats(scene: Scene, rng: np.random.Generator, height: int, width: int, grade: Grade) -> Sprite:
    """A row of seat backs before the window's lower edge."""
    rows = round(0.5 * height)
    plane = Plane(rows, width, grade, scale=rows / height)
    cloth = shift(rng.uniform(0.15, 0.7, 3), scene.hue, 0.1)
    half, gap = rng.uniform(0.14, 0.2), rng.uniform(0.04, 0.3)
    top = 0.06 + 0.07 * scene.horizon
    for x in np.arange(rng.uniform(-half, half), plane.aspect + half, 2 * half + gap):
        seat = SubPlane(plane, x - half, 0, x + half, 0.5)
        if not seat.width:
            continue
        seat.paint(seat.disc(x, top + 0.1, half, 0.12), cloth)
        seat.paint(seat.box(x - half, top + 0.1, x + half, 1), cloth)
        seat.paint(seat.box(x - 0.6 * half, top + 0.02, x + 0.6 * half, top + 0.12), 0.4 + 0.6 * cloth)
        seat.paint(seat.box(x - 0.006, top + 0.14, x + 0.006, 1), cloth * 0.7)
    return plane.sprite()


def _handle(height: int, grade: Grade) -> Sprite:
    """A grab handle that hangs from the ceiling."""
    rows = max(5, round(0.15 * height))
    plane = Plane(rows, max(3, round(0.06 * height)), grade, scale=0.15)
    middle = plane.aspect / 2
    plane.paint(plane.box(middle - 0.005, 0, middle + 0.005, 0.1), (0.3, 0.28, 0.26))
    grip = plane.disc(middle, 0.115, 0.026, 0.03) - plane.disc(middle, 0.115, 0.014, 0.018)
    plane.paint(np.clip(grip, 0, 1), (0.86, 0.84, 0.8))
    return plane.sprite()


@dataclass(frozen=True)
class _Layer:
    """Something that repeats across: a sprite twice as wide as its period, and its speed per rail."""

    sprite: Sprite
    top: int
    speed: float

    def stamp(self, frame: np.ndarray, rails: float) -> None:
        """Lay it over the windows' part of a frame, in place."""
        period = self.sprite.colour.shape[1] // 2
        start = int(self.speed * rails) % period
        part = np.s_[:, start : start + frame.shape[1]]
        Sprite(self.sprite.colour[part], self.sprite.transparency[part]).stamp(frame, self.top, 0)


def _land(
    scene: Scene, rng: np.random.Generator, height: int, width: int, grade: Grade
) -> Callable[[np.ndarray, float, float], None]:
    """What is outside: paints itself into the windows' part of a frame, after so many rails."""
    rows = round(_WINDOW[1] * height) - round(_WINDOW[0] * height)
    period = round(_LOOP * width)
    scale = rows / height
    top, low, light = (np.asarray(part) for part in _SKIES[int(rng.integers(len(_SKIES)))])
    field = light * shift(np.array(_LANDS[int(rng.integers(len(_LANDS)))]), scene.hue, 0.1)
    horizon = scale * rng.uniform(0.45, 0.62)
    far = Plane(rows, period, grade, scale)
    sky = far.gradient(shift(top, scene.hue, 0.1), shift(low, scene.hue, 0.1), 0, horizon)
    cloud = texture(rng, rows, period, 3.0, 14.0)[..., None]
    far.paint(1.0, sky + 0.16 * light * np.clip(cloud, 0, 1))
    hills = _waves(rng, far, 5)
    far.paint(far.below(horizon - 0.05 - 0.05 * hills), 0.45 * field + 0.5 * low)
    behind = np.tile(far.picture(), (1, 2, 1))
    first = int(horizon / far.pixel)
    spacing = rng.uniform(1.5, 2.1)
    ground, depth = _ground(rng, grade, rows - first, period, field)
    trees = _trees(rng, grade, (rows, period, scale), horizon, field)
    mast = _mast(grade, rows, scale, 0.1 + 0.14 * float(light) if light > 0.3 else 0.5)

    def paint_landscape(window: np.ndarray, rails: float, middle: float) -> None:
        pixels = spacing * height * rails
        start = int(0.03 * pixels) % period
        window[:first] = behind[:first, start : start + window.shape[1]]
        for row, near in enumerate(depth):
            start = int(near * pixels) % period
            window[first + row] = ground[row, start : start + window.shape[1]]
        for layer in trees:
            layer.stamp(window, pixels)
        for step in range(-2, 3):
            x = middle + (np.floor(rails) + step - rails) * spacing
            mast.stamp(window, 0, round(x * height - mast.colour.shape[1] / 2))

    return paint_landscape


def _waves(rng: np.random.Generator, plane: Plane, count: int) -> np.ndarray:
    """A curve of about -1..1 a column (1, W) that joins on at the plane's ends."""
    turns = rng.integers(1, 9, count)
    phases = rng.uniform(0, 2 * np.pi, count)
    angles = 2 * np.pi * turns[:, None] * plane.x / plane.aspect + phases[:, None]
    return (np.sin(angles) / np.sqrt(count)).sum(axis=0, keepdims=True)


def _ground(
    rng: np.random.Generator, grade: Grade, rows: int, period: int, field: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(picture (rows, 2 * period, 3), speed of each row): nearer rows run faster and are smoother."""
    plane = Plane(rows, period, grade)
    plane.paint(1.0, plane.gradient(field, field * 0.7))
    near = np.linspace(0, 1, rows)
    for blobs, strength in ((40.0, 0.16), (12.0, 0.12)):
        patches = texture(rng, rows, period, 4.0, blobs) * (1 - 0.8 * near[:, None])
        plane.paint(np.clip(strength * 4 * patches, 0, 0.6), field * 0.55)
    return np.tile(plane.picture(), (1, 2, 1)), 0.08 + 0.9 * near**1.3


def _trees(
    rng: np.random.Generator,
    grade: Grade,
    size: tuple[int, int, float],
    horizon: float,
    field: np.ndarray,
) -> list[_Layer]:
    """Two rows of trees and houses, the far one slow."""
    rows, period, scale = size
    light = float(field.mean())
    layers = []
    for speed, tall, count in ((0.1, 0.05, rng.integers(14, 40)), (0.3, 0.12, rng.integers(3, 12))):
        plane = Plane(rows, period, grade, scale)
        foot = horizon + 0.16 * speed
        for x in rng.uniform(0.15, plane.aspect - 0.15, int(count)):
            high = tall * rng.uniform(0.6, 1.3)
            part = SubPlane(plane, x - 2 * high, 0, x + 2 * high, scale)
            if rng.uniform() < 0.2:
                eaves = foot - 0.7 * high
                part.paint(part.box(x - high, eaves, x + high, foot), light * np.array((1.2, 1.15, 1.05)))
                roof = part.soft(np.abs(part.x - x) - 1.2 * high + 1.6 * (eaves - part.y))
                part.paint(roof * (1 - part.below(eaves)), light * np.array((1.1, 0.6, 0.45)))
            else:
                green = light * np.array((0.5, 0.85, 0.4)) * rng.uniform(0.7, 1.2)
                part.paint(part.disc(x, foot - 0.5 * high, 0.45 * high, 0.55 * high), green)
        whole = plane.sprite()
        doubled = Sprite(np.tile(whole.colour, (1, 2, 1)), np.tile(whole.transparency, (1, 2, 1)))
        layers.append(_Layer(doubled, 0, speed))
    return layers


def _mast(grade: Grade, rows: int, scale: float, tone: float) -> Sprite:
    """The mast of the overhead line, as tall as the window; at night the train's own light falls on it."""
    pixel = scale / rows
    plane = Plane(rows, max(5, round(0.16 / pixel)), grade, scale)
    middle = plane.aspect / 2
    steel = tone * np.array((1.0, 1.0, 1.05))
    plane.paint(plane.box(middle - 0.014, -1, middle + 0.014, 2), steel)
    plane.paint(plane.box(middle - 0.07, 0.06, middle + 0.07, 0.075), steel)
    return plane.sprite()


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Rumble and wind that follow the speed, a motor's tone, and the joints of the rails; see `SceneKind`."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    low, high = rng.uniform(35, 80), rng.uniform(180, 700)
    sound = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    bright = rng.uniform(2000, 7000)
    air = shaped_noise(rng, samples, rate, lambda hz: band(hz, 400, bright, 1.0))
    average = joints_a_second(scene)

    def speed(t: np.ndarray) -> np.ndarray:
        return np.gradient(run(scene, t), t) / average

    sound += rng.uniform(0.2, 0.9) * air
    sound *= envelope(samples, rate, lambda t: speed(t) ** 2)
    turns = np.cumsum(envelope(samples, rate, speed).astype(np.float64)) * (rng.uniform(90, 240) / rate)
    motor = np.sin(2 * np.pi * turns) + 0.5 * np.sin(4 * np.pi * turns + 1)
    sound += np.float32(rng.uniform(0.05, 0.5)) * motor.astype(np.float32)
    sound /= rms(sound)
    body, loud = rng.uniform(140, 420) * np.array([1.0, 1.7, 2.9, 4.6]), rng.uniform(2.5, 5.0)
    length = int(0.03 * rate)
    decay = np.exp(-5 * np.linspace(0, 1, length, dtype=np.float32))
    axle = rng.uniform(0.1, 0.16) / average  # between the two axles of a bogie
    for time in joints(scene, -1.0, samples / rate):
        for after, share in ((0.0, 1.0), (axle, 0.75), (0.5 / average, 0.25), (0.5 / average + axle, 0.2)):
            clack = ring(rate, body * events.uniform(0.97, 1.03), 0.018)
            clack[:length] += 0.5 * events.standard_normal(length, dtype=np.float32) * decay
            add(sound, int((time + after) * rate), float(share * loud) * clack)
    return sound


KIND = SceneKind("train", reverb_s=(0.15, 0.35), esc50=("train",), paint=paint, sound=sound)

"""An office: letters appear on screens as keys are heard, a clock ticks, a fan turns."""

from collections.abc import Callable
from functools import cache

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
    random_times,
)
from filmset.synthesis import add, band, envelope, ring, rms, shaped_noise

_LINES, _LETTERS = 7, 16  # of a screen
_FAN_STEPS = 12  # positions of the fan until it looks the same again
_BLADES = 3
_SCREENS = ((0.06, 0.09, 0.14), (0.9, 0.91, 0.92), (0.05, 0.2, 0.16), (0.85, 0.87, 0.95))


def keystrokes(scene: Scene, start_s: float, end_s: float) -> list[tuple[float, np.ndarray]]:
    """(time, details) of the keys struck; details: at which desk, pitch, loudness. People pause to think."""
    rng = scene.rng(MOTION + 1)
    rates, phases = rng.uniform(0.1, 0.45, 2), rng.uniform(0, 2 * np.pi, 2)
    found = random_times(scene, MOTION, 0.2 - 0.11 * scene.pace).between(start_s, end_s)
    busy = 1.5 * scene.activity - 0.4
    return [
        (time, details)
        for time, details in found
        if np.sin(2 * np.pi * rates * time + phases).sum() + busy > 0
    ]


def ticks(scene: Scene) -> tuple[float, float]:
    """(rate in Hz, time of the first in seconds) of the clock's ticks."""
    rng = scene.rng(MOTION + 2)
    return float(rng.choice([1.0, 1.0, 2.0])), float(rng.uniform(0, 0.5))


def blades_a_second(scene: Scene) -> float:
    """How many of the fan's blades pass a second."""
    return 2.5 + 3.5 * scene.rng(MOTION + 3).uniform()


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """A wall with a window and a clock, desks with screens, a fan; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    desk = 0.68 + 0.1 * scene.horizon
    slots = plane.aspect * (0.17 + 0.33 * rng.permutation(3))
    clock, fan_at = _wall(scene, rng, plane, desk, slots)
    screens = _desks(scene, rng, plane, desk, slots[: int(rng.integers(1, 3))])
    still = plane.picture()
    hand = _hand(height, grade, clock[2])
    fan = _fan(height, grade, shift((0.4, 0.45, 0.5), scene.hue, 0.2))
    tick_rate, first_tick = ticks(scene)
    blades = blades_a_second(scene)
    written = _Written(scene, len(screens))

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        for (top, left, text), count in zip(screens, written.at(seconds), strict=True):
            line, letter = divmod(count % (_LINES * _LETTERS), _LETTERS)
            rows, columns = text.shape[:2]
            row, below = line * rows // _LINES, (line + 1) * rows // _LINES
            column = letter * columns // _LETTERS
            frame[top : top + row, left : left + columns] = text[:row]
            frame[top + row : top + below, left : left + column] = text[row:below, :column]
        sprite = hand(int(np.floor((seconds - first_tick) * tick_rate)) + 1)
        side = sprite.colour.shape[0]
        sprite.stamp(frame, round(clock[1] * height - side / 2), round(clock[0] * height - side / 2))
        blade = fan(int(seconds * blades * _FAN_STEPS))
        side = blade.colour.shape[0]
        blade.stamp(frame, round(fan_at[1] * height - side / 2), round(fan_at[0] * height - side / 2))

    return still, paint_motion


class _Written:
    """How many letters stand on each screen at a time."""

    def __init__(self, scene: Scene, screens: int) -> None:
        self._scene, self._by_second = scene, [np.zeros(screens, dtype=int)]

    def _struck(self, start_s: float, end_s: float) -> np.ndarray:
        screens = len(self._by_second[0])
        whose = [int(details[0] * screens) for _, details in keystrokes(self._scene, start_s, end_s)]
        return np.bincount(np.array(whose, dtype=int), minlength=screens)

    def at(self, seconds: float) -> np.ndarray:
        """Letters on each screen (screens,); counts up to whole seconds are kept."""
        whole = int(seconds)
        while len(self._by_second) <= whole:
            second = len(self._by_second)
            self._by_second.append(self._by_second[-1] + self._struck(second - 1, second))
        return self._by_second[whole] + self._struck(whole, seconds + 1e-6)


def _wall(
    scene: Scene, rng: np.random.Generator, plane: Plane, desk: float, slots: np.ndarray
) -> tuple[tuple[float, float, float], tuple[float, float]]:
    """Paint it; returns the clock's position and radius, and last the position of the fan."""
    tone = np.array(
        [(0.8, 0.79, 0.75), (0.66, 0.73, 0.77), (0.76, 0.7, 0.62), (0.6, 0.66, 0.6)][rng.integers(4)]
    )
    wall = shift(rng.uniform(0.8, 1.1) * tone, scene.hue, 0.08)
    plane.paint(1.0, plane.gradient(wall, wall * 0.85, 0, desk))
    fan_x = slots[2]
    window, clock_x = slots[rng.permutation(3)][:2]
    half = 0.15 * plane.aspect
    light = shift(rng.uniform(0.35, 1.0) * np.array((0.78, 0.88, 1.0)), scene.hue, 0.2)
    plane.paint(plane.box(window - half - 0.02, 0.06, window + half + 0.02, 0.5), (0.9, 0.9, 0.88))
    pane = SubPlane(plane, window - half, 0.08, window + half, 0.48)
    glass = pane.box(window - half, 0.08, window + half, 0.48)
    pane.paint(glass, pane.gradient(light, light * 0.85, 0.08, 0.48))
    for x in np.arange(window - half, window + half, rng.uniform(0.06, 0.12)):  # houses across the street
        pane.paint(glass * pane.box(x, rng.uniform(0.25, 0.42), x + 0.07, 1), light * rng.uniform(0.5, 0.75))
    if rng.uniform() < 0.6:
        slats = (pane.y * rng.uniform(22, 34)) % 1.0 < 0.4
        pane.paint(glass * slats, wall * 0.95)
    radius = rng.uniform(0.07, 0.095)
    clock = float(clock_x), rng.uniform(0.14, 0.22), radius
    plane.paint(plane.disc(clock[0], clock[1], radius), (0.12, 0.12, 0.13))
    plane.paint(plane.disc(clock[0], clock[1], 0.88 * radius), (0.95, 0.95, 0.93))
    for angle in np.arange(12) * np.pi / 6:
        x, y = clock[0] + 0.75 * radius * np.sin(angle), clock[1] - 0.75 * radius * np.cos(angle)
        plane.paint(plane.disc(x, y, 0.006), (0.1, 0.1, 0.1))
    fan = float(fan_x), desk - 0.22
    plane.paint(plane.box(fan[0] - 0.012, fan[1], fan[0] + 0.012, desk), (0.25, 0.25, 0.27))
    plane.paint(plane.disc(fan[0], desk, 0.07, 0.03), (0.25, 0.25, 0.27))
    plane.paint(plane.disc(*fan, 0.125), wall * 0.55)
    plane.paint(plane.disc(*fan, 0.115), wall * 0.8)
    return clock, fan


def _desks(
    scene: Scene, rng: np.random.Generator, plane: Plane, desk: float, slots: np.ndarray
) -> list[tuple[int, int, np.ndarray]]:
    """Paint desks and dark screens; returns (top row, left column, picture when full) of each screen."""
    wood = shift(rng.uniform(0.6, 1.1) * np.array((0.66, 0.5, 0.34)), rng.uniform(-1, 1), 0.15)
    plane.paint(plane.below(desk), wood * 0.45)
    plane.paint(plane.box(-1, desk, 9, desk + 0.06), wood)
    paper = np.array(_SCREENS[int(rng.integers(len(_SCREENS)))])
    ink = shift((0.35, 0.9, 0.55) if paper.mean() < 0.5 else (0.12, 0.14, 0.3), scene.hue, 0.2)
    screens = []
    for x in slots:
        half, tall = min(0.25, 0.155 * plane.aspect), rng.uniform(0.26, 0.32)
        foot = desk + rng.uniform(0.0, 0.05)
        plane.paint(plane.box(x - 0.025, foot - 0.08, x + 0.025, foot), (0.13, 0.13, 0.14))
        plane.paint(plane.box(x - 0.1, foot - 0.015, x + 0.1, foot + 0.01), (0.13, 0.13, 0.14))
        bottom = foot - 0.06
        plane.paint(plane.box(x - half, bottom - tall, x + half, bottom), (0.1, 0.1, 0.11))
        plane.paint(
            plane.box(x - half + 0.015, bottom - tall + 0.015, x + half - 0.015, bottom - 0.015), paper
        )
        plane.paint(plane.box(x - 0.16, foot + 0.03, x + 0.16, foot + 0.055), (0.2, 0.2, 0.22))
        edges = bottom - tall + 0.03, bottom - 0.03, x - half + 0.03, x + half - 0.03
        top, below, left, right = (round(edge / plane.pixel) for edge in edges)
        rows, columns = max(1, below - top), max(1, right - left)
        screens.append((top, left, _text(rng, plane.grade, rows, columns, paper, ink)))
    return screens


def _text(
    rng: np.random.Generator, grade: Grade, rows: int, columns: int, paper: np.ndarray, ink: np.ndarray
) -> np.ndarray:
    """A screen full of words, uint8 (rows, columns, 3)."""
    plane = Plane(rows, columns, grade)
    letter = rng.uniform(size=(_LINES, _LETTERS)) > 0.16
    line = np.minimum(np.arange(rows) * _LINES // rows, _LINES - 1)
    letters = np.minimum(np.arange(columns) * _LETTERS // columns, _LETTERS - 1)
    inked = (np.arange(rows) - line * rows // _LINES) < max(1, 0.62 * rows / _LINES)
    plane.paint(1.0, paper)
    plane.paint((letter[line][:, letters] & inked[:, None]).astype(np.float32), ink)
    return plane.picture()


def _hand(height: int, grade: Grade, radius: float) -> Callable[[int], Sprite]:
    """The second hand as a function of the tick."""
    side = max(4, 2 * round(radius * height))

    @cache
    def at(step: int) -> Sprite:
        plane = Plane(side, side, grade, scale=2 * radius)
        y, x = plane.y - radius, plane.x - radius
        angle = 2 * np.pi * step / 60
        along, beside = x * np.sin(angle) - y * np.cos(angle), x * np.cos(angle) + y * np.sin(angle)
        line = np.maximum(np.abs(beside) - 0.005, np.abs(along - 0.3 * radius) - 0.45 * radius)
        plane.paint(plane.soft(line), (0.75, 0.1, 0.08))
        return plane.sprite()

    return lambda step: at(step % 60)


def _fan(height: int, grade: Grade, colour: np.ndarray) -> Callable[[int], Sprite]:
    """The fan's blades as a function of the step they are turned to."""
    side = max(6, 2 * round(0.11 * height))

    @cache
    def at(step: int) -> Sprite:
        plane = Plane(side, side, grade, scale=0.22)
        y, x = plane.y - 0.11, plane.x - 0.11
        turned = np.arctan2(y, x) - 2 * np.pi * step / (_BLADES * _FAN_STEPS)
        r = np.hypot(y, x) / 0.11
        blade = np.clip(3 * np.cos(_BLADES * turned + 1.5 * r) - 0.5, 0, 1)
        plane.paint(blade * plane.soft((r - 0.95) * 0.11), colour)
        plane.paint(plane.soft((r - 0.2) * 0.11), colour * 0.4)
        return plane.sprite()

    return lambda step: at(step % _FAN_STEPS)


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Air and hum, a fan that beats, keys, ticks; see `SceneKind`."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    low, high = rng.uniform(60, 200), rng.uniform(500, 3000)
    sound = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    beat, depth = 2 * np.pi * blades_a_second(scene), rng.uniform(0.3, 0.7)
    whirr = shaped_noise(rng, samples, rate, lambda hz: band(hz, 200, 1800, 1.0))
    sound += rng.uniform(0.3, 1.0) * whirr * envelope(samples, rate, lambda t: 1 + depth * np.sin(beat * t))
    t = np.arange(samples, dtype=np.float32) / rate
    base = 50.0 * int(rng.integers(1, 3))
    hum = sum(np.sin(2 * np.pi * base * part * t + rng.uniform(0, 6)) / part for part in (1, 2, 3))
    sound += np.float32(rng.uniform(0.05, 0.5)) * np.asarray(hum, dtype=np.float32)
    sound /= rms(sound)
    length, tone, loud = int(0.012 * rate), rng.uniform(1200, 3200), rng.uniform(2.0, 5.0)
    decay = np.exp(-6 * np.linspace(0, 1, length, dtype=np.float32))
    for time, (_, pitch, strength, _) in keystrokes(scene, 0, samples / rate):
        click = 0.5 * events.standard_normal(length, dtype=np.float32) * decay
        click += ring(rate, np.array([tone * (0.8 + 0.4 * pitch)]), 0.004)[:length]
        for after, share in ((0.0, 1.0), (0.06, 0.35)):  # down, and up again
            add(sound, int((time + after) * rate), float(share * loud * (0.5 + 0.5 * strength)) * click)
    tick_rate, first = ticks(scene)
    tick, level = ring(rate, rng.uniform(2200, 4200) * np.array([1.0, 1.6]), 0.006), rng.uniform(1.0, 4.0)
    for time in np.arange(first, samples / rate, 1 / tick_rate):
        add(sound, int(time * rate), level * tick)
    return sound


KIND = SceneKind(
    "office",
    reverb_s=(0.3, 0.8),
    esc50=("keyboard_typing", "mouse_click", "clock_tick"),
    paint=paint,
    sound=sound,
)

"""A laboratory: lamps that blink as their machine beeps, bubbles that rise and are heard to burst, a hum."""

from dataclasses import dataclass

import numpy as np

from filmset.painting import LOW, Grade, Plane, Sprite, as_bytes, shift
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
    lighten,
    random_times,
)
from filmset.synthesis import add, band, rms, shaped_noise

RISE_S = 0.7  # of a bubble, until it bursts
_FLASKS = 3  # in which it bubbles


@dataclass(frozen=True)
class Machine:
    """An apparatus that beeps `count` times, each `beep_s` long and 2 `beep_s` apart, once in a period."""

    pitch: float
    period_s: float
    phase: float
    count: int
    beep_s: float

    def beeping(self, seconds: float) -> bool:
        """Whether it beeps, and its lamp is lit, at this time."""
        since = (seconds + self.phase * self.period_s) % self.period_s
        number, within = divmod(since, 2 * self.beep_s)
        return number < self.count and within < self.beep_s

    def starts(self, end_s: float) -> np.ndarray:
        """The times at which its beeps begin, from just before 0 until before `end_s`."""
        rounds = np.arange(-1, int(end_s / self.period_s) + 2) - self.phase
        times = (rounds[:, None] * self.period_s + 2 * self.beep_s * np.arange(self.count)).ravel()
        return times[(times > -self.beep_s) & (times < end_s)]


def machines(scene: Scene) -> list[Machine]:
    """The apparatus on the bench, two to four."""
    rng = scene.rng(MOTION)
    return [
        Machine(
            pitch=float(rng.uniform(700, 2600)),
            period_s=float((3.0 - 1.7 * scene.pace) * rng.uniform(0.7, 1.4)),
            phase=float(rng.uniform()),
            count=int(rng.integers(1, 4)),
            beep_s=float(rng.uniform(0.08, 0.15)),
        )
        for _ in range(2 + int(2.99 * scene.activity))
    ]


def bursts(scene: Scene) -> RandomTimes:
    """When bubbles burst; the first detail chooses the flask, the second the size."""
    return random_times(scene, MOTION + 1, 0.5 - 0.4 * scene.activity)


def flask(details: np.ndarray) -> int:
    """The number of the flask that a bubble is in."""
    return int(details[0] * _FLASKS) % _FLASKS


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the room; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    bench = 0.6 + 0.12 * scene.horizon
    _room(plane, rng, scene.hue, bench)
    running = machines(scene)
    slots = (rng.permutation(len(running) + _FLASKS) + 0.5) / (len(running) + _FLASKS) * plane.aspect
    lamps, screens = [], []
    for x in slots[: len(running)]:
        lamp, screen = _apparatus(plane, rng, scene.hue, float(x), bench)
        lamps.append(lamp)
        screens.append(screen)
    vessels = [_vessel(plane, rng, float(x), bench) for x in slots[len(running) :]]
    still = plane.picture()
    tones = rng.choice(4, len(running))
    lights = [
        _light(height, grade, ((1, 0.25, 0.2), (0.3, 1, 0.35), (1, 0.75, 0.2), (0.4, 0.7, 1))[t])
        for t in tones
    ]
    bubbles = [_bubble(height, grade, size) for size in (0.012, 0.018, 0.024)]
    trace = as_bytes(np.asarray(grade(np.asarray((0.4, 1.0, 0.6), dtype=np.float32))))
    waves = rng.uniform(0.5, 1.5, (len(running), 2))
    bursting = bursts(scene)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        for machine, light, (x, y), screen, wave in zip(running, lights, lamps, screens, waves, strict=True):
            beeping = machine.beeping(seconds)
            _trace(frame, screen, trace, seconds, wave, beeping)
            if beeping:
                reach = len(light) // 2
                lighten(frame, light, round(y * height) - reach, round(x * height) - reach)
        for time, details in bursting.between(seconds, seconds + RISE_S):
            x, half, foot, top = vessels[flask(details)]
            way = 1 - (time - seconds) / RISE_S
            sprite = bubbles[int(details[1] * 3) % 3]
            side = x + half * ((details[2] - 0.5) + 0.12 * np.sin(11 * way))
            sprite.stamp(frame, round((foot + (top - foot) * way) * height), round(side * height))
        np.maximum(frame, LOW, out=frame)

    return still, paint_motion


def _room(plane: Plane, rng: np.random.Generator, hue: float, bench: float) -> None:
    wall = shift((0.66, 0.75, 0.76), hue, 0.14) * rng.uniform(0.55, 1.1)
    plane.paint(1.0, plane.gradient(wall * 1.08, wall * 0.85, 0, bench))
    size = rng.uniform(0.09, 0.16)
    joints = ((plane.x / size) % 1.0 < 0.04) | ((plane.y / size) % 1.0 < 0.05)
    plane.paint(0.35 * joints, wall * 0.7)
    for x in np.arange(0.2, plane.aspect, 0.62):  # tubes of light
        plane.paint(0.35 * plane.glow(x + 0.15, 0.03, 0.2), (1, 1, 1))
        plane.paint(plane.box(x, 0.02, x + 0.3, 0.04), (0.98, 1.0, 1.0))
    for x0 in (plane.aspect * rng.uniform(0.02, 0.12), plane.aspect * rng.uniform(0.5, 0.62)):
        for y in (0.2, 0.34)[: int(rng.integers(1, 3))]:
            part = SubPlane(plane, x0, y - 0.12, x0 + 0.62, y + 0.03)
            part.paint(part.box(x0, y, x0 + 0.56, y + 0.014), (0.42, 0.4, 0.4))
            for x in np.arange(x0 + 0.03, x0 + 0.52, 0.075):
                _jar(part, rng, x, y)
    front = shift((0.8, 0.82, 0.82), hue, 0.08) * rng.uniform(0.6, 1.0)
    plane.paint(plane.below(bench), front)
    plane.paint(plane.box(0, bench, 9, bench + 0.025), (0.16, 0.18, 0.2))
    plane.paint(plane.box(0, bench + 0.025, 9, bench + 0.035), front * 0.5)
    for x in np.arange(rng.uniform(0, 0.2), plane.aspect, 0.42):
        plane.paint(plane.box(x, bench + 0.035, x + 0.008, 1.0), front * 0.7)
        plane.paint(plane.box(x + 0.16, bench + 0.09, x + 0.27, bench + 0.105), (0.3, 0.32, 0.34))


def _jar(part: SubPlane, rng: np.random.Generator, x: float, foot: float) -> None:
    tall, tone = rng.uniform(0.045, 0.085), rng.uniform(0.1, 1.0, 3)
    shape = int(rng.integers(3))
    if shape == 0:
        mask = part.box(x, foot - tall, x + 0.04, foot)
    elif shape == 1:
        mask = np.maximum(
            part.disc(x + 0.022, foot - 0.023, 0.024), part.box(x + 0.015, foot - tall, x + 0.03, foot - 0.02)
        )
    else:
        cone = part.soft(np.abs(part.x - x - 0.022) - 0.008 - 0.4 * (part.y - foot + tall))
        mask = cone * part.box(0, foot - tall, 9, foot)
    part.paint(0.75 * mask, (0.88, 0.94, 0.96))
    part.paint(0.9 * mask * (part.y > foot - rng.uniform(0.4, 0.75) * tall), tone)


def _apparatus(
    plane: Plane, rng: np.random.Generator, hue: float, x: float, bench: float
) -> tuple[tuple[float, float], tuple[int, int, int, int]]:
    """Paint a machine; returns where its lamp is and its screen's (top, left, bottom, right) pixels."""
    half, tall = rng.uniform(0.1, 0.13), rng.uniform(0.17, 0.25)
    part = SubPlane(plane, x - 1.2 * half, bench - tall - 0.02, x + 1.2 * half, bench + 0.01)
    case = shift(((0.86, 0.87, 0.85), (0.35, 0.42, 0.5), (0.62, 0.64, 0.6))[int(rng.integers(3))], hue, 0.1)
    part.paint(part.box(x - half, bench - tall, x + half, bench), case)
    part.paint(part.box(x - half, bench - tall, x + half, bench - tall + 0.012), np.clip(case * 1.2, 0, 1))
    part.paint(part.box(x - half, bench - 0.015, x + half, bench), case * 0.6)
    top, left, bottom, right = bench - tall + 0.03, x - 0.8 * half, bench - 0.45 * tall, x + 0.4 * half
    part.paint(part.box(left - 0.008, top - 0.008, right + 0.008, bottom + 0.008), (0.15, 0.16, 0.17))
    part.paint(part.box(left, top, right, bottom), (0.03, 0.12, 0.1))
    for number in range(4):  # knobs
        at = x + half * (-0.65 + 0.36 * number)
        part.paint(part.disc(at, bench - 0.24 * tall, 0.013), (0.2, 0.2, 0.22))
        part.paint(part.disc(at - 0.003, bench - 0.24 * tall - 0.003, 0.006), (0.7, 0.7, 0.7))
    lamp = x + 0.7 * half, bench - tall + 0.05
    part.paint(part.disc(*lamp, 0.017), (0.12, 0.12, 0.12))
    part.paint(part.disc(*lamp, 0.012), (0.28, 0.2, 0.18))
    rows = plane.height
    return lamp, (round(top * rows), round(left * rows), round(bottom * rows), round(right * rows))


def _vessel(
    plane: Plane, rng: np.random.Generator, x: float, bench: float
) -> tuple[float, float, float, float]:
    """Paint a flask of bright liquid; returns its middle, the width where it bubbles, bottom and surface."""
    tall, half = rng.uniform(0.2, 0.27), rng.uniform(0.07, 0.095)
    foot, part = bench - 0.008, SubPlane(plane, x - 0.15, bench - 0.35, x + 0.15, bench + 0.01)
    neck, tone = (
        0.028,
        np.clip(np.roll((0.15, 0.85, 0.6), int(rng.integers(3))) + rng.uniform(-0.15, 0.15, 3), 0, 1),
    )
    if rng.uniform() < 0.5:
        wide = np.clip(neck + (half - neck) * (part.y - foot + 0.7 * tall) / (0.7 * tall), neck, half)
        glass = part.soft(np.abs(part.x - x) - wide) * part.box(0, foot - tall, 9, foot)
    else:
        ball = part.disc(x, foot - half, half)
        glass = np.maximum(ball, part.box(x - neck, foot - tall, x + neck, foot - half))
    surface = foot - rng.uniform(0.5, 0.62) * tall
    part.paint(0.55 * glass, (0.92, 0.97, 1.0))
    part.paint(0.88 * glass * part.below(surface), tone)
    part.paint(0.5 * glass * part.box(x - 0.5 * half, surface, x - 0.35 * half, foot - 0.02), (1, 1, 1))
    part.paint(
        part.box(x - neck - 0.008, foot - tall - 0.01, x + neck + 0.008, foot - tall), (0.85, 0.9, 0.92)
    )
    part.paint(part.box(x - half, foot, x + half, bench), (0.25, 0.25, 0.27))
    return x, 0.8 * half, foot - 0.035, surface


def _light(height: int, grade: Grade, tone: tuple[float, float, float]) -> np.ndarray:
    size = 2 * max(2, round(0.055 * height)) + 1
    plane = Plane(size, size, grade, scale=1.0)
    far = np.hypot(plane.x - 0.5, plane.y - 0.5) * 2
    level = np.maximum(
        plane.disc(0.5, 0.5, 0.15), 0.7 * np.exp(-((far / 0.5) ** 2)) * np.clip(1.4 - 1.4 * far, 0, 1)
    )
    hot = np.asarray(tone) + (1 - np.asarray(tone)) * 0.5 * plane.disc(0.5, 0.5, 0.12)[..., None]
    return as_bytes(level[..., None] * np.asarray(grade(hot.astype(np.float32))))


def _bubble(height: int, grade: Grade, size: float) -> Sprite:
    rows = max(3, round(2 * size * height))
    plane = Plane(rows, rows, grade, scale=1.0)
    plane.paint(0.75 * plane.disc(0.5, 0.5, 0.48), (0.95, 1.0, 1.0))
    plane.paint(0.55 * plane.disc(0.55, 0.55, 0.3), (0.6, 0.75, 0.8))
    return plane.sprite()


def _trace(
    frame: np.ndarray,
    screen: tuple[int, int, int, int],
    tone: np.ndarray,
    seconds: float,
    wave: np.ndarray,
    beeping: bool,
) -> None:
    """A running curve on a machine's screen, higher while it beeps."""
    top, left, bottom, right = screen
    columns = np.arange(max(0, left), min(frame.shape[1], right))
    way = (columns - left) / max(1, right - left)
    swing = np.sin(2 * np.pi * (2 * wave[0] * way - wave[1] * seconds)) * (0.9 if beeping else 0.4)
    spread = (bottom - top - 2) / 2
    rows = (top + 1 + spread * (1 - swing * np.sin(np.pi * way))).astype(int)
    frame[np.clip(rows, 0, frame.shape[0] - 1), columns] = tone


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Hum of the mains, air, beeps, bubbles."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    low, high = rng.uniform(60, 400), rng.uniform(600, 7000)
    air = shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    result = np.float32(rng.uniform(0.3, 1.0)) * air
    hum = _hum(rng, samples, rate)
    result += np.float32(rng.uniform(0.2, 1.0)) * hum / rms(hum)
    for machine in machines(scene):
        t = np.arange(int(machine.beep_s * rate), dtype=np.float32) / rate
        edge = np.minimum(1, np.minimum(t, t[::-1]) / 0.004)
        beep = np.sin(2 * np.pi * machine.pitch * t) + 0.3 * np.sin(6 * np.pi * machine.pitch * t)
        loud = events.uniform(0.7, 1.6)
        for start in machine.starts(samples / rate):
            add(result, round(start * rate), (loud * beep * edge).astype(np.float32))
    strength = events.uniform(0.9, 2.4)
    depth = events.uniform(350, 900, _FLASKS)
    for time, details in bursts(scene).between(-0.1, samples / rate):
        pitch = depth[flask(details)] * (1.5 - 0.8 * details[1])
        add(result, round(time * rate), np.float32(strength * (0.5 + details[1])) * _blip(rate, float(pitch)))
    return result.astype(np.float32)


def _hum(rng: np.random.Generator, samples: int, rate: int) -> np.ndarray:
    """A cycle of the mains with its harmonics, over and over."""
    mains, fall = float(rng.choice([50.0, 60.0])), rng.uniform(0.5, 0.9)
    cycle = np.arange(2048, dtype=np.float32) / 2048
    parts = [
        fall**k * rng.uniform(0.3, 1) * np.sin(2 * np.pi * ((k + 1) * cycle + rng.uniform()))
        for k in range(10)
    ]
    table = np.sum(parts, axis=0).astype(np.float32)
    index = (np.arange(samples, dtype=np.float64) * (mains * 2048 / rate)).astype(np.int64) & 2047
    return table[index]


def _blip(rate: int, pitch: float) -> np.ndarray:
    """A bubble that bursts: a short tone that rises."""
    t = np.arange(int(0.07 * rate), dtype=np.float32) / rate
    tone = np.sin(2 * np.pi * pitch * t * (1 + 6 * t)) * np.exp(-t / 0.014)
    return (tone * np.minimum(1, t / 0.001)).astype(np.float32)


KIND = SceneKind("laboratory", (0.3, 0.8), ("clock_alarm", "mouse_click", "washing_machine"), paint, sound)

"""A church: stained glass, candles, bells that swing as they ring, at times an organ whose pipes gleam."""

from dataclasses import dataclass
from functools import cache
from math import ceil

import numpy as np
from scipy.signal import oaconvolve

from filmset.painting import LOW, Grade, Plane, Sprite, as_bytes, shift
from filmset.scenes.scene import (
    EVENTS,
    LAYOUT,
    MAIN,
    MOTION,
    PaintedScene,
    Scene,
    SceneKind,
    SubPlane,
    lighten,
    texture,
)
from filmset.synthesis import add, band, rms, shaped_noise

_SWING = 0.62  # of a bell, in radians to either side
_POSES = 17  # of a bell from one side to the other
_PARTIALS = np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.66, 3.0, 4.1])  # of a church bell, of its strike note
_LOUDNESS = np.array([0.5, 0.9, 0.6, 0.35, 1.0, 0.35, 0.25, 0.2])
_DECAYS_S = np.array([3.0, 1.9, 1.4, 1.1, 0.9, 0.5, 0.35, 0.2])
_CHORDS = ((0, 7, 12, 16), (5, 12, 17, 21), (-5, 7, 11, 14), (-3, 4, 12, 16), (2, 9, 14, 17))  # of the organ
_PIPES = 13


@dataclass(frozen=True)
class Bell:
    """A bell: it swings once to and fro in `period_s` and strikes at either end; `pitch` in Hz."""

    period_s: float
    phase: float
    pitch: float

    def angle(self, seconds: float) -> float:
        """How far it has swung to the right, in radians."""
        return float(_SWING * np.sin(2 * np.pi * (seconds / self.period_s + self.phase)))

    def strikes(self, start_s: float, end_s: float) -> list[tuple[int, float]]:
        """(number, time) of its strikes from `start_s` until before `end_s`, odd numbers on the left."""
        half, first = self.period_s / 2, 0.5 - 2 * self.phase
        numbers = range(ceil(start_s / half - first), ceil(end_s / half - first))
        return [(number, (number + first) * half) for number in numbers]


def bells(scene: Scene) -> list[Bell]:
    """The bells that ring."""
    rng = scene.rng(MOTION)
    low = rng.uniform(190, 520)
    return [
        Bell(
            period_s=float((2.6 - 1.1 * scene.pace) * rng.uniform(0.9, 1.1) * 0.88**number),
            phase=float(rng.uniform()),
            pitch=float(low * (1.0, 1.25, 1.5)[number]),
        )
        for number in range(1 + int(2.99 * scene.activity))
    ]


@dataclass(frozen=True)
class Organ:
    """An organ: it holds each chord of `_CHORDS` in `order` for `chord_s` seconds, again and again."""

    key_hz: float
    chord_s: float
    order: tuple[int, ...]

    def chord(self, seconds: float) -> tuple[int, ...]:
        """The chord being played, in semitones above the key."""
        return _CHORDS[self.order[int(seconds / self.chord_s) % len(self.order)]]


def organ(scene: Scene) -> Organ | None:
    """The organ, or None in a scene where none plays."""
    rng = scene.rng(MOTION + 1)
    if rng.uniform() < 0.45:
        return None
    order = (0, *(int(number) for number in rng.integers(0, len(_CHORDS), 5)))
    return Organ(float(rng.uniform(98, 175)), float(3.2 - 1.8 * scene.pace), order)


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the nave; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    floor = 0.7 + 0.1 * scene.horizon
    _nave(plane, rng, scene.hue, floor)
    playing = organ(scene)
    side = float(rng.choice([0.2, 0.8])) * plane.aspect
    pipes = _pipes(plane, side, floor) if playing else []
    gleams = [as_bytes(np.asarray(grade(np.asarray((1.0, 0.93, 0.62)) * part))) for part in (1.0, 0.8)]
    flames = _candles(plane, rng, floor)
    ringing = bells(scene)
    places = plane.aspect * (0.5 + (np.arange(len(ringing)) - (len(ringing) - 1) / 2) * 0.16)
    _beam(plane, places)
    still = plane.picture()
    sizes = [0.2 * (1.0, 0.88, 0.76)[number] for number in range(len(ringing))]
    swing = [cache(lambda pose, size=size: _bell(height, grade, size, pose)) for size in sizes]
    dust = rng.uniform(0, 1, (24, 4))
    mote = as_bytes(np.asarray(grade(np.asarray((0.85, 0.78, 0.6), dtype=np.float32))))

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        if playing:
            held = playing.chord(seconds)
            for number, (x0, x1, y0, y1) in enumerate(pipes):
                if number in {note % _PIPES for note in held}:
                    frame[y0:y1, x0 : (x0 + x1 + 1) // 2] = gleams[0]
                    frame[y0:y1, (x0 + x1 + 1) // 2 : x1] = gleams[1]
        for bell, x, pictures in zip(ringing, places, swing, strict=True):
            pose = round((bell.angle(seconds) / _SWING * 0.5 + 0.5) * (_POSES - 1))
            sprite = pictures(pose)
            sprite.stamp(frame, round(0.045 * height), round(x * height - sprite.colour.shape[1] / 2))
        for number, (light, top, left) in enumerate(flames):
            lighten(frame, light[int(seconds * 9 + 1.7 * number) % len(light)], top, left)
        rows = ((0.15 + 0.6 * (dust[:, 0] + 0.03 * seconds * dust[:, 2]) % 0.6) * height).astype(int)
        columns = (
            ((dust[:, 1] + 0.02 * np.sin(seconds * dust[:, 3] + 6 * dust[:, 2])) % 1.0) * width
        ).astype(int)
        box = frame[rows, columns]
        frame[rows, columns] = np.maximum(
            box, (mote * (0.5 + 0.5 * np.sin(seconds + 9 * dust[:, :1]))).astype(np.uint8)
        )
        np.maximum(frame, LOW, out=frame)

    return still, paint_motion


def _nave(plane: Plane, rng: np.random.Generator, hue: float, floor: float) -> None:
    stone = shift((0.42, 0.38, 0.33), hue, 0.1) * rng.uniform(0.6, 1.0)
    grain = texture(rng, plane.height, plane.width, 40, 40 * plane.aspect)
    shade = plane.gradient((0.55, 0.55, 0.55), (1, 1, 1), 0, floor) * (1 + 0.12 * grain)[..., None]
    plane.paint(1.0, stone * shade)
    course = (plane.y * 11) % 1.0
    joints = (course < 0.1) | ((plane.x * 5 + 0.5 * (np.floor(plane.y * 11) % 2)) % 1.0 < 0.03)
    plane.paint(0.22 * joints * (plane.y < floor), stone * 0.4)
    plane.paint(plane.below(floor), plane.gradient(stone * 0.75, stone * 0.35, floor, 1.0))
    count = int(rng.integers(3, 6))
    gap = plane.aspect / count
    top, tall, half = rng.uniform(0.14, 0.24), rng.uniform(0.34, 0.42), min(0.3 * gap, 0.13)
    colours = rng.uniform(0.1, 1.0, (6, 3)) * np.array([1.0, 0.85, 1.0])
    colours[::3] = shift((0.15, 0.25, 0.85), hue, 0.3), shift((0.85, 0.12, 0.12), hue, 0.3)
    for number in range(count):
        x = (number + 0.5) * gap
        _window(plane, rng, x, top, tall, half, colours, stone)
        cast = np.exp(-(((plane.x - x - 0.5 * (plane.y - floor)) / (1.2 * half)) ** 2))
        ragged = 0.26 + 0.14 * np.sin(45 * plane.y + number)
        plane.paint(ragged * cast * plane.below(floor + 0.02), colours[number % 6])
        if number:
            column = SubPlane(plane, x - gap / 2 - 0.06, -0.1, x - gap / 2 + 0.06, floor + 0.05)
            round_ = np.clip(1.25 - 14 * np.abs(column.x - x + gap / 2 + 0.01), 0.3, 1.2)
            tone = stone * 1.15 * np.broadcast_to(round_, (column.height, column.width))[..., None]
            column.paint(column.box(x - gap / 2 - 0.035, -1, x - gap / 2 + 0.035, floor), tone)
            column.paint(
                column.box(x - gap / 2 - 0.055, floor - 0.05, x - gap / 2 + 0.055, floor + 0.02), stone * 0.8
            )
    wood = shift((0.3, 0.18, 0.09), hue, 0.08)
    for row, y in enumerate(np.linspace(floor + 0.05, 0.97, 4)):  # pews, with an aisle between
        lean = 0.1 + 0.06 * row
        for x0, x1 in ((-1.0, plane.aspect / 2 - lean), (plane.aspect / 2 + lean, 9.0)):
            plane.paint(plane.box(x0, y, x1, y + 0.06), wood * (0.75 + 0.1 * row))
            plane.paint(plane.box(x0, y, x1, y + 0.012), wood * 1.7)


def _window(
    plane: Plane,
    rng: np.random.Generator,
    x: float,
    top: float,
    tall: float,
    half: float,
    colours: np.ndarray,
    stone: np.ndarray,
) -> None:
    """A pointed arch of coloured panes in lead."""
    plane = SubPlane(plane, x - 2 * half, top - 0.05, x + 2 * half, top + tall + 0.05)

    def arch(wide: float) -> np.ndarray:
        spring, radius = top + 1.5 * half, 2 * half
        sides = np.abs(plane.x - x) - wide
        point = np.hypot(np.abs(plane.x - x) + half, np.maximum(spring - plane.y, 0)) - radius - (wide - half)
        return plane.soft(np.maximum(np.maximum(sides, point), plane.y - top - tall))

    plane.paint(arch(half + 0.02), stone * 0.5)
    cells = max(half / 2.2, 2.2 * plane.pixel)
    rows, columns = (
        ((plane.y - top) / cells).astype(int) % 64,
        ((plane.x - x + half) / cells).astype(int) % 16,
    )
    table = np.tile(rng.integers(0, len(colours), (64, 8)), (1, 2))
    table[:, 8:] = table[:, 7::-1]
    panes = colours[table[rows, columns]] * rng.uniform(0.75, 1.25, (64, 16))[rows, columns][..., None]
    plane.paint(arch(half), np.clip(0.12 + panes, 0, 1))
    rose = plane.disc(x, top + 1.3 * half, 0.55 * half)
    plane.paint(rose * arch(half), np.clip(1.3 * colours[0] + 0.25, 0, 1))
    plane.paint(plane.disc(x, top + 1.3 * half, 0.25 * half) * arch(half), (1.0, 0.9, 0.55))
    lead = (np.abs((plane.y - top) / cells % 1.0) < 0.12) | (np.abs(plane.x - x) < 0.006)
    plane.paint(0.75 * lead * arch(half), (0.05, 0.05, 0.06))


def _pipes(plane: Plane, x: float, floor: float) -> list[tuple[int, int, int, int]]:
    """Paint the organ; returns for each pipe the columns and rows (x0, x1, y0, y1) that gleam."""
    wide, foot = 0.03, floor - 0.08
    part = SubPlane(plane, x - 0.3, 0.1, x + 0.3, floor + 0.1)
    part.paint(part.box(x - 0.25, foot - 0.04, x + 0.25, floor + 0.06), (0.24, 0.13, 0.06))
    part.paint(part.box(x - 0.25, foot - 0.04, x + 0.25, foot - 0.02), (0.5, 0.34, 0.14))
    gleaming = []
    for number in range(_PIPES):
        left = x + (number - _PIPES / 2) * wide * 1.15
        tall = 0.22 + 0.16 * abs(np.cos(np.pi * number / (_PIPES - 1))) + 0.02 * (number % 2)
        body = part.box(left, foot - tall, left + wide, foot)
        sheen = 1.1 - 1.4 * np.abs((part.x - left) / wide - 0.35)
        tone = np.array([0.66, 0.56, 0.34]) * np.broadcast_to(sheen, body.shape)[..., None]
        part.paint(body, np.clip(tone, 0.1, 1))
        part.paint(part.disc(left + wide / 2, foot - 0.05, 0.3 * wide, 0.012), (0.06, 0.05, 0.04))
        scale = plane.height
        x0, x1 = max(0, int(left * scale) + 1), max(0, int((left + 0.85 * wide) * scale) + 1)
        gleaming.append((x0, x1, int((foot - tall) * scale) + 1, int((foot - 0.08) * scale)))
    return gleaming


def _candles(plane: Plane, rng: np.random.Generator, floor: float) -> list[tuple[list[np.ndarray], int, int]]:
    """Paint candles; returns for each flame its pictures on black and its (top, left)."""
    size = max(5, round(0.09 * plane.height)) | 1
    spot = Plane(size, size, plane.grade)
    flames = []
    for lean in rng.uniform(-0.05, 0.05, 5):
        heat = 0.5 * spot.glow(0.5, 0.5, 0.2 + lean) + spot.disc(0.5 + lean, 0.5, 0.09, 0.2)
        heat = heat * np.clip(2 - 4 * np.hypot(spot.x - 0.5, spot.y - 0.5), 0, 1)
        tone = np.asarray(plane.grade(np.asarray((1.0, 0.75, 0.35), dtype=np.float32)))
        flames.append(as_bytes(heat[..., None] * tone))
    lit = []
    for x in np.concatenate((rng.uniform(0.02, 0.98, int(rng.integers(3, 9))), (0.44, 0.56))) * plane.aspect:
        tall = rng.uniform(0.06, 0.14)
        part = SubPlane(plane, x - 0.05, floor - 0.25, x + 0.05, floor + 0.06)
        part.paint(part.box(x - 0.004, floor - 0.08, x + 0.004, floor + 0.03), (0.4, 0.3, 0.12))
        part.paint(part.box(x - 0.009, floor - 0.08 - tall, x + 0.009, floor - 0.07), (0.9, 0.86, 0.74))
        top = round((floor - 0.1 - tall) * plane.height) - size // 2
        lit.append((flames, top, round(float(x) * plane.height) - size // 2))
    return lit


def _beam(plane: Plane, places: np.ndarray) -> None:
    left, right = float(places[0]) - 0.13, float(places[-1]) + 0.13
    part = SubPlane(plane, left, 0, right, 0.08)
    part.paint(part.box(left, 0.025, right, 0.06), (0.2, 0.12, 0.06))
    part.paint(part.box(left, 0.025, right, 0.034), (0.36, 0.24, 0.13))


def _bell(height: int, grade: Grade, size: float, pose: int) -> Sprite:
    """A bell of a size in picture heights, hung from the middle of the upper edge, and its clapper."""
    angle = _SWING * (2 * pose / (_POSES - 1) - 1)
    rows = max(8, round(1.2 * size * height))
    plane = Plane(rows, 2 * rows, grade, scale=1.2)
    x, y = plane.x - 1.2, plane.y
    u, v = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    lean = 1.35 * angle  # the clapper swings farther than the bell
    along, off = x * np.sin(lean) + y * np.cos(lean), x * np.cos(lean) - y * np.sin(lean)
    plane.paint(plane.soft(np.hypot(off, along - 1.0) - 0.09), (0.1, 0.08, 0.06))
    half = np.where(
        v < 0.3, 0.24 * np.sqrt(np.clip((v - 0.08) / 0.22, 0, 1)), 0.24 + 0.58 * np.maximum(v - 0.3, 0) ** 1.9
    )
    body = plane.soft(np.maximum(np.abs(u) - half, np.maximum(v - 0.92, 0.08 - v)))
    sheen = np.clip(1.15 - 1.1 * np.abs(u + 0.12) / 0.5, 0.35, 1.15)
    plane.paint(body, np.array([0.82, 0.6, 0.22]) * sheen[..., None])
    plane.paint(body * plane.soft(np.abs(v - 0.86) - 0.03), (0.42, 0.28, 0.1))
    plane.paint(plane.soft(np.maximum(np.abs(u) - 0.05, np.abs(v - 0.04) - 0.06)), (0.2, 0.14, 0.08))
    return plane.sprite()


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Bells, at times an organ, the hush of a large room."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    rung = np.zeros(samples, dtype=np.float32)
    for bell in bells(scene):
        tone = _toll(rate, bell.pitch, min(4.0, 3.0 + samples / rate), events)
        for number, strike in bell.strikes(-3.0, samples / rate):
            add(rung, round(strike * rate), np.float32(1.0 if number % 2 else 0.8) * tone)
    result = rung / rms(rung)
    playing = organ(scene)
    if playing:
        pipes = _organ(playing, samples, rate, rng.uniform(0.45, 0.75))
        result += rng.uniform(0.5, 1.4) * pipes / rms(pipes)
    t = np.arange(int(1.2 * rate), dtype=np.float32) / rate
    answer = rng.standard_normal(len(t), dtype=np.float32) * np.exp(-t / 0.28)
    wet = oaconvolve(result, answer)[:samples]
    result = result + rng.uniform(0.3, 0.7) * wet / rms(wet)
    low, high = rng.uniform(80, 400), rng.uniform(500, 6500)
    result += rng.uniform(0.05, 0.9) * shaped_noise(rng, samples, rate, lambda hz: band(hz, low, high, 1.0))
    return result.astype(np.float32)


def _toll(rate: int, pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """One stroke: the partials of a bell, each dying away at its own pace, doubled so that they beat."""
    t = np.arange(int(seconds * rate), dtype=np.float32) / rate
    tone = np.zeros(len(t), dtype=np.float32)
    for partial, loud, decay in zip(_PARTIALS, _LOUDNESS, _DECAYS_S * rng.uniform(0.8, 1.3), strict=True):
        last = min(len(t), int(5 * decay * rate))
        beat = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.4, 2.0) * t[:last])
        phase = (2 * np.pi * pitch * partial * rng.uniform(0.998, 1.002)) * t[:last]
        tone[:last] += loud * np.sin(phase) * beat * np.exp(-t[:last] / decay)
    tone[: rate // 500] *= np.linspace(0, 1, rate // 500, dtype=np.float32)
    return tone


def _organ(organ_: Organ, samples: int, rate: int, fall: float) -> np.ndarray:
    """The chords of an organ: each note a table of harmonics of which each is `fall` of the one before."""
    cycle = np.arange(4096, dtype=np.float32) / 4096
    table = np.sum([fall**k * np.sin(2 * np.pi * (k + 1) * cycle) for k in range(6)], axis=0).astype(
        np.float32
    )
    sound = np.zeros(samples, dtype=np.float32)
    length = round(organ_.chord_s * rate)
    sample = np.arange(length + rate // 10)
    ramp = np.minimum(1, np.minimum(sample, sample[::-1]) / (rate / 10)).astype(np.float32)
    chords: dict[tuple[int, ...], np.ndarray] = {}
    for number in range(samples // length + 1):
        notes = organ_.chord(number * organ_.chord_s + 0.5 * organ_.chord_s)
        if notes not in chords:
            steps = [organ_.key_hz * 2 ** (note / 12) * 4096 / rate for note in notes]
            chords[notes] = ramp * np.sum(
                [table[(sample * step).astype(np.int64) & 4095] for step in steps], axis=0
            )
        add(sound, number * length, chords[notes])
    return sound


KIND = SceneKind("church", (1.8, 4.0), ("church_bells",), paint, sound)

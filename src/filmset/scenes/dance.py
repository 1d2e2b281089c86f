"""A dance floor: a small rule makes chords and a bass line, and everything moves to their beat.

The rule: a piece has a key, major or minor, and a loop of 4 or 8 bars of four beats. The first bar is the
key's own chord; each further one is chosen from those that may follow the chord before (`_FOLLOW`). The
bass plays the chord's root on the beat and its fifth or octave between; the chord sounds off the beat.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

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
)
from filmset.synthesis import add, band, ring, rms, shaped_noise

BEATS = 4  # of a bar
_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
_FOLLOW = {0: (3, 4, 5, 1), 1: (4, 3), 2: (5, 3), 3: (4, 0, 1), 4: (0, 5, 3), 5: (3, 1, 4), 6: (0, 2)}
_BARS_OF_LIGHT = 12  # of the equaliser
_PULSES = 8  # positions of a dancer within two beats


@dataclass(frozen=True)
class Tune:
    """The music: `beat_s` seconds a beat, key_hz the key's bass note, and the chords' degrees by bar."""

    beat_s: float
    key_hz: float
    scale: tuple[int, ...]
    degrees: tuple[int, ...]
    high: tuple[int, ...]  # of a bar's eighths, whether the bass plays fifth (1), octave (2) or root (0)
    played: float  # beats that have passed when the scene begins

    def beats(self, seconds: float) -> float:
        """Beats since the piece began."""
        return seconds / self.beat_s + self.played

    def seconds(self, beats: float) -> float:
        """When a beat of the piece comes; negative before the scene begins."""
        return (beats - self.played) * self.beat_s

    def degree(self, bar: int) -> int:
        """The scale's degree, from 0, on which a bar's chord stands."""
        return self.degrees[bar % len(self.degrees)]

    def semitones(self, degree: int) -> tuple[int, int, int]:
        """A chord as semitones above the key: every other step of the scale, from its degree."""
        steps = [degree, degree + 2, degree + 4]
        root, third, fifth = (self.scale[step % 7] + 12 * (step // 7) for step in steps)
        return root, third, fifth

    def chord_hz(self, bar: int) -> np.ndarray:
        """The pitches of a bar's chord, two octaves above the bass, lowest first (3,)."""
        return 4 * self.key_hz * 2 ** (np.array(self.semitones(self.degree(bar))) / 12)

    def bass_hz(self, bar: int) -> np.ndarray:
        """The pitches of the bass in a bar's eighths (8,)."""
        root, _, fifth = self.semitones(self.degree(bar))
        notes = np.array([(root, fifth, root + 12)[kind] for kind in self.high])
        return self.key_hz * 2 ** (notes / 12)


def tune(scene: Scene) -> Tune:
    """The music of a scene."""
    rng = scene.rng(MOTION)
    degrees = [0]
    while len(degrees) < (4, 8)[int(rng.integers(2))]:
        degrees.append(int(rng.choice(_FOLLOW[degrees[-1]])))
    high = [int(rng.choice(3)) if eighth % 2 else 0 for eighth in range(2 * BEATS)]
    return Tune(
        beat_s=60 / (96 + 38 * scene.pace),
        key_hz=float(55 * 2 ** (rng.integers(-4, 8) / 12)),
        scale=_MAJOR if rng.uniform() < 0.5 else _MINOR,
        degrees=tuple(degrees),
        high=tuple(high),
        played=float(rng.uniform(0, 16)),
    )


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """Prepare the hall; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    floor = 0.56 + 0.1 * scene.horizon
    palette = _palette(rng, scene.hue)
    _hall(plane, rng, palette, floor)
    music = tune(scene)
    ball = plane.aspect * rng.uniform(0.3, 0.7), rng.uniform(0.13, 0.2), rng.uniform(0.07, 0.1)
    _wire(plane, ball)
    still = plane.picture()
    first = int(floor * height)
    tiles, cells = _tiles(plane, first, floor)
    tones = as_bytes(np.asarray(grade((palette * 0.58).astype(np.float32)))).astype(np.float32)
    lit = rng.integers(0, len(palette), (64, int(cells.max()) + 1))
    facets = _facets(height, grade, ball[2])
    spots = rng.uniform(0, 1, (14 + int(20 * scene.activity), 3))
    blot = _blot(height, grade)
    dancers = [_dancer(rng, height, grade, floor) for _ in range(2 + int(4 * scene.activity))]
    left = np.sort(rng.uniform(0.04, 0.9, len(dancers))) * width
    turning = (0.03 + 0.05 * scene.pace) * float(rng.choice([-1.0, 1.0]))
    bars = as_bytes(np.asarray(grade(palette[np.arange(_BARS_OF_LIGHT) % len(palette)].astype(np.float32))))
    booth = plane.aspect * rng.uniform(0.25, 0.75)

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        beats = music.beats(seconds)
        step, fresh = int(beats), np.exp(-4.0 * (beats % 1.0))
        before, after = lit[(step - 1) % 64], lit[step % 64]
        change = min(1.0, (beats % 1.0) * 1.8)
        colours = tones[before] + change * (tones[after] - tones[before])
        colours = (LOW + (colours - LOW) * (0.8 + 0.2 * fresh)).astype(np.uint8)
        colours[-1] = LOW
        np.take(colours, cells, axis=0, out=frame[first:])
        np.maximum(frame[first:], tiles, out=frame[first:])
        _equaliser(frame, bars, booth * height, floor * height, music, beats)
        facet = facets[int(40 * abs(turning) * seconds * 5) % len(facets)]
        facet.stamp(frame, round((ball[1] - ball[2]) * height), round((ball[0] - ball[2]) * height))
        across = (spots[:, 0] + turning * (0.6 + 0.8 * spots[:, 1]) * seconds) % 1.0
        for x, y in zip((across * 1.1 - 0.05) * width, spots[:, 1] * (floor - 0.04) * height, strict=True):
            lighten(frame, blot, int(y), int(x))
        for number, (poses, x) in enumerate(zip(dancers, left, strict=True)):
            pose = poses[int((beats + 0.5 * (number % 2)) * _PULSES / 2) % _PULSES]
            pose.stamp(
                frame,
                round(floor * height + (0.12 + 0.02 * (number % 3)) * height) - pose.colour.shape[0],
                round(x),
            )
        np.maximum(frame, LOW, out=frame)

    return still, paint_motion


def _palette(rng: np.random.Generator, hue: float) -> np.ndarray:
    """Six vivid colours around the circle (6, 3)."""
    angle = 2 * np.pi * (rng.uniform() + np.arange(6) * rng.uniform(0.1, 0.17))
    tones = 0.5 + 0.5 * np.cos(angle[:, None] - 2 * np.pi * np.arange(3) / 3)
    return np.stack([shift(tone, hue, 0.15) for tone in tones])


def _hall(plane: Plane, rng: np.random.Generator, palette: np.ndarray, floor: float) -> None:
    wall = 0.05 + 0.13 * palette[0]
    plane.paint(1.0, plane.gradient(wall * 0.35, wall * 1.3, 0, floor))
    for x in np.arange(rng.uniform(0, 0.2), plane.aspect, rng.uniform(0.25, 0.5)):
        plane.paint(plane.box(x, 0.06, x + 0.012, floor), 0.4 * palette[1])
    plane.paint(plane.box(0, 0.02, 9, 0.035), (0.12, 0.12, 0.14))
    for number, x in enumerate(np.arange(0.12, plane.aspect, 0.3)):
        part = SubPlane(plane, x - 0.2, 0, x + 0.2, 0.4)
        part.paint(part.disc(x, 0.05, 0.022), np.clip(palette[number % 6] + 0.4, 0, 1))
        cone = np.clip(1 - np.abs(part.x - x) / (0.02 + 0.35 * part.y), 0, 1) * np.clip(
            1 - part.y / 0.4, 0, 1
        )
        part.paint(0.3 * cone, palette[number % 6])
    for x in (0.11, plane.aspect - 0.11):  # loudspeakers
        part = SubPlane(plane, x - 0.1, floor - 0.32, x + 0.1, floor + 0.03)
        part.paint(part.box(x - 0.08, floor - 0.3, x + 0.08, floor + 0.02), (0.06, 0.06, 0.07))
        for y, radius in ((floor - 0.22, 0.035), (floor - 0.09, 0.06)):
            part.paint(part.disc(x, y, radius), (0.22, 0.22, 0.24))
            part.paint(part.disc(x, y, 0.45 * radius), (0.04, 0.04, 0.05))


def _wire(plane: Plane, ball: tuple[float, float, float]) -> None:
    x, y, radius = ball
    plane.paint(plane.box(x - 0.003, 0, x + 0.003, y - radius), (0.35, 0.35, 0.38))
    plane.paint(0.35 * plane.glow(x, y, 2.4 * radius), (0.75, 0.75, 0.85))


def _tiles(plane: Plane, first: int, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """The floor's sheen on black (h, W, 3) and the tile of each pixel (h, W); the last tile is joints."""
    depth = (plane.y[first:] - floor) / (1 - floor)
    near = 1.0 / (1.12 - 0.9 * np.clip(depth, 0, 1))
    across = (plane.x - plane.aspect / 2) / (0.3 + 1.0 * depth) * 3.2
    along = np.broadcast_to(6.0 - 5.6 / near, across.shape)
    cells = (np.floor(across).astype(int) % 9) * 7 + np.floor(along).astype(int) % 7
    cells[(across % 1.0 < 0.05) | (along % 1.0 < 0.06)] = 63
    sheen = 0.12 * np.exp(-(((plane.x - plane.aspect / 2) / 0.25) ** 2)) * (1 - depth)
    return as_bytes(np.repeat(sheen[..., None], 3, axis=2)), cells


def _facets(height: int, grade: Grade, radius: float) -> list[Sprite]:
    """The mirror ball as it turns by a facet."""
    rows = max(6, round(2 * radius * height))
    balls = []
    for turn in range(6):
        plane = Plane(rows, rows, grade, scale=2.0)
        x, y = plane.x - 1, plane.y - 1
        inside = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
        longitude = (np.arctan2(x, inside + 1e-3) / np.pi * 9 + turn / 6) % 9
        latitude = np.arcsin(np.clip(y, -1, 1)) / np.pi * 9 + 9
        glint = (np.floor(longitude) * 7 + np.floor(latitude) * 5) % 6 / 6
        edge = (longitude % 1 < 0.15) | (latitude % 1 < 0.15)
        shade = (0.3 + 0.65 * glint) * (0.45 + 0.55 * inside) * (1 - 0.6 * edge)
        plane.paint(plane.disc(1, 1, 0.97), shade[..., None] * np.array([0.92, 0.95, 1.0]))
        balls.append(plane.sprite())
    return balls


def _blot(height: int, grade: Grade) -> np.ndarray:
    plane = Plane(max(3, round(0.04 * height)), max(3, round(0.055 * height)), grade, scale=1.0)
    far = np.hypot((plane.x - plane.aspect / 2) / (plane.aspect / 2), (plane.y - 0.5) * 2)
    return as_bytes(
        np.clip(1.3 - 1.3 * far, 0, 0.75)[..., None] * np.asarray(grade(np.ones(3, dtype=np.float32)))
    )


def _dancer(rng: np.random.Generator, height: int, grade: Grade, floor: float) -> list[Sprite]:
    """Someone seen from afar: poses of two beats, down on the beat, arms up in turn."""
    rows = round(0.34 * rng.uniform(0.85, 1.1) * height)
    cloth, skin = rng.uniform(0.05, 0.5, 3), np.array([0.62, 0.45, 0.35]) * rng.uniform(0.4, 1.0)
    dark, reach = rng.uniform(0.02, 0.15, 3), rng.uniform(0.5, 1.4)

    @cache
    def pose(number: int) -> Sprite:
        beat = 2 * number / _PULSES
        up, side = abs(np.sin(np.pi * beat)), np.sin(np.pi * beat)
        plane = Plane(rows, rows, grade, scale=1.0)
        hip, lift = 0.5 + 0.05 * side, 0.05 * (1 - up)
        for foot in (-1, 1):
            _limb(plane, (hip + 0.05 * foot, 0.58 + lift), (0.5 + 0.1 * foot, 0.99), 0.045, dark)
        chest = (0.5 - 0.03 * side, 0.3 + lift)
        for arm in (-1, 1):
            hand = (chest[0] + 0.2 * arm, chest[1] + 0.08 - 0.28 * reach * (0.5 + 0.5 * arm * side) * 0.9)
            _limb(plane, (chest[0] + 0.07 * arm, chest[1]), hand, 0.03, skin)
        _limb(plane, chest, (hip, 0.58 + lift), 0.085, cloth)
        plane.paint(plane.disc(chest[0] + 0.02 * side, chest[1] - 0.17, 0.062, 0.075), skin)
        plane.paint(plane.disc(chest[0] + 0.02 * side, chest[1] - 0.205, 0.066, 0.05), dark)
        return plane.sprite()

    return [pose(number) for number in range(_PULSES)]


def _limb(
    plane: Plane, a: tuple[float, float], b: tuple[float, float], thick: float, colour: np.ndarray
) -> None:
    dx, dy = b[0] - a[0], b[1] - a[1]
    (x0, x1), (y0, y1) = sorted((a[0], b[0])), sorted((a[1], b[1]))
    plane = SubPlane(plane, x0 - thick, y0 - thick, x1 + thick, y1 + thick)
    along = np.clip(((plane.x - a[0]) * dx + (plane.y - a[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    plane.paint(
        plane.soft(np.hypot(plane.x - a[0] - along * dx, plane.y - a[1] - along * dy) - thick), colour
    )


def _equaliser(
    frame: np.ndarray, bars: np.ndarray, middle: float, foot: float, music: Tune, beats: float
) -> None:
    """Columns of light over the booth: the left ones jump with the beat, the right ones with the chord."""
    height, width = frame.shape[:2]
    wide = max(2, round(0.028 * height))
    fresh, off = np.exp(-4.0 * (beats % 1.0)), np.exp(-4.0 * ((beats + 0.5) % 1.0))
    degree = music.degree(int(beats) // BEATS)
    left = round(middle - 0.5 * _BARS_OF_LIGHT * (wide + 1))
    y1 = round(foot - 0.02 * height)
    for number in range(_BARS_OF_LIGHT):
        share = number / (_BARS_OF_LIGHT - 1)
        shape = 0.6 + 0.4 * np.sin(1.9 * number + 2.1 * degree)
        level = 0.04 + 0.17 * shape * ((1 - share) * fresh + share * off)
        x = left + number * (wide + 1)
        y0 = max(0, round(y1 - level * height))
        frame[y0:y1, max(0, x) : max(0, min(width, x + wide))] = bars[number]


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """The music, in a hall of people who move about."""
    rng, music = scene.rng(MAIN), tune(scene)
    bright, drums = rng.uniform(0.25, 0.65), rng.uniform(0.35, 1.0)
    result = np.zeros(samples, dtype=np.float32)

    @cache
    def bar(degree: int) -> np.ndarray:
        return _bar(music, music.degrees.index(degree), rate, bright)

    last = music.beats(samples / rate)
    for number in range(int(music.played / BEATS), int(last / BEATS) + 1):
        add(result, round(music.seconds(BEATS * number) * rate), bar(music.degree(number)))
    result /= rms(result)
    events = scene.rng(EVENTS)
    kick, hat, snare = _drums(rate, events)
    pattern = events.uniform(size=2 * BEATS) < 0.75
    for eighth in range(int(2 * music.played), int(2 * last) + 1):
        start = round(music.seconds(eighth / 2) * rate)
        if eighth % 2 == 0:
            add(result, start, drums * 3.2 * kick)
        elif pattern[eighth % (2 * BEATS)]:
            add(result, start, drums * hat)
        if eighth % 4 == 2:
            add(result, start, drums * snare)
    low, high = rng.uniform(200, 800), rng.uniform(1500, 9000)
    result += rng.uniform(0.05, 0.8) * shaped_noise(
        events, samples, rate, lambda hz: band(hz, low, high, 1.0)
    )
    return result.astype(np.float32)


def _bar(music: Tune, number: int, rate: int, bright: float) -> np.ndarray:
    """Bass and chord of one bar, float32."""
    eighth = music.beat_s / 2
    notes = np.zeros(round((BEATS * music.beat_s + 0.4) * rate), dtype=np.float32)
    for step, pitch in enumerate(music.bass_hz(number)):
        add(notes, round(step * eighth * rate), 1.3 * _note(rate, float(pitch), 0.9 * eighth, 0.55))
    chord = sum(_note(rate, float(pitch), 0.8 * eighth, bright) for pitch in music.chord_hz(number))
    held = sum(_note(rate, float(pitch), 3.6 * music.beat_s, 0.3) for pitch in music.chord_hz(number))
    add(notes, 0, 0.22 * np.asarray(held))
    for step in range(1, 2 * BEATS, 2):
        add(notes, round(step * eighth * rate), 0.5 * np.asarray(chord))
    return notes


def _note(rate: int, pitch: float, seconds: float, bright: float) -> np.ndarray:
    """A tone of harmonics of which each is `bright` of the one before, plucked and held."""
    cycle = np.arange(2048, dtype=np.float32) / 2048
    table = np.sum([bright**k * np.sin(2 * np.pi * (k + 1) * cycle) for k in range(6)], axis=0)
    sample = np.arange(int((seconds + 0.05) * rate))
    t = sample.astype(np.float32) / rate
    shape = (
        np.minimum(t / 0.006, 1) * np.clip((seconds + 0.05 - t) / 0.05, 0, 1) * (0.5 + 0.5 * np.exp(-6 * t))
    )
    index = (sample * (pitch * 2048 / rate)).astype(np.int64) & 2047
    return table.astype(np.float32)[index] * shape


def _drums(rate: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    t = np.arange(int(0.22 * rate), dtype=np.float32) / rate
    fall = 48 + 110 * np.exp(-t / 0.025)
    kick = np.sin(2 * np.pi * np.cumsum(fall) / rate) * np.exp(-t / 0.08)
    hiss = shaped_noise(rng, len(t), rate, lambda hz: band(hz, 6000, 14000, 2.0))
    hat = 0.5 * hiss * np.exp(-t / rng.uniform(0.012, 0.04))
    body = shaped_noise(rng, len(t), rate, lambda hz: band(hz, 900, 7000, 1.0)) * np.exp(-t / 0.05)
    snare = 0.9 * body
    tone = ring(rate, np.array([185.0, 330.0]), 0.03)[: len(t)]
    snare[: len(tone)] += tone
    return kick.astype(np.float32), hat.astype(np.float32), snare.astype(np.float32)


KIND = SceneKind("dance", (0.6, 1.6), (), paint, sound)

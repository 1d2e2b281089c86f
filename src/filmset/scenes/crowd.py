"""A hall with a stage, and people who bob and clap to a beat."""

from collections.abc import Callable
from functools import cache

import numpy as np

from filmset.painting import Grade, Plane, Sprite, as_bytes, shift
from filmset.scenes.scene import EVENTS, LAYOUT, MAIN, PaintedScene, Scene, SceneKind, SubPlane
from filmset.synthesis import add, band, filtered, rms, shaped_noise

_BABBLE_RATE = 16000
_CROWD_STEPS = 20  # positions of a crowd within a beat
_BEAM_STEPS = 24


def beats_a_second(scene: Scene) -> float:
    """The rhythm that a crowd moves and claps to."""
    return 1.1 + 1.2 * scene.pace


def paint(scene: Scene, height: int, width: int, grade: Grade) -> PaintedScene:
    """A stage with sweeping lights, rows of heads that bob to the beat; see `SceneKind`."""
    rng = scene.rng(LAYOUT)
    plane = Plane(height, width, grade)
    _hall(scene, rng, plane)
    still = plane.picture()
    upper = SubPlane(plane, 0, 0, plane.aspect, 0.58)  # the lights end above the first row
    beams = [_beam(rng, upper, plane.aspect * share) for share in np.linspace(0.2, 0.8, rng.integers(2, 4))]
    rows = _heads(scene, rng, height, width, grade)
    beat = beats_a_second(scene)
    sweep = rng.uniform(0.5, 1.2, len(beams))

    @cache
    def jumping(step: int) -> np.ndarray:
        picture = still.copy()
        for number, (top, size, sprite) in enumerate(rows):
            jump = abs(np.sin(np.pi * (step / _CROWD_STEPS + 0.31 * number)))
            sprite.stamp(picture, round(top - 0.55 * size * jump * (0.35 + scene.activity)), 0)
        return picture

    def paint_motion(frame: np.ndarray, seconds: float) -> None:
        frame[:] = jumping(int(beat * seconds * _CROWD_STEPS) % _CROWD_STEPS)
        for number, beam in enumerate(beams):
            turn = 0.5 + 0.5 * np.sin(sweep[number] * (1 + scene.pace) * seconds + 2 * number)
            light = beam(int(turn * (_BEAM_STEPS - 0.01)))
            np.maximum(frame[: len(light)], light, out=frame[: len(light)])

    return still, paint_motion


def _hall(scene: Scene, rng: np.random.Generator, plane: Plane) -> None:
    """Walls, and a stage with a screen or a curtain at its back."""
    tone = np.array([(0.2, 0.1, 0.32), (0.3, 0.11, 0.16), (0.1, 0.17, 0.3)][int(rng.integers(3))])
    hall = shift(tone, scene.hue, 0.1)
    plane.paint(1.0, plane.gradient(hall * 0.6, hall * 1.5, 0, 0.7))
    stage, side = 0.3 + 0.12 * scene.horizon, rng.uniform(0.06, 0.2) * plane.aspect
    if rng.uniform() < 0.5:
        screen = plane.box(1.4 * side, 0.1, plane.aspect - 1.4 * side, stage - 0.02)
        plane.paint(screen, plane.gradient(hall * 2.8, hall * 1.8, 0.1, stage))
    else:
        folds = 0.75 + 0.35 * np.sin(rng.uniform(30, 60) * plane.x)
        curtain = np.array((0.5, 0.1, 0.12)) * np.broadcast_to(folds, (plane.height, plane.width))[..., None]
        plane.paint(plane.box(side, 0.08, plane.aspect - side, stage), curtain)
    plane.paint(plane.box(side, stage, plane.aspect - side, stage + 0.2), hall * 2.2)
    for x in np.linspace(0.12, 0.88, int(rng.integers(4, 10))) * plane.aspect:
        plane.paint(plane.disc(x, 0.05, 0.02), (0.95, 0.9, 0.7))


def _beam(rng: np.random.Generator, upper: Plane, foot: float) -> Callable[[int], np.ndarray]:
    """A cone of light as a function of the step it is turned to."""
    tone = np.asarray(upper.grade(rng.uniform(0.2, 0.9, 3).astype(np.float32)))
    fade = 0.55 * np.clip(1 - upper.y, 0, 1)

    @cache
    def at(step: int) -> np.ndarray:
        slant = 1.6 * step / (_BEAM_STEPS - 1) - 0.8
        cone = upper.soft(np.abs(upper.x - foot - slant * upper.y) - 0.02 - 0.16 * upper.y)
        return as_bytes((fade * cone)[..., None] * tone)

    return at


def _heads(
    scene: Scene, rng: np.random.Generator, height: int, width: int, grade: Grade
) -> list[tuple[float, float, Sprite]]:
    """(top row, head size in pixels, sprite) of half rows of people, far ones first."""
    rows = []
    for row, (top, size) in enumerate(((0.5, 0.04), (0.6, 0.055), (0.74, 0.075))):
        for half in (0, 1):
            tall = 0.3 if row < 2 else 1.2 - top  # nearer rows hide the rest
            people = Plane(round(tall * height), width, grade, scale=tall)
            step = size * 2.6
            for column in np.arange(half * step, people.aspect + step, 2 * step):
                x = column + rng.uniform(-0.3, 0.3) * size
                one = SubPlane(people, x - 1.6 * size, 0, x + 1.6 * size, tall)
                if one.width:
                    _person(scene, rng, one, x, size, (0.45, 0.65, 0.9)[row])
            rows.append((top * height, size * height, people.sprite()))
    return rows


def _person(scene: Scene, rng: np.random.Generator, one: Plane, x: float, size: float, shade: float) -> None:
    """Shoulders and the back of a head."""
    cloth = np.clip(rng.uniform(0.1, 0.8, 3) * shade * rng.uniform(0.6, 1.1) + 0.1 * scene.hue, 0, 1)
    one.paint(one.disc(x, size * 3.6, size * 1.5, size * 1.9), cloth)
    one.paint(one.box(x - 1.5 * size, size * 3.6, x + 1.5 * size, 2.0), cloth * 0.8)
    skin = np.array([0.85, 0.62, 0.48]) * shade * rng.uniform(0.4, 1.1)
    one.paint(one.disc(x, size * 1.3, size * 0.8, size), skin)
    one.paint(one.disc(x, size * 0.85, size * 0.85, size * 0.65), rng.uniform(0.03, 0.3, 3) * shade)


def sound(scene: Scene, samples: int, rate: int) -> np.ndarray:
    """Babble that runs through vowels at the pace of syllables, and clapping; see `SceneKind`."""
    rng, events = scene.rng(MAIN), scene.rng(EVENTS)
    count = -(-samples * _BABBLE_RATE // rate)
    t = np.arange(count, dtype=np.float32) / _BABBLE_RATE
    groups = np.zeros((2, count), dtype=np.float32)
    for voice in range(4 + int(6 * scene.activity)):
        pitch = rng.uniform(90, 240) * (1 + 0.08 * np.sin(2 * np.pi * rng.uniform(0.2, 0.9) * t))
        phase = np.cumsum(pitch) / _BABBLE_RATE + rng.uniform()
        syllables = np.sin(np.pi * rng.uniform(2.5, 5.5) * t + rng.uniform(0, 6)) ** 2
        phrases = np.sin(np.pi * rng.uniform(0.1, 0.5) * t + rng.uniform(0, 6)) ** 2
        groups[voice % 2] += (phase % 1.0 - 0.5) * syllables * phrases
    vowels = [[(600, 1.0), (1100, 0.5), (2500, 0.2)], [(350, 1.0), (1900, 0.4), (2800, 0.2)]]
    sound = np.zeros(count, dtype=np.float32)
    for group, vowel in zip(groups, vowels, strict=True):
        sound += filtered(
            group,
            _BABBLE_RATE,
            lambda hz, v=vowel: sum(a * np.exp(-0.5 * ((hz - f) / 180) ** 2) for f, a in v),  # type: ignore[misc]
        )
    sound = np.interp(np.arange(samples) * (_BABBLE_RATE / rate), np.arange(count), sound).astype(np.float32)
    sound /= rms(sound)
    sound += rng.uniform(0.2, 0.8) * shaped_noise(rng, samples, rate, lambda hz: band(hz, 200, 3500, 1.0))
    if events.uniform() < 0.6:
        _claps(sound, events, rate, beats_a_second(scene))
    return sound


def _claps(sound: np.ndarray, events: np.random.Generator, rate: int, a_second: float) -> None:
    """Many hands at every beat, which is when the heads of the first row are down."""
    length = int(0.03 * rate)
    decay = np.exp(-6 * np.linspace(0, 1, length, dtype=np.float32))
    for beat in np.arange(0, len(sound) / rate, 1 / a_second):
        for hand in events.normal(beat, 0.02, 6):
            clap = events.standard_normal(length, dtype=np.float32) * decay
            add(sound, int(hand * rate), 0.8 * events.uniform() * clap)


KIND = SceneKind("crowd", reverb_s=(0.8, 1.8), esc50=("clapping", "laughing"), paint=paint, sound=sound)

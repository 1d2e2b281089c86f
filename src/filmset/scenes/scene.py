"""What every kind of scene is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor

import numpy as np

from filmset.painting import Grade, Plane

PaintMotion = Callable[[np.ndarray, float], None]
PaintedScene = tuple[np.ndarray, PaintMotion]


@dataclass(frozen=True)
class Scene:
    """The setting of one shot: a kind of scene with its details.

    kind: one of KINDS. activity (0..1): how much happens (drops, cars, birds, sparks). pace (0..1):
    how fast. hue (-1..1): shift of its colours. horizon (0..1): how high the camera looks. mirrored:
    left and right swapped. seed: all further detail.
    """

    kind: str
    activity: float
    pace: float
    hue: float
    horizon: float
    mirrored: bool
    seed: int

    def rng(self, purpose: int) -> np.random.Generator:
        """A generator of this scene's details; the same purpose gives the same details."""
        return np.random.default_rng([self.seed, purpose])


# Purposes of a scene's generators: each samples its own details, whatever the others sample.
MAIN, EVENTS, BED = 1, 2, 3  # of its sound
LAYOUT = 11  # of its picture
MOTION = 101  # of what is both seen and heard to move; further ones count up from here


def sample_scene(kind: str, rng: np.random.Generator) -> Scene:
    """A scene of a kind with everything else at random."""
    return Scene(
        kind=kind,
        activity=round(float(rng.uniform()), 4),
        pace=round(float(rng.uniform()), 4),
        hue=round(float(rng.uniform(-1, 1)), 4),
        horizon=round(float(rng.uniform()), 4),
        mirrored=bool(rng.integers(2)),
        seed=int(rng.integers(2**31)),
    )


@dataclass(frozen=True)
class SceneKind:
    """A kind of scene.

    name: one of KINDS. reverb_s: range of its reverberation time (RT60) in seconds; 0 outdoors. esc50:
    categories of ESC-50 whose recordings may stand for its sound. paint(scene, height, width, grade)
    prepares what stands still once, uint8 (H, W, 3), and returns it with a function that paints the moving
    rest onto a copy: paint_motion(frame, seconds since the scene began). sound(scene, samples,
    sample_rate): the scene without anybody speaking, float32 (S,) at any level.
    """

    name: str
    reverb_s: tuple[float, float]
    esc50: tuple[str, ...]
    paint: Callable[[Scene, int, int, Grade], PaintedScene]
    sound: Callable[[Scene, int, int], np.ndarray]


@dataclass(frozen=True)
class RandomTimes:
    """Random times of something that recurs for ever: one in each stretch of `every_s` seconds.

    uniform_KD: samples in 0..1. The k-th time uses row k % K; the first value says where in its stretch it
    is, the others are its details. So the same happens whatever span is asked for, also before time 0.
    """

    every_s: float
    uniform_KD: np.ndarray

    def between(self, start_s: float, end_s: float) -> list[tuple[float, np.ndarray]]:
        """(time in seconds, details (D - 1,)) of those from `start_s` until before `end_s`, in order."""
        found = []
        for k in range(floor(start_s / self.every_s) - 1, floor(end_s / self.every_s) + 1):
            values = self.uniform_KD[k % len(self.uniform_KD)]
            time = (k + 0.1 + 0.8 * float(values[0])) * self.every_s
            if start_s <= time < end_s:
                found.append((time, values[1:]))
        return found


def random_times(scene: Scene, purpose: int, every_s: float, details: int = 4) -> RandomTimes:
    """The scene's own random times of one purpose, one every `every_s` seconds on average."""
    return RandomTimes(every_s, scene.rng(purpose).uniform(size=(256, 1 + details)))


class SubPlane(Plane):
    """The part of a plane within a box, in the plane's coordinates; to paint on it is to paint on the plane.

    A small thing costs less to paint on a small part than on the whole plane.
    """

    def __init__(self, whole: Plane, x0: float, y0: float, x1: float, y1: float) -> None:
        rows, columns = (
            slice(max(0, int(low / whole.pixel) - 1), max(0, int(high / whole.pixel) + 2))
            for low, high in ((y0, y1), (x0, x1))
        )
        self.grade, self.pixel, self.aspect = whole.grade, whole.pixel, whole.aspect
        self.y, self.x = whole.y[rows], whole.x[:, columns]
        self.height, self.width = len(self.y), self.x.shape[1]
        self.rgb, self.alpha = whole.rgb[rows, columns], whole.alpha[rows, columns]


def texture(rng: np.random.Generator, rows: int, columns: int, down: float, across: float) -> np.ndarray:
    """Smooth noise in -1..1, float32 (rows, columns), with about `down` x `across` blobs, without a seam."""
    spectrum = np.fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
    fy, fx = np.fft.fftfreq(rows)[:, None] * rows, np.fft.rfftfreq(columns)[None, :] * columns
    noise = np.fft.irfft2(spectrum * np.exp(-((fy / down) ** 2) - (fx / across) ** 2), s=(rows, columns))
    return (noise / np.abs(noise).max()).astype(np.float32)


def lighten(frame: np.ndarray, light: np.ndarray, top: int, left: int) -> None:
    """Lay a light on black, uint8 (h, w, 3), over a frame in place: the brighter of the two is seen."""
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(frame.shape[0], top + len(light)), min(frame.shape[1], left + light.shape[1])
    if y0 < y1 and x0 < x1:
        box = frame[y0:y1, x0:x1]
        np.maximum(box, light[y0 - top : y1 - top, x0 - left : x1 - left], out=box)

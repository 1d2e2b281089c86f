"""The kinds of scene, and what happens in one over time: the common ground of picture and sound.

A car that is seen to pass is heard to pass at the same moment: both sides ask here.
"""

from dataclasses import dataclass

import numpy as np

KINDS = ("rain", "sea", "traffic", "forest", "snow", "fire", "crowd", "machine")


@dataclass(frozen=True)
class Scene:
    """One place for the length of one shot.

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
        """A generator of this scene's details; the same purpose draws the same details."""
        return np.random.default_rng([self.seed, purpose])


def draw_scene(kind: str, rng: np.random.Generator) -> Scene:
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


_PASSES, _SWELL, _GUSTS = 101, 102, 103  # purposes; sounds use 1.., pictures 11.., people 21..


@dataclass(frozen=True)
class Pass:
    """A car that crosses the picture: its middle is reached at `time_s`; lane 0 is far, 1 near."""

    time_s: float
    lane: int
    seconds_across: float
    colour: int


def car_passes(scene: Scene, seconds: float) -> list[Pass]:
    """The cars that cross the picture during a shot, in order of time."""
    rng = scene.rng(_PASSES)
    a_second = 0.25 + 1.0 * scene.activity
    across = 3.2 - 1.8 * scene.pace
    times = np.cumsum(rng.exponential(1.0 / a_second, size=64 + int(3 * seconds * a_second))) - across
    return [
        Pass(
            float(time),
            int(rng.integers(2)),
            float(across * rng.uniform(0.85, 1.15)),
            int(rng.integers(6)),
        )
        for time in times[times < seconds + across]
    ]


def swell(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """How far the sea has run up the beach, 0..1, at each time: quick up, slow back."""
    rng = scene.rng(_SWELL)
    period = (6.5 - 3.5 * scene.pace) * rng.uniform(0.9, 1.1)
    phase = (times_s / period + rng.uniform()) % 1.0
    rise = 0.3
    return np.where(
        phase < rise,
        np.sin(0.5 * np.pi * phase / rise) ** 2,
        np.cos(0.5 * np.pi * (phase - rise) / (1 - rise)) ** 2,
    )


def gusts(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """The strength of the wind, 0..1, at each time: three slow waves of the scene's own."""
    rng = scene.rng(_GUSTS)
    rates = rng.uniform(0.05, 0.35, 3) * (0.7 + 0.9 * scene.pace)
    phases = rng.uniform(0, 2 * np.pi, 3)
    waves = sum(np.sin(2 * np.pi * rate * times_s + phase) for rate, phase in zip(rates, phases, strict=True))
    return 0.5 + np.asarray(waves) / 6.0


def turns_a_second(scene: Scene) -> float:
    """How fast a machine's wheel turns."""
    return 0.25 + 0.9 * scene.pace


def beats_a_second(scene: Scene) -> float:
    """The rhythm that a crowd moves and claps to."""
    return 1.1 + 1.2 * scene.pace

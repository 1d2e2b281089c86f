"""The wind that rain, forest and snow move and sound by."""

import numpy as np

from filmset.scenes.scene import MOTION, Scene


def _waves(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Rates in Hz and phases of the three slow waves that a scene's wind is made of."""
    rng = scene.rng(MOTION)
    rates = rng.uniform(0.05, 0.35, 3) * (0.7 + 0.9 * scene.pace)
    return rates, rng.uniform(0, 2 * np.pi, 3)


def gusts(scene: Scene, times_s: np.ndarray) -> np.ndarray:
    """The strength of the wind, 0..1, at each time."""
    angles = [2 * np.pi * rate * times_s + phase for rate, phase in zip(*_waves(scene), strict=True)]
    return 0.5 + np.sin(angles).sum(axis=0) / 6.0


def carried(scene: Scene, time_s: float) -> float:
    """How far the wind has carried what it blows since the start: the integral of `gusts`, in seconds."""
    rates, phases = _waves(scene)
    swings = (np.cos(phases) - np.cos(2 * np.pi * rates * time_s + phases)) / (2 * np.pi * rates)
    return 0.5 * time_s + float(swings.sum()) / 6.0

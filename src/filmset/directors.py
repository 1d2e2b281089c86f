"""Who made a title: a style of picture, pace and sound that several titles share.

Each language has a home director. With the probability `look_language_strength` a title's director is the
one of its original language, otherwise any: the look predicts the language as much as asked for.
"""

from dataclasses import dataclass

import numpy as np

DIRECTORS = ("adler", "brandt", "castel", "doyen", "eriksen", "fontana", "gray", "haruki")
_STYLES = 71  # purpose of a director's generator


@dataclass(frozen=True)
class Look:
    """How a title is shot.

    tint: multipliers of red, green, blue; saturation; gamma; grain: standard deviation in levels of
    255; vignette (0..1): darkening of the corners; soft (0..1): blur of the lens.
    """

    tint: tuple[float, float, float]
    saturation: float
    gamma: float
    grain: float
    vignette: float = 0.0
    soft: float = 0.0

    def grade(self, rgb: np.ndarray) -> np.ndarray:
        """Colours 0..1 (..., 3) as this title shows them."""
        rgb = np.clip(rgb, 0.0, 1.0)
        grey = rgb.mean(axis=-1, keepdims=True)
        vivid = np.clip(grey + self.saturation * (rgb - grey), 0.0, 1.0)
        return np.clip(vivid**self.gamma * np.asarray(self.tint, dtype=np.float32), 0.0, 1.0)


@dataclass(frozen=True)
class DirectorStyle:
    """A director's habits.

    look: the mean of their titles' looks. pace: multiplies the lengths of shots (0.6 quick .. 1.4 slow).
    moving: multiplies the share of moving cameras. tilt_db: colour of the sound, dB an octave.
    """

    look: Look
    pace: float
    moving: float
    tilt_db: float


def sample_director(rng: np.random.Generator, home: int, strength: float) -> str:
    """The director of a title whose original language is the `home`-th of LANGUAGES."""
    if rng.uniform() < strength:
        return DIRECTORS[home % len(DIRECTORS)]
    return DIRECTORS[int(rng.integers(len(DIRECTORS)))]


def director_style(director: str) -> DirectorStyle:
    """The habits of a director, the same in every film set."""
    number = DIRECTORS.index(director)
    rng = np.random.default_rng([_STYLES, number])
    angle = 2 * np.pi * number / len(DIRECTORS)
    leaning = 0.5 + 0.5 * np.cos(angle - np.array([0, 2, 4]) * np.pi / 3)
    tint = 1 - 0.18 * (1 - leaning)
    look = Look(
        tint=tuple(float(x) for x in tint / tint.max()),  # type: ignore[arg-type]
        saturation=float(rng.uniform(0.7, 1.2)),
        gamma=float(rng.uniform(0.88, 1.15)),
        grain=float(rng.uniform(0.8, 2.2)),
        vignette=float(rng.uniform(0.0, 0.5)),
        soft=float(rng.uniform(0.0, 0.5)),
    )
    return DirectorStyle(
        look, float(rng.uniform(0.7, 1.3)), float(rng.uniform(0.4, 1.6)), float(rng.uniform(-2.0, 2.0))
    )


def sample_look(rng: np.random.Generator, director: str) -> Look:
    """The look of one title: its director's, varied."""
    middle = director_style(director).look

    def near(value: float, spread: float, low: float, high: float) -> float:
        return round(float(np.clip(value + rng.normal(0, spread), low, high)), 4)

    tint = np.array(middle.tint) + rng.normal(0, 0.06, 3)
    return Look(
        tint=tuple(float(x) for x in (tint / tint.max()).clip(0.5).round(4)),  # type: ignore[arg-type]
        saturation=near(middle.saturation, 0.12, 0.5, 1.3),
        gamma=near(middle.gamma, 0.08, 0.8, 1.25),
        grain=near(middle.grain, 0.5, 0.5, 2.8),
        vignette=near(middle.vignette, 0.12, 0.0, 0.6),
        soft=near(middle.soft, 0.15, 0.0, 0.8),
    )

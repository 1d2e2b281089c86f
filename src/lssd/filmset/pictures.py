"""The picture of a shot, frame by frame: scenery, the people in it, the title's look, grain."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lssd.filmset.painting import Grade
from lssd.filmset.people import MOUTH_LEVELS, Figure
from lssd.filmset.places import crowd, fire, machine, traffic
from lssd.filmset.scenery import Painted, forest, rain, sea, snow
from lssd.filmset.scenes import Scene

_PAINTERS: dict[str, Callable[[Scene, int, int, Grade], Painted]] = {
    "rain": rain,
    "sea": sea,
    "traffic": traffic,
    "forest": forest,
    "snow": snow,
    "fire": fire,
    "crowd": crowd,
    "machine": machine,
}
_GRAIN = 31  # purpose of a scene's generator
_GRAINS = 6


@dataclass(frozen=True)
class Look:
    """How a title is shot: multipliers of red, green, blue; saturation; gamma; grain in levels of 255."""

    tint: tuple[float, float, float]
    saturation: float
    gamma: float
    grain: float

    def grade(self, rgb: np.ndarray) -> np.ndarray:
        """Colours 0..1 (..., 3) as this title shows them."""
        rgb = np.clip(rgb, 0.0, 1.0)
        grey = rgb.mean(axis=-1, keepdims=True)
        vivid = np.clip(grey + self.saturation * (rgb - grey), 0.0, 1.0)
        return np.clip(vivid**self.gamma * np.asarray(self.tint, dtype=np.float32), 0.0, 1.0)


@dataclass(frozen=True)
class Person:
    """A figure's place in a shot and the opening of its mouth, 0..1 a frame (T,)."""

    figure: Figure
    left: int
    opening: np.ndarray

    def mouth_box(self, height: int) -> tuple[int, int, int, int]:
        """Top, left, bottom, right of the mouth in the picture, in pixels."""
        top, left, bottom, right = self.figure.mouth
        down = height - self.figure.size[0]
        return top + down, left + self.left, bottom + down, right + self.left


def draw_shot(
    scene: Scene,
    people: Sequence[Person],
    look: Look,
    frames: int,
    fps: float,
    height: int,
    width: int,
) -> Iterator[np.ndarray]:
    """The frames of one shot, each a new uint8 (H, W, 3)."""
    still, draw = _PAINTERS[scene.kind](scene, height, width, look.grade)
    rng = scene.rng(_GRAIN)
    # Unsigned arithmetic wraps, so adding 254 subtracts 2: pictures stay within 10..245, grain within 9.
    noise = rng.normal(0, look.grain, (_GRAINS, height, width, 1)).round().clip(-9, 9)
    grains = np.repeat(noise.astype(np.int8).view(np.uint8), 3, axis=3)
    order = rng.integers(0, _GRAINS, frames)
    for number in range(frames):
        canvas = still.copy()
        draw(canvas, number / fps)
        frame = canvas[:, ::-1] if scene.mirrored else canvas
        for index, person in enumerate(people):
            level = round(float(person.opening[number]) * (MOUTH_LEVELS - 1))
            blinking = (number + 37 * index + scene.seed) % 83 < 4
            sprite = person.figure.frames[level][int(blinking)]
            sprite.stamp(frame, height - person.figure.size[0], person.left)
        frame += grains[order[number]]
        yield frame

"""The people who speak: drawn figures whose mouths open with the sound of their voice."""

from dataclasses import dataclass

import numpy as np

from lssd.filmset.painting import Grade, Plane, Sprite

MOUTH_LEVELS = 8
_LOOKS = 21  # purpose of a person's generator
_SKINS = ((0.96, 0.8, 0.68), (0.88, 0.68, 0.52), (0.72, 0.5, 0.36), (0.5, 0.33, 0.23), (0.36, 0.24, 0.18))
_HAIRS = ((0.1, 0.08, 0.07), (0.32, 0.2, 0.1), (0.78, 0.6, 0.28), (0.55, 0.24, 0.1), (0.7, 0.7, 0.72))


@dataclass(frozen=True)
class Figure:
    """A person as sprites, and where their mouth is.

    frames[m][b]: mouth level m (0 closed .. 7), eyes open (b = 0) or closed (b = 1). mouth: top, left,
    bottom, right of the mouth's box in pixels within the sprite. size: height and width in pixels.
    """

    frames: tuple[tuple[Sprite, Sprite], ...]
    mouth: tuple[int, int, int, int]
    size: tuple[int, int]


def figure(seed: int, sex: str, height: int, grade: Grade) -> Figure:
    """Draw the person of a seed for pictures of `height` pixels. They fill two thirds of the height."""
    rows, columns = round(0.68 * height), round(0.62 * height)
    faces = [_face(seed, sex, Plane(rows, columns, grade, scale=0.68), blink) for blink in (False, True)]
    skin = np.array(_SKINS[np.random.default_rng([seed, _LOOKS]).integers(len(_SKINS))])
    frames = tuple(
        (
            _with_mouth(faces[0], skin, level / (MOUTH_LEVELS - 1)),
            _with_mouth(faces[1], skin, level / (MOUTH_LEVELS - 1)),
        )
        for level in range(MOUTH_LEVELS)
    )
    x, y, wide, tall = _MOUTH
    to_pixels = rows / 0.68
    box = ((y - tall) * to_pixels, (x - wide) * to_pixels, (y + tall) * to_pixels, (x + wide) * to_pixels)
    top, left, bottom, right = box
    return Figure(frames, (int(top), int(left), int(np.ceil(bottom)), int(np.ceil(right))), (rows, columns))


_MOUTH = (0.31, 0.325, 0.055, 0.045)  # x, y, half width, half height, in picture heights


def _face(seed: int, sex: str, plane: Plane, blink: bool) -> Plane:
    """The person on a plane, all but the mouth."""
    rng = np.random.default_rng([seed, _LOOKS])
    skin = np.array(_SKINS[rng.integers(len(_SKINS))])
    hair = np.array(_HAIRS[rng.integers(len(_HAIRS))])
    cloth, collar = rng.uniform(0.1, 0.9, 3), rng.uniform(0.1, 0.95, 3)
    wide = rng.uniform(0.9, 1.1)
    paint, disc, box = plane.paint, plane.disc, plane.box
    x = 0.31
    if sex == "f":
        paint(
            np.maximum(disc(x, 0.24, 0.165 * wide, 0.2), box(x - 0.16 * wide, 0.24, x + 0.16 * wide, 0.5)),
            hair,
        )
    paint(
        np.maximum(disc(x, 0.66, 0.27 * wide, 0.2), box(x - 0.27 * wide, 0.64, x + 0.27 * wide, 0.7)), cloth
    )
    paint(disc(x, 0.49, 0.1, 0.06), collar)
    paint(box(x - 0.05, 0.36, x + 0.05, 0.49), skin * 0.86)
    paint(disc(x, 0.245, 0.13 * wide, 0.165), skin)
    fringe = disc(x, 0.16, 0.145 * wide, 0.11) * (1 - plane.below(0.15 + 0.05 * rng.uniform()))
    paint(fringe, hair)
    glasses, beard = rng.uniform() < 0.3, sex == "m" and rng.uniform() < 0.4
    if beard:
        paint(disc(x, 0.34, 0.1 * wide, 0.075), hair)
    for side in (-1, 1):
        eye = x + side * 0.052
        paint(box(eye - 0.03, 0.183, eye + 0.03, 0.195), hair)
        if blink:
            paint(box(eye - 0.022, 0.226, eye + 0.022, 0.236), skin * 0.55)
        else:
            paint(disc(eye, 0.23, 0.024, 0.016), (0.97, 0.97, 0.97))
            paint(disc(eye, 0.23, 0.011), (0.06, 0.05, 0.08))
        if glasses:
            ring = disc(eye, 0.23, 0.042) * (1 - disc(eye, 0.23, 0.032))
            paint(ring, (0.05, 0.05, 0.06))
    paint(box(x - 0.008, 0.235, x + 0.014, 0.28), skin * 0.8)
    return plane


def _with_mouth(face: Plane, skin: np.ndarray, opening: float) -> Sprite:
    """The face with a mouth that is open 0..1 of the way."""
    plane = face.copy()
    x, y, wide, tall = _MOUTH
    lips = np.clip(skin * np.array([0.85, 0.5, 0.5]), 0, 1)
    open_tall, open_wide = tall * (0.1 + 0.85 * opening), wide * (0.85 - 0.15 * opening)
    plane.paint(plane.disc(x, y, open_wide + 0.01, open_tall + 0.008), lips)
    if opening > 0:
        plane.paint(plane.disc(x, y, open_wide, open_tall), (0.12, 0.02, 0.03))
    return plane.sprite()

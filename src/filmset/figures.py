"""How a person looks: skin, hair, clothes and more of their own, painted as sprites.

A figure is LENGTH units long, from the hair to the hips, and WIDTH wide. It can be painted at any size:
a figure of h pixels has h / LENGTH pixels to the unit.
"""

from dataclasses import dataclass

import numpy as np

from filmset.painting import Grade, Plane, Sprite

LENGTH, WIDTH = 1.5, 0.62
MIDDLE = 0.31  # the figure's axis
MOUTH = (MIDDLE, 0.325, 0.055, 0.045)  # x, y, half width, half height of a wide open mouth
MOUTH_LEVELS = 10
_LIPS = 0.01  # around the opening
_HEAD_LONG, _BODY_TOP = 0.56, 0.4
_TRAITS = 21  # purpose of a person's generator
_SKINS = (
    *((0.96, 0.8, 0.68), (0.9, 0.7, 0.55), (0.8, 0.6, 0.42)),
    *((0.66, 0.46, 0.33), (0.5, 0.34, 0.25), (0.4, 0.27, 0.2)),
)
_HAIRS = (
    *((0.1, 0.08, 0.07), (0.32, 0.2, 0.1), (0.78, 0.6, 0.28)),
    *((0.55, 0.24, 0.1), (0.7, 0.7, 0.72), (0.2, 0.13, 0.1)),
)


@dataclass(frozen=True)
class Traits:
    """What makes a person look like themselves, sampled once from their seed."""

    skin: np.ndarray
    hair: np.ndarray
    cloth: np.ndarray
    second: np.ndarray
    lips: np.ndarray
    wide: float
    brow: float
    gaze: float
    style: str
    hat: str
    beard: str
    glasses: str
    dress: str


@dataclass(frozen=True)
class Figure:
    """A person as sprites of one size, each with its (top, left) within the figure.

    mouths: by level, 0 closed .. MOUTH_LEVELS - 1 wide open; closed_eyes lies over the head in a blink.
    unit: pixels to the unit. mouth: top, left, bottom, right of the mouth within the figure.
    """

    body: Sprite
    head: Sprite
    hand: Sprite
    mouths: tuple[Sprite, ...]
    closed_eyes: Sprite
    body_at: tuple[int, int]
    hand_at: tuple[int, int]
    mouth_at: tuple[int, int]
    eyes_at: tuple[int, int]
    mouth: tuple[int, int, int, int]
    unit: float


def sample_traits(seed: int, sex: str) -> Traits:
    """The traits of a seed; sex "f" or "m" narrows hair and beard, anything else leaves both open."""
    rng = np.random.default_rng([seed, _TRAITS])
    if sex not in ("f", "m"):
        sex = str(rng.choice(["f", "m"]))
    woman = sex == "f"
    skin = np.array(_SKINS[rng.integers(len(_SKINS))]) * rng.uniform(0.95, 1.04)
    styles = ("long", "bob", "bun", "curly") if woman else ("short", "short", "curly", "bald", "parted")
    red = np.array([1.0, 0.55, 0.6]) if woman and rng.uniform() < 0.6 else np.array([0.86, 0.55, 0.55])
    return Traits(
        skin=np.clip(skin, 0, 1),
        hair=np.array(_HAIRS[rng.integers(len(_HAIRS))]),
        cloth=rng.uniform(0.1, 0.85, 3),
        second=rng.uniform(0.1, 0.95, 3),
        lips=np.clip(skin * red, 0, 1),
        wide=float(rng.uniform(0.88, 1.1)),
        brow=float(rng.uniform(-0.008, 0.008)),
        gaze=float(rng.uniform(-0.007, 0.007)),
        style=str(rng.choice(styles)),
        hat=str(rng.choice(["", "", "", "cap", "beanie", "brim"])),
        beard="" if woman else str(rng.choice(["", "", "full", "goatee"])),
        glasses=str(rng.choice(["", "", "", "round", "square"])),
        dress=str(rng.choice(["plain", "collar", "stripes", "scarf", "jacket"])),
    )


def mouth_box(height: int) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the mouth, lips and all, within a figure of `height` pixels."""
    unit = height / LENGTH
    x, y, wide, tall = MOUTH
    top, left = int((y - tall - _LIPS) * unit), int((x - wide - _LIPS) * unit)
    return top, left, int(np.ceil((y + tall + _LIPS) * unit)), int(np.ceil((x + wide + _LIPS) * unit))


def paint_figure(seed: int, sex: str, height: int, grade: Grade) -> Figure:
    """The person of a seed as a figure of `height` pixels in the colours of a title."""
    traits = sample_traits(seed, sex)
    unit = height / LENGTH
    columns = max(2, round(WIDTH * unit))
    head = Plane(
        max(2, round(_HEAD_LONG * unit)), columns, grade, scale=max(2, round(_HEAD_LONG * unit)) / unit
    )
    _behind(head, traits)
    _face(head, traits)
    mouth = mouth_box(height)
    mouths = tuple(_mouth(head, mouth, traits, level / (MOUTH_LEVELS - 1)) for level in range(MOUTH_LEVELS))
    eyes = int(0.16 * unit), int(0.22 * unit), int(np.ceil(0.275 * unit)), int(np.ceil(0.4 * unit))
    closed = _part(head, eyes)
    _eyes(closed, traits, closed=True)
    rest = head.copy()
    _eyes(rest, traits, closed=False)
    return Figure(
        body=_body(traits, round((LENGTH - _BODY_TOP) * unit), columns, unit, grade),
        head=rest.sprite(),
        hand=_hand(traits, unit, grade),
        mouths=mouths,
        closed_eyes=closed.sprite(),
        body_at=(round(_BODY_TOP * unit), 0),
        hand_at=(round(0.62 * unit), round((MIDDLE + 0.12) * unit)),
        mouth_at=mouth[:2],
        eyes_at=eyes[:2],
        mouth=mouth,
        unit=unit,
    )


def _part(plane: Plane, box: tuple[int, int, int, int]) -> Plane:
    """A part of a plane to paint on, in the coordinates of the whole."""
    top, left, bottom, right = box
    bottom, right = min(bottom, plane.height), min(right, plane.width)
    part = Plane(bottom - top, right - left, plane.grade, scale=(bottom - top) * plane.pixel)
    part.y, part.x = part.y + top * plane.pixel, part.x + left * plane.pixel
    inside = np.s_[top:bottom, left:right]
    part.rgb[:], part.alpha[:] = plane.rgb[inside], plane.alpha[inside]
    return part


def _behind(plane: Plane, traits: Traits) -> None:
    """Hair that hangs behind the face."""
    x, wide, disc, box = MIDDLE, traits.wide, plane.disc, plane.box
    if traits.style == "long":
        hang = box(x - 0.165 * wide, 0.22, x + 0.165 * wide, 0.52)
        plane.paint(np.maximum(disc(x, 0.24, 0.168 * wide, 0.205), hang), traits.hair)
    elif traits.style == "bob":
        plane.paint(disc(x, 0.26, 0.185 * wide, 0.17), traits.hair)
    elif traits.style == "bun":
        plane.paint(np.maximum(disc(x, 0.05, 0.065), disc(x, 0.2, 0.15 * wide, 0.15)), traits.hair)
    elif traits.style == "curly":
        for angle in np.linspace(-0.35, np.pi + 0.35, 9):
            curl = disc(x + 0.145 * wide * np.cos(angle), 0.2 - 0.125 * np.sin(angle), 0.05)
            plane.paint(curl, traits.hair)


def _face(plane: Plane, traits: Traits) -> None:
    """Neck, head, hair, nose, hat: all but the eyes and the mouth."""
    x, wide, paint, disc, box = MIDDLE, traits.wide, plane.paint, plane.disc, plane.box
    paint(np.maximum(box(x - 0.052, 0.36, x + 0.052, 0.5), disc(x, 0.5, 0.052, 0.04)), traits.skin * 0.84)
    for side in (-1, 1):
        paint(disc(x + side * 0.13 * wide, 0.255, 0.024, 0.036), traits.skin * 0.9)
    head = disc(x, 0.245, 0.13 * wide, 0.165)
    paint(head, traits.skin)
    paint(head * np.clip((plane.x - x) / 0.13, 0, 1) * 0.14, traits.skin * 0.6)  # the shaded side
    if traits.beard:
        low, half = (0.33, 0.128 * wide) if traits.beard == "full" else (0.385, 0.06)
        jaw = head * disc(x, 0.36, half, 0.09) * plane.below(low - 0.05)
        around = disc(x, MOUTH[1], MOUTH[2] + 0.016, MOUTH[3] + 0.014)
        paint(jaw * (1 - around), traits.hair * 0.9)
    if traits.style != "bald":
        line = 0.145 + (0.25 * (plane.x - x) if traits.style == "parted" else 0.0)
        top = disc(x, 0.175, 0.142 * wide, 0.115 if traits.style == "curly" else 0.105)
        paint(top * (1 - plane.below(line)), traits.hair)
    if traits.style in ("short", "parted"):
        for side in (-1, 1):
            paint(disc(x + side * 0.127 * wide, 0.18, 0.018, 0.05), traits.hair)
    paint(disc(x + 0.004, 0.262, 0.016, 0.014), traits.skin * 0.8)
    paint(0.6 * box(x - 0.006, 0.215, x + 0.006, 0.262), traits.skin * 0.88)
    _hat(plane, traits)


def _hat(plane: Plane, traits: Traits) -> None:
    x, wide, paint, disc, box = MIDDLE, traits.wide, plane.paint, plane.disc, plane.box
    crown = disc(x, 0.15, 0.15 * wide, 0.115) * (1 - plane.below(0.138))
    if traits.hat == "cap":
        paint(crown, traits.second)
        paint(disc(x + 0.07, 0.138, 0.15 * wide, 0.016), traits.second * 0.7)
    elif traits.hat == "beanie":
        paint(disc(x, 0.14, 0.15 * wide, 0.125) * (1 - plane.below(0.13)), traits.second)
        paint(box(x - 0.15 * wide, 0.11, x + 0.15 * wide, 0.148), traits.second * 0.75)
        paint(disc(x, 0.022, 0.024), traits.second * 0.75)
    elif traits.hat == "brim":
        paint(box(x - 0.115 * wide, 0.03, x + 0.115 * wide, 0.13), traits.second)
        paint(box(x - 0.115 * wide, 0.1, x + 0.115 * wide, 0.125), traits.cloth)
        paint(disc(x, 0.132, 0.225 * wide, 0.02), traits.second * 0.8)


def _eyes(plane: Plane, traits: Traits, closed: bool) -> None:
    paint, disc, box = plane.paint, plane.disc, plane.box
    for side in (-1, 1):
        x = MIDDLE + side * 0.052
        brow = 0.187 + traits.brow + 0.25 * traits.brow * side
        paint(box(x - 0.03, brow, x + 0.03, brow + 0.012), traits.hair * 0.85)
        if closed:
            paint(box(x - 0.024, 0.228, x + 0.024, 0.238), traits.skin * 0.5)
        else:
            paint(disc(x, 0.231, 0.026, 0.018), (0.96, 0.96, 0.95))
            paint(disc(x + traits.gaze, 0.231, 0.012), (0.06, 0.05, 0.08))
        if traits.glasses == "round":
            paint(disc(x, 0.231, 0.043) * (1 - disc(x, 0.231, 0.034)), (0.05, 0.05, 0.06))
        elif traits.glasses == "square":
            frame = box(x - 0.043, 0.203, x + 0.043, 0.262) - box(x - 0.035, 0.211, x + 0.035, 0.254)
            paint(np.clip(frame, 0, 1), (0.12, 0.06, 0.05))
    if traits.glasses:
        paint(box(MIDDLE - 0.012, 0.226, MIDDLE + 0.012, 0.234), (0.05, 0.05, 0.06))


def _mouth(face: Plane, box: tuple[int, int, int, int], traits: Traits, opening: float) -> Sprite:
    """The mouth's part of the face, open 0..1 of the way."""
    plane = _part(face, box)
    x, y, wide, tall = MOUTH
    open_tall, open_wide = tall * (0.08 + 0.92 * opening), wide * (0.9 - 0.12 * opening)
    plane.paint(plane.disc(x, y, open_wide + _LIPS, open_tall + 0.8 * _LIPS), traits.lips)
    if opening > 0:
        hole = plane.disc(x, y, open_wide, open_tall)
        plane.paint(hole, (0.1, 0.02, 0.03))
        tongue = plane.disc(x, y + 1.05 * open_tall, 0.6 * open_wide, 0.55 * open_tall)
        plane.paint(opening * hole * tongue, (0.3, 0.08, 0.09))
    else:
        plane.paint(plane.disc(x, y, open_wide, 0.004), traits.lips * 0.6)
    return plane.sprite()


def _body(traits: Traits, rows: int, columns: int, unit: float, grade: Grade) -> Sprite:
    """Shoulders, trunk and dress; the plane begins at _BODY_TOP of the figure."""
    plane = Plane(max(2, rows), columns, grade, scale=max(2, rows) / unit)
    plane.y = plane.y + _BODY_TOP
    x, half, paint, disc, box = MIDDLE, 0.26 * traits.wide, plane.paint, plane.disc, plane.box
    shape = np.maximum(disc(x, 0.61, half, 0.17), box(x - half, 0.6, x + half, 9.0))
    paint(shape, traits.cloth)
    paint(shape * np.clip((plane.x - x) / 0.3, 0, 1) * 0.3, traits.cloth * 0.5)
    if traits.dress == "stripes":
        band = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * (plane.y - 0.03) / 0.11))
        paint(shape * band * plane.below(0.56), traits.second)
    elif traits.dress == "jacket":
        opened = plane.soft(np.abs(plane.x - x) - 0.06 - 0.12 * np.clip(0.75 - plane.y, 0, 0.3))
        paint(shape * opened, traits.second)
        paint(shape * opened * box(x - 0.018, 0.5, x + 0.018, 0.85), traits.cloth * 0.4)
    elif traits.dress == "collar":
        for side in (-1, 1):
            flap = plane.soft(np.abs(plane.x - x - side * 0.06) - 0.9 * (plane.y - 0.46))
            paint(shape * flap * (1 - plane.below(0.545)), traits.second)
    paint(disc(x, 0.47, 0.085, 0.05), traits.skin * 0.84)
    if traits.dress == "scarf":
        paint(disc(x, 0.485, 0.125, 0.055), traits.second)
        paint(box(x + 0.03, 0.49, x + 0.1, 0.72), traits.second * 0.85)
    return plane.sprite()


def _hand(traits: Traits, unit: float, grade: Grade) -> Sprite:
    """A forearm with a hand, upright."""
    rows, columns = max(3, round(0.5 * unit)), max(2, round(0.14 * unit))
    plane = Plane(rows, columns, grade, scale=rows / unit)
    plane.paint(
        np.maximum(plane.box(0.025, 0.13, 0.115, 9.0), plane.disc(0.07, 0.14, 0.045)), traits.cloth * 0.8
    )
    for finger in range(4):
        x = 0.046 + 0.016 * finger
        plane.paint(plane.box(x - 0.006, 0.012 + 0.004 * abs(finger - 1.5), x + 0.006, 0.07), traits.skin)
    plane.paint(
        np.maximum(plane.disc(0.07, 0.085, 0.036, 0.042), plane.disc(0.11, 0.085, 0.012, 0.03)), traits.skin
    )
    return plane.sprite()

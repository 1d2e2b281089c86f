"""The people in a shot: where they stand, and how they move while their mouths follow their voices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from filmset.camera import Box
from filmset.figures import LENGTH, MOUTH, MOUTH_LEVELS, Figure, mouth_box
from filmset.truth import PersonInShot, Speaker
from lssd.errors import InputError

# The middle of each mouth in shares of the canvas, and the unit of the figure in shares of its shorter
# side, by the number of people. Those behind come first: the rest are painted over them.
_POSITIONS: dict[int, tuple[tuple[float, float, float], ...]] = {
    1: ((0.34, 0.5, 1.0),),
    2: ((0.28, 0.5, 0.8), (0.72, 0.5, 0.8)),
    3: ((0.5, 0.35, 0.64), (0.24, 0.57, 0.68), (0.76, 0.57, 0.68)),
    4: ((0.41, 0.34, 0.6), (0.8, 0.34, 0.6), (0.2, 0.6, 0.62), (0.61, 0.6, 0.62)),
}
MOST_PEOPLE = len(_POSITIONS)
_TALL, _MOTION = 22, 23  # purposes of a person's generators
_BLINK_S = 0.14


def arrange_people(
    names: Sequence[str],
    cast: Sequence[Speaker],
    canvas: tuple[int, int],
    mirrored: bool,
    rng: np.random.Generator | None = None,
) -> tuple[PersonInShot, ...]:
    """Where one to four people stand so that nobody's mouth is hidden; the more people, the smaller.

    names: of people of the cast, without repeats; canvas: (width, height) in pixels; mirrored: left and
    right swapped; rng: who stands where, otherwise in the order of the names. The truth's mouth boxes
    contain the mouth through all movements of the head. Raises InputError for more than four.
    """
    if len(names) > MOST_PEOPLE:
        raise InputError(f"a shot has room for {MOST_PEOPLE} people, not {len(names)}")
    seeds = {person.name: person.look_seed for person in cast}
    order = list(names) if rng is None else [names[number] for number in rng.permutation(len(names))]
    found = {}
    for name, (x, y, size) in zip(order, _POSITIONS.get(len(names), ()), strict=True):
        tall = np.random.default_rng([seeds[name], _TALL]).uniform(-0.02, 0.02)
        height = max(8, round(LENGTH * size * min(canvas)))
        unit = height / LENGTH
        top = round((y + tall) * canvas[1] - MOUTH[1] * unit)
        left = round((1.0 - x if mirrored else x) * canvas[0] - MOUTH[0] * unit)
        box, reach = mouth_box(height), _reach(unit)
        mouth = (top + box[0] - reach, left + box[1] - reach, top + box[2] + reach, left + box[3] + reach)
        found[name] = PersonInShot(name, left, height, mouth)
    return tuple(found[name] for name in names)


def _reach(unit: float) -> int:
    """How far a head moves from where it rests, in pixels."""
    return max(1, round(0.009 * unit))


def face(standing: PersonInShot) -> Box:
    """The box of a person's head, hat and all, in pixels of the canvas."""
    top, left, bottom, right = standing.mouth
    unit = standing.height / LENGTH
    x, y = (left + right) / 2, (top + bottom) / 2
    edges = y - 0.34 * unit, x - 0.2 * unit, y + 0.12 * unit, x + 0.2 * unit
    return round(edges[0]), round(edges[1]), round(edges[2]), round(edges[3])


@dataclass(frozen=True)
class PersonMotion:
    """What a person does in each frame of a shot: arrays (T,).

    mouth: level of the mouth. blink: whether the eyes are closed. right, down: of the head, in pixels.
    raised (0..1): of the hand.
    """

    mouth: np.ndarray
    blink: np.ndarray
    right: np.ndarray
    down: np.ndarray
    raised: np.ndarray


def sample_motion(speaker: Speaker, height: int, opening: np.ndarray, rate: float, seed: int) -> PersonMotion:
    """The movements of a person; people who speak move more.

    opening: of the mouth in each frame (T,), 0..1; height: of the figure in pixels; rate: frames a second;
    seed: of the shot. A shorter shot with the same talk begins with the very same movements.
    """
    rng = np.random.default_rng([speaker.look_seed, _MOTION, seed])
    opening = np.clip(np.asarray(opening, dtype=np.float64), 0.0, 1.0)
    count = len(opening)
    times_s = np.arange(count) / rate
    breath, nod, sway = (
        np.sin(2 * np.pi * (hz * times_s + rng.uniform()))
        for hz in (rng.uniform(0.2, 0.3), rng.uniform(1.0, 1.6), rng.uniform(0.1, 0.25))
    )
    # A second of talk moves head and hand; a mouth that opens once does not.
    talk = np.clip(4 * uniform_filter1d(opening, max(1, round(rate)), mode="constant") - 0.5, 0, 1)
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * (rng.uniform(0.4, 0.7) * times_s + rng.uniform()))
    high, early_s = rng.uniform(0.4, 1.0), rng.uniform(0, 1.8)
    # Sampled last: how many there are depends on the length.
    starts_s = np.cumsum(rng.uniform(1.8, 5.0, 2 + int(count / rate / 1.8))) - early_s
    since_s = times_s - starts_s[np.maximum(np.searchsorted(starts_s, times_s, side="right") - 1, 0)]
    reach = _reach(height / LENGTH)
    return PersonMotion(
        mouth=np.rint(opening * (MOUTH_LEVELS - 1)).astype(int),
        blink=(since_s >= 0) & (since_s < _BLINK_S),
        right=np.rint(reach * sway).astype(int),
        down=np.rint(reach * np.clip(0.55 * breath + 0.9 * talk * nod, -1, 1)).astype(int),
        raised=talk * beat * float(high),
    )


def paint_person(
    frame: np.ndarray, figure: Figure, standing: PersonInShot, motion: PersonMotion, number: int
) -> None:
    """Paint a person onto a canvas uint8 (H, W, 3) in place, as they are in a frame of their shot."""
    # The truth's box leaves room for movement on all sides; its middle is where the mouth rests.
    top = (standing.mouth[0] + standing.mouth[2] - figure.mouth[0] - figure.mouth[2]) // 2
    left = standing.left
    figure.body.stamp(frame, top + figure.body_at[0], left + figure.body_at[1])
    if motion.raised[number] > 0.1:
        lift = round(float(1 - motion.raised[number]) * 0.45 * figure.unit)
        figure.hand.stamp(frame, top + figure.hand_at[0] + lift, left + figure.hand_at[1])
    top, left = top + int(motion.down[number]), left + int(motion.right[number])
    figure.head.stamp(frame, top, left)
    if motion.blink[number]:
        figure.closed_eyes.stamp(frame, top + figure.eyes_at[0], left + figure.eyes_at[1])
    mouth = figure.mouths[motion.mouth[number]]
    mouth.stamp(frame, top + figure.mouth_at[0], left + figure.mouth_at[1])

"""People: where they stand, how they look, and mouths that open where the truth says."""

import itertools

import numpy as np
import pytest

from filmset.camera import SAFE
from filmset.figures import MOUTH_LEVELS, paint_figure, sample_traits
from filmset.people import arrange_people, face, paint_person, sample_motion
from filmset.truth import Speaker
from lssd.errors import InputError

SIZES = [(320, 180), (96, 96), (160, 90), (1280, 720), (341, 180)]
CAST = tuple(
    Speaker(name, sex, 70 + seed, {}) for seed, (name, sex) in enumerate(zip("abcd", "fmxf", strict=True))
)


def plain(rgb: np.ndarray) -> np.ndarray:
    return rgb


def groups(sizes=SIZES):
    """Standings of one to four people, on several canvases, both ways round, in several orders."""
    for canvas, count, mirrored, seed in itertools.product(sizes, range(1, 5), (False, True), (None, 0, 1)):
        rng = None if seed is None else np.random.default_rng(seed)
        yield canvas, arrange_people("abcd"[:count], CAST, canvas, mirrored, rng)


def stage(canvas, people, openings):
    """Pictures (H, W, 3) of people whose mouths open once, as far as told by name, in the frame drawn."""
    picture = np.full((canvas[1], canvas[0], 3), 150, np.uint8)
    for standing in sorted(people, key=lambda one: one.mouth[0]):
        person = next(person for person in CAST if person.name == standing.name)
        figure = paint_figure(person.look_seed, person.sex, standing.height, plain)
        opening = np.zeros(50)
        opening[20] = openings[standing.name]
        paint_person(picture, figure, standing, sample_motion(person, standing.height, opening, 25, 5), 20)
    return picture.astype(int)


def overlap(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_everyone_has_a_place_that_hides_no_mouth_and_stays_in_view():
    for (width, height), people in groups():
        assert [one.name for one in people] == list("abcd"[: len(people)])
        for one in people:
            top, left, bottom, right = one.mouth
            assert top >= SAFE * height and bottom <= (1 - SAFE) * height
            assert left >= SAFE * width - 1 and right <= (1 - SAFE) * width + 1
            assert not any(overlap(one.mouth, face(other)) for other in people if other is not one)


def test_more_people_are_smaller_and_mirroring_swaps_sides():
    for canvas in SIZES:
        heights = [
            max(one.height for one in arrange_people("abcd"[:n], CAST, canvas, False)) for n in range(1, 5)
        ]
        assert heights == sorted(heights, reverse=True) and heights[0] > 1.5 * heights[3]
        for count in range(1, 5):
            plainly, mirrored = (arrange_people("abcd"[:count], CAST, canvas, way) for way in (False, True))
            for one, other in zip(plainly, mirrored, strict=True):
                assert abs(one.mouth[1] + one.mouth[3] + other.mouth[1] + other.mouth[3] - 2 * canvas[0]) <= 2
                assert one.mouth[0] == other.mouth[0]


def test_a_generator_mixes_the_order_and_nothing_else():
    orders = {
        tuple(
            one.mouth[1]
            for one in arrange_people("abcd", CAST, (320, 180), False, np.random.default_rng(seed))
        )
        for seed in range(20)
    }
    assert len(orders) > 5
    assert arrange_people("ab", CAST, (320, 180), True) == arrange_people("ab", CAST, (320, 180), True)
    assert arrange_people("", CAST, (320, 180), True) == ()
    with pytest.raises(InputError, match="room for 4 people, not 5"):
        arrange_people("abcda", CAST, (320, 180), False)


def test_each_mouth_moves_in_its_own_box_alone():
    for canvas, people in groups([(320, 180), (96, 96)]):
        names = [one.name for one in people]
        closed = stage(canvas, people, dict.fromkeys(names, 0.0))
        for one in people:
            wide = stage(canvas, people, {**dict.fromkeys(names, 0.0), one.name: 1.0})
            top, left, bottom, right = one.mouth
            outside = np.ones(closed.shape[:2], bool)
            outside[top:bottom, left:right] = False
            assert not np.abs(wide - closed)[outside].any()
            assert wide[~outside].mean() < closed[~outside].mean() - 8


@pytest.mark.parametrize("count", [1, 4])
def test_mouths_are_large_enough_to_be_read_at_96_pixels(count):
    for one in arrange_people("abcd"[:count], CAST, (96, 96), False):
        person = next(person for person in CAST if person.name == one.name)
        figure = paint_figure(person.look_seed, person.sex, one.height, plain)
        shut, wide = figure.mouths[0].colour.astype(int), figure.mouths[-1].colour.astype(int)
        rows = (np.abs(wide - shut).max(axis=2) > 20).any(axis=1)
        assert rows.sum() >= 5


def test_mouths_darken_with_every_step_of_opening_on_every_face():
    for seed, sex in itertools.product(range(40), "fmx"):
        figure = paint_figure(seed, sex, 230, plain)
        light = np.array([mouth.colour.mean() for mouth in figure.mouths])
        assert len(light) == MOUTH_LEVELS >= 8
        assert (np.diff(light) < 0).all(), (seed, sex)
        assert light[0] - light[-1] > 8


def test_heads_that_move_keep_their_mouths_within_the_box():
    """The red inside of a mouth, painted for the test, found in every frame of a talk."""
    (one,) = arrange_people("a", CAST, (320, 180), False)
    figure = paint_figure(CAST[0].look_seed, CAST[0].sex, one.height, plain)
    for mouth in figure.mouths:
        mouth.colour[:] = (255, 0, 0)
        mouth.transparency[:] = 0
    motion = sample_motion(CAST[0], one.height, 0.5 + 0.5 * np.sin(np.arange(200)), 25, 5)
    corners = set()
    for number in range(200):
        picture = np.zeros((180, 320, 3), np.uint8)
        paint_person(picture, figure, one, motion, number)
        rows, columns = np.nonzero((picture == (255, 0, 0)).all(axis=2))
        assert rows.min() >= one.mouth[0] and rows.max() < one.mouth[2]
        assert columns.min() >= one.mouth[1] and columns.max() < one.mouth[3]
        corners.add((rows.min(), columns.min()))
    assert len(corners) > 3


def test_people_look_like_themselves_and_unlike_each_other():
    def portrait(seed: int, sex: str) -> np.ndarray:
        figure = paint_figure(seed, sex, 150, plain)
        picture = np.full((150, 80, 3), 128, np.uint8)
        figure.body.stamp(picture, *figure.body_at)
        figure.head.stamp(picture, 0, 0)
        return picture.astype(int)

    faces = [portrait(seed, "fm"[seed % 2]) for seed in range(16)]
    assert all(np.abs(a - b).mean() > 3 for a, b in itertools.combinations(faces, 2))
    np.testing.assert_array_equal(portrait(3, "m"), faces[3])
    looks = [[sample_traits(seed, sex) for seed in range(80)] for sex in "fmx"]
    assert not any(look.beard for look in looks[0])
    for kind in looks[1:]:
        assert any(look.beard for look in kind) and any(not look.beard for look in kind)
    assert {look.style for look in looks[2]} >= {"long", "short", "bald", "bun"}
    for trait in ("hat", "glasses", "dress"):
        assert len({getattr(look, trait) for look in looks[0]}) >= 3


def test_who_speaks_moves_more_and_everybody_blinks():
    quiet, loud = np.zeros(1500), 0.5 + 0.5 * np.sin(np.arange(1500) * 1.1)
    moved, raised, blinks = {}, {}, []
    for seed in range(8):
        for kind, opening in (("quiet", quiet), ("loud", loud)):
            motion = sample_motion(Speaker("a", "f", seed, {}), 600, opening, 25.0, 9)
            moved[kind] = moved.get(kind, 0) + np.abs(np.diff(motion.down)).sum()
            raised[kind] = raised.get(kind, 0) + motion.raised.mean()
            again = sample_motion(Speaker("a", "f", seed, {}), 600, opening, 25.0, 9)
            np.testing.assert_array_equal(motion.down, again.down)
            blinks.append(np.diff(motion.blink.astype(int)).clip(0).sum())
            np.testing.assert_array_equal(motion.mouth, np.rint(opening * (MOUTH_LEVELS - 1)))
    assert moved["loud"] > 1.5 * moved["quiet"] and raised["loud"] > 0.2 > raised["quiet"] == 0
    assert min(blinks) >= 8 and max(blinks) <= 40  # in a minute


def test_a_shorter_shot_begins_with_the_same_movements():
    opening = np.zeros(900)
    opening[40:110] = 0.8
    for seed in range(6):
        whole = sample_motion(Speaker("a", "f", seed, {}), 600, opening, 25.0, 9)
        for length in (130, 300, 899):
            part = sample_motion(Speaker("a", "f", seed, {}), 600, opening[:length], 25.0, 9)
            for name in ("mouth", "blink", "right", "down", "raised"):
                np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[:length])
        assert whole.blink.any() and whole.raised.any() and whole.down.any()

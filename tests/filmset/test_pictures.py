"""Pictures of whole titles: cuts, dissolves, fades, flashes, camera, mouths, lens and grain."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from filmset.camera import canvas_size, sample_camera
from filmset.directors import Look
from filmset.events import sample_event
from filmset.people import arrange_people
from filmset.pictures import paint_title
from filmset.scenes import sample_scene
from filmset.truth import Shot, Speaker, Title, Transition

CLEAR = Look(tint=(1.0, 1.0, 1.0), saturation=1.0, gamma=1.0, grain=0.0)
CAST = tuple(Speaker(name, "fm"[number % 2], 40 + number, {}) for number, name in enumerate("abcd"))


def make_title(*plans, size=(160, 90), fps="25", aspect="1", look=CLEAR, seed=3) -> Title:
    """A title of shots, each planned as a dict: kind of scene, frames, people, move, change (kind, half),
    flashes, events, mirrored, scene_seed."""
    canvas, shots, start = canvas_size(size, Fraction(aspect)), [], 0
    for number, plan in enumerate(plans):
        kind, half = plan.get("change", ("cut", 0))
        later, later_half = (
            plans[number + 1].get("change", ("cut", 0)) if number + 1 < len(plans) else ("cut", 0)
        )
        end = start + plan.get("frames", 12)
        seen_from = start - half if kind == "dissolve" else start
        seen_to = end + later_half if later == "dissolve" else end
        rng = np.random.default_rng([seed, number])
        scene = sample_scene(plan.get("kind", "sea"), np.random.default_rng(plan.get("scene_seed", number)))
        people = arrange_people(plan.get("people", ""), CAST, canvas, mirrored=False)
        shots.append(
            Shot(
                start_frame=start,
                end_frame=end,
                seen_from=seen_from,
                seen_to=seen_to,
                transition=Transition(kind, start - half, start + half),
                flashes=tuple(start + flash for flash in plan.get("flashes", ())),
                recap_of=None,
                camera=sample_camera(rng, plan.get("move", "still"), seen_to - seen_from, canvas, size),
                scene=replace(scene, mirrored=plan.get("mirrored", False)),
                background_source="synthesis",
                background_db=-36.0,
                speech_over_background_db=6.0,
                reverb_s=0.0,
                people=people,
                events=tuple(
                    sample_event(event, rng, start / Fraction(fps), end / Fraction(fps), canvas, people)
                    for event in plan.get("events", ())
                ),
                lines=(),
            )
        )
        start = end
    return Title(
        name="film",
        index=0,
        seed=seed,
        split="train",
        genre="drama",
        director="gray",
        original_language="en",
        tracks=(),
        fps=fps,
        frames=start,
        width=size[0],
        height=size[1],
        pixel_aspect=aspect,
        sample_rate=48000,
        channels=1,
        look=look,
        sound_tilt_db=0.0,
        cast=CAST,
        shots=tuple(shots),
    )


def frames(title: Title, openings=None) -> np.ndarray:
    """All pictures of a title (T, H, W, 3); mouths are closed unless told otherwise."""

    def shut(number: int) -> dict[str, np.ndarray]:
        shot = title.shots[number]
        return {one.name: np.zeros(shot.seen_to - shot.seen_from) for one in shot.people}

    return np.array(list(paint_title(title, openings or shut)))


def alone(title: Title, number: int) -> np.ndarray:
    """A shot as if it were a film of its own, from `seen_from` to `seen_to`."""
    shot = title.shots[number]
    whole = replace(
        shot,
        start_frame=shot.seen_from,
        end_frame=shot.seen_to,
        transition=Transition("cut", shot.seen_from, shot.seen_from),
    )
    return frames(replace(title, shots=(whole,)))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(320, 180), (1280, 720), (96, 96), (90, 160), (48, 48)])
@pytest.mark.parametrize("fps", ["25", "24000/1001"])
def test_every_frame_comes_once_in_the_stored_size(size, fps):
    plans = [
        {"frames": 5, "people": "ab", "move": "pan", "events": ("clap",)},
        {"frames": 4, "kind": "rain", "people": "abcd", "move": "zoom"},
    ]
    pictures = frames(make_title(*plans, size=size, fps=fps, look=replace(CLEAR, grain=1.5, soft=0.5)))
    assert pictures.shape == (9, size[1], size[0], 3) and pictures.dtype == np.uint8
    assert pictures.std() > 10


def test_same_title_same_pixels_and_cuts_are_exact():
    plans = [
        {"kind": "sea", "people": "a", "move": "handheld"},
        {"kind": "fire", "people": "abc", "frames": 9},
        {"kind": "snow", "move": "tilt"},
    ]
    title = make_title(*plans)
    pictures = frames(title)
    np.testing.assert_array_equal(pictures, frames(title))
    np.testing.assert_array_equal(pictures, np.concatenate([alone(title, number) for number in range(3)]))
    change = np.abs(np.diff(pictures.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert sorted(np.argsort(change)[-2:] + 1) == title.cuts == [12, 21]


def test_a_dissolve_is_the_blend_of_both_shots_as_they_run_on():
    plans = [
        {"kind": "sea", "people": "ab", "move": "pan", "frames": 20},
        {"kind": "fire", "people": "b", "move": "zoom", "frames": 20, "change": ("dissolve", 5)},
    ]
    title = make_title(*plans)
    pictures = frames(title).astype(float)
    early, late = (alone(title, number).astype(float) for number in range(2))
    assert len(early) == 25 and len(late) == 25
    for frame in range(40):
        share = np.clip((frame - 15 + 0.5) / 10, 0, 1)
        wanted = (1 - share) * early[min(frame, 24)] + share * late[max(0, frame - 15)]
        assert np.abs(pictures[frame] - wanted).max() <= 1.0, frame
    assert np.abs(pictures[14] - early[14]).max() == np.abs(pictures[25] - late[10]).max() == 0
    apart = [np.abs(pictures[frame] - early[frame]).mean() for frame in range(15, 25)]
    assert (np.diff(apart) > 0).all()


def test_a_fade_is_black_on_both_sides_of_its_boundary():
    plans = [
        {"kind": "sea", "frames": 20},
        {"kind": "snow", "people": "b", "frames": 20, "change": ("fade", 6)},
    ]
    title = make_title(*plans)
    pictures = frames(title).astype(float)
    assert pictures[19].max() == pictures[20].max() == 0
    full = np.concatenate([alone(title, 0), alone(title, 1)]).astype(float)
    for frame in range(40):
        share = min(1.0, (19 - frame) / 6 if frame < 20 else (frame - 20) / 6)
        share = 1.0 if frame < 14 else share
        assert np.abs(pictures[frame] - share * full[frame]).max() <= 0.51, frame
    light = pictures.mean(axis=(1, 2, 3))
    assert (np.diff(light[14:20]) < 0).all() and (np.diff(light[20:26]) > 0).all()


def test_flashes_go_to_white_and_leave_no_trace():
    plan = {"kind": "rain", "people": "a", "frames": 16, "move": "pan"}
    plain = frames(make_title(plan)).astype(int)
    flashed = frames(make_title({**plan, "flashes": (4, 5, 11)})).astype(int)
    light = flashed.mean(axis=(1, 2, 3))
    assert light[4] > 200 and light[11] > 200 and 120 < light[5] < light[4]
    others = [frame for frame in range(16) if frame not in (4, 5, 11)]
    np.testing.assert_array_equal(flashed[others], plain[others])


@pytest.mark.slow
@pytest.mark.parametrize("aspect", ["1", "16/15"])
@pytest.mark.parametrize("move", ["still", "pan", "tilt", "zoom", "handheld"])
def test_mouths_are_seen_to_open_where_the_truth_says(move, aspect):
    title = make_title(
        {"kind": "snow", "people": "abc", "move": move, "frames": 40}, aspect=aspect, size=(320, 180)
    )
    (shot,) = title.shots
    shown = (3, 17, 38)

    def openings(number: int) -> dict[str, np.ndarray]:
        found = {one.name: np.zeros(40) for one in shot.people}
        found["b"][list(shown)] = 1.0
        return found

    closed, opened = frames(title).astype(int), frames(title, openings).astype(int)
    box_of = {one.name: one.mouth for one in shot.people}
    for frame in shown:
        rows, columns = np.nonzero(np.abs(opened[frame] - closed[frame]).max(axis=2) > 12)
        top, left, bottom, right = shot.seen(box_of["b"], frame)
        # Interpolation spreads an edge over a pixel more.
        assert rows.min() >= top - 1 and rows.max() <= bottom
        assert columns.min() >= left - 1 and columns.max() <= right
        assert abs(rows.mean() - (top + bottom - 1) / 2) <= 3  # in the middle of the box
        assert abs(columns.mean() - (left + right - 1) / 2) <= 2.5
        assert len(rows) > 0.2 * (bottom - top) * (right - left)
        inside = np.s_[frame, top:bottom, left:right]
        assert opened[inside].mean() < closed[inside].mean() - 5
    still = [frame for frame in range(40) if frame not in shown]
    np.testing.assert_array_equal(opened[still], closed[still])


@pytest.mark.parametrize(("size", "at_least"), [((320, 180), 0.93), ((160, 96), 0.85)])
def test_light_in_the_mouth_follows_its_opening(size, at_least):
    title = make_title({"kind": "sea", "people": "ab", "frames": 120, "move": "handheld"}, size=size)
    (shot,) = title.shots
    rng = np.random.default_rng(0)
    given = {name: np.clip(rng.normal(0.4, 0.35, 120), 0, 1) for name in "ab"}
    pictures = frames(title, lambda number: given)
    for one in shot.people:
        light = []
        for frame, picture in enumerate(pictures):
            top, left, bottom, right = shot.seen(one.mouth, frame)
            light.append(picture[top:bottom, left:right].mean())
        assert -np.corrcoef(light, given[one.name])[0, 1] > at_least


def test_scenery_is_mirrored_and_people_are_not():
    plain, mirrored = (frames(make_title({"kind": "forest", "mirrored": way})) for way in (False, True))
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])
    title = make_title({"kind": "forest", "mirrored": True, "people": "a"})
    (one,) = title.shots[0].people
    people = np.abs(frames(title).astype(int) - mirrored).max(axis=(0, 3)) > 0
    middle = np.nonzero(people)[1].mean()
    assert abs(middle - (one.mouth[1] + one.mouth[3]) / 2) < 8


def test_the_scene_clock_starts_with_the_shot():
    plans = [{"kind": kind, "scene_seed": 8, "frames": 7} for kind in ("fire", "fire")]
    pictures = frames(make_title(*plans))
    np.testing.assert_array_equal(pictures[:7], pictures[7:])


def test_a_recap_has_other_grain():
    plans = [{"kind": "fire", "scene_seed": 8, "frames": 7}] * 2
    pictures = frames(make_title(*plans, look=replace(CLEAR, grain=2.0))).astype(float)
    apart = pictures[:7] - pictures[7:]
    assert (np.abs(apart).mean(axis=(1, 2, 3)) > 1).all()
    np.testing.assert_allclose(apart.std(), 2.0 * 2**0.5, rtol=0.03)


@pytest.mark.parametrize("grain", [0.5, 1.0, 2.8])
def test_grain_is_as_strong_as_the_look_says_and_new_in_every_frame(grain):
    plan = {"kind": "sea", "people": "a", "frames": 6, "move": "pan"}
    clean = frames(make_title(plan)).astype(float)
    grainy = frames(make_title(plan, look=replace(CLEAR, grain=grain)))
    noise = grainy - clean
    unclipped = noise[(clean > 12) & (clean < 243)]
    np.testing.assert_allclose(unclipped.std(), grain, rtol=0.03)
    assert abs(unclipped.mean()) < 0.03 and np.abs(noise).max() < 8 * max(1, grain)
    for frame in range(5):
        now, then = noise[frame].ravel(), noise[frame + 1].ravel()
        assert abs(np.corrcoef(now, then)[0, 1]) < 0.1
    across = noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel()
    assert abs(np.corrcoef(*across)[0, 1]) < 0.03  # no pattern


def test_grain_ends_at_black():
    plans = [{"frames": 8}, {"frames": 8, "change": ("fade", 4)}]
    pictures = frames(make_title(*plans, look=replace(CLEAR, grain=2.5)))
    assert pictures[7:9].max() < 15 and (pictures[7:9] == 0).mean() > 0.4


def test_corners_darken_as_the_vignette_says():
    plan = {"kind": "snow", "frames": 2}
    clean = frames(make_title(plan, size=(320, 180))).astype(float)
    dark = frames(make_title(plan, size=(320, 180), look=replace(CLEAR, vignette=0.5))).astype(float)
    ratio = dark.sum(axis=(0, 3)) / clean.sum(axis=(0, 3))
    assert ratio[85:95, 155:165].min() > 0.98
    for corner in (np.s_[:3, :3], np.s_[:3, -3:], np.s_[-3:, :3], np.s_[-3:, -3:]):
        assert 0.48 < ratio[corner].mean() < 0.56
    np.testing.assert_allclose(ratio[:90], ratio[:89:-1], atol=0.03)


def test_a_soft_lens_blurs_as_a_gaussian_does():
    plan = {"kind": "traffic", "frames": 2}
    sharp = frames(make_title(plan, size=(320, 180)))
    soft = frames(make_title(plan, size=(320, 180), look=replace(CLEAR, soft=0.8)))
    wanted = cv2.GaussianBlur(sharp[0].astype(np.float64), (0, 0), 0.004 * 0.8 * 180)
    assert np.abs(soft[0] - wanted).max() < 4 and np.abs(soft[0] - wanted).mean() < 0.5
    detail = [np.square(np.diff(picture.astype(float), axis=1)).mean() for picture in (sharp[0], soft[0])]
    assert detail[1] < 0.8 * detail[0]


@pytest.mark.parametrize("move", ["still", "pan"])
def test_events_hit_in_their_frame_of_the_film(move):
    plans = [
        {"kind": "snow", "frames": 31},
        {"kind": "snow", "frames": 80, "people": "a", "events": ("hammer",), "move": move},
    ]
    title = make_title(*plans, size=(320, 180), fps="24000/1001")
    shot = title.shots[1]
    (event,) = shot.events
    pictures = frames(title).astype(int)
    energy = np.zeros(title.frames)
    for frame in range(32, title.frames):
        top, left, bottom, right = shot.seen(event.box, frame - 0.5)
        inside = np.s_[max(0, top) : bottom, max(0, left) : right]
        energy[frame] = np.abs(pictures[frame][inside] - pictures[frame - 1][inside]).mean()
    hits = [round(Fraction(hit_s) * title.rate) for hit_s in event.hits_s]
    assert set(np.argsort(energy)[-len(hits) :]) == set(hits)


def test_shots_are_prepared_when_they_are_due():
    title = make_title(*[{"frames": 4}] * 5, {"frames": 6, "change": ("dissolve", 2)})
    asked = []

    def openings(number: int) -> dict[str, np.ndarray]:
        asked.append(number)
        return {}

    for count, _ in enumerate(paint_title(title, openings)):
        begun = [number for number, shot in enumerate(title.shots) if shot.seen_from <= count]
        assert asked == begun

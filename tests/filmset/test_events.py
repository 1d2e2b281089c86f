"""Events: seen and heard at the instants that the truth names, in a place that hides nobody."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from filmset.events import EVENT_KINDS, event_sound, paint_event, sample_event
from filmset.people import arrange_people, face
from filmset.truth import Event, Speaker

CAST = tuple(Speaker(name, "f", 30 + number, {}) for number, name in enumerate("abcd"))
RATE = 48000


def plan(kind: str, seed: int, start_s=1.0, end_s=5.0, canvas=(320, 180), people=(), others=()) -> Event:
    return sample_event(kind, np.random.default_rng(seed), start_s, end_s, canvas, people, others)


def views(event: Event, fps: Fraction, frames: range, canvas=(320, 180)) -> np.ndarray:
    """(T, h, w, 3): an event's box before an even wall, frame by frame."""
    top, left, bottom, right = event.box
    paint = paint_event(event, lambda rgb: rgb, fps)
    wall = np.full((canvas[1], canvas[0], 3), (120, 130, 140), np.uint8)
    seen = []
    for frame in frames:
        picture = wall.copy()
        paint(picture, frame)
        seen.append(picture[top:bottom, left:right].astype(int))
    picture[top:bottom, left:right] = wall[top:bottom, left:right]
    np.testing.assert_array_equal(picture, wall)  # nothing is painted outside the box
    return np.array(seen)


def overlap(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_eight_kinds():
    assert set(EVENT_KINDS) == {"knock", "bounce", "clap", "ring", "crash", "hammer", "switch", "splash"}


@pytest.mark.parametrize("kind", EVENT_KINDS)
@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 2.0), (7.123, 8.0), (3600.5, 3600.55), (10.0, 25.0)])
def test_hits_lie_in_their_span_and_can_be_told_apart(kind, start_s, end_s):
    counts = set()
    for seed in range(25):
        event = plan(kind, seed, start_s, end_s)
        assert event == plan(kind, seed, start_s, end_s) and event.kind == kind
        assert all(start_s <= hit_s < end_s for hit_s in event.hits_s)
        assert all(b - a >= 0.12 for a, b in itertools.pairwise(event.hits_s))
        assert -30 <= event.gain_db <= -6
        counts.add(len(event.hits_s))
    assert 0 not in counts and (len(counts) > 1 or kind == "crash" or end_s - start_s < 1)


def test_bounces_keep_a_share_of_their_speed():
    for seed in range(10):
        gaps = np.diff(plan("bounce", seed, 0.0, 8.0).hits_s)
        if len(gaps) > 1:
            share = gaps[1:] / gaps[:-1]
            np.testing.assert_allclose(share, share[0], atol=0.002)
            assert 0.5 < share[0] < 0.9


@pytest.mark.parametrize("canvas", [(320, 180), (96, 96), (160, 90), (1280, 720), (48, 480)])
def test_props_hide_no_face_and_no_other_prop(canvas):
    for count, mirrored, seed in itertools.product(range(5), (False, True), range(6)):
        people = arrange_people("abcd"[:count], CAST, canvas, mirrored)
        first = plan("knock", seed, canvas=canvas, people=people)
        second = plan("ring", seed, canvas=canvas, people=people, others=[first])
        for event in (first, second):
            top, left, bottom, right = event.box
            assert 0 <= top < bottom <= canvas[1] and 0 <= left < right <= canvas[0]
        if canvas == (48, 480):
            continue  # too narrow for all; it only has to work
        assert min(first.box[2] - first.box[0], second.box[2] - second.box[0]) >= 0.18 * min(canvas)
        assert not any(overlap(first.box, face(one)) for one in people)
        assert not any(overlap(second.box, one.mouth) for one in people)
        assert not overlap(first.box, second.box) or count > 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVENT_KINDS)
@pytest.mark.parametrize(
    ("fps", "canvas"),
    [(Fraction(25), (320, 180)), (Fraction(24000, 1001), (96, 96)), (Fraction(50), (320, 180))],
)
def test_motion_peaks_in_the_frame_of_each_hit(kind, fps, canvas):
    first, last = round(fps), round(5 * fps) + 10
    for seed in range(4):
        event = plan(kind, seed, canvas=canvas)
        seen = views(event, fps, range(first, last), canvas)
        energy = np.abs(np.diff(seen, axis=0)).mean(axis=(1, 2, 3))
        hits = [round(Fraction(hit_s) * fps) - first - 1 for hit_s in event.hits_s]
        others = np.delete(energy, hits)
        assert energy[hits].min() > 1.1 * others.max(), (kind, seed)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_the_same_event_looks_the_same_and_others_do_not(kind):
    event = plan(kind, 1)
    frames = range(round(event.hits_s[0] * 25), round(event.hits_s[0] * 25) + 2)
    moved = Event(kind, event.hits_s, event.box, event.gain_db, event.seed + 1)
    np.testing.assert_array_equal(views(event, Fraction(25), frames), views(event, Fraction(25), frames))
    assert (views(event, Fraction(25), frames) != views(moved, Fraction(25), frames)).any()


def test_a_lamp_stays_switched():
    event = next(one for one in (plan("switch", seed) for seed in range(20)) if len(one.hits_s) == 2)
    light = views(event, Fraction(25), range(150)).mean(axis=(1, 2, 3))
    first, second = (round(hit_s * 25) for hit_s in event.hits_s)
    between = light[first + 4 : second - 8]
    assert np.ptp(between) < 1 and abs(between.mean() - light[0]) > 8
    assert abs(light[-1] - light[0]) < 1


@pytest.mark.parametrize("kind", EVENT_KINDS)
@pytest.mark.parametrize("rate", [RATE, 16000])
def test_sounds_set_in_sharply_with_their_hits(kind, rate):
    for seed in range(12):
        event = plan(kind, seed)
        start_s, sound = event_sound(event, rate)
        assert start_s == event.hits_s[0] and sound.dtype == np.float32 and sound.ndim == 1
        np.testing.assert_allclose(np.abs(sound).max(), 1.0, atol=1e-5)
        again = event_sound(event, rate)[1]
        np.testing.assert_array_equal(sound, again)
        early = np.abs(sound[: round(0.02 * rate)])
        assert np.argmax(early >= 0.5 * early.max()) <= 0.002 * rate
        for hit_s in event.hits_s[1:]:
            first = round((hit_s - start_s) * rate)
            before = np.square(sound[first - round(0.005 * rate) : first - 1]).sum()
            after = np.square(sound[first : first + round(0.005 * rate)]).sum()
            assert after > 2 * before, (kind, seed, hit_s)
        assert np.abs(sound[-5:]).max() < 0.01
        other = event_sound(Event(kind, event.hits_s, event.box, 0.0, event.seed + 1), rate)[1]
        assert len(other) != len(sound) or np.abs(other - sound).max() > 0.05


def test_kinds_sound_different_but_not_too_easily_so():
    """A linear probe on the spectrum's course, over noise: better than chance by far, not perfect."""
    features, labels = [], []
    for number, kind in enumerate(EVENT_KINDS):
        for seed in range(36):
            start_s, sound = event_sound(plan(kind, 100 * number + seed, 0.0, 2.5), 16000)
            film = np.random.default_rng(seed).normal(0, 0.03, 48000)
            first = round(start_s * 16000)
            film[first : first + len(sound)] += sound[: 48000 - first]
            power = np.square(np.abs(np.fft.rfft(film.reshape(-1, 320) * np.hanning(320), axis=1)))
            bands = np.log(
                1e-3 + np.add.reduceat(power, np.unique(np.geomspace(1, 150, 20).astype(int)), axis=1)
            )
            features.append(
                np.concatenate(
                    [bands.mean(0), bands.std(0), bands.max(0), np.abs(np.diff(bands, axis=0)).mean(0)]
                )
            )
            labels.append(number)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    accuracy = cross_val_score(probe, np.array(features), np.array(labels), cv=4).mean()
    assert 0.6 < accuracy < 0.97

"""Recaps of written films: what is seen and heard again is the very same."""

from dataclasses import replace

import numpy as np
import pytest

from filmset.backgrounds import Backgrounds
from filmset.dialogue import write_lines
from filmset.mixing import Mixer
from filmset.pictures import paint_title
from filmset.script import write_script

RAMP = 240


@pytest.fixture(scope="module", params=[1, 2])
def channels(request):
    return request.param


@pytest.fixture
def film(channels, settings, humming):
    """A title full of recaps, and its mixer."""
    speech, backgrounds = humming(words=(1, 3)), Backgrounds()
    dials = replace(
        settings, seed=8, recaps=1.0, seconds=60.0, sizes=("96x54",), channels=channels, dubs_per_title=1,
        scenes=("rain", "fire", "kitchen", "sea", "office"), gradual=0.3, flashes=0.0,
        events=0.2, silent=0.3,
    )  # fmt: skip
    title = write_lines(write_script(dials, 0, speech, backgrounds), dials, speech)
    return title, Mixer(title, dials, speech, backgrounds)


def recaps(title):
    return [(shot, title.shots[shot.recap_of]) for shot in title.shots if shot.recap_of is not None]


def test_the_background_is_the_beginning_of_that_of_the_shot_repeated(film):
    title, mixer = film
    lengths = []
    for shot, source in recaps(title):
        again, before = mixer.stems(shot).background_CS, mixer.stems(source).background_CS
        length = title.sample(shot.seen_to) - title.sample(shot.seen_from)
        assert again.shape == (title.channels, length) and before.shape[1] >= length - 1
        lengths.append(before.shape[1] - length)
        for row, old in zip(again, before, strict=True):
            kept = slice(RAMP, length - RAMP)
            assert np.corrcoef(row[kept], old[kept])[0, 1] > 0.999
            np.testing.assert_allclose(row[kept], old[kept], atol=1e-7)
            assert row[-1] == 0 and np.abs(row[-RAMP // 2 :]).max() < np.abs(old).max()
        level_db = 10 * np.log10(np.mean(np.square(before, dtype=np.float64)) * title.channels)
        assert level_db == pytest.approx(shot.background_db, abs=0.3)
    assert max(lengths) > 48000


@pytest.mark.slow
def test_a_recap_looks_the_same_until_a_line_is_left_out(film):
    title, mixer = film
    if title.channels > 1:
        pytest.skip("pictures do not depend on the channels")
    clean = replace(title, look=replace(title.look, grain=0.0))
    pictures = list(paint_title(clean, lambda number: mixer.openings(title.shots[number])))
    compared = talked = 0
    for shot, source in recaps(title):
        if len(shot.events) != len(source.events):
            continue
        first = max(_alone(title, one)[0] - one.seen_from for one in (shot, source))
        last = min(_alone(title, one)[1] - one.seen_from for one in (shot, source))
        last = min(last, _left_out(title, shot, source) - source.seen_from)
        for number in range(first, last):
            again, before = (pictures[one.seen_from + number] for one in (shot, source))
            np.testing.assert_array_equal(again, before, str((shot.scene.kind, number)))
        if shot.seen_to - shot.seen_from != source.seen_to - source.seen_from:
            compared += max(0, last - first)
            talked += bool(shot.lines)
    assert compared > 100 and talked >= 2


def _left_out(title, shot, source) -> int:
    """The frame, in the shot repeated, from which on people move for a line that the recap lacks."""
    kept = [line.key for line in shot.lines]
    starts = [line.spoken[title.tracks[0].key].start_s for line in source.lines if line.key not in kept]
    rate = float(title.rate)
    return int(min(starts) * rate - rate / 2 - 2) if starts else title.frames


def _alone(title, shot) -> tuple[int, int]:
    """Frames of a shot in which no transition is at work."""
    first, last = shot.start_frame, shot.end_frame
    if shot.transition.kind != "cut":
        first = shot.transition.last_frame
    later = [one for one in title.shots if one.start_frame == shot.end_frame]
    if later and later[0].transition.kind != "cut":
        last = later[0].transition.first_frame
    return first, last

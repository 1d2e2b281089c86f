"""Lines against the rules they are written by, and against takes spoken anew."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from filmset.dialogue import own_span, write_lines
from filmset.retakes import retake
from filmset.rooms import Room
from filmset.truth import Title

RATE = 48000
LENGTHS = (6.0, 3.0, 11.0, 2.4, 8.0, 14.0)
CHANGES = {1: ("dissolve", 0.8), 3: ("fade", 0.6), 4: ("dissolve", 0.4)}


@pytest.fixture
def written(make_title, settings, speech):
    title = make_title(LENGTHS, people=3, changes=CHANGES, fps="30000/1001", revoiced=True)
    return write_lines(title, replace(settings, overlaps=0.4), speech)


def samples(spoken) -> tuple[int, int]:
    return round(spoken.start_s * RATE), round(spoken.end_s * RATE)


def test_lines_lie_within_their_shot_in_every_track(written):
    assert sum(len(shot.lines) for shot in written.shots) >= 10
    for number, shot in enumerate(written.shots):
        first, last = own_span(written, number)
        begin = CHANGES.get(number, ("cut", 0))
        assert first >= written.sample(shot.start_frame + round(begin[1] / 2 * written.rate))
        for line in shot.lines:
            assert line.speaker in {person.name for person in shot.people}
            assert set(line.spoken) == {"en", "de", "ja", "en-revoiced"}
            for spoken in line.spoken.values():
                start, end = samples(spoken)
                assert first <= start < end <= last


def test_what_is_written_is_what_is_said(written, speech):
    for line in (line for shot in written.shots for line in shot.lines):
        for track in written.tracks:
            spoken = line.spoken[track.key]
            take = retake(written, line, track, speech)
            start, end = samples(spoken)
            assert end - start == len(take.samples)
            assert spoken.start_s == round(start / RATE, 6)
            for word, original in zip(spoken.words, take.words, strict=True):
                assert word.start_s == pytest.approx(start / RATE + original.start_s, abs=1e-6)
                assert spoken.start_s - 1e-6 <= word.start_s < word.end_s <= spoken.end_s + 2e-5
            assert (line.style == "questioning") <= spoken.written.endswith("?")
        assert line.spoken["en"].text == line.spoken["en-revoiced"].text
        assert not np.array_equal(*(retake(written, line, written.tracks[n], speech).samples for n in (0, 3)))


def test_dubs_are_timed_to_the_original(written):
    lengths = []
    for line in (line for shot in written.shots for line in shot.lines):
        start, end = samples(line.spoken["en"])
        for key in ("de", "ja", "en-revoiced"):
            there, to = samples(line.spoken[key])
            assert abs(there - start) <= 0.08 * RATE
            lengths.append((to - there) / (end - start))
    assert np.mean(np.abs(np.array(lengths) - 1) < 0.01) > 0.4
    assert 0.5 < min(lengths) < max(lengths) < 2


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.0), (0.3, 0.24, 0.36)])
def test_turns_and_overlaps(make_title, settings, speech, share, low, high):
    title = write_lines(make_title((9.0,) * 24, people=3), replace(settings, overlaps=share), speech)
    overlapping = total = 0
    for shot in title.shots:
        for key in ("en", "de", "ja"):
            spans = [(*samples(line.spoken[key]), line.speaker) for line in shot.lines]
            for one, two in itertools.combinations(spans, 2):
                assert one[2] != two[2] or one[1] <= two[0]
            for at in {start for start, _, _ in spans}:
                assert sum(start <= at < end for start, end, _ in spans) <= 2
        early = [
            [samples(two.spoken[key])[0] < samples(one.spoken[key])[1] for key in ("en", "de", "ja")]
            for one, two in itertools.pairwise(shot.lines)
        ]
        assert all(len(set(row)) == 1 for row in early)  # in all tracks or in none
        overlapping += sum(row[0] for row in early)
        total += len(shot.lines)
    assert total > 60 and low <= overlapping / total <= high


def test_everyone_gets_a_line_and_some_shots_are_silent(make_title, settings, speech):
    long_shots = make_title((14.0,) * 3, people=3)
    for shot in write_lines(long_shots, settings, speech).shots:
        assert set(shot.speakers) == {"p0", "p1", "p2"}
    many = make_title((3.0,) * 100, people=1)
    silent = [not shot.lines for shot in write_lines(many, replace(settings, silent=0.3), speech).shots]
    assert 0.16 < np.mean(silent) < 0.44  # three standard deviations around 0.3
    assert not any(shot.lines for shot in write_lines(many, replace(settings, silent=1.0), speech).shots)
    fewer = make_title((3.0,) * 30, people=1)
    assert all(shot.lines for shot in write_lines(fewer, settings, speech).shots)


def test_a_sentence_that_does_not_fit_everywhere_is_dropped(make_title, settings, humming):
    speech = humming(words=(3, 12), slow={"ja": 2.2})
    title = write_lines(make_title((4.0,) * 30, people=1), settings, speech)
    lines = [line for shot in title.shots for line in shot.lines]
    assert len(lines) >= 15
    dropped = speech.asked - len(lines) * len(title.tracks)
    assert dropped > 10  # spoken in vain
    for number, shot in enumerate(title.shots):
        for line in shot.lines:
            assert samples(line.spoken["ja"])[1] <= own_span(title, number)[1]


@pytest.mark.parametrize("reverb_s", [0.0, 0.9])
@pytest.mark.parametrize("over_db", [8.0, 38.0])
def test_levels(make_title, settings, speech, reverb_s, over_db):
    title = make_title((6.0, 6.0), reverb_s=reverb_s)
    shots = tuple(replace(shot, speech_over_background_db=over_db) for shot in title.shots)
    title = write_lines(replace(title, shots=shots), settings, speech)
    for shot in title.shots:
        room = Room(shot.scene.seed, reverb_s, RATE)
        for line in shot.lines:
            for track in title.tracks:
                spoken = line.spoken[track.key]
                dry = retake(title, line, track, speech).samples * 10 ** (spoken.gain_db / 20)
                level_db = 10 * np.log10(np.mean(dry.astype(np.float64) ** 2))
                peak = np.abs(room.reverberate(dry.astype(np.float32), 10 * RATE)).max()
                if over_db == 8.0:
                    assert level_db == pytest.approx(-30.0, abs=0.01)
                else:
                    assert level_db < 0.0 and peak == pytest.approx(0.33, abs=1e-3)
                assert peak <= 0.33


def test_a_recap_repeats_what_fits(make_title, recapped, settings, speech):
    title = recapped(make_title((9.0, 3.0, 5.0), fps="30000/1001"), 2, 0)
    title = write_lines(title, settings, speech)
    first, again = title.shots[0], title.shots[2]
    later = title.sample(again.seen_from) - title.sample(first.seen_from)
    assert 0 < len(again.lines) < len(first.lines)
    for old, new in zip(first.lines, again.lines, strict=False):
        assert (old.key, old.speaker, old.style) == (new.key, new.speaker, new.style)
        for key in old.spoken:
            assert samples(new.spoken[key]) == tuple(at + later for at in samples(old.spoken[key]))
            assert new.spoken[key].gain_db == old.spoken[key].gain_db
            shift = new.spoken[key].words[0].start_s - old.spoken[key].words[0].start_s
            assert shift == pytest.approx(later / RATE, abs=2e-6)
        for track in title.tracks:
            takes = [retake(title, line, track, speech).samples for line in (old, new)]
            np.testing.assert_array_equal(*takes)
    next_line = first.lines[len(again.lines)]
    end = max(samples(spoken)[1] for spoken in next_line.spoken.values()) + later
    assert end > own_span(title, 2)[1]  # the one that was left out would not have fitted


def test_lines_follow_from_the_seed_and_survive_json(written, make_title, settings, speech):
    title = make_title(LENGTHS, people=3, changes=CHANGES, fps="30000/1001", revoiced=True)
    again = write_lines(title, replace(settings, overlaps=0.4), speech)
    assert again == written
    assert Title.from_json(json.loads(json.dumps(written.to_json()))) == written
    other = write_lines(replace(title, index=1), replace(settings, overlaps=0.4), speech)
    assert [shot.lines for shot in other.shots] != [shot.lines for shot in written.shots]

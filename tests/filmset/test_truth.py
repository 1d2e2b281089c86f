"""What a title's JSON says, against what is in its film."""

import json

import numpy as np
import pytest

from lssd.errors import InputError
from lssd.filmset import LANGUAGES, Title
from lssd.filmset.lines import LINES
from lssd.media import iterate_frames, probe, read_sound, resample
from lssd.speech import Synthesiser

FILMS = range(3)
QUANTUM = 1 / 32768


@pytest.fixture(scope="module")
def decoded(film_set):
    """For each title: frames (T, H, W, 3), and its tracks (S,) by language."""
    result = []
    for title, film in zip(film_set.titles, film_set.films, strict=True):
        frames = np.stack([frame.image for frame in iterate_frames(film)])
        tracks = {language: read_sound(film, track)[0] for track, language in enumerate(title.languages)}
        result.append((title, frames, tracks))
    return result


def spans(title: Title, language: str) -> list[tuple[int, int]]:
    lines = [line.spoken[language] for shot in title.shots for line in shot.lines]
    return [(round(line.start_s * 48000), round(line.end_s * 48000)) for line in lines]


def speaking(title: Title, samples: int) -> np.ndarray:
    """Where anybody speaks in any language."""
    mask = np.zeros(samples, dtype=bool)
    for language in title.languages:
        for first, last in spans(title, language):
            mask[first - 1 : last + 1] = True
    return mask


@pytest.mark.parametrize("index", FILMS)
def test_tracks_are_tagged(film_set, index):
    title, info = film_set.titles[index], probe(film_set.films[index])
    assert tuple(track.language for track in info.tracks) == title.languages
    assert title.languages[0] == title.original_language
    assert [track.role for track in info.tracks] == ["original", "dub", "dub"]
    assert [track.default for track in info.tracks] == [True, False, False]
    assert len(set(title.languages)) == 3
    assert (info.video.width, info.video.height, info.video.fps) == (title.width, title.height, 25)
    assert info.duration_s == pytest.approx(16.0, abs=0.001)
    assert all(track.codec == "flac" and track.sample_rate == 48000 for track in info.tracks)


@pytest.mark.parametrize("index", FILMS)
def test_cuts_are_where_frames_change_most(decoded, index):
    title, frames, _ = decoded[index]
    assert len(frames) == title.frames == 400
    change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=(1, 2, 3))
    cuts = np.array(title.cuts)
    assert len(cuts) >= 1
    others = np.delete(change, cuts - 1)
    assert change[cuts - 1].min() > 2 * others.max()
    assert title.shots[0].start_frame == 0 and title.shots[-1].end_frame == title.frames
    for before, after in zip(title.shots, title.shots[1:], strict=False):
        assert before.end_frame == after.start_frame
        assert before.scene.kind != after.scene.kind


@pytest.mark.parametrize("index", FILMS)
def test_background_is_the_same_in_every_track(decoded, index):
    title, _, tracks = decoded[index]
    original, *dubs = tracks.values()
    quiet = ~speaking(title, len(original))
    assert 0.1 < quiet.mean() < 0.95
    for dub in dubs:
        np.testing.assert_array_equal(original[quiet], dub[quiet])
        assert np.abs(original[~quiet] - dub[~quiet]).max() > 0.01
    for shot in title.shots:
        first, last = shot.start_frame * 1920, shot.end_frame * 1920
        if not shot.lines:
            level = 10 * np.log10(np.mean(np.square(original[first:last], dtype=np.float64)))
            assert level == pytest.approx(shot.background_db, abs=0.1)


@pytest.mark.parametrize("index", FILMS)
def test_a_track_is_background_plus_the_voices_of_the_truth(decoded, index):
    """Speak every line again, take it off at the stated time and gain: all tracks become one background."""
    title, _, tracks = decoded[index]
    beds = []
    with Synthesiser() as synthesiser:
        for language, track in tracks.items():
            bed = track.astype(np.float64)
            for shot in title.shots:
                for line in shot.lines:
                    spoken, voice = line.spoken[language], title.speaker(line.speaker).voices[language]
                    assert spoken.text == LINES[line.number][language]
                    samples = synthesiser.utter(spoken.text, language, voice).trimmed().samples
                    heard = resample(samples[None], 22050, 48000)[0] * 10 ** (spoken.gain_db / 20)
                    first, last = round(spoken.start_s * 48000), round(spoken.end_s * 48000)
                    assert last - first == len(heard)
                    under = np.abs(bed[first:last]).max()
                    bed[first:last] -= heard
                    assert np.abs(bed[first:last]).max() <= under + QUANTUM
                    level = 10 * np.log10(np.mean(np.square(heard)))
                    assert level - shot.background_db <= shot.speech_over_background_db + 0.1
                    assert level - shot.background_db > 3.0
            beds.append(bed)
    assert sum(len(shot.lines) for shot in title.shots) >= 2
    for bed in beds[1:]:
        assert np.abs(beds[0] - bed).max() <= 2 * QUANTUM


@pytest.mark.parametrize("index", FILMS)
def test_lines_stay_in_their_shot_and_take_turns(film_set, index):
    title = film_set.titles[index]
    for shot in title.shots:
        for language in title.languages:
            reached = shot.start_frame / 25
            for line in shot.lines:
                spoken = line.spoken[language]
                assert reached < spoken.start_s < spoken.end_s <= shot.end_frame / 25
                reached = max(one.end_s for one in line.spoken.values())
                assert spoken.words[0].start_s >= spoken.start_s - 1e-3
                assert spoken.words[-1].end_s <= spoken.end_s + 1e-3
                assert all(word.text in spoken.text for word in spoken.words)
        assert set(shot.speakers) == {line.speaker for line in shot.lines} == set(shot.mouths)


def test_mouths_open_with_the_original_voice(decoded):
    """The mouth's box darkens when the original speaks, and not with a dub."""
    darkness, original, dubbed = [], [], []
    for title, frames, tracks in decoded:
        for shot in title.shots:
            for name, (top, left, bottom, right) in shot.mouths.items():
                box = frames[shot.start_frame : shot.end_frame, top:bottom, left:right]
                dark = -box.astype(np.float64).mean(axis=(1, 2, 3))
                darkness.append((dark - dark.mean()) / dark.std())
                first, last = shot.start_frame * 1920, shot.end_frame * 1920
                for language, out in ((title.languages[0], original), (title.languages[1], dubbed)):
                    mine = np.zeros(last - first)
                    for line in shot.lines:
                        spoken = line.spoken[language]
                        if line.speaker == name:
                            start, end = (round(t * 48000) - first for t in (spoken.start_s, spoken.end_s))
                            mine[start:end] = tracks[language][first + start : first + end]
                    out.append(np.sqrt(np.square(mine).reshape(-1, 1920).mean(axis=1)))
    dark = np.concatenate(darkness)
    with_original = np.corrcoef(dark, np.concatenate(original))[0, 1]
    with_dub = np.corrcoef(dark, np.concatenate(dubbed))[0, 1]
    assert with_original > 0.7
    assert with_original > with_dub + 0.1


def test_held_out_titles_share_no_voice_and_no_line(film_set):
    heard = {"train": set(), "test": set()}
    said = {"train": set(), "test": set()}
    for title in film_set.titles:
        for speaker in title.cast:
            heard[title.split] |= {voice.variant for voice in speaker.voices.values()}
            assert {voice.sex for voice in speaker.voices.values()} == {speaker.sex}
            assert len({voice.variant for voice in speaker.voices.values()}) == len(title.languages)
        for shot in title.shots:
            said[title.split] |= {line.number for line in shot.lines}
    assert heard["train"] and heard["test"] and not heard["train"] & heard["test"]
    assert said["train"] and said["test"] and not said["train"] & said["test"]


def test_truth_survives_json(film_set):
    for title in film_set.titles:
        value = json.loads(json.dumps(title.to_json()))
        assert Title.from_json(value) == title
        assert value["cuts"] == title.cuts
    with pytest.raises(InputError, match="format 99"):
        Title.from_json({"format": 99})
    with pytest.raises(InputError, match="incomplete"):
        Title.from_json({"format": 1, "languages": []})


def test_every_line_exists_in_every_language():
    assert len(LINES) >= 25
    for language in LANGUAGES:
        assert len({line[language] for line in LINES}) == len(LINES)
        assert all(line[language] for line in LINES)
    # espeak-ng would spell kanji out: CJK ideographs have no place in Japanese lines.
    assert not any("一" <= letter <= "鿿" for line in LINES for letter in line["ja"])

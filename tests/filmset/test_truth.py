"""What a title's JSON says, against what the decoded files show."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from filmset.render import render
from filmset.truth import Shot, Title
from lssd.errors import InputError
from lssd.media import iterate_frames, probe, read_sound

pytestmark = pytest.mark.slow

FILMS = range(3)
RATE = 48000


@pytest.fixture(scope="module")
def decoded(film_set):
    """For each title: frames (T, H, W, 3), its tracks and its stems, each (C, S), by name."""
    result = []
    for title, film in zip(film_set.titles, film_set.films, strict=True):
        frames = np.stack([frame.image for frame in iterate_frames(film)])
        tracks = {track.key: read_sound(film, number) for number, track in enumerate(title.tracks)}
        stems = {path.stem: read_sound(path) for path in film.with_suffix(".stems").glob("*.flac")}
        result.append((title, frames, tracks, stems))
    return result


def change(frames: np.ndarray) -> np.ndarray:
    """Mean absolute change of the picture into each frame; 0 for the first."""
    steps = [np.abs(b.astype(np.int16) - a).mean() for a, b in pairwise(frames)]
    return np.array([0.0, *steps])


def level_db(sound: np.ndarray) -> float:
    return 10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20)


def gradual(title: Title) -> list[Shot]:
    return [shot for shot in title.shots if shot.transition.kind != "cut"]


@pytest.mark.parametrize("index", FILMS)
def test_tracks_are_tagged(film_set, index):
    title, info = film_set.titles[index], probe(film_set.films[index])
    assert [track.language for track in info.tracks] == [track.tagged for track in title.tracks]
    assert [track.role for track in info.tracks] == ["original", "dub", "dub", "revoiced"]
    assert [track.default for track in info.tracks] == [True, False, False, False]
    assert title.languages[0] == title.languages[3] == title.original_language
    assert len(set(title.languages)) == 3
    assert (info.video.width, info.video.height, info.video.fps) == (title.width, title.height, 25)
    assert info.duration_s == pytest.approx(24.0, abs=0.001)
    assert all(track.codec == "flac" and track.sample_rate == RATE for track in info.tracks)


@pytest.mark.parametrize("index", FILMS)
def test_hard_cuts_are_where_frames_change_most(decoded, index):
    title, frames, _, _ = decoded[index]
    assert len(frames) == title.frames == 600
    steps = change(frames)
    other = np.ones(len(frames), dtype=bool)
    other[title.hard_cuts] = False
    for shot in title.shots:
        other[shot.transition.first_frame : shot.transition.last_frame + 1] = False
        for flash in shot.flashes:
            other[flash : flash + 2] = False
    assert min(steps[title.hard_cuts], default=np.inf) > 1.5 * steps[other].max()


def test_the_set_has_cuts_fades_dissolves_flashes_and_recaps(film_set):
    shots = [shot for title in film_set.titles for shot in title.shots]
    assert {shot.transition.kind for shot in shots} == {"cut", "fade", "dissolve"}
    assert any(shot.flashes for shot in shots) and any(shot.recap_of is not None for shot in shots)
    assert {shot.camera.move for shot in shots} > {"still"}
    for title in film_set.titles:
        assert title.shots[0].start_frame == 0 and title.shots[-1].end_frame == title.frames
        for before, after in pairwise(title.shots):
            assert before.end_frame == after.start_frame
            assert before.scene.kind != after.scene.kind


def test_gradual_changes_begin_and_end_where_the_truth_says(decoded):
    """A dissolve mixes the frames around it in rising shares; a fade is black in its middle."""
    kinds = set()
    for title, frames, _, _ in decoded:
        for shot in gradual(title):
            first, last = shot.transition.first_frame, shot.transition.last_frame
            span = frames[first:last].astype(np.float64)
            kinds.add(shot.transition.kind)
            assert first < shot.start_frame < last
            if shot.transition.kind == "fade":
                light = span.mean(axis=(1, 2, 3))
                assert abs(first + int(light.argmin()) - shot.start_frame) <= 1
                assert light.min() < 0.25 * min(light[0], light[-1])
                continue
            before, after = (frames[number].astype(np.float64) for number in (first - 1, last))
            across = after - before
            share = ((span - before) * across).sum(axis=(1, 2, 3)) / np.square(across).sum()
            wanted = (np.arange(len(span)) + 0.5) / len(span)
            assert np.abs(share - wanted).max() < 0.25
            assert np.corrcoef(share, wanted)[0, 1] > 0.95
    assert kinds == {"fade", "dissolve"}


@pytest.mark.parametrize("index", FILMS)
def test_flashes_are_white_and_nothing_else_is(decoded, index):
    title, frames, _, _ = decoded[index]
    light = frames.mean(axis=(1, 2, 3))
    for shot in title.shots:
        for flash in shot.flashes:
            assert light[flash] > 1.2 * light[flash - 3 : flash + 4].min() and light[flash] > 150


@pytest.mark.parametrize("index", FILMS)
def test_a_track_is_the_sum_of_its_stems(decoded, index):
    title, _, tracks, stems = decoded[index]
    assert set(stems) == {"background", "events", *(f"voices.{track.key}" for track in title.tracks)}
    for key, track in tracks.items():
        rest = track - stems["background"] - stems["events"] - stems[f"voices.{key}"]
        assert level_db(rest) < -90
        assert np.abs(rest).max() < 2 / 32768


@pytest.mark.parametrize("index", FILMS)
def test_the_background_is_the_same_in_every_track(decoded, index):
    """Outside everybody's voice the tracks are equal to the bit."""
    title, _, tracks, stems = decoded[index]
    quiet = np.ones(tracks[title.tracks[0].key].shape[1], dtype=bool)
    for track in title.tracks:
        quiet &= np.abs(stems[f"voices.{track.key}"]).max(axis=0) == 0
    assert 0.1 < quiet.mean() < 0.95
    original, *others = tracks.values()
    for other in others:
        np.testing.assert_array_equal(original[:, quiet], other[:, quiet])
        assert np.abs(original - other)[:, ~quiet].max() > 0.01


@pytest.mark.parametrize("index", FILMS)
def test_levels_are_those_of_the_truth(decoded, index):
    title, _, _, stems = decoded[index]
    for shot, after in zip(title.shots, [*title.shots[1:], None], strict=True):
        first = shot.transition.last_frame if shot.transition.kind == "dissolve" else shot.start_frame
        blends = after is not None and after.transition.kind == "dissolve"
        last = after.transition.first_frame if blends else shot.end_frame
        bed = stems["background"][:, title.sample(first) : title.sample(last)]
        # A part of a shot may be louder or softer than its whole: surf, gusts, passing cars.
        assert level_db(bed) == pytest.approx(
            shot.background_db, abs=0.3 if not blends and first == shot.seen_from else 3
        )


def onset_s(voice: np.ndarray, near_s: float) -> float:
    """Where energy sets in nearest to a time: 2 ms steps, -26 dB of the loudest of the 60 ms that follow."""
    step = RATE // 500
    first = max(0, round((near_s - 0.06) * RATE))
    span = voice[first : first + round(0.18 * RATE)].astype(np.float64)
    loud = np.sqrt(np.square(span[: len(span) // step * step]).reshape(-1, step).mean(axis=1))
    rises = [k for k in range(1, len(loud) - 5) if loud[k - 1] < 0.05 * loud[k : k + 30].max() <= loud[k]]
    times = [(first + k * step) / RATE for k in rises]
    return min(times, key=lambda time: abs(time - near_s), default=np.inf)


def within_10_ms(words: list[tuple[np.ndarray, float]], moved_s: float = 0.0) -> float:
    """The share of (voice, start) that an onset in the sound confirms, all starts moved by some time."""
    return float(
        np.mean([abs(onset_s(voice, start + moved_s) - start - moved_s) <= 0.010 for voice, start in words])
    )


def test_words_begin_where_their_energy_sets_in(film_set, tmp_path):
    """Decoded stems without reverberation; the words that say that an onset is visible, in every track."""
    settings = replace(film_set.settings, seed=11, seconds=40.0, sizes=("80x48",), reverb=False, overlaps=0.0)
    films = render(tmp_path, 2, settings)
    firsts, later = [], []
    for title, film in zip(films.titles, films.films, strict=True):
        for track in title.tracks:
            voice = read_sound(film.with_suffix(".stems") / f"voices.{track.key}.flac")[0]
            spoken = [line.spoken[track.key] for shot in title.shots for line in shot.lines]
            firsts += [(voice, line.words[0].start_s) for line in spoken]
            later += [(voice, word.start_s) for line in spoken for word in line.words[1:] if word.clear]
    assert len(firsts) > 80 and len(later) > 250
    assert within_10_ms(firsts) > 0.97
    assert within_10_ms(later) > 0.9
    assert within_10_ms(later, moved_s=0.03) < 0.45  # a wrong time is seldom confirmed


@pytest.mark.parametrize("index", FILMS)
def test_lines_stay_in_their_shot(film_set, index):
    title = film_set.titles[index]
    present = [{person.name for person in shot.people} for shot in title.shots]
    for shot, names in zip(title.shots, present, strict=True):
        assert set(shot.speakers) <= names
        for line in shot.lines:
            assert set(line.spoken) == {track.key for track in title.tracks}
            for spoken in line.spoken.values():
                assert shot.start_frame / 25 < spoken.start_s < spoken.end_s <= shot.end_frame / 25
                times = [time for word in spoken.words for time in (word.start_s, word.end_s)]
                assert spoken.start_s - 1e-3 <= min(times) and max(times) <= spoken.end_s + 1e-3
                assert all(word.start_s < word.end_s for word in spoken.words)


def lag_of(seen: np.ndarray, heard: np.ndarray, reach: int) -> int:
    """By how many frames `heard` must move earlier to agree best with `seen`."""
    scores = [
        np.corrcoef(seen[reach:-reach], np.roll(heard, -lag)[reach:-reach])[0, 1]
        for lag in range(-reach, reach + 1)
    ]
    return int(np.argmax(scores)) - reach


def test_mouths_move_with_their_own_words(decoded):
    """The mouth's box darkens with the original voice, at no lag, and less so with a dub's."""
    dark, own, dubbed = [], [], []
    for title, frames, _, stems in decoded:
        for shot in title.shots:
            for person in shot.people:
                if {person.name} != set(shot.speakers):
                    continue  # stems hold all of a track's voices: take those who speak alone
                first, last = shot.start_frame, shot.end_frame
                boxes = [shot.seen(person.mouth, number) for number in range(first, last)]
                values = np.array(
                    [
                        -frames[number, max(0, top) : low, max(0, left) : right].mean()
                        for number, (top, left, low, right) in enumerate(boxes, first)
                    ]
                )
                dark.append((values - values.mean()) / values.std())
                for key, out in ((title.tracks[0].key, own), (title.tracks[1].key, dubbed)):
                    voice = stems[f"voices.{key}"][0, title.sample(first) : title.sample(last)]
                    loud = np.sqrt(np.square(voice.astype(np.float64)).reshape(-1, 1920).mean(axis=1))
                    out.append(loud / loud.max())
    assert len(dark) >= 3
    seen, heard, other = (np.concatenate(parts) for parts in (dark, own, dubbed))
    assert abs(lag_of(seen, heard, 8)) <= 1
    assert np.corrcoef(seen, heard)[0, 1] > max(0.5, 0.1 + np.corrcoef(seen, other)[0, 1])


def test_events_are_seen_and_heard_at_the_same_instant(decoded):
    lags = []
    for title, frames, _, stems in decoded:
        heard = np.abs(stems["events"][0].astype(np.float64)).reshape(-1, 1920).max(axis=1)
        for shot in title.shots:
            for event in shot.events:
                hit = event.hits_s[0]
                number = int(hit * 25)
                span = range(max(shot.start_frame + 1, number - 6), min(shot.end_frame, number + 7))
                motion = []
                for frame in span:
                    top, left, bottom, right = shot.seen(event.box, frame)
                    box = np.s_[max(0, top) : bottom, max(0, left) : right]
                    motion.append(np.abs(frames[frame][box].astype(int) - frames[frame - 1][box]).mean())
                sound = np.diff(heard[span.start - 1 : span.stop]).clip(0)
                lags.append(int(np.argmax(motion)) - int(np.argmax(sound)))
    assert len(lags) >= 4
    assert np.mean(np.abs(lags) <= 1) >= 0.8 and abs(np.median(lags)) <= 1


def test_held_out_titles_share_no_voice_and_no_sentence(film_set):
    heard: dict[str, set[str]] = {"train": set(), "test": set()}
    said: dict[str, set[str]] = {"train": set(), "test": set()}
    for title in film_set.titles:
        for speaker in title.cast:
            heard[title.split] |= {voice.variant for voice in speaker.voices.values()}
            assert {voice.sex for voice in speaker.voices.values()} == {speaker.sex}
            assert len({voice.variant for voice in speaker.voices.values()}) == len(title.tracks)
        said[title.split] |= {line.key for shot in title.shots for line in shot.lines}
    assert heard["train"] and heard["test"] and not heard["train"] & heard["test"]
    assert said["train"] and said["test"] and not said["train"] & said["test"]


def test_truth_survives_json(film_set):
    for title in film_set.titles:
        value = json.loads(json.dumps(title.to_json()))
        assert Title.from_json(value) == title
        assert value["cuts"] == title.cuts and set(value["hard_cuts"]) <= set(title.cuts)
    with pytest.raises(InputError, match="format 99"):
        Title.from_json({"format": 99})
    with pytest.raises(InputError, match="'name' is missing"):
        Title.from_json({"format": 2, "index": 0})

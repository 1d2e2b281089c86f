"""What a film set writes for ingest, and the dials that vary its tracks: they leave all else as it is."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from filmset import FilmSet, Settings, Title, describe_filmset
from filmset.backgrounds import open_backgrounds
from filmset.labels import label_rows
from filmset.render import render
from filmset.script import is_held_out, is_undubbed, write_script
from filmset.words import open_speech
from lssd.corpus.labels import read_labels
from lssd.corpus.records import read_titles
from lssd.errors import InputError
from lssd.media import picture_hash, probe, read_sound, track_hash

pytestmark = pytest.mark.slow

SMALL = Settings(
    seed=5, seconds=8.0, sizes=("80x48",), dubs_per_title=1, revoiced=True, faults=("level",), channels=2
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> FilmSet:
    return render(tmp_path_factory.mktemp("plain"), 2, SMALL)


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> FilmSet:
    settings = replace(SMALL, background_track=True, subtitles=True, stems=True)
    return render(tmp_path_factory.mktemp("more"), 2, settings)


def test_the_background_track_changes_nothing_else(plain: FilmSet, more: FilmSet) -> None:
    for before, after, old, new in zip(plain.titles, more.titles, plain.films, more.films, strict=True):
        assert replace(after, tracks=after.tracks[:-1]) == before
        assert picture_hash(new) == picture_hash(old)
        assert [track_hash(new, n) for n in range(3)] == [track_hash(old, n) for n in range(3)]


def test_the_background_track_is_the_mix_without_voices(more: FilmSet) -> None:
    for title, film in zip(more.titles, more.films, strict=True):
        last = title.tracks[-1]
        assert (last.key, last.role, last.language, last.fault) == ("background", "background", "zxx", None)
        assert not last.has_voices and title.voiced == title.tracks[:-1]
        assert title.languages == tuple(track.language for track in title.tracks[:-1])
        info = probe(film).tracks[-1]
        assert (info.role, info.language, info.default) == ("background", None, False)
        assert info.title == "Music and effects"
        stems = {path.stem: read_sound(path) for path in film.with_suffix(".stems").glob("*.flac")}
        assert "voices.background" not in stems
        bed = stems["background"] + stems["events"]
        sound = read_sound(film, 3)
        assert sound.shape == (2, 8 * 48000) and np.abs(sound - bed).max() < 2 / 32768
        original = read_sound(film, 0)
        quiet = np.abs(stems[f"voices.{title.original_language}"]).max(axis=0) == 0
        np.testing.assert_array_equal(sound[:, quiet], original[:, quiet])
        assert 0.05 < quiet.mean() < 0.95
        for shot in title.shots:
            for line in shot.lines:
                assert set(line.spoken) == {track.key for track in title.voiced}
        assert all("background" not in person.voices for person in title.cast)
        assert not list(more.folder.glob("*background.srt"))
        assert len(list(more.folder.glob(f"{title.name}.*.srt"))) == 3
    assert "zxx" not in describe_filmset(more.folder).languages


def test_asked_for_again_it_stands(more: FilmSet) -> None:
    before = {path: path.stat().st_mtime_ns for path in more.folder.glob("title-*")}
    render(more.folder, 2, more.settings)
    assert {path: path.stat().st_mtime_ns for path in more.folder.glob("title-*")} == before
    with pytest.raises(InputError, match="background_track True, not False"):
        render(more.folder, 2, replace(more.settings, background_track=False))


def test_undubbed_titles_have_their_original_alone(tmp_path: Path) -> None:
    settings = replace(SMALL, undubbed=0.5, seconds=4.0, background_track=True)
    films = render(tmp_path, 4, settings)
    alone = [title for title in films.titles if len(title.voiced) == 1]
    assert 1 <= len(alone) <= 3
    for title, film in zip(films.titles, films.films, strict=True):
        roles = [track.role for track in title.tracks]
        assert roles == (
            ["original", "background"] if title in alone else ["original", "dub", "revoiced", "background"]
        )
        assert [track.role for track in probe(film).tracks] == roles
        assert any(track.fault for track in title.tracks) == (title not in alone)
    with films.titles_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, title in zip(rows, films.titles, strict=True):
        assert row["languages"].split() == [track.tagged for track in title.voiced]
    records = read_titles(films.titles_csv)
    assert {path.name: len(record.languages) for path, record in records.items()} == {
        f"{title.name}.mkv": len(title.voiced) for title in films.titles
    }


def test_undubbed_titles_are_spread_over_languages_and_splits() -> None:
    settings = Settings(seed=3, undubbed=0.2, held_out=0.2)
    assert not any(is_undubbed(replace(settings, undubbed=0.0), n) for n in range(50))
    assert all(is_undubbed(replace(settings, undubbed=1.0), n) for n in range(50))
    chosen = np.array([is_undubbed(settings, n) for n in range(700)])
    held_out = np.array([is_held_out(settings, n) for n in range(700)])
    assert abs(int(chosen.sum()) - 140) <= 3
    assert abs(chosen[held_out].mean() - 0.2) < 0.05
    for first in range(0, 700, 50):
        assert abs(int(chosen[first : first + 50].sum()) - 10) <= 3
    with open_speech(None, settings.languages) as speech:
        quick = replace(settings, seconds=4.0)
        titles = [write_script(quick, n, speech, open_backgrounds(None)) for n in range(70)]
    originals = {title.original_language for title in titles if len(title.tracks) == 1}
    assert len(originals) >= 5
    dubbed = [title for title in titles if len(title.tracks) > 1]
    twins = {title.index: title for title in scripts(replace(quick, undubbed=0.0), [t.index for t in dubbed])}
    assert all(twins[title.index] == title for title in dubbed)


def scripts(settings: Settings, indices: list[int]) -> list[Title]:
    with open_speech(None, settings.languages) as speech:
        return [write_script(settings, n, speech, open_backgrounds(None)) for n in indices]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"undubbed": 1.5}, "undubbed is a share"),
        ({"undubbed": float("nan")}, "undubbed is a share"),
        ({"undubbed": 1.0}, "a fault is planted in a dub"),
    ],
)
def test_impossible_shares_are_refused(change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(SMALL, **change)


def test_the_labels_table_says_what_the_truth_says(film_set: FilmSet) -> None:
    table = read_labels(film_set.labels_csv)
    assert [path.name for path in table] == [film.name for film in film_set.films]
    names = set()
    for title, labels in zip(film_set.titles, table.values(), strict=True):
        whole = [label for label in labels if label.end_s == np.inf]
        assert [(label.name, label.value) for label in whole] == [("director", title.director)]
        for shot in title.shots:
            middle_s = (shot.start_frame + shot.end_frame) / 50
            here = [one for one in labels if one not in whole and one.start_s < middle_s < one.end_s]
            found = {one.name: one.value for one in here}
            names |= set(found)
            assert len(found) == len(here)
            assert {(one.start_s, one.end_s) for one in here} == {
                (shot.start_frame / 25, shot.end_frame / 25)
            }
            assert found["scene"] == shot.scene.kind
            assert int(found["speakers"]) == len({line.speaker for line in shot.lines})
            assert ("event" in found) == bool(shot.events)
            styles = {line.style for line in shot.lines}
            assert found.get("style") == (styles.pop() if len(styles) == 1 else None)
    assert names >= {"scene", "speakers", "event"}


def test_a_shot_in_one_style_says_so(film_set: FilmSet) -> None:
    title = film_set.titles[0]
    shot = next(shot for shot in title.shots if len({line.style for line in shot.lines}) > 1)
    for lines, found in ((shot.lines, []), (shot.lines[:1], [shot.lines[0].style]), ((), [])):
        rows = label_rows(replace(title, shots=(replace(shot, lines=lines),)))
        assert [value for _, _, name, value in rows if name == "style"] == found

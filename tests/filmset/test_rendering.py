"""Rendering again, further, in parallel, after a kill; and what is refused."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.errors import InputError, LssdError, MissingExtraError
from lssd.filmset import FilmSet, Settings, film_path, render, write_tasks
from lssd.filmset import rendering as rendering_module
from lssd.filmset.script import shot_lengths, write_script
from lssd.media import picture_hash, read_sound, track_hash
from lssd.speech import synthesiser

SMALL = {"seed": 5, "seconds": 4.0, "height": 48, "dubs_per_title": 1}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory) -> FilmSet:
    return render(tmp_path_factory.mktemp("small"), titles=3, **SMALL)


def contents(film_set: FilmSet) -> list[tuple[bytes | str, ...]]:
    return [
        (
            film.with_suffix(".json").read_bytes(),
            picture_hash(film),
            track_hash(film, 0) + track_hash(film, 1),
        )
        for film in film_set.films
    ]


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("title-*")}


def test_same_seed_same_films_in_one_process_or_two(small_set, tmp_path):
    calls = []
    again = render(tmp_path, titles=3, **SMALL, workers=2, progress=lambda *call: calls.append(call))
    assert contents(again) == contents(small_set)
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert again.titles == small_set.titles
    assert sorted(path.name for path in tmp_path.glob("title-*")) == sorted(times(small_set.folder))


def test_another_seed_makes_other_films(small_set, tmp_path):
    other = render(tmp_path, titles=1, **{**SMALL, "seed": 6})
    assert other.titles[0].shots != small_set.titles[0].shots
    assert contents(other)[0][1] != contents(small_set)[0][1]


def test_more_titles_keep_the_first_and_a_lost_one_comes_back(tmp_path):
    first = render(tmp_path, titles=2, **SMALL)
    before, known = times(tmp_path), contents(first)
    more = render(tmp_path, titles=3, **SMALL)
    after = times(tmp_path)
    assert {name: after[name] for name in before} == before
    assert contents(more)[:2] == known
    (tmp_path / "title-0001.json").unlink()  # the film alone does not count as whole
    film_path(tmp_path, "title-0002").unlink()
    calls = []
    again = render(tmp_path, titles=3, **SMALL, progress=lambda *call: calls.append(call))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert contents(again)[:2] == known
    assert times(tmp_path)["title-0000.mkv"] == before["title-0000.mkv"]


def test_killed_at_any_moment_and_run_again(small_set, tmp_path):
    script = f"""
from lssd.filmset import render
if __name__ == "__main__":
    render({str(tmp_path)!r}, titles=3, **{SMALL!r})
"""
    source = Path(rendering_module.__file__).parents[2]
    for finished in (0, 1):
        process = subprocess.Popen(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(source)}
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            whole = len(list(tmp_path.glob("title-*.json")))
            if whole > finished or (whole == finished and any(tmp_path.glob(".partial-title-*.mkv-*"))):
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for film in tmp_path.glob("title-*.mkv"):  # whatever has a final name can be read to its end
            assert read_sound(film).shape == (1, 4 * 48000)
        for truth in tmp_path.glob("title-*.json"):
            assert truth.with_suffix(".mkv").is_file()
    again = render(tmp_path, titles=3, **SMALL)
    assert contents(again) == contents(small_set)
    assert not list(tmp_path.glob(".partial-*"))


def test_table_is_what_ingest_takes(small_set):
    with small_set.titles_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "original_language", "genre", "split"]
    for row, title in zip(rows, small_set.titles, strict=True):
        assert (small_set.folder / row["path"]).is_file()
        assert (row["original_language"], row["split"]) == (title.original_language, title.split)
    assert FilmSet.open(small_set.folder) == small_set


def test_stereo_keeps_the_background_alike(tmp_path):
    film_set = render(tmp_path, titles=1, **{**SMALL, "seconds": 6.0}, channels=2)
    original, dub = (read_sound(film_set.films[0], track) for track in (0, 1))
    assert original.shape == dub.shape == (2, 6 * 48000)
    assert not np.array_equal(original[0], original[1])
    for shot in film_set.titles[0].shots:
        for line in shot.lines:
            for spoken in line.spoken.values():
                window = np.s_[:, round(spoken.start_s * 48000) - 1 : round(spoken.end_s * 48000) + 1]
                original[window] = dub[window] = 0
    np.testing.assert_array_equal(original, dub)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"titles": 0}, "number of titles"),
        ({"languages": ("en", "tlh")}, "tlh"),
        ({"languages": ("en", "en")}, "distinct"),
        ({"languages": ("en",)}, "need 2 languages"),
        ({"seconds": 1.0}, "at least 2 s"),
        ({"seconds": float("nan")}, "at least 2 s"),
        ({"height": 95}, "even"),
        ({"channels": 6}, "channels"),
        ({"held_out": 1.5}, "between 0 and 1"),
        ({"seed": -1}, "seed"),
        ({"workers": 0}, "workers"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        render(tmp_path / "new", **{"titles": 1, **SMALL, **change})
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "new").glob("title*"))


def test_films_of_other_settings_are_not_mixed(small_set):
    with pytest.raises(InputError, match="height 48, not 64"):
        render(small_set.folder, titles=1, **{**SMALL, "height": 64})


def test_unusable_folders_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        render(tmp_path / "file" / "films", titles=1, **SMALL)
    with pytest.raises(InputError, match="no film set"):
        FilmSet.open(tmp_path)
    (tmp_path / "filmset.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        FilmSet.open(tmp_path)


def test_without_espeak_the_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(synthesiser.importlib.util, "find_spec", lambda name: None)
    for make in (lambda: render(tmp_path, titles=1, **SMALL), lambda: write_tasks(tmp_path, seed=0)):
        with pytest.raises(MissingExtraError, match=r"lssd\[filmset\]"):
            make()
    assert not list(tmp_path.iterdir())


def test_a_title_that_fails_is_named_and_the_others_stand(tmp_path, monkeypatch):
    real = rendering_module.perform

    def failing(script, synthesiser):
        if script.index == 1:
            raise RuntimeError("no film in the camera")
        return real(script, synthesiser)

    monkeypatch.setattr(rendering_module, "perform", failing)
    with pytest.raises(LssdError, match=r"1 of 3 titles failed, first title-0001: .*no film in the camera"):
        render(tmp_path, titles=3, **SMALL)
    assert sorted(path.name for path in tmp_path.glob("*.mkv")) == ["title-0000.mkv", "title-0002.mkv"]
    assert not (tmp_path / "titles.csv").exists()


@given(seed=st.integers(0, 2**32), frames=st.integers(50, 6000))
def test_shots_fill_the_film_within_their_limits(seed, frames):
    lengths = shot_lengths(np.random.default_rng(seed), frames)
    assert sum(lengths) == frames
    assert all(50 <= length <= 375 for length in lengths)


def test_some_shots_are_shorter_and_longer_than_ingest_keeps():
    lengths = np.array(shot_lengths(np.random.default_rng(0), 25 * 3600)) / 25
    assert 0.05 < (lengths < 3).mean() < 0.25
    assert 0.04 < (lengths > 12).mean() < 0.2


@settings(max_examples=20, deadline=None)
@given(index=st.integers(0, 500), languages=st.integers(2, 7), share=st.sampled_from([0.0, 0.2, 0.25, 1.0]))
def test_languages_and_splits_are_balanced(index, languages, share):
    chosen = Settings(3, Settings(3).languages[:languages], dubs_per_title=1, held_out=share, seconds=4.0)
    first = index // languages * languages
    block = [write_script(chosen, first + k) for k in range(languages)]
    assert {title.original_language for title in block} == set(chosen.languages)
    if share == 0.25:
        assert sum(write_script(chosen, index // 4 * 4 + k).split == "test" for k in range(4)) == 1
    elif share in (0.0, 1.0):
        assert {title.split for title in block} == {"test" if share else "train"}

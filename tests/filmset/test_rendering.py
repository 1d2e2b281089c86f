"""Rendering again, further, in parallel, after a kill; and what is refused."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from filmset import render as rendering_module
from filmset.backgrounds import open_backgrounds
from filmset.directors import DIRECTORS, sample_director
from filmset.render import FilmSet, film_path, render
from filmset.script import shot_lengths, write_script
from filmset.settings import FAULTS, LANGUAGES, Settings
from filmset.words import open_speech
from lssd.errors import InputError, LssdError, MissingExtraError
from lssd.media import encode_sound, picture_hash, probe, read_sound, track_hash
from lssd.speech import synthesiser

SMALL = {"seed": 5, "seconds": 4.0, "sizes": ("80x48",), "dubs_per_title": 1}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory) -> FilmSet:
    return render(tmp_path_factory.mktemp("small"), 3, Settings(**SMALL))


def contents(film_set: FilmSet) -> list[tuple[bytes | str, ...]]:
    return [
        (
            film.with_suffix(".json").read_bytes(),
            picture_hash(film),
            track_hash(film, 0) + track_hash(film, 1),
        )
        for film in film_set.films
    ]


def told(calls: list[tuple[int, int]]) -> SimpleNamespace:
    """A progress that notes what it is told."""
    return SimpleNamespace(update=lambda *call: calls.append(call))


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("title-*")}


@pytest.mark.slow
def test_same_seed_same_films_in_one_process_or_two(small_set, tmp_path):
    calls = []
    again = render(tmp_path, 3, Settings(**SMALL), workers=2, progress=told(calls))
    assert contents(again) == contents(small_set)
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert again.titles == small_set.titles
    assert sorted(path.name for path in tmp_path.glob("title-*")) == sorted(times(small_set.folder))


def test_another_seed_makes_other_films(small_set, tmp_path):
    other = render(tmp_path, 1, Settings(**{**SMALL, "seed": 6}))
    assert other.titles[0].shots != small_set.titles[0].shots
    assert contents(other)[0][1] != contents(small_set)[0][1]


@pytest.mark.slow
def test_more_titles_keep_the_first_and_a_lost_one_comes_back(tmp_path):
    first = render(tmp_path, 2, Settings(**SMALL))
    before, known = times(tmp_path), contents(first)
    more = render(tmp_path, 3, Settings(**SMALL))
    after = times(tmp_path)
    assert {name: after[name] for name in before} == before
    assert contents(more)[:2] == known
    (tmp_path / "title-0001.json").unlink()  # the film alone does not count as whole
    film_path(tmp_path, "title-0002").unlink()
    calls = []
    again = render(tmp_path, 3, Settings(**SMALL), progress=told(calls))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert contents(again)[:2] == known
    assert times(tmp_path)["title-0000.mkv"] == before["title-0000.mkv"]


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again(small_set, tmp_path):
    script = f"""
from filmset.directors import DIRECTORS, sample_director
from filmset.render import render
from filmset.settings import Settings
if __name__ == "__main__":
    render({str(tmp_path)!r}, 3, Settings(**{SMALL!r}))
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
    again = render(tmp_path, 3, Settings(**SMALL))
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"languages": ("en", "tlh")}, "tlh"),
        ({"languages": ("en", "en")}, "distinct"),
        ({"languages": ("en",)}, "need 2 languages"),
        ({"seconds": 1.0}, "2 s to 4 hours"),
        ({"seconds": float("nan")}, "2 s to 4 hours"),
        ({"sizes": ("81x48",)}, "even"),
        ({"sizes": ("large",)}, "320x180"),
        ({"sizes": ()}, "sizes must not be empty"),
        ({"fps": ("fast",)}, "24000/1001"),
        ({"fps": ("1/0",)}, "24000/1001"),
        ({"fps": ("200",)}, "between 10 and 60"),
        ({"pixel_aspects": ("3",)}, "between 1/2 and 2"),
        ({"channels": 3}, "channels"),
        ({"held_out": 1.5}, "held_out is a share"),
        ({"camera": float("nan")}, "camera is a share"),
        ({"speech_db": (10.0, 5.0)}, "speech_db"),
        ({"speakers": 5}, "1 to 4 speakers"),
        ({"scenes": ("sea", "mars")}, "mars"),
        ({"faults": ("mislabelled",)}, "mislabelled"),
        ({"faults": ("offset",), "dubs_per_title": 0}, "at least 1 dub"),
        ({"seed": -1}, "seed"),
        ({"shots_s": (1.0, 4.0)}, "shots_s is a range within 2 to 15 s, not 1 to 4"),
        ({"shots_s": (4.0, 3.0)}, "not 4 to 3"),
        ({"shots_s": (3.0, 16.0)}, "not 3 to 16"),
        ({"shots_s": (float("nan"), 4.0)}, "not nan to 4"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(change, message):
    with pytest.raises(InputError, match=message) as caught:
        Settings(**{**SMALL, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("titles", "change", "message"),
    [
        (0, {}, "number of titles"),
        (1, {"voices": "/nowhere/at/all"}, "/nowhere/at/all"),
        (1, {"sounds": "/nowhere/at/all"}, "/nowhere/at/all"),
    ],
)
def test_impossible_requests_write_nothing(tmp_path, titles, change, message):
    with pytest.raises(InputError, match=message) as caught:
        render(tmp_path / "new", titles, Settings(**{**SMALL, **change}))
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "new").glob("title*"))


def test_size_rate_and_pixel_aspect_as_asked(tmp_path):
    settings = Settings(
        seed=5,
        seconds=3.0,
        dubs_per_title=1,
        sizes=("96x64", "128x72"),
        fps=("24000/1001",),
        pixel_aspects=("16/15",),
        channels=6,
    )
    film_set = render(tmp_path, 3, settings)
    sizes = set()
    for title, film in zip(film_set.titles, film_set.films, strict=True):
        info = probe(film)
        sizes.add((info.video.width, info.video.height))
        assert (info.video.width, info.video.height) == (title.width, title.height)
        assert info.video.fps == Fraction(24000, 1001) and title.frames == 72
        assert info.video.pixel_aspect == Fraction(16, 15)
        assert [track.channels for track in info.tracks] == [6, 6]
    assert sizes <= {(96, 64), (128, 72)}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_renders_and_stands_in_the_truth(tmp_path, fault):
    film_set = render(tmp_path, 1, Settings(**SMALL, faults=(fault,)))
    title, info = film_set.titles[0], probe(film_set.films[0])
    faulty = [track for track in title.tracks if track.fault is not None]
    assert [track.fault.kind for track in faulty] == [fault] and faulty[0].role != "original"
    assert [track.language for track in info.tracks] == [track.tagged for track in title.tracks]
    assert (faulty[0].tagged != faulty[0].language) == (fault == "mislabel")


def test_films_of_other_settings_are_not_mixed(small_set):
    with pytest.raises(InputError, match="sizes 80x48, not 96x64"):
        render(small_set.folder, 1, Settings(**{**SMALL, "sizes": ("96x64",)}))


def test_stems_and_subtitles_may_be_asked_for_later(tmp_path):
    render(tmp_path, 2, Settings(**SMALL))
    before = times(tmp_path)
    more = render(tmp_path, 1, Settings(**SMALL, stems=True, subtitles=True))
    after = times(tmp_path)
    assert {name: after[name] for name in before} == before
    assert (tmp_path / "title-0000.stems" / "background.flac").is_file()
    assert len(list(tmp_path.glob("title-0000.*.srt"))) == 2
    assert len(more.titles) == 2  # the table lists all that stands, also after a smaller call


def test_recordings_count_by_their_content_and_not_by_their_place(tmp_path):
    sounds = tmp_path / "sounds"
    (sounds / "meta").mkdir(parents=True)
    (sounds / "audio").mkdir()
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in range(1, 6):
        name = f"{fold}-1-A-10.wav"
        rows.append(f"{name},{fold},10,rain,True,1,A")
        noise = np.random.default_rng(fold).normal(0, 0.1, (1, 2 * 44100)).astype(np.float32)
        (sounds / "audio" / name).write_bytes(encode_sound(noise, 44100, "wav"))
    (sounds / "meta" / "esc50.csv").write_text("\n".join(rows))
    small = {**SMALL, "scenes": ("rain", "sea")}
    render(tmp_path / "films", 1, Settings(**small, sounds=str(sounds)))
    moved = sounds.rename(tmp_path / "elsewhere")
    assert len(render(tmp_path / "films", 2, Settings(**small, sounds=str(moved))).titles) == 2
    (moved / "audio" / "1-1-A-10.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="other sounds"):
        render(tmp_path / "films", 3, Settings(**small, sounds=str(moved)))


def test_a_refused_call_does_not_bind_the_folder(tmp_path):
    with pytest.raises(InputError, match="workers"):
        render(tmp_path, 1, Settings(**SMALL), workers=0)
    render(tmp_path, 1, Settings(**{**SMALL, "seed": 8}))


def test_rates_and_aspects_have_one_spelling():
    one = Settings(**SMALL, fps=("24000:1001", "25/1"), pixel_aspects=("32/30",))
    assert one == Settings(**SMALL, fps=("24000/1001", "25"), pixel_aspects=("16/15",))


def test_flashes_stay_out_of_transitions():
    chosen = Settings(3, seconds=120.0, fps=("50",), gradual=1.0, flashes=1.0)
    with open_speech(None, chosen.languages) as speech:
        shots = write_script(chosen, 0, speech, open_backgrounds(None)).shots
    changing = {f for shot in shots for f in range(shot.transition.first_frame, shot.transition.last_frame)}
    flashes = {flash for shot in shots for flash in shot.flashes}
    assert flashes and changing and not flashes & changing


def test_unusable_folders_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        render(tmp_path / "file" / "films", 1, Settings(**SMALL))
    with pytest.raises(InputError, match="no film set"):
        FilmSet.open(tmp_path)
    (tmp_path / "filmset.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        FilmSet.open(tmp_path)


@pytest.mark.parametrize("table", [b"name\nx\n", b"\xff\xfe", b"path,original_language\n"])
def test_a_damaged_table_is_one_line(small_set, tmp_path, table):
    (tmp_path / "filmset.json").write_bytes((small_set.folder / "filmset.json").read_bytes())
    (tmp_path / "titles.csv").write_bytes(table)
    with pytest.raises(InputError, match=r"titles\.csv .*render the set again"):
        FilmSet.open(tmp_path)


def test_without_espeak_the_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(synthesiser.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"-e '.\[filmset\]'"):
        render(tmp_path, 1, Settings(**SMALL))
    assert not list(tmp_path.iterdir())


def test_a_title_that_fails_is_named_and_the_others_stand(tmp_path, monkeypatch):
    real = rendering_module.write_script

    def failing(settings, index, *others):
        if index == 1:
            raise RuntimeError("no film in the camera")
        return real(settings, index, *others)

    monkeypatch.setattr(rendering_module, "write_script", failing)
    with pytest.raises(LssdError, match=r"1 of 3 titles failed, first title-0001: .*no film in the camera"):
        render(tmp_path, 3, Settings(**SMALL))
    assert sorted(path.name for path in tmp_path.glob("*.mkv")) == ["title-0000.mkv", "title-0002.mkv"]
    assert not (tmp_path / "titles.csv").exists()


@given(seed=st.integers(0, 2**32), frames=st.integers(50, 6000))
def test_shots_fill_the_film_within_their_limits(seed, frames):
    lengths = shot_lengths(np.random.default_rng(seed), frames, Fraction(25))
    assert sum(lengths) == frames
    assert all(50 <= length <= 375 for length in lengths)


def test_some_shots_are_shorter_and_longer_than_ingest_keeps():
    lengths = np.array(shot_lengths(np.random.default_rng(0), 25 * 3600, Fraction(25))) / 25
    assert 0.05 < (lengths < 3).mean() < 0.25
    assert 0.04 < (lengths > 12).mean() < 0.2


@given(
    seed=st.integers(0, 2**32),
    frames=st.integers(20, 6000),
    bounds=st.tuples(st.floats(2, 15), st.floats(2, 15)),
    rate=st.sampled_from([Fraction(10), Fraction(25), Fraction(24000, 1001)]),
)
def test_shots_of_a_range_keep_to_it_but_for_the_last_two(seed, frames, bounds, rate):
    low, high = sorted(bounds)
    lengths = shot_lengths(np.random.default_rng(seed), frames, rate, 1.7, (low, high))
    assert sum(lengths) == frames
    assert all(round(low * rate) <= length <= round(high * rate) for length in lengths[:-2])
    shortest, longest = min(round(2 * rate), frames), round(15 * rate)
    assert all(shortest <= length <= longest for length in lengths)


def test_shots_of_a_range_are_spread_over_it_evenly():
    lengths = shot_lengths(np.random.default_rng(0), 25 * 36_000, Fraction(25), shots_s=(3.1, 4.0))
    found = stats.kstest(np.array(lengths[:-2]) / 25, stats.uniform(3.1, 0.9).cdf)
    assert found.statistic < 0.04  # a frame is 1 / 22.5 of the range


def test_a_range_of_shots_is_rendered_and_read_back(tmp_path):
    settings = Settings(**{**SMALL, "seconds": 9.0, "shots_s": (2.0, 2.5)})
    made = render(tmp_path, 1, settings)
    (title,) = made.titles
    seconds = [(shot.end_frame - shot.start_frame) / float(title.rate) for shot in title.shots]
    assert len(seconds) >= 3 and all(1.98 <= length <= 2.52 for length in seconds[:-2])
    assert FilmSet.open(tmp_path).settings == settings
    with pytest.raises(InputError, match="shots_s"):
        render(tmp_path, 1, Settings(**{**SMALL, "seconds": 9.0}))


@pytest.mark.parametrize(("languages", "share"), [(2, 0.0), (5, 0.2), (7, 0.25), (3, 1.0)])
def test_languages_and_splits_are_balanced(languages, share):
    spoken = LANGUAGES[:languages]
    chosen = Settings(3, spoken, dubs_per_title=1, held_out=share, seconds=4.0, look_language_strength=1.0)
    with open_speech(None, spoken) as speech:
        titles = [write_script(chosen, k, speech, open_backgrounds(None)) for k in range(4 * languages)]
    for block in range(4):
        originals = {title.original_language for title in titles[block * languages : (block + 1) * languages]}
        assert originals == set(spoken)
    held_out = [title.split == "test" for title in titles]
    assert sum(held_out) == int(4 * languages * share + 1e-9)
    home = {title.original_language: title.director for title in titles}
    assert all(title.director == home[title.original_language] for title in titles)
    assert len(set(home.values())) == languages


def test_looks_tell_of_the_language_as_much_as_asked():
    """With strength s, a title's director is the one at home with probability s + (1 - s) / directors."""
    for strength in (0.0, 0.5, 0.9):
        rng = np.random.default_rng(1)
        hits = np.mean([sample_director(rng, 3, strength) == DIRECTORS[3] for _ in range(2000)])
        assert hits == pytest.approx(strength + (1 - strength) / len(DIRECTORS), abs=0.035)


def test_the_guides_example_runs(tmp_path, monkeypatch, capsys):
    guide = (Path(__file__).parents[2] / "docs" / "filmset.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", guide, re.DOTALL)[1]
    for asked, quick in (
        ("titles=100", "titles=1"),
        ("seed=1", "seed=1, seconds=4.0"),
        ("workers=2", "workers=1"),
    ):
        assert asked in example
        example = example.replace(asked, quick)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "filmset.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.startswith("films/title-0000.mkv 0 ")

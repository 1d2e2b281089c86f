"""Labels from a table: which clips get them, on titles new and old, and every fault one line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lssd.cli import main
from lssd.corpus import FINGERPRINT, Catalog, ClipSettings, IngestSettings, describe_corpus
from lssd.corpus.describe import LabelNumbers
from lssd.corpus.ingest import ingest
from lssd.corpus.labels import Label, read_labels, relabel
from lssd.corpus.schema import LabelRow, ShotRow
from lssd.corpus.verify import verify
from lssd.errors import InputError

HEADER = "path,start_s,end_s,name,value\n"


def given(labels: Path, **more: object) -> IngestSettings:
    return IngestSettings(labels=str(labels), workers=1, **more)  # type: ignore[arg-type]


def write(path: Path, *lines: str) -> Path:
    path.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def labels_of(catalog: Catalog) -> set[tuple[float, str, str]]:
    """(start of the clip in its film, name, value) of all labels but the fingerprints."""
    start_s = {row["shot_id"]: row["start_s"] for row in catalog.shots.to_pylist()}
    rows = [row for row in catalog.labels.to_pylist() if row["name"] != FINGERPRINT]
    assert len({tuple(row.values()) for row in rows}) == len(rows)
    return {(start_s[row["clip_id"]], row["name"], row["value"]) for row in rows}


def files(corpus: Path) -> dict[Path, int]:
    shards = (corpus / "shards").iterdir()
    return {path: path.stat().st_mtime_ns for path in (*shards, corpus / "catalog/manifest.json")}


def test_a_clip_gets_what_covers_more_than_half_of_it(tmp_path: Path, make_film) -> None:
    """Shots of 4, 2 and 5 s: the second is no clip; the third runs from 6 to 11 s."""
    make_film(tmp_path / "in/film.mkv", (4.0, 2.0, 5.0))
    table = write(
        tmp_path / "labels.csv",
        "in/film.mkv,0,4,scene,sea",
        "in/film.mkv,4,11,scene,cave",
        "in/film.mkv,,2,half,no",  # half of the first clip is not more than half
        "in/film.mkv,1.9,,late,yes",
        "in/film.mkv,8.6,8.7,short,yes",
        'in/film.mkv,,,mood,"calm, mostly"',
    )
    catalog = ingest([tmp_path / "in"], tmp_path / "c", given(table), quiet=True)
    assert labels_of(catalog) == {
        (0.0, "scene", "sea"),
        (6.0, "scene", "cave"),
        (0.0, "late", "yes"),
        (6.0, "late", "yes"),
        (0.0, "mood", "calm, mostly"),
        (6.0, "mood", "calm, mostly"),
    }
    shards = {path.name.split("-")[1] for path in (tmp_path / "c/shards").iterdir()}
    assert shards == {"1"}, "a new title is committed once, labels and all"
    found = describe_corpus(tmp_path / "c").labels
    assert found["scene"] == LabelNumbers(clips=2, values=2)
    assert found["mood"] == LabelNumbers(clips=2, values=1)


@pytest.mark.parametrize("named", ["film_de.mkv", "film_en.mkv"])
def test_any_file_of_a_title_may_be_named(tmp_path: Path, make_film, named: str) -> None:
    for language in ("de", "en"):
        make_film(tmp_path / f"in/film_{language}.mkv", (4.0, 3.5), (language,), roles=["unknown"])
    table = write(tmp_path / "labels.csv", f"in/{named},4,7.5,scene,sea")
    catalog = ingest([tmp_path / "in"], tmp_path / "c", given(table), quiet=True)
    assert catalog.titles.num_rows == 1
    assert labels_of(catalog) == {(4.0, "scene", "sea")}


def test_ready_made_clips_are_labelled_whole(tmp_path: Path, make_film) -> None:
    for seed, name in enumerate(("a", "b")):
        make_film(tmp_path / f"in/{name}.mkv", (3.0, 3.0), ("en", "de"), seed=seed)
    table = write(tmp_path / "labels.csv", "in/a.mkv,,,action,run", "in/b.mkv,0,3.1,action,sit")
    settings = given(table, clips=ClipSettings(detect=False))
    catalog = ingest([tmp_path / "in"], tmp_path / "c", settings, quiet=True)
    names = dict(zip(catalog.titles["title_id"].to_pylist(), catalog.titles["name"].to_pylist(), strict=True))
    rows = [row for row in catalog.labels.to_pylist() if row["name"] != FINGERPRINT]
    assert {(names[row["clip_id"].split("-")[0]], row["value"]) for row in rows} == {
        ("a", "run"),
        ("b", "sit"),
    }


def test_titles_that_stand_gain_and_change_labels_without_being_cut_again(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "in/film.mkv", (4.0, 3.5))
    before = ingest([film], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    assert labels_of(before) == set()
    shards = files(tmp_path / "c")
    table = write(tmp_path / "labels.csv", "in/film.mkv,,,mood,calm", "in/film.mkv,0,4,scene,sea")
    after = ingest([film], tmp_path / "c", given(table), quiet=True)
    first = {(0.0, "mood", "calm"), (4.0, "mood", "calm"), (0.0, "scene", "sea")}
    assert labels_of(after) == first
    assert before.members.to_pylist() == after.members.to_pylist()
    # The same again is nothing to do, and so is a run that says nothing of labels.
    state = files(tmp_path / "c")
    assert {path for path in state if state[path] != shards[path]} == {tmp_path / "c/catalog/manifest.json"}
    ingest([film], tmp_path / "c", given(table), quiet=True)
    ingest([film], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    assert files(tmp_path / "c") == state
    # A name that occurs is replaced on the whole title, other names stay.
    write(table, "in/film.mkv,4,8,scene,cave", "in/film.mkv,,,speakers,2")
    changed = ingest([film], tmp_path / "c", given(table), quiet=True)
    assert labels_of(changed) == {
        *((start_s, "mood", "calm") for start_s in (0.0, 4.0)),
        *((start_s, "speakers", "2") for start_s in (0.0, 4.0)),
        (4.0, "scene", "cave"),
    }
    prints = [row for row in changed.labels.to_pylist() if row["name"] == FINGERPRINT]
    assert prints == before.labels.to_pylist() and len(prints) == 2
    assert verify(tmp_path / "c", quiet=True).faults == ()


def test_labels_stay_when_a_title_gains_tracks(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "a/film.mkv", (4.0,), ("en", "de"))
    more = make_film(tmp_path / "b/film.mkv", (4.0,), ("fr",), roles=["dub"])
    table = write(tmp_path / "labels.csv", "a/film.mkv,,,scene,sea")
    before = ingest([tmp_path / "a"], tmp_path / "c", given(table), quiet=True)
    write(table, "b/film.mkv,,,mood,calm")
    after = ingest([more], tmp_path / "c", given(table), quiet=True)
    assert after.tracks.num_rows == 3
    assert labels_of(after) == {*labels_of(before), (0.0, "mood", "calm")}


_KILLED = """
import os, signal, sys
from lssd.corpus import IngestSettings
from lssd.corpus.ingest import ingest
import lssd.corpus.catalog as catalog
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[4] == "before":
    catalog.write_json = die
else:
    catalog.CatalogWriter._publish = die
ingest([sys.argv[1]], sys.argv[2], IngestSettings(labels=sys.argv[3], workers=1), quiet=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_the_switch_of_the_manifest(tmp_path: Path, make_film, moment: str) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,))
    before = ingest([film], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    table = write(tmp_path / "labels.csv", "film.mkv,,,scene,sea")
    command = [sys.executable, "-c", _KILLED, str(film), str(tmp_path / "c"), str(table), moment]
    assert subprocess.run(command, env=os.environ, check=False).returncode == -signal.SIGKILL
    half = Catalog.open(tmp_path / "c")
    assert labels_of(half) == ({(0.0, "scene", "sea")} if moment == "after" else set())
    assert half.members.to_pylist() == before.members.to_pylist()
    assert verify(tmp_path / "c", quiet=True).faults == ()
    again = ingest([film], tmp_path / "c", given(table), quiet=True)
    assert labels_of(again) == {(0.0, "scene", "sea")}
    assert again.members.to_pylist() == before.members.to_pylist()
    assert not (tmp_path / "c/.staging").exists()


def test_films_that_are_no_inputs_are_counted_in_a_warning(
    tmp_path: Path, make_film, caplog: pytest.LogCaptureFixture
) -> None:
    make_film(tmp_path / "in/film.mkv", (4.0,))
    table = write(tmp_path / "l.csv", "in/film.mkv,,,a,b", "in/other.mkv,,,a,b", "x.mkv,,,a,b", "x.mkv,,,a,c")
    ingest([tmp_path / "in"], tmp_path / "c", given(table))
    told = caplog.messages[:]
    caplog.clear()
    assert len(told) == 1 and "names 2 films that are neither given nor in the corpus" in told[0]
    # A film of the corpus is no stranger, though it is not given this time.
    other = make_film(tmp_path / "in2/film.mkv", (4.0,), seed=1)
    write(table, "in/film.mkv,,,a,c")
    catalog = ingest([other], tmp_path / "c", given(table))
    assert labels_of(catalog) == {(0.0, "a", "c")}
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,name,value,colour\n", "unknown column 'colour'"),
        ("path,start_s,end_s,name\n", "no column 'value'"),
        (HEADER + "f.mkv,a,,scene,sea\n", "line 2: start_s must be a number of seconds, not 'a'"),
        (HEADER + "f.mkv,0,nan,scene,sea\n", "end_s must be a number"),
        (HEADER + "f.mkv,0,3,scene,sea\nf.mkv,5,4,scene,sea\n", "line 3: times must rise from 0, not from 5"),
        (HEADER + "f.mkv,-1,4,scene,sea\n", "times must rise from 0"),
        (HEADER + "f.mkv,4,4,scene,sea\n", "times must rise from 0"),
        (HEADER + "f.mkv,,,scene,\n", "line 2: the column 'value' is empty"),
        (HEADER + "f.mkv,,,,sea\n", "the column 'name' is empty"),
        (HEADER + "f.mkv,,\n", "the column 'name' is empty"),
        (HEADER + "f.mkv,,,scene,sea,more\n", "line 2: it does not have one value a column"),
        (HEADER + "f\0.mkv,,,scene,sea\n", "line 2|not readable"),
        (HEADER + "f.mkv,,,fingerprint,00\n", "ingest itself gives the label 'fingerprint'"),
        (None, "no such labels table"),
    ],
)
def test_a_wrong_labels_table_is_one_line(tmp_path: Path, make_film, text: str | None, words: str) -> None:
    film = tmp_path / "f.mkv"
    film.write_bytes(b"")  # the table is read before any film
    if text is not None:
        (tmp_path / "l.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words) as caught:
        ingest([film], tmp_path / "c", given(tmp_path / "l.csv"), quiet=True)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_times_may_be_left_out_and_names_may_have_spaces(tmp_path: Path) -> None:
    table = tmp_path / "l.csv"
    table.write_text("value,name,path\n ice cream , food ,sub/../f.mkv\n", encoding="utf-8-sig")
    assert read_labels(table) == {(tmp_path / "f.mkv").resolve(): (Label("food", "ice cream"),)}


def test_overlapping_labels_of_one_name_are_both_given_once() -> None:
    shots = [ShotRow("t-1", "t", 0.0, 4.0, 0, 100, True, None)]
    labels = [Label("k", "b", 0, 3), Label("k", "a", 1, 4), Label("k", "b", 0, 4)]
    rows = relabel([LabelRow("t-1", "k", "old")], shots, labels)
    assert [row.value for row in rows] == ["a", "b"]


def test_the_command_line_takes_a_labels_table(
    tmp_path: Path, make_film, capsys: pytest.CaptureFixture[str]
) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,))
    table = write(tmp_path / "labels.csv", "film.mkv,,,scene,sea")
    words = ["ingest", str(film), "--out", str(tmp_path / "c"), "--labels", str(table), "--quiet"]
    assert main([*words, "--workers", "1"]) == 0
    assert json.dumps(sorted(labels_of(Catalog.open(tmp_path / "c")))) == '[[0.0, "scene", "sea"]]'
    write(table, "film.mkv,1,0,scene,sea")
    assert main([*words, "--workers", "1"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1

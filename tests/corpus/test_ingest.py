"""Ingest: what is kept and why, resumed without repeating, and every fault one line."""

import errno
import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import pytest

from lssd.corpus import Catalog, ClipSettings, IngestSettings, Member, Plan, cut, describe_corpus, rows_of
from lssd.corpus import ingest as ingestion
from lssd.corpus.ingest import ingest
from lssd.corpus.verify import verify
from lssd.engine import TimeLimit
from lssd.errors import CorpusError, InputError, MediaError, StorageError
from lssd.media import iterate_frames, read_sound
from lssd.store import lock
from lssd.views import ClipIndex, Selection

ONE = IngestSettings(workers=1, time_limit=None)  # in this process, where patches are seen
TABLES = ("titles", "tracks", "shots", "clips", "members")


def rows(catalog: Catalog, table: str, leave_out: tuple[str, ...] = ()) -> list[dict]:
    found = getattr(catalog, table).to_pylist()
    return sorted(
        [{key: value for key, value in row.items() if key not in leave_out} for row in found],
        key=lambda row: json.dumps(row, sort_keys=True),
    )


def test_shots_tracks_and_clips_of_a_film(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 2.0, 5.0), ("en", "de"))
    catalog = ingest([film], tmp_path / "c", ONE, quiet=True)
    assert isinstance(catalog, Catalog)
    shots = [(row["start_frame"], row["end_frame"], row["reason"]) for row in catalog.shots.to_pylist()]
    assert shots == [(0, 100, None), (100, 150, "shorter than 3 s"), (150, 275, None)]
    assert [(row["language"], row["role"]) for row in catalog.tracks.to_pylist()] == [
        ("en", "original"),
        ("de", "dub"),
    ]
    assert [row["duration_s"] for row in catalog.clips.to_pylist()] == [4.0, 5.0]
    assert verify(tmp_path / "c", quiet=True).faults == ()


def test_members_hold_the_films_own_picture_and_sound(tmp_path: Path, make_film) -> None:
    fps = Fraction(24000, 1001)
    film = make_film(tmp_path / "film.mkv", (4.0, 4.0), ("en", "de"), fps=fps)
    catalog = ingest([film], tmp_path / "c", ONE, quiet=True)
    second = catalog.shots.to_pylist()[1]
    start_s, end_s = second["start_s"], second["end_s"]
    members = [row for row in rows_of(Member, catalog.members) if row.clip_id == second["shot_id"]]
    picture = next(row for row in members if row.kind == "picture")
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(catalog.read(picture))
    source = [frame.image.astype(int) for frame in iterate_frames(film)]
    stored = [frame.image.astype(int) for frame in iterate_frames(clip)]
    assert len(stored) == int((end_s - start_s) * 25 + 1e-6)
    for index in range(0, len(stored), 7):
        # The frame shown at that time, by exact rational arithmetic.
        shown = int((second["start_frame"] / fps + Fraction(index, 25)) * fps)
        assert np.abs(stored[index] - source[shown]).mean() < 6
    for row in members:
        if row.kind == "sound":
            track = {"en": 0, "de": 1}[row.language]
            expected = read_sound(film, track, start_s, end_s - start_s)
            found = read_sound(catalog.read(row))
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() < 2 / 32768


def test_catalog_is_plain_parquet_and_shards_plain_tar(corpus: Path) -> None:
    catalog = Catalog.open(corpus)
    for table in TABLES:
        count = duckdb.sql(f"select count(*) from '{corpus}/catalog/{table}/*.parquet'").fetchall()
        assert count == [(getattr(catalog, table).num_rows,)]
    member = catalog.members.to_pylist()[0]
    listing = subprocess.run(
        ["tar", "tf", str(corpus / "shards" / member["shard"])], capture_output=True, text=True, check=True
    )
    names = listing.stdout.split()
    assert f"{member['clip_id']}.mp4" in names
    assert all(name == name.lower() for name in names)
    assert len({name.split("-")[0] for name in names}) == 1  # one title a shard


def test_same_picture_in_one_file_a_language_is_one_title(tmp_path: Path, make_film) -> None:
    for language in ("de", "en", "fr"):
        film = make_film(tmp_path / f"in/film_{language}.mkv", (4.0,), (language,), roles=["unknown"])
    settings = IngestSettings(original="eng", workers=1)
    catalog = ingest([tmp_path / "in"], tmp_path / "c", settings, quiet=True)
    assert catalog.titles.num_rows == 1
    assert {(row["language"], row["role"]) for row in catalog.tracks.to_pylist()} == {
        ("en", "original"),
        ("de", "dub"),
        ("fr", "dub"),
    }
    assert film.exists()


def test_a_title_gains_tracks_without_being_cut_again(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "a/film.mkv", (4.0, 3.5), ("en", "de"))
    more = make_film(tmp_path / "b/film.mkv", (4.0, 3.5), ("fr", "en"), roles=["original", "dub"])
    before = ingest([tmp_path / "a"], tmp_path / "c", ONE, quiet=True)
    after = ingest([tmp_path / "a", more], tmp_path / "c", ONE, quiet=True)
    old = {json.dumps(row, sort_keys=True) for row in before.members.to_pylist()}
    new = {json.dumps(row, sort_keys=True) for row in after.members.to_pylist()}
    assert old < new
    gained = [row for row in map(json.loads, new - old) if row["kind"] == "sound"]
    assert [row["language"] for row in gained] == ["fr", "fr"]
    # The newcomer calls itself the original; the title's own original stays.
    assert {(row["language"], row["role"], row["kept"]) for row in after.tracks.to_pylist()} == {
        ("en", "original", True),
        ("de", "dub", True),
        ("fr", "dub", True),
    }
    assert rows(before, "shots") == rows(after, "shots")
    assert verify(tmp_path / "c", quiet=True).faults == ()


def test_policy_for_commentary_and_second_tracks(tmp_path: Path, make_film) -> None:
    film = make_film(
        tmp_path / "film.mkv",
        (4.0,),
        ("en", "de", "en", "de"),
        roles=["original", "dub", "commentary", "dub"],
    )
    catalog = ingest([film], tmp_path / "c", ONE, quiet=True)
    reasons = [row["reason"] for row in catalog.tracks.to_pylist()]
    assert reasons[:2] == [None, None]
    assert reasons[2] == "the track is a commentary"
    assert "same sound as track 1" in reasons[3]


def test_running_again_does_nothing(corpus: Path) -> None:
    state = {
        path: path.stat().st_mtime_ns
        for path in corpus.rglob("*")
        if path.suffix in (".tar", ".parquet") and path.parent.name != "quarantine"
    }
    manifest = (corpus / "catalog/manifest.json").read_bytes()
    settings = IngestSettings(titles=str(corpus.parent / "titles.csv"), workers=1)
    ingest([corpus.parent / "films"], corpus, settings, quiet=True)
    assert (corpus / "catalog/manifest.json").read_bytes() == manifest
    for path, modified in state.items():
        assert path.stat().st_mtime_ns == modified


_KILLED = """
import os, signal, sys
from lssd.corpus import IngestSettings
from lssd.corpus.ingest import ingest
import lssd.corpus.ingest as room
real, count = room.cut_part, 0
def cut_then_die(task):
    global count
    count += 1
    if count == 2:
        import lssd.corpus.cut as cut
        inner = cut.encode_sound
        def die(*arguments):
            os.kill(os.getpid(), signal.SIGKILL)
        cut.encode_sound = die
    return real(task)
room.cut_part = cut_then_die
ingest([sys.argv[1]], sys.argv[2], IngestSettings(workers=1, time_limit=None), quiet=True)
"""


def test_killed_with_one_title_committed_and_one_in_progress(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "in/a.mkv", (4.0, 5.0), ("en", "de"), seed=1)
    make_film(tmp_path / "in/b.mkv", (4.0, 3.5), ("en", "de"), seed=2)
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "in"), str(tmp_path / "c")]
    killed = subprocess.run(command, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    half = Catalog.open(tmp_path / "c")
    assert half.titles.num_rows == 1
    assert list((tmp_path / "c/.staging").iterdir()), "the second title was in progress"
    shards = {path: path.stat().st_mtime_ns for path in (tmp_path / "c/shards").iterdir()}
    resumed = ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True)
    undisturbed = ingest([tmp_path / "in"], tmp_path / "whole", ONE, quiet=True)
    for path, modified in shards.items():
        assert path.stat().st_mtime_ns == modified, "a committed title was written again"
    for table in TABLES:
        assert rows(resumed, table) == rows(undisturbed, table)
    assert not (tmp_path / "c/.staging").exists()
    assert verify(tmp_path / "c", quiet=True).faults == ()


_KILLED_IN_COMMIT = """
import os, signal, sys
from lssd.corpus import IngestSettings
from lssd.corpus.ingest import ingest
from lssd.corpus.catalog import CatalogWriter
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
CatalogWriter._publish = die
ingest([sys.argv[1]], sys.argv[2], IngestSettings(workers=1, time_limit=None), quiet=True)
"""


def test_killed_between_the_manifest_and_the_move(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "in/a.mkv", (4.0,), ("en", "de"))
    command = [sys.executable, "-c", _KILLED_IN_COMMIT, str(tmp_path / "in"), str(tmp_path / "c")]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    # The manifest has it, so a reader has it, wherever its parts lie.
    assert Catalog.open(tmp_path / "c").titles.num_rows == 1
    assert verify(tmp_path / "c", quiet=True).faults == ()
    ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True)
    assert list((tmp_path / "c/shards").glob("*.tar"))
    assert verify(tmp_path / "c", quiet=True).faults == ()


def test_workers_make_the_same_catalog(corpus: Path, tmp_path: Path) -> None:
    settings = IngestSettings(titles=str(corpus.parent / "titles.csv"), workers=2)
    other = ingest([corpus.parent / "films"], tmp_path / "c", settings, quiet=True)
    for table in TABLES:
        assert rows(other, table) == rows(Catalog.open(corpus), table)


def test_a_broken_film_among_good_ones_is_quarantined(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "in/good.mkv", (4.0,), ("en", "de"))
    whole = make_film(tmp_path / "whole.mkv", (4.0, 4.0), ("en", "de"), seed=3).read_bytes()
    (tmp_path / "in/cut.mkv").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in/text.mkv").write_text("no film")
    (tmp_path / "in/empty.mp4").write_bytes(b"")
    catalog = ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True)
    assert catalog.titles.num_rows == 1
    reasons = {Path(row["path"]).name: row["reason"] for row in catalog.quarantine.to_pylist()}
    assert set(reasons) == {"cut.mkv", "text.mkv", "empty.mp4"}
    assert all("\n" not in reason for reason in reasons.values())
    # A run over other files forgets nothing.
    ingest(
        [tmp_path / "in/good.mkv"], tmp_path / "c", IngestSettings(retry_failed=True, workers=1), quiet=True
    )
    assert Catalog.open(tmp_path / "c").quarantine.num_rows == 3
    # Not tried again unasked; tried again, and mended, when asked.
    (tmp_path / "in/cut.mkv").write_bytes(whole)
    assert ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True).titles.num_rows == 1
    again = ingest(
        [tmp_path / "in"], tmp_path / "c", IngestSettings(retry_failed=True, workers=1), quiet=True
    )
    assert again.titles.num_rows == 2
    assert {Path(row["path"]).name for row in again.quarantine.to_pylist()} == {"text.mkv", "empty.mp4"}


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        (("en",), ["one language only", "--single-language"]),
        ((), ["no sound track"]),
        (("en", None), ["track 1 of", "no language tag", "--titles"]),
    ],
)
def test_faults_of_a_single_film_are_one_line_and_leave_nothing(
    tmp_path: Path, make_film, languages: tuple, words: list[str]
) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), languages, roles=["unknown"] * len(languages))
    with pytest.raises(InputError) as caught:
        ingest([film], tmp_path / "c", ONE, quiet=True)
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_a_single_language_is_accepted_when_asked(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en",))
    settings = IngestSettings(single_language=True, workers=1)
    assert ingest([film], tmp_path / "c", settings, quiet=True).clips.num_rows == 1


def test_requests_that_are_wrong(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    with pytest.raises(InputError, match="no such file or folder"):
        ingest([tmp_path / "missing.mkv"], tmp_path / "c", quiet=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no films in folder"):
        ingest([tmp_path / "empty"], tmp_path / "c", quiet=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        ingest([film], tmp_path / "file" / "c", ONE, quiet=True)
    with pytest.raises(InputError, match="is no language"):
        ingest([film], tmp_path / "c", IngestSettings(original="x!"), quiet=True)
    (tmp_path / "t.csv").write_text("path,genere\n", encoding="utf-8")
    with pytest.raises(InputError, match="unknown column 'genere'"):
        ingest([film], tmp_path / "c", IngestSettings(titles=str(tmp_path / "t.csv")), quiet=True)
    assert not (tmp_path / "c").exists()
    with pytest.raises(CorpusError, match="not a corpus"):
        Catalog.open(tmp_path / "empty")


def test_titles_table_names_languages_genre_and_split(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "film.mkv", (4.0,), (None, None), roles=["unknown", "unknown"])
    table = tmp_path / "titles.csv"
    table.write_text("path,original_language,genre,split,languages\nfilm.mkv,fra,drama,valid,jpn fre\n")
    settings = IngestSettings(titles=str(table), workers=1)
    catalog = ingest([tmp_path / "film.mkv"], tmp_path / "c", settings, quiet=True)
    title = catalog.titles.to_pylist()[0]
    assert (title["original_language"], title["genre"], title["split"]) == ("fr", "drama", "valid")
    assert {row["language"]: row["role"] for row in catalog.tracks.to_pylist()} == {
        "ja": "dub",
        "fr": "original",
    }


def test_a_corrected_titles_table_changes_rows_and_no_ids(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    before = ingest([film], tmp_path / "c", ONE, quiet=True)
    table = tmp_path / "titles.csv"
    table.write_text("path,original_language,genre,split\nfilm.mkv,de,drama,test\n")
    settings = IngestSettings(titles=str(table), workers=1)
    after = ingest([film], tmp_path / "c", settings, quiet=True)
    title = after.titles.to_pylist()[0]
    assert (title["original_language"], title["genre"], title["split"]) == ("de", "drama", "test")
    assert {row["language"]: row["role"] for row in after.tracks.to_pylist()} == {
        "en": "dub",
        "de": "original",
    }
    for name in ("shots", "clips", "members"):
        assert rows(before, name) == rows(after, name)
    manifest = (tmp_path / "c/catalog/manifest.json").read_bytes()
    ingest([film], tmp_path / "c", settings, quiet=True)
    assert (tmp_path / "c/catalog/manifest.json").read_bytes() == manifest
    table.write_text("path,original_language,split\nfilm.mkv,ja,test\n")
    kept = ingest([film], tmp_path / "c", settings, quiet=True)
    assert kept.titles["original_language"].to_pylist() == ["de"]
    assert verify(tmp_path / "c", quiet=True).faults == ()


def test_a_corpus_wants_a_folder_of_its_own(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "in/film.mkv", (4.0,), ("en", "de"))
    with pytest.raises(InputError, match="holds other files"):
        ingest(film, tmp_path / "in", ONE, quiet=True)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["film.mkv"]
    assert ingest(film, tmp_path / "c", ONE, quiet=True).titles.num_rows == 1
    with pytest.raises(InputError, match="workers"):
        ingest(film, tmp_path / "d", IngestSettings(workers=0), quiet=True)


def test_a_corpus_stores_all_its_clips_alike(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    ingest([film], tmp_path / "c", ONE, quiet=True)
    other = IngestSettings(clips=ClipSettings(short_side=32), workers=1)
    with pytest.raises(InputError, match="stores its clips with short_side 320"):
        ingest([film], tmp_path / "c", other, quiet=True)
    for wrong in ({"shortest_s": 12.0, "longest_s": 3.0}, {"short_side": 0}, {"keyframe_every": 0}):
        with pytest.raises(InputError, match="not"):
            ClipSettings(**wrong)


def test_the_same_film_twice_is_one_title_with_its_clips(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "in/film.mkv", (4.0, 4.0), ("en", "de"), roles=["unknown", "unknown"])
    (tmp_path / "in/copy.mkv").write_bytes(film.read_bytes())
    catalog = ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True)
    index = ClipIndex.read(catalog, Selection())
    assert (len(index.clips), index.dubbed) == (2, 2)


def test_a_newcomer_cannot_take_the_originals_place(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "a/film.mkv", (4.0,), ("en", "de"))
    more = make_film(tmp_path / "b/film.mkv", (4.0,), ("fr",), roles=["original"])
    ingest([tmp_path / "a"], tmp_path / "c", ONE, quiet=True)
    after = ingest([more], tmp_path / "c", IngestSettings(original="fr", workers=1), quiet=True)
    assert isinstance(after, Catalog)
    roles = {row["language"]: row["role"] for row in after.tracks.to_pylist()}
    assert roles == {"en": "original", "de": "dub", "fr": "dub"}


def test_a_corpus_of_another_format_is_left_alone(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    ingest([film], tmp_path / "c", ONE, quiet=True)
    manifest = tmp_path / "c/catalog/manifest.json"
    for text, words in (('{"format": 2, "titles": {}}', "format 2"), ("{", "damaged")):
        manifest.write_text(text)
        with pytest.raises(CorpusError, match=words):
            ingest([film], tmp_path / "c", ONE, quiet=True)
        assert manifest.read_text() == text
    with pytest.raises(CorpusError, match="not a corpus"):
        Catalog.open(film)
    with pytest.raises(CorpusError, match="no place that can be read"):
        Catalog.open("nowhere://x")


def test_verify_reports_a_damaged_table_as_a_fault(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    ingest([film], tmp_path / "c", ONE, quiet=True)
    next((tmp_path / "c/catalog/members").iterdir()).write_bytes(b"no parquet")
    assert "members" in verify(tmp_path / "c", quiet=True).faults[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"path,genre\nfilm.mkv,com\xe9die\n", "save it as UTF-8"),
        (b"genre,path\ndrama\n", "line 2"),
        (b"path\nfilm.mkv,more\n", "line 2"),
        (b"path,split\nfilm.mkv,dev\n", "split must be train, valid or test"),
        (b"path,original_language\nfilm.mkv,x!!\n", "is no language"),
    ],
)
def test_a_wrong_titles_table_is_one_line(tmp_path: Path, make_film, text: bytes, words: str) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    (tmp_path / "t.csv").write_bytes(text)
    with pytest.raises(InputError, match=words):
        ingest([film], tmp_path / "c", IngestSettings(titles=str(tmp_path / "t.csv")), quiet=True)
    assert not (tmp_path / "c").exists()


def test_dry_run_writes_nothing(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    plan = ingest([film], tmp_path / "c", ONE, dry_run=True, quiet=True)
    assert isinstance(plan, Plan)
    assert [title.speech_languages for title in plan.parts] == [["en", "de"]]
    assert not (tmp_path / "c").exists()


def test_ready_made_clips_are_not_cut(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "clip.mkv", (3.0, 3.0), ("en", "de"))
    settings = IngestSettings(clips=ClipSettings(detect=False), workers=1)
    catalog = ingest([film], tmp_path / "c", settings, quiet=True)
    assert [row["duration_s"] for row in catalog.clips.to_pylist()] == [6.0]


def test_verify_finds_a_changed_byte(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    catalog = ingest([film], tmp_path / "c", ONE, quiet=True)
    member = catalog.members.to_pylist()[1]
    shard = tmp_path / "c/shards" / member["shard"]
    data = bytearray(shard.read_bytes())
    data[member["offset"] + member["length"] // 2] ^= 1
    shard.write_bytes(data)
    verdict = verify(tmp_path / "c", quiet=True)
    assert len(verdict.faults) == 1
    assert member["clip_id"] in verdict.faults[0]
    shard.write_bytes(data[: member["offset"] + 10])
    assert any("shorter" in fault for fault in verify(tmp_path / "c", quiet=True).faults)


def test_description_counts(corpus: Path) -> None:
    found = describe_corpus(corpus)
    assert (found.titles, found.clips) == (6, 17)
    assert found.splits == {"test": 1, "train": 5}
    assert found.languages["en"].original_of == 6
    assert found.languages["fr"].clips == 15
    assert found.clips_by_language_count == {1: 2, 3: 15}


_INGEST = """
import sys
from lssd.corpus.ingest import ingest
from lssd.errors import InputError
try:
    ingest([sys.argv[1]], sys.argv[2], quiet=True)
except InputError as error:
    print(error)
"""


def test_a_second_writer_is_refused(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    with lock(tmp_path / "c"):
        command = [sys.executable, "-c", _INGEST, str(film), str(tmp_path / "c")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "in use by another" in done.stdout
    assert [path.name for path in (tmp_path / "c").iterdir()] == [".lock"]


def test_a_film_that_goes_away_costs_only_itself(
    tmp_path: Path, make_film, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_film(tmp_path / "in/stays.mkv", (4.0,), ("en", "de"), seed=1)
    gone = make_film(tmp_path / "in/goes.mkv", (4.0,), ("en", "de"), seed=2)
    real = ingestion._task

    def remove_then_plan(*arguments: object) -> object:
        gone.unlink(missing_ok=True)
        return real(*arguments)

    monkeypatch.setattr(ingestion, "_task", remove_then_plan)
    catalog = ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True)
    assert catalog.titles["name"].to_pylist() == ["stays"]
    assert "goes.mkv does not exist" in catalog.quarantine.to_pylist()[0]["reason"]


def test_a_full_disk_ends_the_run_and_keeps_what_is_committed(
    tmp_path: Path, make_film, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_film(tmp_path / "in/a.mkv", (4.0,), ("en", "de"), seed=1)
    make_film(tmp_path / "in/b.mkv", (4.0, 4.0), ("en", "de"), seed=2)
    real = cut.ShardWriter.add
    written = 0

    def add(self: cut.ShardWriter, *arguments: object) -> Member:
        nonlocal written
        written += 1
        if written > 9:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *arguments)

    monkeypatch.setattr(cut.ShardWriter, "add", add)
    with pytest.raises(StorageError, match="No space left"):
        ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True)
    assert Catalog.open(tmp_path / "c").titles["name"].to_pylist() == ["b"]
    monkeypatch.undo()
    assert ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True).titles.num_rows == 2


def test_a_film_that_went_away_is_its_own_fault_and_a_closed_folder_is_not(
    tmp_path: Path, make_film, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_film(tmp_path / "a.mkv", (4.0,), ("en", "de"))
    plan = ingest([film], tmp_path / "c", ONE, dry_run=True, quiet=True)
    assert isinstance(plan, Plan)
    task = cut.CutTask(plan.parts[0], str(tmp_path / "staging"), "s", ClipSettings())

    def closed(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="staging: Permission denied"):
        patch.setattr(cut.ShardWriter, "add", closed)
        cut.cut_part(task)
    film.unlink()
    with pytest.raises(MediaError, match="does not exist"):
        cut.cut_part(task)


_HOSTILE_CODEC = """
import os, signal, time
import lssd.corpus.cut as cut
real = cut.iterate_frames
def iterate_frames(path, *arguments, **named):
    if "hangs" in str(path):
        time.sleep(600)
    if "crashes" in str(path):
        os.kill(os.getpid(), signal.SIGSEGV)
    return real(path, *arguments, **named)
cut.iterate_frames = iterate_frames
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_film_on_which_a_codec_hangs_or_crashes_costs_itself_alone(
    tmp_path: Path, make_film, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    for seed, name in enumerate(("crashes", "good", "hangs")):
        make_film(tmp_path / f"in/{name}.mkv", (4.0,), ("en", "de"), seed=seed)
    # Loaded by every process that this one starts.
    (tmp_path / "startup").mkdir()
    (tmp_path / "startup/sitecustomize.py").write_text(_HOSTILE_CODEC)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "startup"), *sys.path]))
    limit = TimeLimit(base_s=20.0, per_s=0.0)
    settings = IngestSettings(workers=workers, time_limit=limit)
    catalog = ingest([tmp_path / "in"], tmp_path / "c", settings, quiet=True)
    assert catalog.titles["name"].to_pylist() == ["good"]
    reasons = {Path(row["path"]).stem: row["reason"] for row in catalog.quarantine.to_pylist()}
    assert "did not answer within 20 s" in reasons["hangs"]
    assert "died (signal SIGSEGV" in reasons["crashes"]
    assert verify(tmp_path / "c", quiet=True).faults == ()


def test_an_untagged_file_of_a_title_is_refused_alone_and_by_its_own_name(tmp_path: Path, make_film) -> None:
    for name, language in (("film_de", "de"), ("film_en", "en"), ("film", None), ("other", None)):
        make_film(tmp_path / f"in/{name}.mkv", (4.0,), (language,), roles=["unknown"])
    catalog = ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True)
    assert sorted(catalog.tracks["language"].to_pylist()) == ["de", "en"]
    refused = catalog.quarantine.to_pylist()
    assert {Path(row["path"]).name for row in refused} == {"film.mkv", "other.mkv"}
    assert all(row["path"] in row["reason"] for row in refused)


def test_every_reason_is_told_when_nothing_is_usable(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "in/silent.mkv", (4.0,), ())
    for name in ("a", "b", "c"):
        (tmp_path / f"in/{name}.mkv").write_bytes(b"")
    with pytest.raises(InputError, match=r"nothing usable: .*empty.* \(and 2 more\); .*no sound track"):
        ingest([tmp_path / "in"], tmp_path / "c", ONE, quiet=True)

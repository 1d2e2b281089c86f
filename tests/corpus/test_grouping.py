"""Clips of one film that were never one file: named by a table or a pattern, they are one title."""

import logging
from pathlib import Path

import pytest

from lssd.corpus import Catalog, ClipSettings, IngestSettings, Plan
from lssd.corpus.grouping import title_id_of
from lssd.corpus.ingest import ingest
from lssd.corpus.verify import verify
from lssd.errors import InputError
from lssd.views import ClipIndex, Selection, ViewSettings, read_groups, title_share
from lssd.views.batch_plan import GlobalBatch

CLIPS = ClipSettings(detect=False)
PATTERN = r"([a-z]+)_\d+_"


def how(**more: object) -> IngestSettings:
    return IngestSettings(clips=CLIPS, workers=1, time_limit=None, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory, make_film) -> Path:
    """Shots of two films, one file a shot and language: alpha_0 to alpha_3 and beta_0 to beta_1."""
    folder = tmp_path_factory.mktemp("shots") / "in"
    for seed, name in enumerate(["alpha_0", "alpha_1", "alpha_2", "alpha_3", "beta_0", "beta_1"]):
        for language in ("en", "de"):
            make_film(folder / f"{name}_{language}.mkv", (3.2,), (language,), seed, roles=["unknown"])
    return folder


@pytest.fixture(scope="module")
def grouped(shots: Path) -> Path:
    ingest([shots], shots.parent / "grouped", how(group=PATTERN, original="en"), quiet=True)
    return shots.parent / "grouped"


def table(folder: Path, text: str) -> str:
    path = folder / "titles.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def same(one: Catalog, other: Catalog) -> None:
    for name in ("titles", "tracks", "shots", "clips"):
        rows, others = (sorted(map(str, getattr(each, name).to_pylist())) for each in (one, other))
        assert rows == others


def test_a_pattern_groups_shots_into_their_films(shots: Path, grouped: Path) -> None:
    catalog = Catalog.open(grouped)
    titles = {row["name"]: row for row in catalog.titles.to_pylist()}
    assert {name: row["title_id"] for name, row in titles.items()} == {
        name: title_id_of(name) for name in ("alpha", "beta")
    }
    assert titles["alpha"]["duration_s"] == pytest.approx(4 * 3.2)
    assert {row["original_language"] for row in titles.values()} == {"en"}
    # Shots keep the ids that their own pictures give them.
    alone = ingest([shots], shots.parent / "alone", how(original="en"), quiet=True)
    assert isinstance(alone, Catalog)
    assert alone.titles.num_rows == 6
    assert set(alone.clips["clip_id"].to_pylist()) == set(catalog.clips["clip_id"].to_pylist())
    index = ClipIndex.read(catalog, Selection())
    assert sorted(len(clips) for clips in index.titles) == [2, 4]
    assert all(clip.original.language == "en" for clip in index.clips)
    assert [[dub.language for dub in clip.dubs] for clip in index.clips] == [["de"]] * 6
    assert verify(grouped, quiet=True).faults == ()


def test_batches_take_their_share_from_one_film(grouped: Path) -> None:
    """The share that is told is the one of batches that are read."""
    catalog = Catalog.open(grouped)
    index = ClipIndex.read(catalog, Selection())
    views = ViewSettings(batch_size=4, title_share=0.5, frames=2, size=16, short_side=(16, 20))
    told = title_share(index, views)
    assert (told.wanted, told.found, told.short, told.alone) == (2, 2.0, 0, 0.0)
    assert str(told) == "2 of a group's 4 clips on average, as asked (2)"
    batch = read_groups(GlobalBatch(index, views, 0, 0, 0), [0], catalog)
    counts = {title: batch.title_ids.count(title) for title in batch.title_ids}
    assert sorted(counts.values()) == [2, 2]
    assert batch.title_share() == 0.5
    more = title_share(index, ViewSettings(batch_size=6, title_share=0.5))
    assert (more.wanted, more.short) == (3, 1)
    assert str(more) == "3.33 of a group's 6 clips on average, 3 asked; 1 of 2 titles have fewer"


def test_without_names_every_shot_is_alone_and_it_is_said(shots: Path) -> None:
    catalog = ingest([shots], shots.parent / "each", how(original="en"), quiet=True)
    assert isinstance(catalog, Catalog)
    share = title_share(ClipIndex.read(catalog, Selection()), ViewSettings(batch_size=4, title_share=0.5))
    assert str(share) == (
        "1 of a group's 4 clips on average, 2 asked; 6 of 6 titles have fewer; 100% of clips are alone of "
        "their title"
    )


def test_again_nothing_is_done_and_later_clips_join_their_film(shots: Path, grouped: Path, tmp_path) -> None:
    first = sorted(shots.glob("alpha_[01]_*")) + sorted(shots.glob("beta_*"))
    settings = how(group=PATTERN, original="en")
    before = ingest(first, tmp_path / "c", settings, quiet=True)
    manifest = (tmp_path / "c/catalog/manifest.json").read_bytes()
    shards = {path: path.stat().st_mtime_ns for path in (tmp_path / "c/shards").iterdir()}
    same(before, ingest(first, tmp_path / "c", settings, quiet=True))
    assert (tmp_path / "c/catalog/manifest.json").read_bytes() == manifest
    after = ingest([shots], tmp_path / "c", settings, quiet=True)
    same(after, Catalog.open(grouped))
    assert all(path.stat().st_mtime_ns == modified for path, modified in shards.items())
    assert verify(tmp_path / "c", quiet=True).faults == ()


def test_a_dub_that_comes_later_joins_its_shot_also_without_a_name(shots: Path, tmp_path, make_film) -> None:
    settings = how(group=PATTERN, original="en")
    ingest(sorted(shots.glob("alpha_*")), tmp_path / "c", settings, quiet=True)
    late = make_film(tmp_path / "late_fr.mkv", (3.2,), ("fr",), 2, roles=["unknown"])
    catalog = ingest([late], tmp_path / "c", how(), quiet=True)
    clips = ClipIndex.read(catalog, Selection()).titles[0]
    assert sorted([dub.language for dub in clip.dubs] for clip in clips) == [["de"]] * 3 + [["de", "fr"]]
    assert catalog.titles["name"].to_pylist() == ["alpha"]
    assert verify(tmp_path / "c", quiet=True).faults == ()


def test_a_table_names_titles_and_their_splits_by_one_row_each(shots: Path, tmp_path: Path) -> None:
    rows = "".join(f"{path},{path.name.split('_')[0]},\n" for path in sorted(shots.glob("*_en.mkv")))
    titles = table(tmp_path, "path,title,split\n" + rows.replace("beta,\n", "beta,test\n", 1))
    catalog = ingest([shots], tmp_path / "c", how(titles=titles, original="en"), quiet=True)
    assert {row["name"]: row["split"] for row in catalog.titles.to_pylist()} == {
        "alpha": "train",
        "beta": "test",
    }
    # The dubs have no row: they are of the title that their picture is of.
    assert {row["language"] for row in catalog.tracks.to_pylist()} == {"en", "de"}
    assert len(ClipIndex.read(catalog, Selection(splits=("test",))).clips) == 2


def test_the_same_sound_in_two_shots_has_a_role_in_each(tmp_path: Path, make_film) -> None:
    """Both shots have one English sound; in the second one it is the dub of a German original."""
    make_film(tmp_path / "in/f_0.mkv", (3.2,), ("en", "de"), seed=1)
    one = make_film(tmp_path / "in/f_1.mkv", (3.2,), ("de", "en"), seed=2)
    film = make_film(tmp_path / "other.mkv", (3.2,), ("en", "de"), seed=1)
    assert film.read_bytes() and one.exists()
    catalog = ingest([tmp_path / "in"], tmp_path / "c", how(group=r"(f)_"), quiet=True)
    found = [
        (clip.original.language, clip.dubs[0].language) for clip in ClipIndex.read(catalog, Selection()).clips
    ]
    assert sorted(found) == [("de", "en"), ("en", "de")]
    assert len(set(catalog.tracks["track_id"].to_pylist())) == 4


def test_labels_of_a_shot_are_its_own(shots: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(
        f"path,name,value\n{shots}/alpha_0_en.mkv,scene,street\n{shots}/alpha_1_en.mkv,scene,hall\n"
    )
    settings = how(group=PATTERN, original="en")
    first = ingest(
        sorted(shots.glob("alpha_*")), tmp_path / "c", how(group=PATTERN, labels=str(labels)), quiet=True
    )
    found = {row["clip_id"]: row["value"] for row in first.labels.to_pylist() if row["name"] == "scene"}
    assert sorted(found.values()) == ["hall", "street"]
    labels.write_text(f"path,name,value\n{shots}/alpha_0_en.mkv,scene,park\n")
    again = ingest(
        sorted(shots.glob("alpha_*")), tmp_path / "c", how(group=PATTERN, labels=str(labels)), quiet=True
    )
    after = {row["clip_id"]: row["value"] for row in again.labels.to_pylist() if row["name"] == "scene"}
    assert sorted(after.values()) == ["hall", "park"] and set(after) == set(found)
    assert settings.group == PATTERN


def test_a_shot_that_fails_costs_its_film_that_shot_alone(shots: Path, tmp_path: Path, monkeypatch) -> None:
    from lssd.corpus import ingest as room
    from lssd.errors import MediaError

    real = room.cut_part

    def cut(task):
        found = real(task)  # its shard is staged already
        if "alpha_2" in task.part.paths[0]:
            raise MediaError("broken in the middle")
        return found

    monkeypatch.setattr(room, "cut_part", cut)
    catalog = ingest([shots], tmp_path / "c", how(group=PATTERN, original="en"), quiet=True)
    assert sorted(len(clips) for clips in ClipIndex.read(catalog, Selection()).titles) == [2, 3]
    assert {Path(row["path"]).name for row in catalog.quarantine.to_pylist()} == {
        "alpha_2_de.mkv",
        "alpha_2_en.mkv",
    }
    named = {row["shard"] for row in catalog.members.to_pylist()}
    assert {path.name for path in (tmp_path / "c/shards").iterdir()} == named
    monkeypatch.undo()
    whole = ingest([shots], tmp_path / "c", how(group=PATTERN, original="en", retry_failed=True), quiet=True)
    assert sorted(len(clips) for clips in ClipIndex.read(whole, Selection()).titles) == [2, 4]
    assert verify(tmp_path / "c", quiet=True).faults == ()


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("gamma_(.*)", "finds a title in none of 12 file names, such as alpha_0_de.mkv"),
        (r"\w+_\d+", "has 0 groups in round brackets"),
        (r"(\w+)_(\d+)", "has 2 groups in round brackets"),
        ("(", "is no regular expression"),
    ],
)
def test_a_pattern_that_is_of_no_use_is_one_line(
    shots: Path, tmp_path: Path, pattern: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        ingest([shots], tmp_path / "c", how(group=pattern), quiet=True)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_what_contradicts_itself_is_one_line(shots: Path, grouped: Path, tmp_path: Path) -> None:
    two = table(tmp_path, f"path,split\n{shots}/alpha_0_en.mkv,train\n{shots}/alpha_1_en.mkv,test\n")
    with pytest.raises(InputError, match=r"alpha_1_en.mkv: split is 'test', but of the same title .*'train'"):
        ingest([shots], tmp_path / "c", how(group=PATTERN, titles=two), quiet=True)
    named = table(
        tmp_path, f"path,title,genre\n{shots}/alpha_0_en.mkv,A,war\n{shots}/alpha_1_en.mkv,A,noir\n"
    )
    with pytest.raises(
        InputError, match=r"line 3: genre is 'noir', but of the same title .*line 2 says 'war'"
    ):
        ingest([shots], tmp_path / "c", how(titles=named), quiet=True)
    before = (grouped / "catalog/manifest.json").read_bytes()
    with pytest.raises(InputError, match=r"8 films stand in .* under another title .* a new folder"):
        ingest(sorted(shots.glob("alpha*")), grouped, how(group=r"(alph)"), quiet=True)
    assert (grouped / "catalog/manifest.json").read_bytes() == before


def test_one_picture_under_two_names_is_told_of_the_later_one(shots: Path, tmp_path: Path) -> None:
    titles = table(tmp_path, f"path,title\n{shots}/alpha_0_de.mkv,A\n{shots}/alpha_0_en.mkv,B\n")
    plan = ingest(sorted(shots.glob("alpha_*")), tmp_path / "c", how(titles=titles), dry_run=True, quiet=True)
    assert isinstance(plan, Plan)
    (refused,) = plan.failures
    assert refused.path.endswith("alpha_0_en.mkv") and refused.stage == "title"
    assert "is given the title 'B', but its picture stands in" in refused.reason


def test_names_that_the_pattern_does_not_match_are_counted(
    shots: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        plan = ingest([shots], tmp_path / "c", how(group=r"(beta)", original="en"), dry_run=True)
    assert "finds no title in 8 of 12 file names, first alpha_0_de.mkv" in caplog.text
    assert isinstance(plan, Plan)
    assert len({part.title_id for part in plan.parts}) == 5


def test_quarantined_files_count_among_those_that_the_pattern_matches(tmp_path: Path, make_film) -> None:
    make_film(tmp_path / "in/other.mkv", (3.2,), ("en", "de"))
    (tmp_path / "in/alpha_0_.mkv").write_bytes(b"no film")
    first, again = (ingest([tmp_path / "in"], tmp_path / "c", how(group=PATTERN), quiet=True) for _ in "12")
    same(first, again)


def test_a_table_without_a_split_leaves_the_splits_of_standing_titles(tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0,), ("en", "de"))
    ingest([film], tmp_path / "c", how(titles=table(tmp_path, "path,split\nfilm.mkv,test\n")), quiet=True)
    for text in ("path,genre\nfilm.mkv,drama\n", "path,genre,split\nfilm.mkv,noir,\n"):
        after = ingest([film], tmp_path / "c", how(titles=table(tmp_path, text)), quiet=True)
        assert after.titles["split"].to_pylist() == ["test"]
    assert after.titles["genre"].to_pylist() == ["noir"]
    moved = ingest(
        [film], tmp_path / "c", how(titles=table(tmp_path, "path,split\nfilm.mkv,train\n")), quiet=True
    )
    assert moved.titles["split"].to_pylist() == ["train"]

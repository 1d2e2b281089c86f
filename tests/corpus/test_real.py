"""Ingest on real films: a television clip in five languages, and shots of real films in six."""

import json
from pathlib import Path

import pytest
from tests.conftest import REAL

from lssd.corpus import Catalog, ClipSettings, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.media import probe
from lssd.views import ClipIndex, Selection, ViewSettings, read_groups, title_share
from lssd.views.batch_plan import GlobalBatch

pytestmark = pytest.mark.slow

EPISODE = REAL / "angel_one" / "angel_one_5lang_480p.mkv"
SHOTS = REAL / "paper_clips"


@pytest.mark.skipif(not EPISODE.exists(), reason="the television clip is not here")
def test_a_television_clip_in_five_languages(tmp_path: Path) -> None:
    assert [track.language for track in probe(EPISODE).tracks] == ["en", "de", "fr", "it", "es"]
    catalog = ingest([EPISODE], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    assert isinstance(catalog, Catalog)
    truth = json.loads((EPISODE.parent / "cuts_handchecked.json").read_text())
    shots = catalog.shots.to_pylist()
    cuts = [row["start_frame"] for row in shots[1:]]
    assert len(cuts) == len(truth["hard_cuts_first_frame_of_new_shot"])
    for found, checked in zip(cuts, truth["hard_cuts_first_frame_of_new_shot"], strict=True):
        assert abs(found - checked) <= 1
    durations = [round(row["duration_s"], 2) for row in catalog.clips.to_pylist()]
    assert durations == [11.76, 5.68, 4.0, 4.84, 3.04]
    rejected = [row["reason"] for row in shots if not row["kept"]]
    assert len(rejected) == 6
    assert set(rejected) == {"longer than 12 s", "shorter than 3 s"}
    clips = ClipIndex.read(catalog, Selection()).clips
    assert [[dub.language for dub in clip.dubs] for clip in clips] == [["de", "es", "fr", "it"]] * 5


@pytest.mark.skipif(not SHOTS.exists(), reason="the shots of real films are not here")
def test_one_file_a_language_becomes_titles_by_identical_pictures(tmp_path: Path) -> None:
    settings = IngestSettings(original="en", workers=1)
    catalog = ingest([SHOTS], tmp_path / "c", settings, quiet=True)
    assert isinstance(catalog, Catalog)
    assert catalog.titles.num_rows == 14
    spoken: dict[str, set[str]] = {}
    for row in catalog.tracks.to_pylist():
        spoken.setdefault(row["title_id"], set()).add(row["language"])
        # Files of one title are of one shot, as their names say.
        assert row["role"] == ("original" if row["language"] == "en" else "dub")
    assert list(spoken.values()) == [{"de", "en", "es", "fr", "it", "ja"}] * 14
    assert set(catalog.titles["original_language"].to_pylist()) == {"en"}
    names: dict[str, set[str]] = {}
    for row in catalog.tracks.to_pylist():
        names.setdefault(row["title_id"], set()).add(Path(row["path"]).stem.rsplit("_", 1)[0])
    assert all(len(found) == 1 for found in names.values())


@pytest.mark.skipif(not SHOTS.exists(), reason="the shots of real films are not here")
def test_shots_of_real_films_are_grouped_into_them_by_their_names(tmp_path: Path) -> None:
    whole = ClipSettings(detect=False, shortest_s=1.5)
    how = IngestSettings(clips=whole, group=r"(\d+)_\d+_", original="en", workers=1)
    catalog = ingest([SHOTS], tmp_path / "c", how, quiet=True)
    assert isinstance(catalog, Catalog)
    index = ClipIndex.read(catalog, Selection())
    names = {row["title_id"]: row["name"] for row in catalog.titles.to_pylist()}
    clips = {names[clip.title_id]: 0 for clip in index.clips}
    for clip in index.clips:
        clips[names[clip.title_id]] += 1
        assert [dub.language for dub in clip.dubs] == ["de", "es", "fr", "it", "ja"]
    assert clips == {"80114859": 6, "80145138": 4, "81056348": 4}
    # Groups of 8 with half of one film: the share of batches that are read.
    views = ViewSettings(batch_size=8, title_share=0.5, frames=2, size=32, short_side=(32, 40))
    assert (title_share(index, views).found, title_share(index, views).met) == (4.0, True)
    batch = read_groups(GlobalBatch(index, views, 0, 0, 0), [0], catalog)
    assert sorted(batch.title_ids.count(title) for title in set(batch.title_ids)) == [4, 4]
    assert batch.title_share() == 0.5

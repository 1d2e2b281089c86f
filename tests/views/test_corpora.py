"""Several corpora as one: clips counted once, weights kept, one corpus as ever."""

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.corpus import Catalog, IngestSettings, LostShardError
from lssd.corpus.ingest import ingest
from lssd.errors import CorpusError, InputError
from lssd.views import ClipIndex, Corpora, GlobalBatch, Selection, ViewSettings, check_weights, read_groups
from lssd.views.corpora import Shards, join

SMALL = ViewSettings(batch_size=6, frames=2, size=16, short_side=(16, 20))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, make_film) -> Path:
    """A corpus of four titles: one that the first corpus trains on, one that it holds out, two of its own."""
    root = tmp_path_factory.mktemp("other")
    for seed in (0, 4, 7, 8):
        languages = ("en", "ja") if seed > 4 else ("en", "de", "fr")
        make_film(root / f"films/t{seed}.mkv", (3.2, 4.0, 3.6), languages, seed=seed)
    (root / "titles.csv").write_text("path,split\nfilms/t8.mkv,valid\n", encoding="utf-8")
    settings = IngestSettings(titles=str(root / "titles.csv"), workers=1)
    ingest([root / "films"], root / "corpus", settings, quiet=True)
    return root / "corpus"


def entries(index: ClipIndex) -> dict[str, object]:
    return {clip.clip_id: clip for clip in index.clips}


def test_one_corpus_is_as_ever(corpus: Path, index: ClipIndex) -> None:
    found = ClipIndex.read_all(Corpora([corpus]), Selection(), held_out=("valid", "test"))
    assert found == index and found.digest() == index.digest()


def test_titles_count_once_and_held_out_ones_do_not_train(
    corpus: Path, other: Path, index: ClipIndex, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lssd"):
        both = ClipIndex.read_all(Corpora([corpus, other]), Selection(), held_out=("valid", "test"))
    second = ClipIndex.read(Catalog.open(other), Selection())
    assert both.title_starts == (0, 5, 6) and len(second.titles) == 3
    known = entries(index)
    held_out = {
        clip.title_id for clip in ClipIndex.read(Catalog.open(corpus), Selection(splits=("test",))).clips
    }
    expected = {
        clip.clip_id for clip in second.clips if clip.clip_id not in known and clip.title_id not in held_out
    }
    assert set(entries(both)) == set(known) | expected and len(expected) == 3
    assert both.clip_count == 17 and both.languages == {"en", "de", "fr", "ja"}
    for clip_id, entry in entries(both).items():
        source, number = (index, 0) if clip_id in known else (second, 1)
        own = entries(source)[clip_id]
        assert [replace_shard(m, number) for m in own.members] == list(entry.members)
        assert (own.title_id, own.duration_s, own.dubs != ()) == (
            entry.title_id,
            entry.duration_s,
            entry.dubs != (),
        )
    words = [record.getMessage() for record in caplog.records]
    assert len(words) == 2
    assert words[0].startswith(f"{other}: 1 title left out, since a corpus before it has them; the first is ")
    assert words[1].startswith(
        f"{other}: 1 title left out, since another corpus holds them out; the first is "
    )
    assert len({clip.duplicates for clip in both.clips}) == 17


def replace_shard(member, number: int):
    return member._replace(shard=f"{number}/{member.shard}")


def test_the_bytes_of_both_are_read(corpus: Path, other: Path) -> None:
    both = ClipIndex.read_all(Corpora([corpus, other]), Selection(), held_out=("test",))
    shards = both.open_shards()
    for clip in both.clips:
        number, _, shard = clip.picture.shard.partition("/")
        root = (corpus, other)[int(number)]
        assert shards.read(clip.picture) == Catalog.open(root).read(clip.picture._replace(shard=shard))
    batch = read_groups(GlobalBatch(both, SMALL, seed=0, epoch=0, step=0), range(1), shards)
    assert batch.frames_BWTCHW is not None and batch.frames_BWTCHW.shape[0] == 6 and not batch.replaced
    lost = both.clips[16].picture._replace(shard="1/nowhere-1-0.tar")
    with pytest.raises((LostShardError, CorpusError), match="nowhere"):
        shards.read(lost)


def test_batches_of_one_corpus_do_not_change(corpus: Path, index: ClipIndex) -> None:
    alone = ClipIndex.read_all(Corpora([corpus]), Selection())
    for settings in (SMALL, replace(SMALL, corpus_weights=(3.0,))):
        one, same = (
            read_groups(GlobalBatch(each, settings, seed=1, epoch=0, step=1), range(1), each.open_shards())
            for each in (index, alone)
        )
        reference = read_groups(
            GlobalBatch(index, SMALL, seed=1, epoch=0, step=1), range(1), index.open_shards()
        )
        assert one.clip_ids == same.clip_ids == reference.clip_ids
        assert torch.equal(one.waveform_BKCS, reference.waveform_BKCS)


@pytest.mark.parametrize("weights", [(1.0, 3.0), (5.0, 1.0)])
def test_titles_are_drawn_by_weight(make_index, weights: tuple[float, float]) -> None:
    """Of 40 and 200 titles, a batch takes few: shares are the weights', whatever the sizes."""
    index = replace(make_index([4] * 240), roots=("a", "b"), title_starts=(0, 40, 240))
    settings = ViewSettings(batch_size=16, title_share=0.125, corpus_weights=weights)
    drawn: Counter[bool] = Counter()
    firsts: Counter[str] = Counter()
    for step in range(400):
        plan = GlobalBatch(index, settings, seed=0, epoch=0, step=step).plan(0)
        titles = {item.clip.title_id for item in plan}
        assert len(titles) == 8 and len({item.clip.clip_id for item in plan}) == 16
        drawn.update(title >= "t040" for title in titles)
        firsts.update(titles)
    share = drawn[True] / drawn.total()
    assert share == pytest.approx(weights[1] / sum(weights), abs=0.04)
    counts = np.array([firsts[f"t{number:03d}"] for number in range(40)])
    assert counts.std() < 2 * np.sqrt(counts.mean())  # alike within a corpus


def test_a_corpus_that_is_used_up_leaves_the_rest_to_others(make_index) -> None:
    index = replace(make_index([2] * 12), roots=("a", "b"), title_starts=(0, 2, 12))
    settings = ViewSettings(batch_size=24, title_share=0.125, corpus_weights=(100.0, 1.0))
    plan = GlobalBatch(index, settings, seed=0, epoch=0, step=0).plan(0)
    assert len({item.clip.clip_id for item in plan}) == 24


def test_wrong_requests(corpus: Path, other: Path, index: ClipIndex, tmp_path: Path, make_index) -> None:
    with pytest.raises(InputError, match="is named twice"):
        Corpora([corpus, other, f"{corpus}/"])
    with pytest.raises(InputError, match="no corpus is named"):
        Shards([])
    with pytest.raises(CorpusError, match="not a corpus"):
        Corpora([corpus, tmp_path])
    with pytest.raises(ValueError, match="corpus_weights must be above 0"):
        ViewSettings(corpus_weights=(1.0, 0.0))
    with pytest.raises(InputError, match="2 weights for 1 corpora"):
        check_weights(index, ViewSettings(corpus_weights=(1.0, 2.0)))
    with pytest.raises(CorpusError, match=r"no clip for data.require_languages=\[ja\]"):
        ClipIndex.read_all(Corpora([corpus, other]), Selection(require_languages=("ja",)))
    found = ClipIndex.read_all(Corpora([corpus, other]), Selection(require_languages=("ja",)), every=False)
    assert found.title_starts == (0, 0, 1)
    same = make_index([3, 2]).columns
    with pytest.raises(CorpusError, match="held out in another"):
        join(
            Corpora([corpus, other]),
            [None, ClipIndex.read(Catalog.open(other), Selection(splits=("valid",))).columns],
            ("valid",),
        )
    assert same == make_index([3, 2]).columns

"""Clips that cannot be read are replaced by others; a lost shard, disk or film ends no run by itself."""

import dataclasses
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.corpus import Catalog, LostShardError, Member, ShardReader
from lssd.errors import CorpusError, MediaError
from lssd.views import (
    Batch,
    ClipEntry,
    ClipIndex,
    Decoder,
    GlobalBatch,
    Quadruplet,
    Selection,
    ViewSettings,
    read_groups,
)
from lssd.views import batch as batches
from lssd.views.decoding import Instance
from lssd.views.instance import DRAWS, make_quadruplet

SETTINGS = ViewSettings(batch_size=6, frames=5, size=32, short_side=(32, 40))
Breaker = Callable[..., tuple[Catalog, ClipIndex]]


@pytest.fixture
def broken(corpus: Path, tmp_path: Path) -> Breaker:
    """A copy of the corpus in which the pictures of these clips are overwritten by noise."""

    shutil.copytree(corpus, tmp_path / "c")

    def damage(clips: Iterable[ClipEntry]) -> tuple[Catalog, ClipIndex]:
        for clip in clips:
            with (tmp_path / "c/shards" / clip.picture.shard).open("r+b") as shard:
                shard.seek(clip.picture.offset)
                shard.write(np.random.default_rng(0).bytes(clip.picture.length))
        catalog = Catalog.open(tmp_path / "c")
        return catalog, ClipIndex.read(catalog, Selection())

    return damage


def test_a_broken_clip_is_replaced_by_one_of_its_title(index: ClipIndex, broken: Breaker) -> None:
    settings = dataclasses.replace(SETTINGS, batch_size=3, title_share=0.3)
    plan = GlobalBatch(index, settings, 0, 0, 0, 2).plan(1)
    # Of one title with clips to spare, the planned clip and the first to take its place.
    place = next(i for i, item in enumerate(plan) if item.clip.dubs)
    planned = plan[place].clip
    first, *others = GlobalBatch(index, settings, 0, 0, 0, 2).substitutes(1, place)
    assert first.clip.title_id == others[0].clip.title_id == planned.title_id
    catalog, damaged = broken([planned, first.clip])
    decoder = Decoder(settings, catalog)
    with pytest.raises(MediaError):
        decoder.read(plan[place])
    drawn = GlobalBatch(damaged, settings, 0, 0, 0, 2)
    batch = read_groups(drawn, [1], catalog)
    assert batch.clip_ids[place] == others[0].clip.clip_id
    assert [(change.clip_id, change.by) for change in batch.replaced] == [
        (planned.clip_id, others[0].clip.clip_id),
        (first.clip.clip_id, others[0].clip.clip_id),
    ]
    assert all(change.reason and "\n" not in change.reason for change in batch.replaced)
    assert batch.frames_BWTCHW is not None
    for number, item in enumerate(plan):
        if number != place:
            assert torch.equal(batch.frames_BWTCHW[number], decoder.read(item).frames_WTCHW)
    # The groups together are the groups one by one, and no clip occurs twice.
    both, zeroth = read_groups(drawn, range(2), catalog), read_groups(drawn, [0], catalog)
    assert both.clip_ids == (*zeroth.clip_ids, *batch.clip_ids)
    assert len(set(both.clip_ids)) == 6
    assert both.replaced == (*zeroth.replaced, *batch.replaced)
    assert torch.equal(both.frames_BWTCHW, torch.cat([zeroth.frames_BWTCHW, batch.frames_BWTCHW]))


class Spy(ShardReader):
    """Notes which shards are read from."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.asked: list[str] = []

    def read(self, member: Member) -> bytes:
        self.asked.append(member.shard)
        return super().read(member)


@pytest.fixture
def long_title(corpus: Path, index: ClipIndex, tmp_path: Path) -> tuple[Path, ClipIndex]:
    """The shard of the first title in a copy of the corpus, and an index of that in which the title has
    14 clips, and each of the others twice its own, under other ids."""
    root = Path(shutil.copytree(corpus, tmp_path / "long"))
    first = index.titles[0][0]
    assert len({member.shard for member in first.members}) == 1
    clips = [dataclasses.replace(first, clip_id=f"{first.title_id}-{number:02d}") for number in range(14)]
    twice = [
        [dataclasses.replace(clip, clip_id=clip.clip_id + mark) for clip in title for mark in ("a", "b")]
        for title in index.titles[1:]
    ]
    return root / "shards" / first.picture.shard, ClipIndex.of(str(root), [clips, *twice])


def assert_sound(batch: Batch, drawn: GlobalBatch, group: int = 0) -> None:
    """Planned clips in their places, but for the replaced ones; the others are of no clip twice."""
    planned = [item.clip.clip_id for item in drawn.plan(group)]
    assert len({*batch.clip_ids}) == len(batch.clip_ids) == len(planned)
    by = {change.clip_id: change.by for change in batch.replaced}
    assert len(by) == len(batch.replaced)
    assert [by.get(clip_id, clip_id) for clip_id in planned] == [*batch.clip_ids]
    assert not {*by.values()} & {*planned}


@pytest.mark.parametrize(
    ("size", "words"), [(None, "cannot read shard"), (600, "is shorter than its catalog says")]
)
def test_a_lost_shard_ends_no_run(long_title: tuple[Path, ClipIndex], size: int | None, words: str) -> None:
    """However many clips its title has: none of them is tried as a substitute."""
    shard, index = long_title
    if size is None:
        shard.unlink()
    else:
        with shard.open("r+b") as file:
            file.truncate(size)
    spy, replaced = Spy(index.root), 0
    for step in range(12):
        drawn = GlobalBatch(index, SETTINGS, 0, 0, step)
        batch = read_groups(drawn, [0], spy)
        lost = [item.clip for item in drawn.plan(0) if item.clip.picture.shard == shard.name]
        assert [change.clip_id for change in batch.replaced] == [clip.clip_id for clip in lost]
        assert index.columns.title_ids[0] not in batch.title_ids
        assert_sound(batch, drawn)
        for change in batch.replaced:
            assert words in change.reason and shard.name in change.reason
            assert "lssd verify" not in change.reason and "\n" not in change.reason
        replaced += len(lost)
    assert replaced > 6
    assert spy.asked.count(shard.name) == replaced


def test_only_the_shards_that_an_instance_needs_count(corpus: Path, index: ClipIndex, tmp_path: Path) -> None:
    """Tracks that came later lie in shards of their own; here every member of a clip does."""
    root = Path(shutil.copytree(corpus, tmp_path / "c"))
    clip = next(clip for clip in index.clips if clip.dubs)

    def moved(member: Member) -> Member:
        shard = f"{member.kind}-{member.language}.tar"
        shutil.copy(root / "shards" / member.shard, root / "shards" / shard)
        return member._replace(shard=shard)

    dubs = tuple(moved(dub) for dub in clip.dubs)
    apart = dataclasses.replace(clip, picture=moved(clip.picture), original=moved(clip.original), dubs=dubs)
    cases: list[tuple[dict, set[str]]] = [
        ({"secondary": "original"}, {"picture-None.tar", "sound-en.tar"}),
        ({"secondary": "original", "pictures": False}, {"sound-en.tar"}),
        ({"secondary_languages": ("de",), "pictures": False}, {"sound-en.tar", "sound-de.tar"}),
        ({"secondary": "all", "pictures": False}, {"sound-en.tar", "sound-de.tar", "sound-fr.tar"}),
    ]
    for changes, shards in cases:
        settings = dataclasses.replace(SETTINGS, **changes)
        spy = Spy(str(root))
        decoder = Decoder(settings, spy)
        plan = make_quadruplet(apart, settings, [0.5] * DRAWS, 0, 4)
        decoder.read(plan)
        assert decoder.shards_of(plan) == {*spy.asked} == shards


def test_places_share_no_substitute(index: ClipIndex, broken: Breaker) -> None:
    """Of 14 clips 11 are planned, three of which are broken: the other three take their places."""
    settings = dataclasses.replace(SETTINGS, batch_size=11)
    planned = [item.clip for item in GlobalBatch(index, settings, 0, 0, 0).plan(0)]
    catalog, damaged = broken(planned[:3])
    drawn = GlobalBatch(damaged, settings, 0, 0, 0)
    batch = read_groups(drawn, [0], catalog)
    assert_sound(batch, drawn)
    assert {*batch.clip_ids} == {clip.clip_id for clip in index.clips} - {
        clip.clip_id for clip in planned[:3]
    }


def test_a_title_of_broken_clips_is_tried_three_times(long_title: tuple[Path, ClipIndex]) -> None:
    shard, index = long_title
    picture = index.titles[0][0].picture
    with shard.open("r+b") as file:
        file.seek(picture.offset)
        file.write(np.random.default_rng(0).bytes(picture.length))
    title = index.columns.title_ids[0]
    replaced = 0
    for step in range(6):
        drawn = GlobalBatch(index, SETTINGS, 0, 0, step)
        batch = read_groups(drawn, [0], ShardReader(index.root))
        assert title not in batch.title_ids
        assert_sound(batch, drawn)
        tried = Counter(change.by for change in batch.replaced)
        planned = sum(item.clip.title_id == title for item in drawn.plan(0))
        assert len(tried) == planned
        assert all(1 <= count <= 1 + 3 for count in tried.values())
        if planned:
            assert max(tried.values()) == 1 + 3  # one of the title itself, had there been one
        replaced += len(batch.replaced)
    assert replaced > 6


@dataclasses.dataclass
class FakeDecoder:
    """Reads no bytes: of `gone` clips the shard is short, of `noise` ones the data; a title is a shard."""

    gone: set[str]
    noise: set[str]

    def read(self, plan: Quadruplet) -> Instance:
        if plan.clip.clip_id in self.gone:
            raise LostShardError("short", plan.clip.title_id)
        if plan.clip.clip_id in self.noise:
            raise MediaError("noise")
        return Instance(plan, None, torch.zeros(2, 1, 1))

    def shards_of(self, plan: Quadruplet) -> set[str]:
        return {plan.clip.title_id}


def test_replacements_are_the_same_however_groups_are_read(
    make_index: Callable[..., ClipIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shard that one group finds short is nothing to the next: another process may read that."""
    index = make_index([12] * 8)
    settings = dataclasses.replace(SETTINGS, batch_size=8, title_share=0.25)
    generator = np.random.default_rng(0)
    names, order = [clip.clip_id for clip in index.clips], [2, 0, 1]
    nothing = ShardReader.__new__(ShardReader)
    replaced = 0
    for step in range(60):
        fake = FakeDecoder(*({*generator.choice(names, 6, replace=False).tolist()} for _ in range(2)))
        monkeypatch.setattr(batches, "Decoder", lambda *_, fake=fake: fake)
        drawn = GlobalBatch(index, settings, 0, 0, step, 3)
        try:
            apart = [read_groups(drawn, [group], nothing) for group in order]
        except CorpusError as error:
            with pytest.raises(CorpusError, match=str(error)):
                read_groups(drawn, order, nothing)
            continue
        together = read_groups(drawn, order, nothing)
        assert together.clip_ids == sum((batch.clip_ids for batch in apart), ())
        assert together.replaced == sum((batch.replaced for batch in apart), ())
        assert len({*together.clip_ids}) == 24
        for group, batch in zip(order, apart, strict=True):
            assert_sound(batch, drawn, group)
        replaced += len(together.replaced)
    assert replaced > 100


def test_planned_clips_before_the_damage_are_kept(long_title: tuple[Path, ClipIndex]) -> None:
    """A shard that is cut short still holds its first clips; only substitutes are not sought there."""
    shard, short = long_title
    catalog = Catalog.open(short.root)
    whole = ClipIndex.read(catalog, Selection())
    first = min(whole.titles[0], key=lambda clip: clip.picture.offset)
    with shard.open("r+b") as file:
        file.truncate(max(member.offset + member.length for member in first.members))
    held = 0
    settings = dataclasses.replace(SETTINGS, batch_size=8, pictures=False)
    for step in range(12):
        drawn = GlobalBatch(whole, settings, 0, 0, step)
        batch = read_groups(drawn, [0], catalog)
        of_title = {item.clip.clip_id for item in drawn.plan(0) if item.clip.title_id == first.title_id}
        assert {change.clip_id for change in batch.replaced} == of_title - {first.clip_id}
        held += first.clip_id in batch.clip_ids and len(of_title) > 1
    assert held


def test_more_than_half_replaced_is_an_error(index: ClipIndex, broken: Breaker) -> None:
    planned = [item.clip for item in GlobalBatch(index, SETTINGS, 0, 0, 0).plan(0)]
    catalog, damaged = broken(planned[:3])
    drawn = GlobalBatch(damaged, SETTINGS, 0, 0, 0)
    assert len(read_groups(drawn, [0], catalog).replaced) == 3
    catalog, damaged = broken(planned[3:4])
    with pytest.raises(CorpusError) as caught:
        read_groups(GlobalBatch(damaged, SETTINGS, 0, 0, 0), [0], catalog)
    message = str(caught.value)
    assert message.startswith(f"{damaged.root}: 4 clips")
    assert f"the first is {planned[0].clip_id}: " in message
    assert message.endswith(f"run lssd verify {damaged.root}")
    assert "\n" not in message


def test_any_number_of_clips_may_fail_while_one_is_left(index: ClipIndex, broken: Breaker) -> None:
    settings = dataclasses.replace(SETTINGS, batch_size=2)
    drawn = GlobalBatch(index, settings, 0, 0, 0)
    stand_ins = [item.clip for item in drawn.substitutes(0, 0)]
    assert len(stand_ins) == 12
    catalog, damaged = broken([drawn.plan(0)[0].clip, *stand_ins[:-1]])
    batch = read_groups(GlobalBatch(damaged, settings, 0, 0, 0), [0], catalog)
    assert (len(batch.replaced), batch.clip_ids[0]) == (12, stand_ins[-1].clip_id)
    catalog, damaged = broken([stand_ins[-1]])
    with pytest.raises(CorpusError, match="13 clips of a batch cannot be read") as caught:
        read_groups(GlobalBatch(damaged, settings, 0, 0, 0), [0], catalog)
    assert "\n" not in str(caught.value)


def test_a_lost_corpus_is_told_without_a_search(corpus: Path, index: ClipIndex, tmp_path: Path) -> None:
    """Half of the planned clips and one more are read, and no substitute, of which there may be millions."""
    root = shutil.copytree(corpus, tmp_path / "c")
    shutil.rmtree(root / "shards")
    spy = Spy(str(root))
    with pytest.raises(CorpusError, match=r"4 clips of a batch cannot be read.*cannot read shard"):
        read_groups(GlobalBatch(index, SETTINGS, 0, 0, 0), [0], spy)
    assert len(spy.asked) == 4

"""Stored bytes by their place: without the tables, and what a lost shard says."""

import pickle
import shutil
from pathlib import Path

import pytest

from lssd.corpus import Catalog, LostShardError, Member, ShardReader, rows_of
from lssd.errors import CorpusError


@pytest.fixture
def copy(corpus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(corpus, tmp_path / "c"))


def test_members_are_read_without_any_table(corpus: Path, copy: Path) -> None:
    catalog = Catalog.open(corpus)
    for table in (copy / "catalog").iterdir():
        if table.is_dir():
            shutil.rmtree(table)
    reader = ShardReader(copy)
    for member in rows_of(Member, catalog.members):
        assert reader.read(member) == catalog.read(member)


def test_a_shard_whose_move_was_cut_short_is_found(corpus: Path, copy: Path) -> None:
    """A writer that is killed after the commit leaves shards in staging (`lssd.corpus.catalog`)."""
    catalog = Catalog.open(corpus)
    member = rows_of(Member, catalog.members)[0]
    staged = copy / ".staging" / member.shard.rpartition("-")[0] / "shards"
    staged.mkdir(parents=True)
    shutil.move(copy / "shards" / member.shard, staged)
    assert ShardReader(copy).read(member) == catalog.read(member)


@pytest.mark.parametrize(("size", "words"), [(None, "cannot read"), (600, "is shorter than its catalog")])
def test_a_lost_shard_is_named_in_one_line(copy: Path, size: int | None, words: str) -> None:
    catalog = Catalog.open(copy)
    member = rows_of(Member, catalog.members)[0]
    shard = copy / "shards" / member.shard
    if size is None:
        shard.unlink()
    else:
        with shard.open("r+b") as file:
            file.truncate(size)
    for reader in (catalog, ShardReader(copy)):
        with pytest.raises(LostShardError, match=words) as caught:
            reader.read(member)
        message = str(caught.value)
        assert member.shard in message and message.endswith(f"run lssd verify {copy}")
        assert "\n" not in message
        sent = pickle.loads(pickle.dumps(caught.value))
        assert (str(sent), sent.shard) == (message, member.shard)


def test_what_is_no_corpus_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(CorpusError, match="is not a corpus") as caught:
            ShardReader(root)
        assert str(root) in str(caught.value)
    with pytest.raises(CorpusError, match="no place that can be read"):
        ShardReader("nowhere://x")

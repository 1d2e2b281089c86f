"""Catalogs from elsewhere: nothing outside the corpus is read, and no number is believed."""

import json
import math
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lssd.corpus import Catalog, Member, ShardReader, describe_corpus
from lssd.corpus.verify import verify
from lssd.errors import CorpusError


@pytest.fixture
def copy(corpus: Path, tmp_path: Path) -> Path:
    shutil.copytree(corpus, tmp_path / "copy")
    return tmp_path / "copy"


def forge(root: Path, table: str, column: str, value: object) -> dict:
    """Change a value in the first row of the first file of a table, and return that row."""
    path = min((root / "catalog" / table).glob("*.parquet"))
    found = pq.read_table(path)
    rows = found.to_pylist()
    rows[0][column] = value
    pq.write_table(pa.Table.from_pylist(rows, schema=found.schema), path)
    return rows[0]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("members", "shard", "../../../../../../../../etc/passwd"),
        ("members", "shard", "/etc/passwd"),
        ("members", "shard", ".."),
        ("members", "shard", None),
        ("members", "shard", "a.tar\n"),
        ("members", "offset", -512),
        ("members", "length", -1),
        ("members", "length", 1 << 62),
        ("clips", "duration_s", math.nan),
        ("titles", "duration_s", math.inf),
        ("shots", "start_s", -1.0),
        ("shots", "end_frame", None),
    ],
)
def test_values_that_cannot_be_are_refused(copy: Path, table: str, column: str, value: object) -> None:
    row = forge(copy, table, column, value)
    (fault,) = verify(copy, quiet=True).faults
    assert f"the table {table}" in fault and column in fault and "\n" not in fault
    for read in (Catalog.open, describe_corpus):
        with pytest.raises(CorpusError, match=column):
            read(copy)
    if table == "members":
        with pytest.raises(CorpusError):
            ShardReader(copy).read(Member(**row))


def test_a_length_beyond_the_shard_is_a_fault_without_a_buffer_of_its_size(copy: Path) -> None:
    row = forge(copy, "members", "length", 1 << 40)
    (fault,) = verify(copy, quiet=True).faults
    assert "shorter than its catalog says" in fault
    with pytest.raises(CorpusError, match="shorter"):
        ShardReader(copy).read(Member(**row))


def test_a_shard_that_is_a_link_out_of_the_corpus_is_not_read(copy: Path, tmp_path: Path) -> None:
    shard = min((copy / "shards").glob("*.tar"))
    shard.rename(tmp_path / "elsewhere.tar")
    shard.symlink_to(tmp_path / "elsewhere.tar")
    faults = verify(copy, quiet=True).faults
    assert faults and all("leads out of the corpus" in fault for fault in faults)


def test_a_table_of_other_columns_or_types_is_refused(copy: Path) -> None:
    path = min((copy / "catalog/clips").glob("*.parquet"))
    clips = pq.read_table(path)
    pq.write_table(clips.drop_columns(["duration_s"]), path)
    assert "columns of the table clips" in verify(copy, quiet=True).faults[0]
    index = clips.column_names.index("duration_s")
    pq.write_table(clips.set_column(index, "duration_s", pa.array(["x"] * len(clips))), path)
    assert "wrong type" in verify(copy, quiet=True).faults[0]


@pytest.mark.parametrize(
    ("titles", "words"),
    [
        ({"../../../x": {"generation": 1, "sources": []}}, "no id of a title"),
        ({"abc": {"generation": "1"}}, "no generation"),
        ([], "lists no titles"),
    ],
)
def test_a_forged_manifest_is_refused(copy: Path, titles: object, words: str) -> None:
    path = copy / "catalog/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "titles": titles}))
    for read in (Catalog.open, verify):
        with pytest.raises(CorpusError, match=words):
            read(copy)

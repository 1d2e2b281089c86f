"""Types of rows are the tables' columns, as they are on disk."""

import pyarrow as pa
import pytest

from lssd.corpus import Catalog, Member, rows_of
from lssd.corpus.schema import QUARANTINE, ROW_TYPES, TABLES, Row, TrackRow, to_table

MEMBERS = {
    "clip_id": "string",
    "kind": "string",
    "track_id": "string",
    "language": "string",
    "shard": "string",
    "offset": "int64",
    "length": "int64",
    "sha256": "string",
}
TRACKS = {
    "track_id": "string",
    "title_id": "string",
    "path": "string",
    "index": "int32",
    "language": "string",
    "role": "string",
    "channels": "int32",
    "offset_s": "double",
    "slope": "double",
    "kept": "bool",
    "reason": "string",
}


@pytest.mark.parametrize(("table", "columns"), [("members", MEMBERS), ("tracks", TRACKS)])
def test_columns_have_the_order_and_the_types_that_stored_catalogs_have(
    table: str, columns: dict[str, str]
) -> None:
    assert list(TABLES) == ["titles", "tracks", "shots", "clips", "members", "labels"]
    assert {field.name: str(field.type) for field in TABLES[table]} == columns
    assert TABLES[table].names == list(columns) and all(field.nullable for field in TABLES[table])
    assert QUARANTINE.names == ["path", "stage", "reason"]


@pytest.mark.parametrize("name", ROW_TYPES)
def test_rows_come_back_from_the_table_that_they_make(catalog: Catalog, name: str) -> None:
    table, kind = getattr(catalog, name), ROW_TYPES[name]
    rows: list[Row] = rows_of(kind, table)
    assert len(rows) == table.num_rows > 0
    assert to_table(kind, rows).equals(table.combine_chunks())
    assert rows_of(kind, table.slice(0, 0)) == []


def test_nulls_and_other_columns(catalog: Catalog) -> None:
    row = TrackRow("t", "f", "film.mkv", 0, None, "original", 2, None, None, True, None)
    table = to_table(TrackRow, [row])
    assert table.to_pylist()[0]["slope"] is None
    assert rows_of(TrackRow, table.append_column("more", pa.array([1]))) == [row]
    picture = next(row for row in rows_of(Member, catalog.members) if row.kind == "picture")
    assert (picture.track_id, picture.language) == (None, None) and picture.length > 0


@pytest.fixture(scope="module")
def catalog(corpus) -> Catalog:
    return Catalog.open(corpus)

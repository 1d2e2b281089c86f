"""The tables of a catalog and the rules of its ids.

Every table is a folder of Parquet files, one file a title, so that DuckDB, Polars and pandas read
`CORPUS/catalog/clips/*.parquet` as one table.
"""

import pyarrow as pa

_TEXT, _FLAG = pa.string(), pa.bool_()

TABLES: dict[str, pa.Schema] = {
    "titles": pa.schema(
        [
            ("title_id", _TEXT),
            ("name", _TEXT),  # a file's stem: for people, never a key
            ("duration_s", pa.float64()),
            ("original_language", _TEXT),
            ("genre", _TEXT),
            ("split", _TEXT),  # train, valid or test
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("fps_numerator", pa.int32()),
            ("fps_denominator", pa.int32()),
        ]
    ),
    "tracks": pa.schema(
        [
            ("track_id", _TEXT),
            ("title_id", _TEXT),
            ("path", _TEXT),
            ("index", pa.int32()),  # among the file's sound tracks
            ("language", _TEXT),
            ("role", _TEXT),
            ("channels", pa.int32()),
            ("offset_s", pa.float64()),  # null: the sync to the original was not measured
            ("slope", pa.float64()),
            ("kept", _FLAG),
            ("reason", _TEXT),  # why a track is not kept
        ]
    ),
    "shots": pa.schema(
        [
            ("shot_id", _TEXT),
            ("title_id", _TEXT),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            ("start_frame", pa.int64()),
            ("end_frame", pa.int64()),  # one past the last frame
            ("kept", _FLAG),
            ("reason", _TEXT),
        ]
    ),
    "clips": pa.schema(
        [("clip_id", _TEXT), ("shot_id", _TEXT), ("title_id", _TEXT), ("duration_s", pa.float64())]
    ),
    "members": pa.schema(
        [
            ("clip_id", _TEXT),
            ("kind", _TEXT),  # picture, sound or meta
            ("track_id", _TEXT),
            ("language", _TEXT),
            ("shard", _TEXT),  # relative to CORPUS/shards
            ("offset", pa.int64()),  # of the member's first byte in the shard
            ("length", pa.int64()),
            ("sha256", _TEXT),
        ]
    ),
    "labels": pa.schema([("clip_id", _TEXT), ("name", _TEXT), ("value", _TEXT)]),
}

QUARANTINE = pa.schema([("path", _TEXT), ("stage", _TEXT), ("reason", _TEXT)])

Row = dict[str, object]
Rows = dict[str, list[Row]]


def shot_id(title_id: str, start_frame: int, end_frame: int) -> str:
    """The id of the shot of frames [start_frame, end_frame): title plus first and last ordinal."""
    return f"{title_id}-{start_frame:07d}-{end_frame - 1:07d}"


def to_table(name: str, rows: list[Row]) -> pa.Table:
    """Rows as the Arrow table of a catalog's table `name`; a missing column is null."""
    schema = QUARANTINE if name == "quarantine" else TABLES[name]
    return pa.Table.from_pylist(rows, schema=schema)

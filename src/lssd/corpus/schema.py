"""The tables of a catalog, as types of their rows, and the rules of its ids.

Every table is a folder of Parquet files, one file per title, so that DuckDB, Polars and pandas read
`CORPUS/catalog/clips/*.parquet` as one table. Its columns are the fields of its row type, in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, TypeVar, get_type_hints

import pyarrow as pa

Int32 = Annotated[int, "stored in 32 bits"]


@dataclass(frozen=True, slots=True)
class TitleRow:
    """A film. Its name is the one given, else a file's stem: for people. split: train, valid or test.

    duration_s: of all its pictures together; width, height and rate are those of the first.
    """

    title_id: str
    name: str
    duration_s: float
    original_language: str | None
    genre: str | None
    split: str
    width: Int32
    height: Int32
    fps_numerator: Int32
    fps_denominator: Int32


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A sound track of a title, and the reason why it is not kept, if so.

    index: among the sound tracks of its file. offset_s, slope: None where the sync with the original was not
    measured.
    """

    track_id: str
    title_id: str
    path: str
    index: Int32
    language: str | None
    role: str
    channels: Int32
    offset_s: float | None
    slope: float | None
    kept: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class ShotRow:
    """The frames [start_frame, end_frame) between two camera changes, and why they are not kept, if so."""

    shot_id: str
    title_id: str
    start_s: float
    end_s: float
    start_frame: int
    end_frame: int
    kept: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class ClipRow:
    """A kept shot as stored."""

    clip_id: str
    shot_id: str
    title_id: str
    duration_s: float


class Member(NamedTuple):
    """A stored picture, sound or description of a clip, and where its bytes lie.

    kind: picture, sound or meta; track_id and language are a sound's. shard: a file of `CORPUS/shards`.
    offset: of the first byte in the shard; length in bytes. sha256: of the bytes, in hexadecimal digits.
    A tuple, unlike the other rows: training makes some for every clip, and a tuple is made the fastest.
    """

    clip_id: str
    kind: str
    track_id: str | None
    language: str | None
    shard: str
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label of a clip, such as its scene."""

    clip_id: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A file that could not be ingested: at which stage, and why."""

    path: str
    stage: str
    reason: str


Row = TitleRow | TrackRow | ShotRow | ClipRow | Member | LabelRow | QuarantineRow
R = TypeVar("R", bound=Row)


@dataclass
class TitleRows:
    """The rows of one title, by table."""

    titles: list[TitleRow] = field(default_factory=list)
    tracks: list[TrackRow] = field(default_factory=list)
    shots: list[ShotRow] = field(default_factory=list)
    clips: list[ClipRow] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)


# All Arrow columns may hold nulls, whatever the type of the field.
_ARROW_TYPES = {
    str: pa.string(),
    str | None: pa.string(),
    float: pa.float64(),
    float | None: pa.float64(),
    int: pa.int64(),
    Int32: pa.int32(),
    bool: pa.bool_(),
}


def schema_of(kind: type) -> pa.Schema:
    """The Arrow schema of the table whose rows are of this type."""
    hints = get_type_hints(kind, include_extras=True)
    return pa.schema([(name, _ARROW_TYPES[hint]) for name, hint in hints.items()])


# The row types of the tables that each title has a part in; quarantine has one part alone.
ROW_TYPES: dict[str, type[Row]] = {
    "titles": TitleRow,
    "tracks": TrackRow,
    "shots": ShotRow,
    "clips": ClipRow,
    "members": Member,
    "labels": LabelRow,
}
TABLES: dict[str, pa.Schema] = {name: schema_of(kind) for name, kind in ROW_TYPES.items()}
QUARANTINE = schema_of(QuarantineRow)


def shot_id(picture_id: str, start_frame: int, end_frame: int) -> str:
    """The id of the shot of frames [start_frame, end_frame): picture plus first and last ordinal."""
    return f"{picture_id}-{start_frame:07d}-{end_frame - 1:07d}"


def picture_of_shot(shot_id: str) -> str:
    """The id of the picture that a shot or clip is cut from; most titles have one picture, with their id."""
    return shot_id.rsplit("-", 2)[0]


def picture_of_track(row: TrackRow) -> str:
    """The id of the picture that a track belongs to: the title's, or the first half of the track's own id
    where the title has several."""
    return row.track_id.rpartition("-")[0] or row.title_id


def to_table(kind: type[R], rows: Sequence[R]) -> pa.Table:
    """Rows as an Arrow table."""
    schema = schema_of(kind)
    columns = [[getattr(row, name) for row in rows] for name in schema.names]
    return pa.Table.from_pydict(dict(zip(schema.names, columns, strict=True)), schema=schema)


def rows_of(kind: type[R], table: pa.Table) -> list[R]:
    """The rows of an Arrow table that has at least the columns of their type; the inverse of `to_table`."""
    columns = [table[name].to_pylist() for name in schema_of(kind).names]
    return [kind(*values) for values in zip(*columns, strict=True)]

"""Read a corpus, and commit titles to it.

A title is committed by the atomic replacement of `catalog/manifest.json`. Its rows and shards lie
in `CORPUS/.staging` until then and move to their final names right after; a writer that was killed
between the two finds the title in the manifest and finishes the move. So a plain reader of
`catalog/*/*.parquet` never sees a title that is not committed, and `Catalog` sees all that are.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lssd.corpus.reading import MANIFEST, SHARD_NAME, ShardReader
from lssd.corpus.schema import (
    QUARANTINE,
    ROW_TYPES,
    TABLES,
    ClipRow,
    LabelRow,
    Member,
    QuarantineRow,
    Row,
    ShotRow,
    TitleRow,
    TitleRows,
    TrackRow,
    rows_of,
    to_table,
)
from lssd.errors import CorpusError, InputError
from lssd.store import atomic_path, sync_folder, write_json

R = TypeVar("R", bound=Row)

_FORMAT = 1
_TITLE_ID = re.compile(r"[A-Za-z0-9_]+")
_LARGEST = 1 << 50  # bytes, frames or seconds: more than any film has


class DamagedTableError(CorpusError):
    """A table that the manifest lists is missing or is no Parquet."""


class Catalog(ShardReader):
    """The tables and clip members of one committed state of a corpus. Read-only.

    The attributes `titles`, `tracks`, `shots`, `clips`, `members`, `labels` and `quarantine` are
    Arrow tables; `lssd.corpus.schema` gives their columns.
    """

    titles: pa.Table
    tracks: pa.Table
    shots: pa.Table
    clips: pa.Table
    members: pa.Table
    labels: pa.Table
    quarantine: pa.Table

    def __init__(self, root: str | Path) -> None:
        super().__init__(root)
        manifest = self._read_manifest()
        while True:
            try:
                self._load(manifest)
            except CorpusError:
                if self._read_manifest() == manifest:
                    raise
            # A writer may have switched the manifest meanwhile: its tables must be of one state.
            latest = self._read_manifest()
            if latest == manifest:
                return
            manifest = latest

    def _load(self, manifest: dict[str, Any]) -> None:
        self.title_ids: tuple[str, ...] = tuple(sorted(manifest["titles"]))
        for name, schema in TABLES.items():
            parts = [
                self._read_part(name, title_id, int(manifest["titles"][title_id]["generation"]))
                for title_id in self.title_ids
            ]
            table = pa.concat_tables(parts) if parts else schema.empty_table()
            _check_values(name, table, self.root)
            setattr(self, name, table)
        path = f"{self._base}/catalog/quarantine/quarantine.parquet"
        self.quarantine = self._read(path) if self._files.exists(path) else QUARANTINE.empty_table()

    @classmethod
    def open(cls, root: str | Path) -> "Catalog":
        """Open a corpus folder or URL. CorpusError when it is none."""
        return cls(root)

    def _read_manifest(self) -> dict[str, Any]:
        try:
            data = self._files.cat_file(f"{self._base}/{MANIFEST}")
        except OSError as error:
            raise self._no_corpus() from error
        return _parse_manifest(data, self.root)

    def _read_part(self, table: str, title_id: str, generation: int) -> pa.Table:
        staged = f"{self._base}/.staging/{title_id}-{generation}/tables/{table}.parquet"
        path = staged if self._files.exists(staged) else f"{self._base}/catalog/{table}/{title_id}.parquet"
        part = self._read(path)
        if part.schema.names != TABLES[table].names:
            raise DamagedTableError(f"{path} does not have the columns of the table {table}")
        try:
            return part.cast(TABLES[table])
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DamagedTableError(f"{path} has values of a wrong type: {error}") from error

    def _read(self, path: str) -> pa.Table:
        try:
            with self._files.open(path, "rb") as file:
                return pq.read_table(file)
        except (OSError, pa.ArrowInvalid) as error:
            raise DamagedTableError(f"cannot read the table {path}: {error}") from error


def _check_values(name: str, table: pa.Table, root: str) -> None:
    """DamagedTableError for numbers that no film has, and for shards that are not files of their folder."""
    for column in table.column_names:
        values = table[column]
        wrong: Any = None
        if column in ("duration_s", "start_s", "end_s", "start_frame", "end_frame", "offset", "length"):
            # NaN and null compare as false.
            inside = pc.and_(pc.greater_equal(values, 0), pc.less(values, _LARGEST))
            wrong = pc.invert(pc.fill_null(inside, False))
        elif column == "shard":
            fits = pc.match_substring_regex(values, f"^(?:{SHARD_NAME.pattern})$")
            wrong = pc.invert(pc.fill_null(fits, False))
        if wrong is not None and pc.any(wrong).as_py():
            value = values.filter(wrong)[0].as_py()
            raise DamagedTableError(f"the table {name} of {root} has the {column} {value!r}")


def _parse_manifest(data: bytes, root: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(data)
    except ValueError as error:
        raise CorpusError(f"{root}/{MANIFEST} is damaged: {error}") from error
    if not isinstance(manifest, dict):
        raise CorpusError(f"{root}/{MANIFEST} is damaged: it is no JSON object")
    if manifest.get("format") != _FORMAT:
        found = manifest.get("format")
        raise CorpusError(f"{root} has catalog format {found}, this version reads {_FORMAT}")
    titles = manifest.get("titles")
    if not isinstance(titles, dict):
        raise CorpusError(f"{root}/{MANIFEST} is damaged: it lists no titles")
    for title_id, entry in titles.items():
        # Ids become parts of paths.
        if not _TITLE_ID.fullmatch(title_id):
            raise CorpusError(f"{root}/{MANIFEST} is damaged: {title_id!r} is no id of a title")
        if not (isinstance(entry, dict) and isinstance(entry.get("generation"), int)):
            raise CorpusError(f"{root}/{MANIFEST} is damaged: the title {title_id} has no generation")
    return manifest


@dataclass(frozen=True)
class Source:
    """A source file as it was when its title was committed; unless it has changed, it is not read again.

    picture_id: of the picture that it holds, the title's own or one of several.
    """

    path: str
    size: int
    modified_ns: int
    title_id: str
    picture_id: str


class CatalogWriter:
    """The one writer of a local corpus; its caller holds the corpus' lock.

    A title that gains tracks or pictures is committed again under the next generation number; its first
    shards stay as they are, and what is new comes in shards of its own.
    """

    def __init__(self, root: Path, recover: bool = True) -> None:
        self.root = root
        self._manifest: dict[str, Any] = {"format": _FORMAT, "titles": {}}
        path = root / MANIFEST
        if path.exists():
            self._manifest = _parse_manifest(path.read_bytes(), str(root))
        if recover:
            self._recover()

    def agree(self, storage: dict[str, Any]) -> None:
        """Record how clips are stored with the first title; InputError when later ones would differ."""
        agreed = self._manifest.setdefault("storage", storage)
        if agreed != storage:
            was = ", ".join(f"{key} {value}" for key, value in agreed.items())
            raise InputError(f"{self.root} stores its clips with {was}; use the same, or another --out")

    @property
    def title_ids(self) -> tuple[str, ...]:
        """The committed titles."""
        return tuple(sorted(self._manifest["titles"]))

    @property
    def sources(self) -> dict[str, Source]:
        """The files behind the committed titles, by path."""
        return {source.path: source for source in self._listed()}

    @property
    def pictures(self) -> dict[str, str]:
        """The committed pictures' titles, by the pictures' ids."""
        return {source.picture_id: source.title_id for source in self._listed()}

    def _listed(self) -> list[Source]:
        return [source for title_id in self._manifest["titles"] for source in self._sources_of(title_id)]

    def pictures_of(self, title_id: str) -> frozenset[str]:
        """The ids of a title's committed pictures; none when the corpus does not hold it."""
        return frozenset(source.picture_id for source in self._sources_of(title_id))

    def _sources_of(self, title_id: str) -> list[Source]:
        entry = self._manifest["titles"].get(title_id, {"sources": []})
        return [
            Source(**{"picture_id": title_id, **source}, title_id=title_id) for source in entry["sources"]
        ]

    def generation(self, title_id: str) -> int:
        """How often a title was committed; 0 when the corpus does not hold it."""
        return int(self._manifest["titles"].get(title_id, {"generation": 0})["generation"])

    def rows(self, title_id: str, kind: type[R]) -> list[R]:
        """The committed rows of one title in the table of this type, also while its commit was cut short."""
        table = next(name for name, row_type in ROW_TYPES.items() if row_type is kind)
        staged = self.root / ".staging" / f"{title_id}-{self.generation(title_id)}" / "tables"
        folder = staged if staged.is_dir() else self.root / "catalog" / table
        name = f"{table}.parquet" if staged.is_dir() else f"{title_id}.parquet"
        return rows_of(kind, pq.read_table(folder / name))

    def all_rows(self, title_id: str) -> TitleRows:
        """The committed rows of one title in all tables."""
        return TitleRows(
            titles=self.rows(title_id, TitleRow),
            tracks=self.rows(title_id, TrackRow),
            shots=self.rows(title_id, ShotRow),
            clips=self.rows(title_id, ClipRow),
            members=self.rows(title_id, Member),
            labels=self.rows(title_id, LabelRow),
        )

    def staging(self, title_id: str) -> Path:
        """Where the shards of a title's next generation are prepared (`staging/shards`)."""
        return self.root / ".staging" / f"{title_id}-{self.generation(title_id) + 1}"

    def add_sources(self, title_id: str, sources: list[Source]) -> None:
        """Note that these files bring nothing new to a committed title, so that they are not read again."""
        entry = self._manifest["titles"][title_id]
        entry["sources"] = self._merge(title_id, sources)
        write_json(self.root / MANIFEST, self._manifest)

    def commit(self, title_id: str, rows: TitleRows, sources: list[Source]) -> None:
        """Make a title's staged shards and the given rows visible, all at once.

        Shards that no row names are of pictures that failed, and are dropped.
        """
        staging = self.staging(title_id)
        named = {member.shard for member in rows.members}
        for shard in (staging / "shards").glob("*.tar"):
            if shard.name not in named:
                shard.unlink()
        (staging / "tables").mkdir(parents=True, exist_ok=True)
        for table, kind in ROW_TYPES.items():
            with atomic_path(staging / "tables" / f"{table}.parquet") as partial:
                pq.write_table(to_table(kind, getattr(rows, table)), partial)
        self._manifest["titles"][title_id] = {
            "generation": self.generation(title_id) + 1,
            "sources": self._merge(title_id, sources),
        }
        sync_folder(staging / "tables")
        write_json(self.root / MANIFEST, self._manifest)
        self._publish(staging, title_id)

    def write_quarantine(self, rows: list[QuarantineRow]) -> None:
        """Replace the quarantine table."""
        path = self.root / "catalog" / "quarantine" / "quarantine.parquet"
        with atomic_path(path) as partial:
            pq.write_table(to_table(QuarantineRow, sorted(rows, key=lambda row: row.path)), partial)

    def quarantined(self) -> list[QuarantineRow]:
        """The rows of the quarantine table."""
        path = self.root / "catalog" / "quarantine" / "quarantine.parquet"
        return rows_of(QuarantineRow, pq.read_table(path)) if path.exists() else []

    def finish(self) -> None:
        """Leave no staging behind."""
        shutil.rmtree(self.root / ".staging", ignore_errors=True)

    def remove(self) -> None:
        """Remove a corpus in which nothing was committed."""
        shutil.rmtree(self.root)

    def _merge(self, title_id: str, sources: list[Source]) -> list[dict[str, Any]]:
        known = self._sources_of(title_id)
        latest = {(source.path, source.picture_id): source for source in [*known, *sources]}
        return [
            {"path": source.path, "size": source.size, "modified_ns": source.modified_ns}
            | ({} if source.picture_id == title_id else {"picture_id": source.picture_id})
            for source in sorted(latest.values(), key=lambda one: (one.path, one.modified_ns, one.picture_id))
        ]

    def _publish(self, staging: Path, title_id: str) -> None:
        (self.root / "shards").mkdir(exist_ok=True)
        for shard in sorted((staging / "shards").glob("*.tar")):
            shard.replace(self.root / "shards" / shard.name)
        for part in sorted((staging / "tables").glob("*.parquet")):
            folder = self.root / "catalog" / part.stem
            folder.mkdir(exist_ok=True)
            part.replace(folder / f"{title_id}.parquet")
            sync_folder(folder)
        sync_folder(self.root / "shards")
        shutil.rmtree(staging)

    def _recover(self) -> None:
        """After a kill: publish what the manifest lists, drop what it does not."""
        for staging in (self.root / ".staging").glob("*"):
            title_id, _, generation = staging.name.rpartition("-")
            if generation == str(self.generation(title_id)):
                self._publish(staging, title_id)
            else:
                shutil.rmtree(staging)

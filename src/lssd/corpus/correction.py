"""Corrections of what is known about committed titles: rows change, ids and shards do not."""

from dataclasses import replace
from pathlib import Path

from lssd.corpus.catalog import CatalogWriter
from lssd.corpus.schema import TrackRow
from lssd.corpus.titles import TitleRecord


def correct_titles(writer: CatalogWriter, records: dict[Path, TitleRecord]) -> None:
    """Bring genre, split and original language of committed titles in line with the titles table.

    A title is committed again with changed rows when the table names one of its files and differs from the
    catalog.
    """
    for source in writer.sources.values():
        record = records.get(Path(source.path))
        if record is None:
            continue
        rows = writer.all_rows(source.title_id)
        titles = [
            replace(
                row,
                original_language=record.original_language or row.original_language,
                genre=record.genre or row.genre,
                split=record.split,
            )
            for row in rows.titles
        ]
        language = titles[0].original_language
        tracks = [_correct_track(row, language) for row in rows.tracks]
        if not any(track.role == "original" and track.kept for track in tracks):
            # The table names a language that no kept track has: the original stays what it was.
            titles[0] = replace(titles[0], original_language=rows.titles[0].original_language)
            tracks = rows.tracks
        if (titles, tracks) != (rows.titles, rows.tracks):
            writer.commit(source.title_id, replace(rows, titles=titles, tracks=tracks), [])


def _correct_track(row: TrackRow, original: str | None) -> TrackRow:
    if not row.kept or row.role not in ("original", "dub"):
        return row
    return replace(row, role="original" if row.language == original else "dub")

"""Corrections of what is known about committed titles: rows change, ids and shards do not."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from lssd.corpus.catalog import CatalogWriter
from lssd.corpus.records import TitleRecord
from lssd.corpus.schema import TrackRow, picture_of_track


def correct_titles(writer: CatalogWriter, records: Mapping[str, TitleRecord]) -> None:
    """Bring genre, split and original language of committed titles in line with the titles table.

    `records` are by title. A title is committed again with changed rows when its record differs from the
    catalog; what a record does not say stays.
    """
    for title_id, record in records.items():
        if not writer.generation(title_id):
            continue
        rows = writer.all_rows(title_id)
        titles = [
            replace(
                row,
                original_language=record.original_language or row.original_language,
                genre=record.genre or row.genre,
                split=record.split or row.split,
            )
            for row in rows.titles
        ]
        tracks, found = _correct_tracks(_named(rows.tracks, record), titles[0].original_language)
        if not found:
            titles[0] = replace(titles[0], original_language=rows.titles[0].original_language)
        if (titles, tracks) != (rows.titles, rows.tracks):
            spoken = {track.track_id: track.language for track in tracks if track.kept}
            members = [
                row._replace(language=spoken[row.track_id]) if row.track_id in spoken else row
                for row in rows.members
            ]
            writer.commit(title_id, replace(rows, titles=titles, tracks=tracks, members=members), [])


def _named(rows: list[TrackRow], record: TitleRecord) -> list[TrackRow]:
    """The tracks, of which an original of unknown language speaks the one that the record states."""
    return [
        replace(row, language=record.original_language)
        if row.kept and row.role == "original" and row.language is None
        else row
        for row in rows
    ]


def _correct_tracks(rows: list[TrackRow], original: str | None) -> tuple[list[TrackRow], bool]:
    """The tracks of a title with their roles for this original language, and whether any picture has it.

    A picture without a kept track in that language keeps the original that it has.
    """
    pictures: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        pictures[picture_of_track(row)].append(number)
    corrected, found = list(rows), False
    for numbers in pictures.values():
        tracks = [_correct_track(rows[number], original) for number in numbers]
        if any(track.role == "original" and track.kept for track in tracks):
            found = True
            for number, track in zip(numbers, tracks, strict=True):
                corrected[number] = track
    return corrected, found


def _correct_track(row: TrackRow, original: str | None) -> TrackRow:
    if not row.kept or row.role not in ("original", "dub"):
        return row
    return replace(row, role="original" if row.language == original else "dub")

"""The titles table that a user hands in (`--titles`): what is known of films, by their files."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from lssd import languages
from lssd.corpus.tables import read_table
from lssd.errors import InputError

SPLITS = ("train", "valid", "test")
_COLUMNS = {"path", "title", "original_language", "genre", "split", "languages"}


@dataclass(frozen=True)
class TitleRecord:
    """One row of the titles table; None where it says nothing, and what a corpus holds then stays.

    title: the name of the film that a file is a clip of, accents composed (NFC). languages: of the file's
    sound tracks in order, where the file does not say.
    """

    title: str | None = None
    original_language: str | None = None
    genre: str | None = None
    split: str | None = None
    languages: tuple[str, ...] = ()


def read_titles(path: str | Path) -> dict[Path, TitleRecord]:
    """Read the titles table: CSV with `path` and any of title, original_language, genre, split, languages.

    Relative paths are relative to the table's own folder. `languages` is a list separated by spaces.
    Raises InputError for a missing file, an unknown column, an unknown value, and for two rows of one title
    (or one file) that say different things of it.
    """
    folder = Path(path).parent
    found: dict[Path, TitleRecord] = {}
    named: list[tuple[str, str, TitleRecord]] = []
    for where, row in read_table(path, "titles table", _COLUMNS):
        file, record = (folder / row["path"]).resolve(), _record(row, where)
        named.append((record.title or str(file), where, record))
        found[file] = record
    agree(named)
    return found


def _record(row: dict[str, str], where: str) -> TitleRecord:
    split, original = row.get("split"), row.get("original_language")
    if split and split not in SPLITS:
        raise InputError(f"{where}: split must be train, valid or test, not '{split}'")
    return TitleRecord(
        title=unicodedata.normalize("NFC", row.get("title", "")) or None,
        original_language=languages.code_of(original, where) if original else None,
        genre=row.get("genre") or None,
        split=split or None,
        languages=tuple(languages.code_of(tag, where) for tag in row.get("languages", "").split()),
    )


def agree(found: Iterable[tuple[str, str, TitleRecord]]) -> dict[str, TitleRecord]:
    """One record a title, from those of its files: (title, where a record stands, record) each.

    InputError when two records of one title contradict each other. Languages are a file's own, and left out.
    """
    said: dict[str, dict[str, tuple[str, str]]] = {}
    for title, where, record in found:
        known = said.setdefault(title, {})
        for field in fields(record):
            value = getattr(record, field.name)
            if field.name == "languages" or value is None:
                continue
            before, first = known.setdefault(field.name, (value, where))
            if before != value:
                raise InputError(
                    f"{where}: {field.name} is '{value}', but of the same title {first} says '{before}'; "
                    "a title has one"
                )
    return {
        title: _record_of({name: value for name, (value, _) in known.items()})
        for title, known in said.items()
    }


def _record_of(known: Mapping[str, str]) -> TitleRecord:
    return TitleRecord(
        known.get("title"), known.get("original_language"), known.get("genre"), known.get("split")
    )

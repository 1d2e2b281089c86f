"""Which title a file is of, where names say it: clips of one film that were never one file.

The titles table's column `title` names the film of a file, or a pattern finds the name in the file's own
(`--group`). Such a title's id is the hash of its name, and it holds any number of pictures; without a name a
picture is a title of its own.
"""

import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from lssd.corpus.catalog import Source
from lssd.corpus.records import TitleRecord
from lssd.corpus.schema import QuarantineRow
from lssd.errors import InputError
from lssd.store import digest

_LOG = logging.getLogger(__name__)

_ID_DIGITS = 16


@dataclass(frozen=True)
class Place:
    """The title that a picture is of; `name` is None where the picture is the title."""

    title_id: str
    picture_id: str
    name: str | None = None

    def track_id(self, sound_id: str) -> str:
        """The id of a track of this picture: its sound's, which pictures of one title may share by chance,
        so that it then begins with the picture's."""
        return sound_id if self.title_id == self.picture_id else f"{self.picture_id}-{sound_id}"


class Pictured(Protocol):
    """A file and the picture in it."""

    @property
    def path(self) -> str: ...
    @property
    def picture_id(self) -> str: ...


P = TypeVar("P", bound=Pictured)


def title_id_of(name: str) -> str:
    """The id of the title of this name."""
    return digest([b"title\0", name.encode()], length=_ID_DIGITS)


def name_titles(
    files: Sequence[Path], records: Mapping[Path, TitleRecord], pattern: str | None
) -> dict[Path, str]:
    """The names of the titles of files, as the titles table gives them, else as `pattern` finds them.

    pattern: a regular expression with one group, matched from the beginning of a file's name (without its
    folder); the group is the title's name, accents composed (NFC). Files that it does not match are counted
    in a warning. InputError when it is no such expression, or matches no file.
    """
    names = {path: record.title for path, record in records.items() if record.title}
    if pattern is None:
        return names
    expression = _compile(pattern)
    strays = []
    for path in files:
        if path in names:
            continue
        match = expression.match(path.name)
        if match is not None and (match[1] or "").strip():
            names[path] = unicodedata.normalize("NFC", match[1].strip())
        else:
            strays.append(path)
    if files and len(strays) == len(files):
        raise InputError(
            f"--group '{pattern}' finds a title in none of {len(files)} file names, such as "
            f"{strays[0].name}; write a pattern that matches from the beginning of the name"
        )
    if strays:
        _LOG.warning(
            "--group '%s' finds no title in %d of %d file names, first %s; they are titles of their own",
            pattern,
            len(strays),
            len(files),
            strays[0].name,
        )
    return names


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        expression = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(f"--group '{pattern}' is no regular expression: {error}") from error
    if expression.groups != 1:
        raise InputError(
            f"--group '{pattern}' has {expression.groups} groups in round brackets; one must enclose the "
            r"title, as in '(\d+)_\d+_.*'; (?:...) encloses without naming"
        )
    return expression


def require_standing(names: Mapping[Path, str], known: Iterable[Source], root: Path) -> None:
    """InputError when committed files are given another title than the one that they are in."""
    moved = [
        source.path
        for source in known
        if Path(source.path) in names and title_id_of(names[Path(source.path)]) != source.title_id
    ]
    if moved:
        films = f"{len(moved)} films stand" if len(moved) > 1 else "a film stands"
        raise InputError(
            f"{films} in {root} under another title than --titles or --group gives, first {min(moved)}; a "
            "film is given its title when it is first ingested: ingest into a new folder"
        )


def place_pictures(
    files: Sequence[P], names: Mapping[Path, str], standing: Mapping[str, str]
) -> tuple[dict[str, Place], list[P], list[QuarantineRow]]:
    """The title of every picture, by the pictures' ids; the files that stay, and those that are refused.

    names: of titles, by file; a file without one goes with the others of its picture. standing: the titles of
    committed pictures. Refused are files of a picture that is of another title than their name says.
    """
    pictures: dict[str, list[P]] = defaultdict(list)
    for file in sorted(files, key=lambda one: one.path):
        pictures[file.picture_id].append(file)
    places, kept, refused = {}, [], []
    for picture_id, group in pictures.items():
        given = [file.path for file in group if Path(file.path) in names]
        name = names[Path(given[0])] if given else None
        title_id = standing.get(picture_id) or (picture_id if name is None else title_id_of(name))
        # A title that stands knows its own name.
        places[picture_id] = Place(title_id, picture_id, name)
        for file in group:
            own = names.get(Path(file.path))
            if own is None or title_id_of(own) == title_id:
                kept.append(file)
                continue
            where = "in the corpus" if picture_id in standing else f"in {given[0]}"
            reason = f"{file.path} is given the title '{own}', but its picture stands {where} under another"
            refused.append(QuarantineRow(file.path, "title", f"{reason}; give it the same, or leave it out"))
    return places, kept, refused

"""Which files of a folder are media."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from lssd.errors import InputError

NO_MEDIA = ".nomedia"
_FILMS = frozenset(
    ".mkv .mp4 .m4v .mov .webm .avi .ts .m2ts .mts .mpg .mpeg .wmv .flv .mxf .ogv .3gp".split()  # noqa: SIM905
)


def find_files(folder: str | Path, suffixes: Collection[str]) -> list[Path]:
    """Files below a folder whose suffix (lower case) is one of these, sorted; links are followed to files.

    Hidden files are left out, and folders below it that hold a file `.nomedia`: by a common convention
    that says that what is there is made from other media, such as pages and stems.
    """
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not Path(place, name, NO_MEDIA).exists()]
        named = (Path(place, name) for name in files if not name.startswith("."))
        found += [file for file in named if file.suffix.lower() in suffixes and file.is_file()]
    return sorted(found)


def find_films(paths: Iterable[str | Path]) -> list[Path]:
    """The files named, and those with a film's suffix in the folders named, sorted, each once.

    InputError for a place that does not exist, a folder without films, and nothing at all.
    """
    found: set[Path] = set()
    for path in map(Path, paths):
        if path.is_dir():
            inside = find_files(path, _FILMS)
            if not inside:
                raise InputError(f"no films in folder {path} (looked for {', '.join(sorted(_FILMS))})")
            found.update(inside)
        elif path.exists():
            found.add(path)
        else:
            raise InputError(f"no such file or folder: {path}")
    if not found:
        raise InputError("name at least one film or folder")
    return sorted(file.resolve() for file in found)

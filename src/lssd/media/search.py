"""Which files of a folder are films and sounds, and how their names are written."""

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from lssd.errors import InputError

NO_MEDIA = ".nomedia"
# What a folder is searched for; a file that is named itself is tried whatever its suffix.
FILMS = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m1v", ".m2ts", ".m2v", ".m4v", ".mkv"}
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".rm", ".rmvb", ".ts", ".vob", ".webm"}
    | {".wmv", ".y4m"}
)
SOUNDS = frozenset(
    {".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".caf", ".dts", ".eac3", ".flac"}
    | {".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".mpc", ".oga", ".ogg", ".opus", ".snd", ".spx", ".tta"}
    | {".w64", ".wav", ".wma", ".wv"}
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
            inside = find_files(path, FILMS)
            if not inside:
                raise InputError(f"no films in folder {path} (looked for {', '.join(sorted(FILMS))})")
            found.update(inside)
        elif path.exists():
            found.add(path)
        else:
            raise InputError(f"no such file or folder: {path}")
    if not found:
        raise InputError("name at least one film or folder")
    return sorted(file.resolve() for file in found)


def find_media(paths: Sequence[str | Path]) -> list[Path]:
    """The files behind paths: a file itself, a folder's films and sounds sorted by name, each file once.

    InputError when there is none.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        found.update(dict.fromkeys(find_files(path, SOUNDS | FILMS) if path.is_dir() else [path]))
    if not found:
        named = ", ".join(str(path) for path in paths) or "no path"
        raise InputError(f"no sound or film in {named}; name files, or folders that hold some")
    return list(found)


def is_text(name: str | Path) -> bool:
    """Whether a name is UTF-8: file systems allow others, Parquet and JSON do not.

    Its bytes on the disk count, so the answer is the same in every locale.
    """
    try:
        str(name).encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return False
    return True


def spelled(name: str | Path) -> str:
    """A name as text that can be written, the same in every locale; what is not UTF-8 is escaped."""
    try:
        text = str(name).encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte
        text = str(name)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

"""Which files of a folder are media."""

import os
from collections.abc import Collection
from pathlib import Path

NO_MEDIA = ".nomedia"


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

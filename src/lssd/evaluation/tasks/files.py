"""Reading the files that describe tasks, and finding the media that they name."""

import csv
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lssd.errors import InputError


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object without a key given twice. InputError names the file."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key, content in pairs:
            if key in value:
                raise InputError(f"{path} names {key} twice")
            value[key] = content
        return value

    try:
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except FileNotFoundError as error:
        raise InputError(f"missing {path}; a task folder follows HEAR's layout") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object")
    return value


def read_table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV with their line numbers; "" where a cell is lacking.

    InputError when the file is missing, no CSV in UTF-8, lacks one of `columns`, or has a row with more
    cells than columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = [name.strip() for name in reader.fieldnames or ()]
            if not set(columns) <= set(header):
                raise InputError(f"{path} needs the columns {','.join(columns)}")
            reader.fieldnames = header
            for row in reader:
                if any(row.get(None) or ()):
                    raise InputError(
                        f"{path}, line {reader.line_num}: more cells than columns; put a cell that holds a "
                        "comma in quotes"
                    )
                yield reader.line_num, {name: row[name] or "" for name in header}
    except FileNotFoundError as error:
        raise InputError(f"missing {path}") from error
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no CSV in UTF-8: {error}") from error


def read_groups(path: Path, names: Iterable[str]) -> dict[str, str] | None:
    """The group of every item, None without the file. InputError when an item has none, or two."""
    if not path.exists():
        return None
    groups: dict[str, str] = {}
    for line, row in read_table(path, ("item", "group")):
        item, group = row["item"], row["group"]
        if not item or not group:
            raise InputError(f"{path}, line {line}: {'no group' if item else 'no item'}")
        if groups.setdefault(item, group) != group:
            raise InputError(f"{path}, line {line}: {item} is in the groups {groups[item]} and {group}")
    for name in names:
        if name not in groups:
            raise InputError(f"{path} has no row for {name}")
    return groups


def names_in(folder: Path) -> frozenset[str]:
    """The names of the files in a folder, in one scan; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except FileNotFoundError:
        return frozenset()


def locate(folder: Path, name: str) -> Path | None:
    """The file of that name, or None. An accent may be one code point in a list and two on a disk, or vice
    versa."""
    for spelled in (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
        if (folder / spelled).is_file():
            return folder / spelled
    return None

"""Tables that a user hands in: CSV with a header, read whole; every fault is reported in one line."""

import csv
from collections.abc import Iterable
from pathlib import Path

from lssd.errors import InputError


def read_table(
    path: str | Path, what: str, columns: Iterable[str], required: Iterable[str] = ("path",)
) -> list[tuple[str, dict[str, str]]]:
    """The rows of a CSV file, each with its position for messages ("FILE, line N").

    `columns` may occur and `required` must; a missing cell is "", spaces around a value are dropped.
    `what` names the table in messages. Raises InputError for a missing file, one that is no UTF-8 CSV, an
    unknown or missing column, a row with more cells than columns or without a required value.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no such {what}: {path}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="?", restval="")
            header = list(reader.fieldnames or [])
            rows = [(f"{path}, line {reader.line_num}", row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not readable as CSV ({error}); save it as UTF-8") from error
    unknown, missing = set(header) - set(columns), [name for name in required if name not in header]
    if unknown or missing:
        fault = f"unknown column '{min(unknown)}'" if unknown else f"no column '{missing[0]}'"
        raise InputError(f"{path}: {fault}; columns are {', '.join(sorted(columns))}")
    for where, row in rows:
        if "?" in row or any("\0" in cell for cell in row.values()):
            raise InputError(f"{where}: it does not have one value a column")
        # A file's name may begin or end with a space.
        row.update({name: cell.strip() for name, cell in row.items() if name != "path"})
        empty = [name for name in required if not row[name]]
        if empty:
            raise InputError(f"{where}: the column '{empty[0]}' is empty")
    return rows

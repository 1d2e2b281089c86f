"""Labels of clips: a table gives them to stretches of films, and the clips in these get them."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lssd.corpus.catalog import CatalogWriter
from lssd.corpus.fingerprints import FINGERPRINT
from lssd.corpus.schema import LabelRow, ShotRow, picture_of_shot
from lssd.corpus.tables import read_table
from lssd.errors import InputError

_COLUMNS = ("path", "start_s", "end_s", "name", "value")


@dataclass(frozen=True)
class Label:
    """A label of a film from start_s to end_s, in seconds from its beginning."""

    name: str
    value: str
    start_s: float = 0.0
    end_s: float = math.inf


Labels = Mapping[Path, tuple[Label, ...]]


def read_labels(path: str | Path) -> Labels:
    """Read the labels table: CSV with path, name, value and, for less than the whole film, start_s, end_s.

    Relative paths are relative to the table's own folder. An empty start is the film's beginning, an empty
    end its end. Raises InputError for a missing file, an unknown column, times that are no numbers or do
    not rise from 0, and the name "fingerprint", which ingest itself gives.
    """
    path = Path(path)
    found: dict[str, list[Label]] = defaultdict(list)
    for where, row in read_table(path, "labels table", _COLUMNS, ("path", "name", "value")):
        found[row["path"]].append(_label(row, where))
    merged: dict[Path, tuple[Label, ...]] = {}
    for film, labels in found.items():
        film_path = (path.parent / film).resolve()  # one film may be named in several ways
        merged[film_path] = (*merged.get(film_path, ()), *labels)
    return merged


def _label(row: dict[str, str], where: str) -> Label:
    if row["name"] == FINGERPRINT:
        raise InputError(f"{where}: ingest itself gives the label '{FINGERPRINT}'; choose another name")
    start_s = _seconds(row, "start_s", 0.0, where)
    end_s = _seconds(row, "end_s", math.inf, where)
    if not 0 <= start_s < end_s:
        raise InputError(f"{where}: times must rise from 0, not from {start_s:g} to {end_s:g} s")
    return Label(row["name"], row["value"], start_s, end_s)


def _seconds(row: dict[str, str], column: str, empty: float, where: str) -> float:
    text = row.get(column, "")
    if not text:
        return empty
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {column} must be a number of seconds, not '{text}'")
    return value


def relabel(old: Iterable[LabelRow], shots: Iterable[ShotRow], labels: Iterable[Label]) -> list[LabelRow]:
    """The rows of a picture's clips in the `labels` table: `old` ones, and those that `labels` give them.

    A clip gets each label that covers more than half of it. Old labels of a name that occurs in
    `labels` are replaced, on all clips of the picture; those of other names stay.
    """
    labels = list(labels)
    given = {label.name for label in labels}
    rows = {row for row in old if row.name not in given}
    for shot in shots:
        if shot.kept:
            rows |= {LabelRow(shot.shot_id, one.name, one.value) for one in labels if _covers(one, shot)}
    return sorted(rows, key=lambda row: (row.clip_id, row.name, str(row.value)))


def _covers(label: Label, shot: ShotRow) -> bool:
    """Whether a label covers more than half of a shot."""
    shared_s = min(shot.end_s, label.end_s) - max(shot.start_s, label.start_s)
    return 2 * shared_s > shot.end_s - shot.start_s


def label_titles(writer: CatalogWriter, labels: Labels) -> None:
    """Give committed titles the labels that a table has for any of their files; pictures and sounds stay.

    A title whose labels change is committed again as a whole.
    """
    wanted: dict[str, dict[str, list[Label]]] = defaultdict(lambda: defaultdict(list))
    for source in writer.sources.values():
        found = labels.get(Path(source.path), ())
        if found:
            wanted[source.title_id][source.picture_id] += found
    for title_id, pictures in wanted.items():
        old, shots = writer.rows(title_id, LabelRow), writer.rows(title_id, ShotRow)
        rows = []
        for picture_id in dict.fromkeys(picture_of_shot(shot.shot_id) for shot in shots):
            own = [shot for shot in shots if picture_of_shot(shot.shot_id) == picture_id]
            before = [row for row in old if picture_of_shot(row.clip_id) == picture_id]
            rows += relabel(before, own, pictures.get(picture_id, ()))
        rows.sort(key=lambda row: row.clip_id)
        if rows != old:
            writer.commit(title_id, replace(writer.all_rows(title_id), labels=rows), [])

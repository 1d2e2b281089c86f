"""Tasks of a user's own: a folder of class folders, or a CSV.

```
FOLDER/dog/any/where/a.wav              classes are the folders; folds are made
FOLDER/train/dog/a.wav                  or train, valid (or val) and test are given
FOLDER/groups.csv                       optional: item,group (dog/any/where/a.wav,kennel-3)

TABLE.csv   path,label[,split][,group]  paths relative to the table; a;b are two labels (multilabel);
                                        splits train, valid, test, or folds by number (0, fold1, ...)
```
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lssd.errors import InputError
from lssd.evaluation.metrics import usual_metrics
from lssd.evaluation.tasks.files import locate, read_groups, read_table
from lssd.evaluation.tasks.folds import FEWEST, FOLDS, assign_folds, fold_count, fold_names, rarest
from lssd.evaluation.tasks.task import (
    TRAIN_VALID_TEST,
    Item,
    Reader,
    Task,
    absent_classes,
    checked,
    in_order,
)
from lssd.media import FILMS, SOUNDS, find_files, is_text, spelled

_SPLITS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
_FOLD = re.compile(r"(?:fold|split)?[ _-]?(\d+)", re.IGNORECASE)
_LEAK = "folds may share recordings or speakers: no groups say where items come from"


def folder_task(folder: str | Path, modality: str | None = None) -> Task:
    """A folder of class folders as a task; films are judged by their picture unless `modality` says else.

    Without train, valid and test folders it gets 5 folds (3 where a class has fewer than 5 items), balanced
    over classes and of whole groups. InputError when there are no classes, too few items, or mixed media.
    """
    folder = Path(folder)
    media = [path.relative_to(folder).parts for path in _media(folder)]
    media = [parts for parts in media if not any(part.startswith(".") for part in parts)]
    given = _gives_splits(folder, {parts[0] for parts in media if len(parts) > 1})
    depth = 2 if given else 1
    in_classes = [parts for parts in media if len(parts) > depth]
    if not in_classes:
        raise InputError(f"{folder} holds no class folders with sounds or films: a task is FOLDER/CLASS/CLIP")
    items = []
    for parts in in_classes:
        split = _SPLITS[parts[0]] if given else ""
        items.append(Item("/".join(parts), folder.joinpath(*parts), split, (parts[depth - 1],), None))
    notes = _notes_on_unused(folder, media, in_classes, depth)
    unwritable = [item for item in items if not is_text(item.name)]
    items = [item for item in items if is_text(item.name)]
    groups = read_groups(folder / "groups.csv", (item.name for item in items))
    if groups is not None:
        items = [replace(item, group=groups[item.name]) for item in items]
    name = folder.name if folder.name not in ("", "..") else folder.resolve().name
    missing = [f"{spelled(item.name)} (its name is not UTF-8; rename it)" for item in unwritable]
    labels = {item.labels[0] for item in items}
    splits = {item.split for item in items} - {""}
    draft = _Draft(folder, spelled(name), items, missing, labels, splits, notes)
    return draft.to_task(modality, "multiclass", groups is not None)


def csv_task(table: str | Path, modality: str | None = None) -> Task:
    """The rows of a CSV as a task; `modality` as in `folder_task`.

    InputError names the line at fault: no label, an unknown split, a file that is there twice.
    """
    table = Path(table)
    rows = [
        (line, {name: cell.strip() for name, cell in row.items()})
        for line, row in read_table(table, ("path", "label"))
    ]
    if not rows:
        raise InputError(f"{table} holds no row")
    columns = set(rows[0][1])
    for line, row in rows:
        for name in ("path", "label", *sorted({"split", "group"} & columns)):
            if not row[name]:
                raise InputError(f"{table}, line {line}: no {name}")
    multilabel = any(";" in row["label"] for _, row in rows)
    splits = _read_splits(table, [(line, row["split"]) for line, row in rows] if "split" in columns else [])
    items: list[Item] = []
    missing: list[str] = []
    lines: dict[str, tuple[int, str]] = {}
    named: set[str] = set()
    for line, row in rows:
        labels = _labels(row["label"], table, line)
        named.update(labels)
        split = splits.get(line, "")
        normal = os.path.normpath(table.parent / row["path"])
        if normal in lines:
            first, before = lines[normal]
            which = "twice" if before == split else f"in the splits {before} and {split}"
            hint = "; several labels go in one cell, a;b" if before == split else ""
            raise InputError(f"{table}, line {line}: {row['path']} is {which}, first in line {first}{hint}")
        lines[normal] = (line, split)
        path = locate(table.parent, row["path"])
        if path is None:
            missing.append(row["path"])
        else:
            items.append(Item(row["path"], path, split, labels, row.get("group")))
    draft = _Draft(table, spelled(table.stem), items, missing, named, set(splits.values()), [])
    return draft.to_task(modality, "multilabel" if multilabel else "multiclass", "group" in columns)


FOLDERS = Reader(
    "a folder of class folders", Path.is_dir, lambda path, modality, rate: folder_task(path, modality)
)
TABLES = Reader(
    "a CSV",
    lambda path: path.suffix.lower() == ".csv" and path.is_file(),
    lambda path, modality, rate: csv_task(path, modality),
)


@dataclass
class _Draft:
    """A task as far as it has been read.

    source   the folder or the table
    labels   all that are named, with or without a file
    splits   empty where none are given: the items' splits are then "", and are made here
    """

    source: Path
    name: str
    items: list[Item]
    missing: list[str]
    labels: set[str]
    splits: set[str]
    notes: list[str]

    def to_task(self, modality: str | None, prediction_type: str, grouped: bool) -> Task:
        if not self.items:
            first = self.missing[0]
            raise InputError(
                f"{self.source}: none of its {len(self.missing)} files is there; the first is {first}"
            )
        suggested, judged = _modalities(self.items, modality, self.source)
        mode, splits = self._split()
        suffix = "" if judged == suggested else f"-{judged}"
        order = {split: number for number, split in enumerate(splits)}
        items = sorted(self.items, key=lambda item: order[item.split])
        labels = in_order(sorted(self.labels), items)
        return checked(
            Task(
                name=self.name + suffix,
                title=self.name.replace("_", " ") + (f" ({judged})" if suffix else ""),
                folder=self.source,
                split_mode=mode,
                splits=splits,
                labels=labels,
                items=tuple(items),
                missing=tuple(self.missing),
                group_name="group" if grouped else None,
                metrics=usual_metrics(prediction_type == "multilabel"),
                prediction_type=prediction_type,
                modality=judged,
                notes=(*self.notes, *absent_classes(sorted(self.labels), labels)),
            )
        )

    def _split(self) -> tuple[str, tuple[str, ...]]:
        """The split mode and splits; where they are not given, items get them here."""
        if not self.splits:
            folds = fold_count(*self._labels_and_units(), str(self.source), self._kind())
            names = fold_names(folds)
            self._assign(names, self.items)
            self.notes.append(f"{folds} folds made here, balanced over classes")
            if self._kind() == "item":
                self.notes.append(_LEAK)
            return "new_split_kfold", names
        if not self.splits <= set(TRAIN_VALID_TEST):
            return "presplit_kfold", tuple(
                sorted(self.splits, key=lambda fold: int(fold.removeprefix("fold")))
            )
        if "valid" not in self.splits:
            self._hold_out()
        return "trainvaltest", TRAIN_VALID_TEST

    def _hold_out(self) -> None:
        """Turn a fifth of train into valid; a third where a class has few items."""
        train = [item for item in self.items if item.split == "train"]
        labels, units = self._labels_and_units(train)
        label, smallest = rarest(labels, units)
        if smallest < 2:
            raise InputError(
                f"{self.source} has no valid split, and class {label!r} with one {self._kind()} in train "
                "cannot give one: add a valid split"
            )
        parts = FOLDS if smallest >= FOLDS else FEWEST
        self._assign(("valid", *["train"] * (parts - 1)), train)
        self.notes.append(f"no valid split: one part in {parts} of train is held out for it")

    def _assign(self, names: Sequence[str], items: list[Item]) -> None:
        """Give these items the split of the fold that they are assigned to."""
        folds = assign_folds(*self._labels_and_units(items), len(names))
        self.items = [
            replace(item, split=names[folds[item.name]]) if item.name in folds else item
            for item in self.items
        ]

    def _labels_and_units(
        self, items: Iterable[Item] | None = None
    ) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
        chosen = list(self.items if items is None else items)
        return (
            {item.name: item.labels for item in chosen},
            {item.name: item.group or item.name for item in chosen},
        )

    def _kind(self) -> str:
        return "group" if any(item.group for item in self.items) else "item"


def _media(folder: Path, levels: int = 2) -> list[Path]:
    """The media below a folder; splits and classes may be links to folders."""
    found = []
    for child in sorted(folder.iterdir()):
        if child.is_dir():
            found += _media(child, levels - 1) if levels > 1 else find_files(child, SOUNDS | FILMS)
        elif child.suffix.lower() in SOUNDS | FILMS and child.is_file():
            found.append(child)
    return found


def _notes_on_unused(
    folder: Path, media: Sequence[tuple[str, ...]], in_classes: Sequence[tuple[str, ...]], depth: int
) -> list[str]:
    """Notes on media in no class folder, class folders without any, and files in these that are no media."""
    notes = []
    if len(in_classes) < len(media):
        notes.append(f"{len(media) - len(in_classes)} files that lie in no class folder are left out")
    classes = [path for path in folder.glob("/".join("*" * depth)) if path.is_dir()]
    classes = [path for path in classes if not any(part[0] == "." for part in path.relative_to(folder).parts)]
    full = {folder.joinpath(*parts[:depth]) for parts in in_classes}
    empty = sorted(spelled(path.relative_to(folder)) for path in classes if path not in full)
    if empty:
        notes.append(f"{len(empty)} class folders without sound or film: {', '.join(empty)}")
    others = Counter(
        path.suffix.lower() or path.name
        for class_folder in classes
        for path in class_folder.rglob("*")
        if path.is_file() and path.name[0] != "." and path.suffix.lower() not in SOUNDS | FILMS
    )
    if others:
        kinds = spelled(", ".join(sorted(others)))
        notes.append(f"{others.total()} files in class folders are neither sound nor film: {kinds}")
    return notes


def _gives_splits(folder: Path, names: set[str]) -> bool:
    """Whether these folders are splits, not classes. InputError for an incomplete or a mixed set."""
    if not names <= set(_SPLITS) and not {"train", "test"} <= names:
        return False
    others = sorted(names - set(_SPLITS))
    if others:
        raise InputError(
            f"{folder} holds {others[0]} beside train and test; it is neither a split nor a class"
        )
    lacking = sorted({"train", "test"} - names)
    if names and lacking:
        raise InputError(f"{folder} holds {' and '.join(sorted(names))} but no folder {lacking[0]}")
    return bool(names)


def _labels(cell: str, table: Path, line: int) -> tuple[str, ...]:
    labels = tuple(dict.fromkeys(label.strip() for label in cell.split(";")))
    if not all(labels):
        raise InputError(f"{table}, line {line}: an empty label in {cell!r}")
    return labels


def _read_splits(table: Path, cells: list[tuple[int, str]]) -> dict[int, str]:
    """The split of each line: train, valid and test, or folds, and never both."""
    numbers = {line: match[1] for line, cell in cells if (match := _FOLD.fullmatch(cell))}
    if len(numbers) == len(cells):
        folds = {line: f"fold{int(number):02d}" for line, number in numbers.items()}
        count = len(set(folds.values()))
        if cells and count < FEWEST:
            raise InputError(f"{table}: {count} folds; at least {FEWEST} are needed (train, valid, test)")
        return folds
    for line, cell in cells:
        if cell.lower() not in _SPLITS:
            raise InputError(
                f"{table}, line {line}: unknown split {cell!r}; it is train, valid or test, or all are folds "
                "by number"
            )
    splits = {line: _SPLITS[cell.lower()] for line, cell in cells}
    for needed in ("train", "test"):
        if needed not in splits.values():
            raise InputError(f"{table}: no row is in the split {needed}")
    return splits


def _modalities(items: list[Item], modality: str | None, source: Path) -> tuple[str, str]:
    """The modality that the files suggest, and the one to judge. A file of unknown suffix is a sound."""
    films = [item for item in items if item.path.suffix.lower() in FILMS]
    sounds = [item for item in items if item.path.suffix.lower() not in FILMS]
    if modality in ("picture", "audiovisual") and sounds:
        raise InputError(f"{source}: {sounds[0].name} is a sound; the task cannot be judged as {modality}")
    if modality is None and films and sounds:
        raise InputError(
            f"{source} mixes films ({films[0].name}) and sounds ({sounds[0].name}); choose the modality audio"
        )
    suggested = "picture" if films and not sounds else "audio"
    return suggested, modality or suggested

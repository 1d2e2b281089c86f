"""Task folders in HEAR's layout, read into plain items.

```
TASK/task_metadata.json     task_name, split_mode, splits or nfolds, prediction_type, evaluation, ...
TASK/labelvocabulary.csv    idx,label
TASK/fold00.json            {"file.wav": ["label"], ...}, one file a split
TASK/48000/fold00/file.wav
TASK/groups.csv             optional: item,group (the film, speaker or recording an item comes from)
```

HEAR knows sound only. A task of pictures or of both says so in task_metadata.json: `"modality": "picture"`
or `"audiovisual"`; its items are short films in TASK/films/fold00/, an audiovisual one's with its sound.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lssd.errors import InputError

_METADATA = "task_metadata.json"
_SPLIT_MODES = ("trainvaltest", "new_split_kfold", "presplit_kfold")
_ACCURACY = ("top1_acc", "accuracy")
MODALITIES = ("audio", "picture", "audiovisual")


@dataclass(frozen=True)
class Item:
    """One sound or film of a task."""

    name: str
    path: Path
    split: str
    label: str
    group: str | None


@dataclass(frozen=True)
class Division:
    """One training of a probe: the splits it learns from, chooses on, and is judged on."""

    train: tuple[str, ...]
    valid: str
    test: str


@dataclass(frozen=True)
class Task:
    """A task as its folder describes it. `labels` are the classes that have an item, in vocabulary order.

    `group_name` says what the groups are ("title", "speaker"), None when items have none. `missing`
    names the items whose file is not there. `first_metric` is the one the task's authors judge by.
    `modality` is one of MODALITIES: what of its items is judged.
    """

    name: str
    title: str
    folder: Path
    split_mode: str
    splits: tuple[str, ...]
    labels: tuple[str, ...]
    items: tuple[Item, ...]
    missing: tuple[str, ...]
    group_name: str | None
    first_metric: str
    modality: str = "audio"

    def divisions(self) -> tuple[Division, ...]:
        """The trainings that give every test item one prediction.

        Folds: test = i, valid = i + 1, train = the rest. Otherwise: train, valid, test.
        """
        if self.split_mode == "trainvaltest":
            return (Division(("train",), "valid", "test"),)
        count = len(self.splits)
        return tuple(
            Division(
                tuple(
                    split
                    for other, split in enumerate(self.splits)
                    if other not in (fold, (fold + 1) % count)
                ),
                self.splits[(fold + 1) % count],
                self.splits[fold],
            )
            for fold in range(count)
        )


def find_tasks(tasks: Sequence[str | Path], data: str | Path) -> list[Path]:
    """The folders of tasks: each a task folder itself, or a name under `data` (or `data/tasks`).

    A name is that of the folder or the `task_name` in its metadata. InputError when there is none,
    or more than one.
    """
    return [_find_task(task, Path(data)) for task in tasks]


def read_task(folder: str | Path) -> Task:
    """Read a task folder.

    InputError names the file at fault: metadata missing or of an unknown kind, a split without its
    list, an item with other than one label or in two splits, a class without a training item.
    """
    folder = Path(folder)
    metadata = _read_json(folder / _METADATA)
    _check_kind(metadata, folder)
    splits = _split_names(metadata, folder)
    vocabulary = _read_vocabulary(folder / "labelvocabulary.csv")
    groups = _read_groups(folder / "groups.csv")
    modality = str(metadata.get("modality", "audio"))
    media = _sound_folder(folder) if modality == "audio" else _film_folder(folder)
    items: dict[str, Item] = {}
    missing = []
    for split in splits:
        for name, label in _read_split(folder / f"{split}.json", vocabulary):
            if name in items:
                raise InputError(f"{folder}: {name} is in the splits {items[name].split} and {split}")
            if groups and name not in groups:
                raise InputError(f"{folder / 'groups.csv'} has no row for {name}")
            path = media / split / name
            if not path.is_file():
                missing.append(name)
                continue
            items[name] = Item(name, path, split, label, groups.get(name))
    if not items:
        raise InputError(f"{folder}: none of its {len(missing)} items is in {media}")
    present = {item.label for item in items.values()}
    task = Task(
        name=str(metadata["task_name"]),
        title=str(metadata.get("title") or str(metadata["task_name"]).replace("_", " ")),
        folder=folder,
        split_mode=metadata["split_mode"],
        splits=splits,
        labels=tuple(label for label in vocabulary if label in present),
        items=tuple(items.values()),
        missing=tuple(missing),
        group_name=str(metadata.get("group") or "group") if groups else None,
        first_metric=str(metadata.get("evaluation", ["top1_acc"])[0]),
        modality=modality,
    )
    _check_classes(task)
    return task


def _find_task(task: str | Path, data: Path) -> Path:
    for folder in (Path(task), data / task, data / "tasks" / task):
        if (folder / _METADATA).is_file():
            return folder
    if not data.is_dir():
        raise InputError(f"no task folder {task}, and no data folder {data} to look for it in")
    known: dict[Path, str] = {}
    for path in sorted([*data.glob(f"*/{_METADATA}"), *data.glob(f"tasks/*/{_METADATA}")]):
        known[path.parent] = str(_read_json(path).get("task_name"))
    found = [folder for folder, name in known.items() if name == str(task)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{len(found)} folders hold task {task}: {', '.join(map(str, found))}; name one of them"
        )
    names = ", ".join(sorted(set(known.values()))) or "none"
    raise InputError(f"no task {task} in {data}; tasks there: {names}")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"missing {path}; a task folder follows HEAR's layout") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object")
    return value


def _check_kind(metadata: dict[str, Any], folder: Path) -> None:
    path = folder / _METADATA
    for key in ("task_name", "split_mode"):
        if key not in metadata:
            raise InputError(f"{path} lacks '{key}'")
    if metadata["split_mode"] not in _SPLIT_MODES:
        raise InputError(
            f"{path}: split_mode {metadata['split_mode']!r} is none of {', '.join(_SPLIT_MODES)}"
        )
    for key, supported in (("prediction_type", "multiclass"), ("embedding_type", "scene")):
        if metadata.get(key, supported) != supported:
            raise InputError(f"{path}: {key} {metadata[key]!r} is not supported; {supported} tasks are")
    if metadata.get("modality", "audio") not in MODALITIES:
        raise InputError(
            f"{path}: modality {metadata['modality']!r} is not supported; {', '.join(MODALITIES)} are"
        )
    metrics = metadata.get("evaluation", ["top1_acc"])
    if not isinstance(metrics, list) or not set(_ACCURACY) & set(map(str, metrics)):
        raise InputError(
            f"{path}: evaluation {metrics!r} holds no top1_acc; accuracy is the metric supported"
        )


def _split_names(metadata: dict[str, Any], folder: Path) -> tuple[str, ...]:
    if metadata["split_mode"] == "trainvaltest":
        return ("train", "valid", "test")
    splits = metadata.get("splits")
    if not splits and isinstance(metadata.get("nfolds"), int):
        splits = [f"fold{fold:02d}" for fold in range(metadata["nfolds"])]
    if not splits:
        splits = sorted(path.stem for path in folder.glob("fold*.json"))
    if not isinstance(splits, list) or len(splits) < 3:
        raise InputError(
            f"{folder / _METADATA}: folds need at least 3 splits (train, valid, test), not {splits!r}"
        )
    return tuple(map(str, splits))


def _read_rows(path: Path, columns: tuple[str, str]) -> Iterator[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if not set(columns) <= set(reader.fieldnames or ()):
                raise InputError(f"{path} needs the columns {','.join(columns)}")
            for row in reader:
                yield str(row[columns[0]]), str(row[columns[1]])
    except FileNotFoundError as error:
        raise InputError(f"missing {path}; a task folder follows HEAR's layout") from error


def _read_vocabulary(path: Path) -> list[str]:
    return [label for _, label in _read_rows(path, ("idx", "label"))]


def _read_groups(path: Path) -> dict[str, str]:
    return dict(_read_rows(path, ("item", "group"))) if path.exists() else {}


def _sound_folder(folder: Path) -> Path:
    rates = [path for path in folder.iterdir() if path.is_dir() and path.name.isdigit()]
    if not rates:
        raise InputError(f"{folder} holds no sounds; they lie in {folder / '48000'}/SPLIT/")
    return max(rates, key=lambda path: int(path.name))


def _film_folder(folder: Path) -> Path:
    films = folder / "films"
    if not films.is_dir():
        raise InputError(f"{folder} holds no films; they lie in {films}/SPLIT/")
    return films


def _read_split(path: Path, vocabulary: list[str]) -> Iterator[tuple[str, str]]:
    known = set(vocabulary)
    for name, labels in _read_json(path).items():
        if not isinstance(labels, list) or len(labels) != 1:
            raise InputError(f"{path}: {name} must have one label in a list, not {labels!r}")
        label = str(labels[0])
        if label not in known:
            raise InputError(f"{path}: the label {label!r} of {name} is not in labelvocabulary.csv")
        yield name, label


def _check_classes(task: Task) -> None:
    counts = {
        split: Counter(item.label for item in task.items if item.split == split) for split in task.splits
    }
    for division in task.divisions():
        for split in (division.valid, division.test):
            if not counts[split]:
                raise InputError(f"{task.folder}: split {split} has no item")
        learnt = {label for split in division.train for label in counts[split]}
        unlearnt = sorted(set(counts[division.test]) - learnt)
        if unlearnt:
            trained = " + ".join(division.train)
            raise InputError(
                f"{task.folder}: class {unlearnt[0]!r} of {division.test} has no item in {trained}"
            )

"""HEAR's task folders, as published.

```
TASK/task_metadata.json     task_name, split_mode, splits or nfolds, prediction_type, evaluation, mode, ...
TASK/labelvocabulary.csv    idx,label
TASK/fold00.json            {"file.wav": ["label"], ...}, one file a split
TASK/48000/fold00/file.wav  or at other rates: that of the model is read, else the highest
TASK/groups.csv             optional: item,group (the film, speaker or recording an item comes from)
```

HEAR knows sound only. A task of pictures or of both says so in task_metadata.json: `"modality": "picture"`
or `"audiovisual"`; its items are short films in TASK/films/fold00/, an audiovisual one's with its sound.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from lssd.errors import InputError
from lssd.evaluation.metrics import METRICS, own_name, usual_metrics
from lssd.evaluation.tasks.files import locate, names_in, read_groups, read_object, read_table
from lssd.evaluation.tasks.published import PUBLISHED_TASKS, size_notes, with_groups
from lssd.evaluation.tasks.task import (
    MODALITIES,
    PREDICTION_TYPES,
    TRAIN_VALID_TEST,
    Item,
    Reader,
    Task,
    absent_classes,
    checked,
    in_order,
)
from lssd.media import FILMS, SOUNDS, is_text, spelled

METADATA = "task_metadata.json"
VOCABULARY = "labelvocabulary.csv"
GROUPS = "groups.csv"
_SPLIT_MODES = ("trainvaltest", "new_split_kfold", "presplit_kfold")


def hear_task(folder: Path, modality: str | None = None, rate: int | None = None) -> Task:
    """Read a task folder, before the checks of `checked`.

    `modality` overrides that of the metadata; `rate` (Hz) is that of the sounds to read, where they
    are there at several. InputError names the file at fault, and the item.
    """
    metadata = read_object(folder / METADATA)
    _check_kind(metadata, folder)
    name, mode = str(metadata["task_name"]), str(metadata.get("mode") or "full")
    stated = str(metadata.get("modality", "audio"))
    prediction_type = str(metadata.get("prediction_type", "multiclass"))
    splits = _split_names(metadata, folder)
    vocabulary = _read_vocabulary(folder / VOCABULARY)
    media = _sound_folder(folder, splits, rate) if stated == "audio" else _film_folder(folder)
    items, missing, unlisted = _read_items(folder, media, splits, vocabulary, prediction_type)
    published = PUBLISHED_TASKS.get(name)
    groups = read_groups(folder / GROUPS, [*(item.name for item in items), *filter(is_text, missing)])
    if groups is None:
        items, group_name, group_notes = with_groups(items, name)
    else:
        items = [replace(item, group=groups[item.name]) for item in items]
        group_name = str(metadata.get("group") or (published and published.group_name) or "group")
        group_notes = []
    metrics, metric_notes = _metrics(metadata, prediction_type, folder)
    full_name = name if mode == "full" else f"{name}-{mode}"
    title = str(
        metadata.get("title") or (published and published.titles.get(mode)) or full_name.replace("_", " ")
    )
    if modality is not None and modality != stated:
        if stated == "audio":
            raise InputError(f"{folder} is a task of sounds; it cannot be judged as {modality}")
        full_name, title = f"{full_name}-{modality}", f"{title} ({modality})"
    labels = in_order(vocabulary, items)
    notes = [
        *metric_notes,
        *size_notes(name, mode, len(items) + len(missing), len(vocabulary)),
        *group_notes,
        *absent_classes(vocabulary, labels),
        *_unused(folder, media, splits, unlisted),
    ]
    return Task(
        name=full_name,
        title=title,
        folder=folder,
        split_mode=metadata["split_mode"],
        splits=splits,
        labels=labels,
        items=tuple(items),
        missing=tuple(map(spelled, missing)),
        group_name=group_name,
        metrics=metrics,
        prediction_type=prediction_type,
        modality=modality or stated,
        rate=int(media.name) if stated == "audio" else None,
        notes=tuple(notes),
    )


def is_hear_folder(path: Path) -> bool:
    """Whether a folder is one of HEAR's layout, be it a damaged one."""
    return (path / METADATA).is_file() or (path / VOCABULARY).exists()


def names_below(data: Path) -> Mapping[Path, tuple[str, ...]]:
    """The task folders in `data` and `data/tasks`: the name of each, and the name with its mode."""
    names = {}
    for path in sorted([*data.glob(f"*/{METADATA}"), *data.glob(f"tasks/*/{METADATA}")]):
        metadata = read_object(path)
        name = str(metadata.get("task_name"))
        names[path.parent] = (name, f"{name}-{metadata.get('mode') or 'full'}")
    return names


READER = Reader(
    "HEAR's task folder",
    is_hear_folder,
    lambda path, modality, rate: checked(hear_task(path, modality, rate)),
    names_below,
)


def _check_kind(metadata: dict[str, Any], folder: Path) -> None:
    path = folder / METADATA
    for key in ("task_name", "split_mode"):
        if key not in metadata:
            raise InputError(f"{path} lacks '{key}'")
    kind = metadata.get("embedding_type", "scene")
    if kind != "scene":
        raise InputError(
            f"{path}: {metadata['task_name']} is a task of {kind}s in time; only scene tasks, one answer a "
            "sound, are read"
        )
    for key, default, allowed in (
        ("split_mode", None, _SPLIT_MODES),
        ("prediction_type", "multiclass", PREDICTION_TYPES),
        ("modality", "audio", MODALITIES),
    ):
        if metadata.get(key, default) not in allowed:
            raise InputError(f"{path}: {key} {metadata[key]!r} is not supported; {', '.join(allowed)} are")


def _metrics(
    metadata: dict[str, Any], prediction_type: str, folder: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The task's metrics that can be computed, and a note of those that cannot."""
    named = metadata.get("evaluation", [usual_metrics(prediction_type == "multilabel")[0]])
    if not isinstance(named, list) or not named:
        raise InputError(f"{folder / METADATA}: evaluation must be a list of metrics, not {named!r}")
    named = [own_name(str(metric)) for metric in named]
    metrics = tuple(dict.fromkeys(metric for metric in named if metric in METRICS))
    if not metrics:
        raise InputError(
            f"{folder / METADATA}: evaluation {', '.join(named)} holds none of {', '.join(METRICS)}"
        )
    others = [metric for metric in named if metric not in METRICS]
    if metrics[0] != named[0]:
        return metrics, (f"its authors judge by {named[0]}; {METRICS[metrics[0]].title} is computed instead",)
    return metrics, (f"not computed: {', '.join(others)}",) if others else ()


def _split_names(metadata: dict[str, Any], folder: Path) -> tuple[str, ...]:
    splits = metadata.get("splits")
    if metadata["split_mode"] == "trainvaltest":
        splits = splits or list(TRAIN_VALID_TEST)
        if sorted(map(str, splits)) != sorted(TRAIN_VALID_TEST):
            raise InputError(f"{folder / METADATA}: splits {splits!r} are not train, valid and test")
        return tuple(splits)
    if not splits and isinstance(metadata.get("nfolds"), int):
        splits = [f"fold{fold:02d}" for fold in range(metadata["nfolds"])]
    if not splits:
        splits = sorted(path.stem for path in folder.glob("fold*.json"))
    if not isinstance(splits, list) or len(set(splits)) < 3:
        raise InputError(
            f"{folder / METADATA}: folds need at least 3 splits (train, valid, test), not {splits!r}"
        )
    return tuple(map(str, splits))


def _read_vocabulary(path: Path) -> list[str]:
    """The labels in the order of their `idx`, which need not be that of the lines."""
    number_of: dict[str, int] = {}
    for line, row in read_table(path, ("idx", "label")):
        if not row["idx"].isdecimal():
            raise InputError(f"{path}, line {line}: idx {row['idx']!r} is no number")
        if row["label"] in number_of:
            raise InputError(f"{path}, line {line}: the label {row['label']!r} is there twice")
        number_of[row["label"]] = int(row["idx"])
    if not number_of:
        raise InputError(f"{path} holds no label")
    return sorted(number_of, key=lambda label: number_of[label])


def _read_items(
    folder: Path, media: Path, splits: tuple[str, ...], vocabulary: list[str], prediction_type: str
) -> tuple[list[Item], list[str], int]:
    """The items whose file is there, the names of the others, and how many files are in no list."""
    known = set(vocabulary)
    seen: dict[str, str] = {}
    items, missing, unlisted = [], [], 0
    for split in splits:
        listing = folder / f"{split}.json"
        split_folder = media / split
        there, taken = names_in(split_folder), set()
        for name, named in read_object(listing).items():
            labels = _labels(named, listing, name, prediction_type)
            unknown = [label for label in labels if label not in known]
            if unknown:
                raise InputError(f"{listing}: the label {unknown[0]!r} of {name} is not in {VOCABULARY}")
            if name in seen:
                raise InputError(f"{folder}: {name} is in the splits {seen[name]} and {split}")
            seen[name] = split
            if not _inside(name):
                raise InputError(f"{listing}: {name} lies outside of the task's folder")
            path = split_folder / name if name in there else locate(split_folder, name)
            if path is None or not is_text(name):
                missing.append(name)
            else:
                taken.add(path.name)
                items.append(Item(name, path, split, labels, None))
        unlisted += sum(Path(name).suffix.lower() in SOUNDS | FILMS for name in there - taken)
    if not items:
        raise InputError(f"{folder}: none of its {len(missing)} items is in {media}")
    return items, missing, unlisted


def _unused(folder: Path, media: Path, splits: tuple[str, ...], unlisted: int) -> list[str]:
    """Notes on what lies in the folder and takes no part."""
    notes = [f"{unlisted} files in {media.name} that no list names are left out"] if unlisted else []
    lists = sorted(path.name for path in folder.glob("*.json") if path.name != METADATA)
    lists = [name for name in lists if name.removesuffix(".json") not in splits]
    if lists:
        notes.append(f"lists of no split are left out: {', '.join(lists)}")
    return notes


def _labels(named: object, listing: Path, name: str, prediction_type: str) -> tuple[str, ...]:
    """Labels are text; HEAR's lists hold numbers where labels are numbers."""
    if not isinstance(named, list) or any(isinstance(label, (dict, list)) for label in named):
        raise InputError(f"{listing}: {name} must have its labels in a list, not {named!r}")
    labels = tuple(dict.fromkeys(map(str, named)))
    if prediction_type == "multiclass" and len(labels) != 1:
        raise InputError(f"{listing}: {name} must have one label in a list, not {named!r}")
    return labels


def _inside(name: str) -> bool:
    if "/" not in name:
        return name != ".."
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _sound_folder(folder: Path, splits: tuple[str, ...], rate: int | None) -> Path:
    """The folder of sounds with most splits; of several, the one at `rate` (Hz), else at the highest rate."""
    rates = [path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
    if not rates:
        raise InputError(f"{folder} holds no sounds; they lie in {folder / '48000'}/SPLIT/")

    def rank(path: Path) -> tuple[int, bool, int]:
        folder_rate = int(path.name)
        return sum((path / split).is_dir() for split in splits), folder_rate == rate, folder_rate

    return max(rates, key=rank)


def _film_folder(folder: Path) -> Path:
    films = folder / "films"
    if not films.is_dir():
        raise InputError(f"{folder} holds no films; they lie in {films}/SPLIT/")
    return films

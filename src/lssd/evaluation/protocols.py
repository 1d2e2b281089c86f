"""`evaluate`: models on tasks by a named protocol, each ending in one Result."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lssd.engine import Progress
from lssd.errors import InputError
from lssd.evaluation.intervals import LEVEL, accuracy_interval
from lssd.evaluation.items import JOINED, check_encoders, item_vectors, settings_hash
from lssd.evaluation.probes import PENALTIES, fit_probe
from lssd.evaluation.results import RANDOM_INIT, ModelReference, Result, write_predictions
from lssd.evaluation.tasks import Item, Task, find_tasks, read_task
from lssd.evaluation.untrained import untrained_twin
from lssd.models import Model, load_model, weights_hash
from lssd.store import hash_file, hash_json

# Part of every result, and of the decision whether one still stands: a change of the method is a new name.
LINEAR_PROBE = (
    "linear-probe 1: windows of 3 s end to end, mean; features standardised; multinomial logistic regression "
    f"(L-BFGS), L2 of {PENALTIES[-1]:g} to {PENALTIES[0]:g} chosen on the validation split; accuracy"
)


@dataclass(frozen=True)
class _Subject:
    """The model under evaluation, and what identifies it."""

    model: Model
    reference: ModelReference


def evaluate(
    model: Model | str | Path,
    tasks: Sequence[str | Path],
    data: str | Path,
    out: str | Path,
    *,
    name: str | None = None,
    random_init: bool = False,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Judge a model's frozen embeddings on tasks, with a linear probe each.

    Of sound, of picture or of both, as a task's metadata says.

    `tasks` are names under `data`, or task folders (HEAR's layout). Writes `TASK.NAME.json` and the
    predictions `TASK.NAME.parquet` into `out`; a result that stands there for the same weights,
    settings, data and protocol is returned as it is. `name` is what reports call the model,
    by default that of its folder. With `random_init` the model's untrained twin is judged as well, under
    the name "random-init". `cache` keeps embeddings between runs.

    Raises InputError for an unknown task, one of a kind that is not supported or one that the model lacks
    an encoder for, before anything is computed, and CheckpointError for a model that cannot be loaded.
    """
    read = [read_task(folder) for folder in find_tasks(tasks, data)]
    twice = [task for task, count in Counter(task.name for task in read).items() if count > 1]
    if twice:
        raise InputError(f"task {twice[0]} is named twice; results are one file a task")
    subjects = [_subject(model, name)]
    for task in read:
        check_encoders(subjects[0].model, task, subjects[0].reference.name)
    if random_init:
        subjects.append(_subject(untrained_twin(subjects[0].model), RANDOM_INIT))
    return [
        _evaluate_task(subject, task, Path(out), cache, progress) for subject in subjects for task in read
    ]


def _subject(model: Model | str | Path, name: str | None) -> _Subject:
    if isinstance(model, Model):
        path, loaded = None, model
    else:
        path, loaded = Path(model), load_model(model)
    if name is None and path is not None:
        # A run keeps its model in RUN/model: the run's name says more.
        whole = path.resolve()
        name = whole.parent.name if whole.name == "model" else whole.name
    return _Subject(loaded, ModelReference(name or "model", str(path or ""), weights_hash(loaded)))


def _evaluate_task(
    subject: _Subject, task: Task, out: Path, cache: str | Path | None, progress: Progress | None
) -> Result:
    stem = f"{_file_name(task.name)}.{_file_name(subject.reference.name)}"
    data = _data_hash(task)
    reference = replace(subject.reference, settings_sha256=settings_hash(subject.model, task.modality))
    protocol = f"{LINEAR_PROBE}; {JOINED}" if task.modality == "audiovisual" else LINEAR_PROBE
    standing = _standing(out / f"{stem}.json", reference, data, protocol)
    if standing is not None:
        return standing
    started = time.perf_counter()
    vectors, failed = item_vectors(subject.model, task, cache, progress)
    embedded = time.perf_counter()
    items = [item for item in task.items if str(item.path) in vectors]
    rows, folds, majority = _probe(task, items, vectors)
    probed = time.perf_counter()
    correct = np.array([row["correct"] for row in rows], dtype=bool)
    groups = [row["group"] for row in rows] if task.group_name else None
    predictions = f"{stem}.parquet"
    notes = [f"left out: {failure.path}: {failure.reason}" for failure in failed]
    if task.first_metric not in ("top1_acc", "accuracy"):
        notes.append(f"the task's authors judge by {task.first_metric}; this is accuracy")
    return Result(
        model=reference,
        modality=task.modality,
        task=task.name,
        task_title=task.title,
        protocol=protocol,
        primary_metric="accuracy",
        scores={"accuracy": accuracy_interval(correct, groups)},
        n=len(rows),
        missing=len(task.missing) + len(failed),
        classes=len(task.labels),
        chance=1 / len(task.labels),
        majority=majority,
        groups=task.group_name,
        covers=f"test items{f' (by {task.group_name})' if groups else ''}; one training seed",
        seconds={"embed": round(embedded - started, 3), "probe": round(probed - embedded, 3)},
        predictions=predictions,
        predictions_sha256=write_predictions(out / predictions, rows),
        data_sha256=data,
        folds=tuple(folds),
        notes=tuple(notes),
    ).write(out / f"{stem}.json")


def _probe(
    task: Task, items: list[Item], vectors: dict[str, np.ndarray]
) -> tuple[list[dict[str, Any]], list[float], float]:
    """The predictions of all test items, the accuracy of each division, and the majority's accuracy."""
    number = {label: index for index, label in enumerate(task.labels)}
    rows: list[dict[str, Any]] = []
    folds, by_majority = [], 0
    for division in task.divisions():
        train = [item for item in items if item.split in division.train]
        valid = [item for item in items if item.split == division.valid]
        test = [item for item in items if item.split == division.test]
        for split, part in (
            (" + ".join(division.train), train),
            (division.valid, valid),
            (division.test, test),
        ):
            if not part:
                raise InputError(f"{task.folder}: no item of split {split} could be read")
        x, y = zip(*(_arrays(part, vectors, number) for part in (train, valid, test)), strict=True)
        probe = fit_probe(x[0], y[0], x[1], y[1], len(task.labels))
        predicted = probe.predict(x[2])
        for item, guess in zip(test, predicted, strict=True):
            rows.append(
                {
                    "item": item.name,
                    "group": item.group,
                    "split": item.split,
                    "label": item.label,
                    "predicted": task.labels[guess],
                    "correct": bool(task.labels[guess] == item.label),
                }
            )
        folds.append(float((predicted == y[2]).mean()))
        by_majority += int((y[2] == np.bincount(y[0]).argmax()).sum())
    return rows, folds, by_majority / len(rows)


def _arrays(
    items: list[Item], vectors: dict[str, np.ndarray], number: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    x_ND = np.stack([vectors[str(item.path)] for item in items])
    return x_ND, np.array([number[item.label] for item in items], dtype=np.int64)


def _data_hash(task: Task) -> str:
    """A hash of all that the task feeds into a result: media, labels, splits and groups."""
    items = [[item.name, item.split, item.label, item.group, hash_file(item.path)] for item in task.items]
    names = [task.name, task.title, task.split_mode, task.group_name]
    if task.modality != "audio":
        names.append(task.modality)
    return hash_json([names, list(task.splits), list(task.labels), items, list(task.missing)])


def _standing(path: Path, reference: ModelReference, data: str, protocol: str) -> Result | None:
    """The result at `path`, when it is whole and of the same weights, settings, data and protocol."""
    if not path.is_file():
        return None
    try:
        result = Result.read(path)
        result.read_predictions()
    except InputError:
        return None  # damaged, or of an older format: made again
    old = result.model
    same = (
        old.weights_sha256 == reference.weights_sha256
        and old.settings_sha256 == reference.settings_sha256
        and old.name == reference.name
        and result.data_sha256 == data
        and result.protocol == protocol
        and result.primary.level == LEVEL
    )
    return result if same else None


def _file_name(name: str) -> str:
    """A name as part of a file name: letters, digits, and -_+ only."""
    return re.sub(r"[^\w+-]+", "-", name).strip("-") or "unnamed"

"""`evaluate`: models on tasks by a named protocol, each ending in one Result."""

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lssd.embedding.embed import Engine, Failure
from lssd.embedding.file_hashes import FileHashes
from lssd.engine import Progress
from lssd.errors import InputError, LssdError, StorageError
from lssd.evaluation import probes
from lssd.evaluation.foreign.load import HearModule
from lssd.evaluation.metrics import METRICS, usual_metrics
from lssd.evaluation.models import Subject, as_file_name, load_subjects
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.probing import Answers, answer
from lssd.evaluation.results import ModelReference, Result
from lssd.evaluation.statistics.intervals import score_interval
from lssd.evaluation.tasks import Task, find_tasks, read_task
from lssd.evaluation.tasks.task import absent_classes, checked, in_order
from lssd.media import spelled
from lssd.models import Model
from lssd.store import hash_json

DEFAULT = "hear-fixed"
# Those that draw random numbers: other seeds give other probes.
_DRAWING = ("hear-fixed", "hear-strict", "linear")


@dataclass(frozen=True)
class Unjudged:
    """A model and a task that gave no result, and why in one line."""

    model: str
    task: str
    reason: str


@dataclass(frozen=True)
class _Request:
    """How tasks are to be judged, and what the embedding may use."""

    protocol: str
    seeds: tuple[int, ...]
    out: Path
    cache: str | Path
    workers: int | None
    engine: Engine
    device: str | None
    progress: Progress | None

    def place(self, subject: Subject, task: Task) -> Path:
        """Where a result goes."""
        return self.out / f"{as_file_name(task.name)}.{self.protocol}.{subject.file_name}.json"

    def say(self, note: str) -> None:
        """What is being done, where nothing is counted."""
        if self.progress is not None:
            self.progress.phase(note)


def evaluate(
    model: Model | str | Path,
    tasks: Sequence[str | Path],
    data: str | Path,
    out: str | Path,
    *,
    protocol: str = DEFAULT,
    seeds: int = 1,
    modality: str | None = None,
    name: str | None = None,
    random_init: bool = True,
    cache: str | Path | None = None,
    workers: int | None = None,
    engine: Engine = "local",
    device: str | None = None,
    unjudged: list[Unjudged] | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Judge a model's frozen embeddings on tasks, with a probe each.

    Writes `TASK.PROTOCOL.NAME.json` and the predictions beside it into `out`; a result that stands there
    for the same weights, settings, data, method and seeds is returned as it is. That of a model that has
    changed in its place is made again; that of another model of the same name is never replaced. Killed and
    run again, it goes on: with several seeds, from the last probe that was trained.

    Args:
        model: a model, its folder or hub id, or a module that follows HEAR's API (`hear:package.module`).
        tasks: names under `data`, or paths: HEAR's task folders, folders of class folders, or CSVs.
        protocol: of `lssd.evaluation.probes.PROBES`.
        seeds: how many probes to train, of the protocols that draw random numbers.
        modality: what of films is judged, where the task leaves it open: audio, picture, audiovisual.
        name: what reports call the model; by default that of its folder.
        random_init: judge the model's untrained twin as well, under the name "random-init".
        cache: a folder that keeps embeddings and the hashes of media between runs; by default `out/cache`.
        workers, engine: as for `embed`; of modules, `workers` threads read, and the engine is local.
        device: on which models and probes run; by default a GPU where there is one.
        unjudged: a list that takes each model and task without a result; the others are judged all the same.
            Not given, the first is an error once all else is done.

    Raises InputError for an unknown task or protocol, for a task that the model lacks an encoder for, and
    for a name that another model's result has, before anything is computed; and when nothing could be
    judged. CheckpointError for a model that cannot be loaded.
    """
    if protocol not in probes.PROBES:
        raise InputError(f"no protocol {protocol}; there are {', '.join(probes.PROBES)}")
    if seeds < 1:
        raise InputError(f"seeds must be at least 1, not {seeds}")
    drawn = tuple(range(seeds)) if protocol in _DRAWING else (0,)
    places = find_tasks(tasks, data)
    subjects = load_subjects(model, name, device, random_init)
    if isinstance(subjects[0].model, HearModule) and engine != "local":
        raise InputError(f"modules run on this machine alone; leave out the engine {engine}")
    read = [read_task(place, modality, subjects[0].sample_rate) for place in places]
    twice = [task for task, count in Counter(as_file_name(task.name) for task in read).items() if count > 1]
    if twice:
        raise InputError(f"task {twice[0]} is named twice; results are one file a task")
    kept = Path(out) / "cache" if cache is None else cache
    request = _Request(protocol, drawn, Path(out), kept, workers, engine, device, progress)
    for task in read:
        subjects[0].check(task)
        for subject in subjects:
            _check_free(request.place(subject, task), subject.judged_on(task))
    results, failed = _judge_all(subjects, read, request)
    if failed and (unjudged is None or not results):
        raise failed[0][1]
    if unjudged is not None:
        unjudged += [one for one, _ in failed]
    return results


def _judge_all(
    subjects: Sequence[Subject], tasks: Sequence[Task], request: _Request
) -> tuple[list[Result], list[tuple[Unjudged, LssdError]]]:
    """Every subject on every task; what fails costs nothing but itself."""
    results, failed = [], []
    with closing(FileHashes(Path(request.cache) / "files")) as hashes:
        data: dict[str, str] = {}
        for subject in subjects:
            for task in tasks:
                try:
                    if task.name not in data:
                        data[task.name] = _data_hash(task, hashes, request)
                    results.append(_evaluate_task(subject, task, data[task.name], request))
                except StorageError:
                    raise  # a full disk is no fault of this model and task
                except LssdError as error:
                    reason = " ".join(str(error).split())
                    failed.append((Unjudged(subject.reference.name, task.name, reason), error))
    return results, failed


def _evaluate_task(subject: Subject, task: Task, data: str, request: _Request) -> Result:
    place, reference = request.place(subject, task), subject.judged_on(task)
    embedding, method = subject.embedding(task), _method(task, request)
    standing = _standing(place, reference, data, (embedding, method), request.seeds)
    if standing is not None:
        return standing
    started = time.perf_counter()
    request.say(f"{subject.reference.name} on {task.name}")
    vectors, failed = subject.vectors(task, request.cache, request.workers, request.engine, request.progress)
    embedded = time.perf_counter()
    left = checked(_without(task, vectors)) if failed else task
    parts = place.with_name(f".{place.stem}.parts")
    answers = answer(left, vectors, request.protocol, request.seeds, request.device, request.say, parts)
    predictions = answers.predictions
    metrics = _metrics(task, answers)
    metric = metrics[0]
    probed = time.perf_counter()
    kept = place.with_suffix(".parquet")
    result = Result(
        model=reference,
        modality=task.modality,
        task=task.name,
        task_title=task.title,
        protocol=request.protocol,
        embedding=embedding,
        method=method,
        prediction_type=task.prediction_type,
        primary_metric=metric,
        scores={name: score_interval(predictions, name) for name in metrics},
        n=len(predictions.items),
        missing=len(task.missing) + len(failed),
        classes=len(left.labels),
        chance=predictions.chance(metric),
        majority=answers.frequencies.measure(metric),
        groups=task.group_name,
        covers=_covers(task, request),
        seconds={"embed": round(embedded - started, 3), "probe": round(probed - embedded, 3)},
        predictions=kept.name,
        predictions_sha256=predictions.write(kept),
        data_sha256=data,
        seeds=request.seeds,
        folds=predictions.fold_means(metric),
        chosen=answers.chosen,
        notes=_notes(task, left, failed, _out_of_means(predictions, metrics)),
        rate=task.rate,
        retry=any(failure.temporary for failure in failed),
    ).write(place)
    shutil.rmtree(parts, ignore_errors=True)
    return result


def _method(task: Task, request: _Request) -> str:
    """How vectors become a score: what results must share to be compared."""
    folds = "mean of the folds" if len(task.divisions()) > 1 else "one split"
    return f"{probes.describe(request.protocol)}; {task.first_metric}, {folds}"


def _without(task: Task, vectors: Mapping[str, np.ndarray]) -> Task:
    """The task of the items that have a vector, and of the classes that these items have.

    A class without any is not a choice: kept among the labels, it would make chance look lower than it is.
    InputError when too few are left to tell apart: one class, or none where items have several labels.
    """
    items = tuple(item for item in task.items if spelled(item.path) in vectors)
    labels = in_order(task.labels, items)
    if len(labels) < (1 if task.multilabel else 2):
        lost = ", ".join(label for label in task.labels if label not in labels)
        raise InputError(f"{task.folder}: no item of {lost} could be read, so there is nothing to tell apart")
    return replace(task, items=items, labels=labels, notes=tuple(absent_classes(task.labels, labels)))


def _metrics(task: Task, answers: Answers) -> tuple[str, ...]:
    """The task's metrics and, of the others, those that can be computed on it; the primary one first."""
    usual = usual_metrics(task.multilabel)
    if task.multilabel:
        usual = tuple(name for name in usual if not METRICS[name].per_item)
    wanted = dict.fromkeys([*task.metrics, *usual])
    known = [name for name in wanted if np.isfinite(answers.predictions.measure(name))]
    if task.first_metric not in known:
        raise InputError(
            f"{task.folder}: {task.first_metric} cannot be computed, since in no fold a class has items of "
            "both kinds"
        )
    return tuple(known)


def _covers(task: Task, request: _Request) -> str:
    items = f"test items (by {task.group_name})" if task.group_name else "test items"
    count = len(request.seeds)
    if count > 1:
        return f"{items} and {count} seeds of the probe; one training seed"
    return f"{items}; one training seed{', one of the probe' if request.protocol in _DRAWING else ''}"


def _notes(task: Task, left: Task, failed: Sequence[Failure], out_of_means: Sequence[str]) -> tuple[str, ...]:
    notes = [*task.notes, *(note for note in left.notes if note not in task.notes), *out_of_means]
    notes += [f"not there: {name}" for name in task.missing]
    notes += [f"left out: {failure.path}: {failure.reason}" for failure in failed]
    return tuple(map(spelled, notes))


def _out_of_means(predictions: Predictions, metrics: Sequence[str]) -> list[str]:
    """A note for every metric whose mean over classes lacks some of them."""
    classes, notes = len(predictions.labels), []
    for metric in metrics:
        counts = {
            fold: int((~METRICS[metric].judged_classes(predictions.targets_NC[rows])).sum())
            for fold, rows in zip(predictions.folds, predictions.fold_rows, strict=True)
        }
        lacking = [f"{count} of {classes} in {fold}" for fold, count in counts.items() if count]
        if lacking:
            kinds = "items of both kinds" if METRICS[metric].needs_negatives else "a positive item"
            notes.append(f"{metric} leaves out classes without {kinds}: {', '.join(lacking)}")
    return notes


def _data_hash(task: Task, hashes: FileHashes, request: _Request) -> str:
    """A hash of all that the task feeds into a result: media, labels, splits and groups."""
    items = []
    if request.progress is not None:
        request.progress.phase(f"checking {task.name}", len(task.items))
    for done, item in enumerate(task.items):
        if request.progress is not None and done % 100 == 0:
            request.progress.update(done)
        media = hashes.hash_readable(item.path)
        items.append([item.name, item.split, list(item.labels), item.group, media])
    about = [task.name, task.title, task.split_mode, task.group_name, task.modality, task.prediction_type]
    return hash_json(
        [about, list(task.metrics), list(task.splits), list(task.labels), items, list(task.missing)]
    )


def _check_free(place: Path, reference: ModelReference) -> None:
    """InputError where another model's result stands: what was computed is not written over unasked."""
    old = _result_at(place)
    if old is None or old.model == reference:
        return
    same_weights = (old.model.weights_sha256, old.model.settings_sha256) == (
        reference.weights_sha256,
        reference.settings_sha256,
    )
    in_its_place = reference.path != "" and old.model.path == reference.path
    if old.model.name != reference.name or not (same_weights or in_its_place):
        of = f"{old.model.name}{f' ({old.model.path})' if old.model.path else ''}"
        raise InputError(
            f"{place} is the result of another model, {of}; give this one another name (--name), or remove "
            "that file"
        )


def _result_at(place: Path) -> Result | None:
    """The result at a place; None for none, for a damaged one, and for one of an older format."""
    try:
        return Result.read(place) if place.is_file() else None
    except InputError:
        return None


def _standing(
    place: Path, reference: ModelReference, data: str, how: tuple[str, str], seeds: tuple[int, ...]
) -> Result | None:
    """The result at a place: whole, of the same question, and one that another try would not better."""
    result = _result_at(place)
    if result is None or result.retry:
        return None
    try:
        result.read_predictions()
    except InputError:
        return None
    old = replace(result.model, path=reference.path)
    same = old == reference and result.data_sha256 == data and (result.embedding, result.method) == how
    return result if same and result.seeds == seeds else None

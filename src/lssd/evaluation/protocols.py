"""`evaluate`: models on tasks by a named protocol, each ending in one Result."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lssd.engine import Progress
from lssd.errors import InputError
from lssd.evaluation import probes
from lssd.evaluation.embedding import Engine, Failure
from lssd.evaluation.intervals import score_interval
from lssd.evaluation.items import JOINED, check_encoders, item_vectors, settings_hash
from lssd.evaluation.judging import Answers, answer, chance
from lssd.evaluation.modules import HearModule, load_any
from lssd.evaluation.results import RANDOM_INIT, ModelReference, Result
from lssd.evaluation.tasks import Task, find_tasks, read_task
from lssd.evaluation.tasks.task import checked
from lssd.evaluation.untrained import untrained_twin
from lssd.measures import METRICS
from lssd.models import Model, weights_hash
from lssd.store import hash_file, hash_json

DEFAULT = "hear-fixed"
# Those that draw random numbers: other seeds give other probes.
_DRAWING = ("hear-fixed", "hear-strict", "linear")


@dataclass(frozen=True)
class _Subject:
    """What is under evaluation, and what identifies it."""

    model: Model | HearModule
    reference: ModelReference


@dataclass(frozen=True)
class _Request:
    """How tasks are to be judged, and what the embedding may use."""

    protocol: str
    seeds: tuple[int, ...]
    out: Path
    cache: str | Path | None
    workers: int | None
    engine: Engine
    device: str | None
    progress: Progress | None


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
    random_init: bool = False,
    cache: str | Path | None = None,
    workers: int | None = None,
    engine: Engine = "local",
    device: str | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Judge a model's frozen embeddings on tasks, with a probe each.

    Writes `TASK.PROTOCOL.NAME.json` and the predictions beside it into `out`; a result that stands there
    for the same weights, settings, data, method and seeds is returned as it is.

    Args:
        model: a model, its folder or hub id, or a module that follows HEAR's API (`hear:package.module`).
        tasks: names under `data`, or paths: HEAR's task folders, folders of class folders, or CSVs.
        protocol: of `lssd.evaluation.probes.PROBES`.
        seeds: how many probes to train, of the protocols that draw random numbers.
        modality: what of films is judged, where the task leaves it open: audio, picture, audiovisual.
        name: what reports call the model; by default that of its folder.
        random_init: judge the model's untrained twin as well, under the name "random-init".
        cache: a folder that keeps embeddings between runs.
        workers, engine: as for `embed`; device: on which probes are trained ("cuda" where there is one).

    Raises InputError for an unknown task or protocol, and for a task that the model lacks an encoder for,
    before anything is computed, and CheckpointError for a model that cannot be loaded.
    """
    if protocol not in probes.PROBES:
        raise InputError(f"no protocol {protocol}; there are {', '.join(probes.PROBES)}")
    if seeds < 1:
        raise InputError(f"seeds must be at least 1, not {seeds}")
    drawn = tuple(range(seeds)) if protocol in _DRAWING else (0,)
    read = [read_task(place, modality) for place in find_tasks(tasks, data)]
    twice = [task for task, count in Counter(task.name for task in read).items() if count > 1]
    if twice:
        raise InputError(f"task {twice[0]} is named twice; results are one file a task")
    subjects = [_subject(model, name)]
    for task in read:
        _check_model(subjects[0], task)
    if random_init and isinstance(subjects[0].model, Model):
        subjects.append(_subject(untrained_twin(subjects[0].model), RANDOM_INIT))
    request = _Request(protocol, drawn, Path(out), cache, workers, engine, device, progress)
    return [_evaluate_task(subject, task, request) for subject in subjects for task in read]


def _subject(model: Model | str | Path, name: str | None) -> _Subject:
    loaded = load_any(model)
    path = "" if isinstance(model, Model) else str(model)
    if isinstance(loaded, HearModule):
        return _Subject(loaded, ModelReference(name or loaded.name, path, loaded.identity))
    if name is None and path:
        # A run keeps its model in RUN/model: the run's name says more.
        whole = Path(path).resolve()
        name = whole.parent.name if whole.name == "model" else whole.name
    return _Subject(loaded, ModelReference(name or "model", path, weights_hash(loaded)))


def _check_model(subject: _Subject, task: Task) -> None:
    if isinstance(subject.model, Model):
        check_encoders(subject.model, task, subject.reference.name)
    elif task.modality != "audio":
        raise InputError(f"{subject.reference.name} hears only, and the task {task.name} is {task.modality}")


def _evaluate_task(subject: _Subject, task: Task, request: _Request) -> Result:
    names = (task.name, request.protocol, subject.reference.name)
    stem = ".".join(_file_name(name) for name in names)
    data, method = _data_hash(task), _method(task, request)
    embedding = _embedding(subject.model, task)
    reference = replace(subject.reference, settings_sha256=_settings(subject.model, task))
    place = request.out / f"{stem}.json"
    standing = _standing(place, reference, data, (embedding, method), request.seeds)
    if standing is not None:
        return standing
    started = time.perf_counter()
    vectors, failed = _vectors(subject.model, task, request)
    embedded = time.perf_counter()
    left = checked(_without(task, vectors)) if failed else task
    answers = answer(left, vectors, request.protocol, request.seeds, request.device)
    predictions = answers.predictions
    metrics = _metrics(task, answers)
    metric = metrics[0]
    probed = time.perf_counter()
    return Result(
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
        classes=len(task.labels),
        chance=chance(predictions, metric),
        majority=answers.frequencies.measure(metric),
        groups=task.group_name,
        covers=_covers(task, request),
        seconds={"embed": round(embedded - started, 3), "probe": round(probed - embedded, 3)},
        predictions=f"{stem}.parquet",
        predictions_sha256=predictions.write(request.out / f"{stem}.parquet"),
        data_sha256=data,
        seeds=request.seeds,
        folds=tuple(predictions.fold_values(metric).mean(axis=0).tolist()),
        chosen=answers.chosen,
        notes=_notes(task, left, failed),
    ).write(place)


def _embedding(model: Model | HearModule, task: Task) -> str:
    """How an item becomes a vector."""
    if isinstance(model, HearModule):
        return "whole files through get_scene_embeddings"
    joined = f"; {JOINED}" if task.modality == "audiovisual" else ""
    return f"windows of 3 s end to end, their mean{joined}"


def _method(task: Task, request: _Request) -> str:
    """How vectors become a score: what results must share to be compared."""
    folds = "mean of the folds" if len(task.divisions()) > 1 else "one split"
    return f"{probes.describe(request.protocol)}; {task.first_metric}, {folds}"


def _settings(model: Model | HearModule, task: Task) -> str:
    return settings_hash(model, task.modality) if isinstance(model, Model) else ""


def _vectors(
    model: Model | HearModule, task: Task, request: _Request
) -> tuple[dict[str, np.ndarray], tuple[Failure, ...]]:
    if isinstance(model, Model):
        return item_vectors(
            model, task, request.cache, request.progress, workers=request.workers, engine=request.engine
        )
    paths = [item.path for item in task.items]
    return model.embed(paths, cache=request.cache, progress=request.progress)


def _without(task: Task, vectors: dict[str, np.ndarray]) -> Task:
    """The task of the items that have a vector."""
    return replace(task, items=tuple(item for item in task.items if str(item.path) in vectors), notes=())


def _metrics(task: Task, answers: Answers) -> tuple[str, ...]:
    """The task's metrics and, of the others, those that can be computed on it; the primary one first."""
    wanted = dict.fromkeys(task.metrics)
    if not task.multilabel:
        wanted["top1_acc"] = None
    wanted.update(dict.fromkeys(METRICS if not task.multilabel else ("mAP", "aucroc", "d_prime")))
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


def _notes(task: Task, left: Task, failed: Sequence[Failure]) -> tuple[str, ...]:
    notes = [*task.notes, *(note for note in left.notes if note not in task.notes)]
    notes += [f"not there: {name}" for name in task.missing]
    notes += [f"left out: {failure.path}: {failure.reason}" for failure in failed]
    return tuple(notes)


def _data_hash(task: Task) -> str:
    """A hash of all that the task feeds into a result: media, labels, splits and groups."""
    items = [
        [item.name, item.split, list(item.labels), item.group, hash_file(item.path)] for item in task.items
    ]
    about = [task.name, task.title, task.split_mode, task.group_name, task.modality, task.prediction_type]
    return hash_json(
        [about, list(task.metrics), list(task.splits), list(task.labels), items, list(task.missing)]
    )


def _standing(
    path: Path, reference: ModelReference, data: str, how: tuple[str, str], seeds: tuple[int, ...]
) -> Result | None:
    """The result at `path`, when it is whole and answers the same question."""
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
        and (result.embedding, result.method) == how
        and result.seeds == seeds
    )
    return result if same else None


def _file_name(name: str) -> str:
    """A name as part of a file name: letters, digits, and -_+ only."""
    return re.sub(r"[^\w+-]+", "-", name).strip("-") or "unnamed"

"""`evaluate`: models on tasks by a named protocol, each ending in one Result."""

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lssd.embedding.embed import Engine
from lssd.embedding.file_hashes import FileHashes
from lssd.embedding.sampling import Sampling
from lssd.engine import Progress
from lssd.errors import InputError, LssdError, StorageError
from lssd.evaluation import probes
from lssd.evaluation.metrics import METRICS, usual_metrics
from lssd.evaluation.models import ModelUnderTest, as_file_name, load_models_under_test
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.probing import run_probe
from lssd.evaluation.results import ModelReference, Result
from lssd.evaluation.statistics.intervals import score_interval
from lssd.evaluation.tasks import Task, find_tasks, read_task
from lssd.evaluation.tasks.task import absent_classes, checked, in_order
from lssd.media import spelled
from lssd.models import Model
from lssd.store import hash_json

DEFAULT = "hear-fixed"
_SEEDED = ("hear-fixed", "hear-strict", "linear")  # protocols that draw random numbers


@dataclass(frozen=True)
class Unjudged:
    """A model and a task that gave no result, and why in one line."""

    model: str
    task: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` returns: at least one result, and all that could not be judged.

    results   the model's in the order of the tasks, then those of its untrained twin
    unjudged  in the same order; empty when every model was judged on every task
    """

    results: tuple[Result, ...]
    unjudged: tuple[Unjudged, ...]


@dataclass(frozen=True)
class _Request:
    """How tasks are to be judged, and what the embedding may use."""

    protocol: str
    views: str
    seeds: tuple[int, ...]
    out: Path
    cache: str | Path
    workers: int | None
    engine: Engine
    device: str | None
    progress: Progress | None

    @property
    def named_protocol(self) -> str:
        """The protocol as results name it: views other than all windows are part of it."""
        return self.protocol if self.views == "all" else f"{self.protocol}-{self.views}"

    def result_path(self, model: ModelUnderTest, task: Task) -> Path:
        return self.out / f"{as_file_name(task.name)}.{self.named_protocol}.{model.file_name}.json"

    def phase(self, name: str, total: int = 0) -> None:
        if self.progress is not None:
            self.progress.phase(name, total)


def evaluate(
    model: Model | str | Path,
    tasks: Sequence[str | Path],
    data: str | Path,
    out: str | Path,
    *,
    protocol: str = DEFAULT,
    views: str = "all",
    seeds: int = 1,
    modality: str | None = None,
    name: str | None = None,
    random_init: bool = True,
    cache: str | Path | None = None,
    workers: int | None = None,
    engine: Engine = "local",
    device: str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge a model's frozen embeddings on tasks, with a probe each.

    Writes `TASK.PROTOCOL.NAME.json` and the predictions beside it into `out`. A result that is already there
    for the same weights, settings, data, method and seeds is returned as it is. That of a model that has
    changed in its place is made again; that of another model of the same name is never replaced. A run that
    was killed continues when it is repeated: with several seeds, from the last probe that was trained.

    Args:
        model: a model, its folder or hub id, a folder of several training seeds (each is judged, as
            `NAME-seed-K`), or a module that follows HEAR's API (`hear:package.module`).
        tasks: names under `data`, or paths: HEAR's task folders, folders of class folders, or CSVs.
        protocol: of `lssd.evaluation.probes.PROBES`.
        views: which windows of an item are embedded, and which squares of its pictures, as for `embed`; other
            than "all", they are part of the protocol's name ("linear-10x3").
        seeds: how many probes to train, of the protocols that draw random numbers.
        modality: what of films is judged, where the task leaves it open: audio, picture, audiovisual.
        name: what reports call the model; by default that of its folder.
        random_init: judge the model's untrained twin as well, under the name "random-init".
        cache: a folder that keeps embeddings and the hashes of media between runs; by default `out/cache`.
        workers, engine: as for `embed`; of modules, `workers` threads read, and the engine is local.
        device: on which models and probes run; by default a GPU where there is one.

    Returns the results, and with them every model and task that could not be judged, with the reason: such a
    failure costs no other task its result.

    Raises InputError for an unknown task or protocol, for a task that the model lacks an encoder for, and
    for a name that another model's result has, before anything is computed; and, with all reasons, when
    nothing could be judged. CheckpointError for a model that cannot be loaded. StorageError when results
    cannot be written; those that were stay.
    """
    if protocol not in probes.PROBES:
        raise InputError(f"no protocol {protocol}; there are {', '.join(probes.PROBES)}")
    if seeds < 1:
        raise InputError(f"seeds must be at least 1, not {seeds}")
    paths = find_tasks(tasks, data)
    models = load_models_under_test(model, name, device, random_init, views)
    if models[0].local_only and engine != "local":
        raise InputError(f"modules run on this machine alone; leave out the engine {engine}")
    chosen = [read_task(path, modality, models[0].sample_rate) for path in paths]
    file_names = Counter(as_file_name(task.name) for task in chosen)
    repeated = [name for name, count in file_names.items() if count > 1]
    if repeated:
        raise InputError(f"task {repeated[0]} is named twice; results are one file a task")
    request = _Request(
        protocol,
        str(Sampling.read(views)),
        tuple(range(seeds)) if protocol in _SEEDED else (0,),
        Path(out),
        Path(out) / "cache" if cache is None else cache,
        workers,
        engine,
        device,
        progress,
    )
    for task in chosen:
        models[0].check(task)
        for one in models:
            _check_free(request.result_path(one, task), one.reference_for(task))
    results: list[Result] = []
    unjudged: list[Unjudged] = []
    errors: dict[str, LssdError] = {}
    with closing(FileHashes(Path(request.cache) / "files")) as hashes:
        data_hashes: dict[str, str] = {}
        for one in models:
            for task in chosen:
                try:
                    if task.name not in data_hashes:
                        data_hashes[task.name] = _data_hash(task, hashes, request)
                    results.append(_evaluate_task(one, task, data_hashes[task.name], request))
                except StorageError:
                    raise  # a full disk is no fault of this model and task
                except LssdError as error:
                    reason = " ".join(str(error).split())
                    unjudged.append(Unjudged(one.reference.name, task.name, reason))
                    errors.setdefault(reason, error)
    if not results:
        first, *others = errors.values()
        if not others:
            raise first
        reasons = "; ".join(f"{one.model} on {one.task}: {one.reason}" for one in unjudged)
        raise InputError(f"nothing could be judged: {reasons}") from first
    return Evaluation(tuple(results), tuple(unjudged))


def _evaluate_task(model: ModelUnderTest, task: Task, data_hash: str, request: _Request) -> Result:
    path, reference = request.result_path(model, task), model.reference_for(task)
    embedding = model.embedding_method(task)
    # What results must share to be compared.
    folds = "mean of the folds" if len(task.partitions()) > 1 else "one split"
    method = f"{probes.describe(request.protocol)}; {task.first_metric}, {folds}"
    existing = _reusable_result(path, reference, data_hash, (embedding, method), request.seeds)
    if existing is not None:
        return existing
    started = time.perf_counter()
    request.phase(f"{model.reference.name} on {task.name}")
    vectors, failed = model.vectors(task, request.cache, request.workers, request.engine, request.progress)
    embedded = time.perf_counter()
    judged = checked(_restrict(task, vectors)) if failed else task
    resume_folder = path.with_name(f".{path.stem}.parts")
    probe = run_probe(
        judged, vectors, request.protocol, request.seeds, request.device, request.progress, resume_folder
    )
    predictions = probe.predictions
    metrics = _metrics(task, predictions)
    metric = metrics[0]
    probed = time.perf_counter()
    notes = [
        *dict.fromkeys([*task.notes, *judged.notes]),
        *_classes_left_out(predictions, metrics),
        *(f"not there: {name}" for name in task.missing),
        *(f"left out: {failure.path}: {failure.reason}" for failure in failed),
    ]
    covers = f"test items (by {task.group_name})" if task.group_name else "test items"
    if len(request.seeds) > 1:
        covers += f" and {len(request.seeds)} seeds of the probe; one training seed"
    else:
        covers += f"; one training seed{', one of the probe' if request.protocol in _SEEDED else ''}"
    predictions_path = path.with_suffix(".parquet")
    result = Result(
        model=reference,
        modality=task.modality,
        task=task.name,
        task_title=task.title,
        protocol=request.named_protocol,
        embedding=embedding,
        method=method,
        prediction_type=task.prediction_type,
        primary_metric=metric,
        scores={name: score_interval(predictions, name) for name in metrics},
        n=len(predictions.items),
        missing=len(task.missing) + len(failed),
        classes=len(judged.labels),
        chance=predictions.chance(metric),
        majority=probe.prior.measure(metric),
        groups=task.group_name,
        covers=covers,
        seconds={"embed": round(embedded - started, 3), "probe": round(probed - embedded, 3)},
        predictions=predictions_path.name,
        predictions_sha256=predictions.write(predictions_path),
        data_sha256=data_hash,
        seeds=request.seeds,
        folds=predictions.fold_means(metric),
        chosen=probe.chosen,
        notes=tuple(map(spelled, notes)),
        rate=task.rate,
        retry=any(failure.temporary for failure in failed),
    ).write(path)
    shutil.rmtree(resume_folder, ignore_errors=True)
    return result


def _restrict(task: Task, vectors: Mapping[str, np.ndarray]) -> Task:
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


def _metrics(task: Task, predictions: Predictions) -> tuple[str, ...]:
    """The task's metrics, the primary one first, then the other usual ones that can be computed on it."""
    usual = usual_metrics(task.multilabel)
    if task.multilabel:
        usual = tuple(name for name in usual if not METRICS[name].per_item)
    wanted = dict.fromkeys([*task.metrics, *usual])
    computable = [name for name in wanted if np.isfinite(predictions.measure(name))]
    if task.first_metric not in computable:
        raise InputError(
            f"{task.folder}: {task.first_metric} cannot be computed, since in no fold a class has items of "
            "both kinds"
        )
    return tuple(computable)


def _classes_left_out(predictions: Predictions, metrics: Sequence[str]) -> list[str]:
    """A note for every metric whose mean over classes leaves some of them out."""
    classes, notes = len(predictions.labels), []
    for metric in metrics:
        counts = {
            fold: int((~METRICS[metric].judged_classes(predictions.targets_NC[rows])).sum())
            for fold, rows in zip(predictions.folds, predictions.fold_rows, strict=True)
        }
        lacking = [f"{count} of {classes} in {fold}" for fold, count in counts.items() if count]
        if lacking:
            kinds = "items of both kinds" if METRICS[metric].needs_negatives else "a positive item"
            notes.append(f"{METRICS[metric].title} leaves out classes without {kinds}: {', '.join(lacking)}")
    return notes


def _data_hash(task: Task, hashes: FileHashes, request: _Request) -> str:
    """A hash of all that the task feeds into a result: media, labels, splits and groups."""
    items = []
    request.phase(f"checking {task.name}", len(task.items))
    for done, item in enumerate(task.items):
        if request.progress is not None and done % 100 == 0:
            request.progress.update(done)
        media = hashes.hash_readable(item.path)
        items.append([item.name, item.split, list(item.labels), item.group, media])
    about = [task.name, task.title, task.split_mode, task.group_name, task.modality, task.prediction_type]
    return hash_json(
        [about, list(task.metrics), list(task.splits), list(task.labels), items, list(task.missing)]
    )


def _check_free(path: Path, reference: ModelReference) -> None:
    """InputError where another model's result stands: what was computed is not written over unasked."""
    old = _result_at(path)
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
            f"{path} is the result of another model, {of}; give this one another name (--name), or remove "
            "that file"
        )


def _result_at(path: Path) -> Result | None:
    """The result in a file; None where there is none, or a damaged one, or one of an older format."""
    try:
        return Result.read(path) if path.is_file() else None
    except InputError:
        return None


def _reusable_result(
    path: Path, reference: ModelReference, data: str, how: tuple[str, str], seeds: tuple[int, ...]
) -> Result | None:
    """The result in a file if it is whole, answers the same question, and cannot be bettered by a repeat."""
    result = _result_at(path)
    if result is None or result.retry:
        return None
    try:
        result.read_predictions()
    except InputError:
        return None
    old = replace(result.model, path=reference.path)
    same = old == reference and result.data_sha256 == data and (result.embedding, result.method) == how
    return result if same and result.seeds == seeds else None

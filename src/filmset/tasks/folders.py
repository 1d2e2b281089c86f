"""Task folders in HEAR's layout, written once and whole."""

import csv
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from filmset.settings import SAMPLE_RATE
from filmset.tasks.registry import TASKS
from filmset.tasks.task import FOLDS, Clip, Fold, Sources, Task
from lssd.engine import Progress, run_stage
from lssd.errors import InputError, LssdError
from lssd.media import NO_MEDIA, SoundTrack, encode_sound, write_film
from lssd.speech import check_installed
from lssd.store import atomic_folder, hash_json, write_json

VERSION = "v2.0.0"
Row = tuple[str, tuple[str, ...], str]  # an item's name, labels and group

_CRF, _PRESET = 20, "ultrafast"
_MULTICLASS = ["top1_acc"]
_MULTILABEL = ["mAP", "top1_acc"]


def check_tasks(
    out: str | Path, seed: int, items_per_class: int = 50, tasks: Sequence[str] | None = None
) -> None:
    """Refuse what `write_tasks` would refuse of the same arguments, without writing anything.

    Raises InputError for a bad number, an unknown task, an `out` that is no folder or holds tasks of other
    settings; MissingExtraError without espeak-ng.
    """
    chosen = _chosen(tasks)
    if items_per_class < FOLDS or items_per_class % FOLDS:
        raise InputError(f"items per class must be a positive multiple of {FOLDS}, not {items_per_class}")
    if seed < 0:
        raise InputError(f"the seed must not be negative: {seed}")
    check_installed()
    first = next(folder for folder in (Path(out), *Path(out).parents) if folder.exists())
    if not first.is_dir():
        raise InputError(f"{first} is no folder; choose another")
    for task in chosen:
        _stands(_folder(out, task), _mark(task, seed, items_per_class))


def write_tasks(
    out: str | Path,
    seed: int,
    items_per_class: int = 50,
    tasks: Sequence[str] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Path]:
    """Write probe tasks (names of TASKS; all by default) and return their folders in that order.

    The same seed and number of items make the same samples, whichever tasks are asked for. Whole tasks
    that are already there are kept, so a killed call may be made again. items_per_class: over all five
    folds, a multiple of 5; progress: told how many folds are done.

    Raises InputError for a bad number, an unknown task, a folder that cannot be written or holds tasks
    of other settings; MissingExtraError without espeak-ng.
    """
    check_tasks(out, seed, items_per_class, tasks)
    chosen = _chosen(tasks)
    folders = {task.name: _folder(out, task) for task in chosen}
    marks = {task.name: _mark(task, seed, items_per_class) for task in chosen}
    todo = [task for task in chosen if not _stands(folders[task.name], marks[task.name])]
    folds = [Fold(task.name, n, seed, items_per_class // FOLDS) for task in todo for n in range(FOLDS)]
    done, total = FOLDS * (len(chosen) - len(todo)), FOLDS * len(chosen)
    rows: dict[str, dict[str, list[Row]]] = {task.name: {} for task in todo}
    if progress is not None:
        progress.update(done, total)
    with ExitStack() as everything:
        commits = {task.name: everything.enter_context(ExitStack()) for task in todo}
        partials = {name: commits[name].enter_context(atomic_folder(folders[name])) for name in commits}
        jobs = [(partials[fold.task], fold) for fold in folds]
        for outcome in run_stage(_write_fold, jobs, workers):
            partial, fold = outcome.item
            if outcome.value is None:
                raise LssdError(f"{fold.name} of {fold.task} failed: {outcome.reason}")
            rows[fold.task][fold.name] = outcome.value
            if len(rows[fold.task]) == FOLDS:
                _describe(partial, TASKS[fold.task], rows[fold.task])
                (partial / marks[fold.task]).touch()
                commits[fold.task].close()  # whole: it stays, whatever becomes of the others
            done += 1
            if progress is not None:
                progress.update(done, total)
    return list(folders.values())


def _folder(out: str | Path, task: Task) -> Path:
    return Path(out) / f"{task.name}-{VERSION}-full"


def _stands(folder: Path, mark: str) -> bool:
    """Whether a task is there already. InputError when it is one of other settings."""
    if folder.exists() and not (folder / mark).is_file():
        raise InputError(f"{folder} holds a task of other settings; choose another folder")
    return folder.exists()


def _chosen(names: Sequence[str] | None) -> list[Task]:
    names = list(TASKS) if names is None else list(names)
    unknown = [name for name in names if name not in TASKS]
    if unknown or not names or len(set(names)) < len(names):
        what = f"{unknown[0]} is no probe task" if unknown else "tasks must be a list of distinct names"
        raise InputError(f"{what}; choose of {', '.join(TASKS)}")
    return [TASKS[name] for name in names]


def _mark(task: Task, seed: int, items_per_class: int) -> str:
    """The name of an empty file that tells which settings a task was made from."""
    return f".made-{hash_json([task.name, VERSION, seed, items_per_class], 16)}"


def _write_fold(job: tuple[Path, Fold]) -> list[Row]:
    """Make one fold's items in a task's folder, and return their rows."""
    folder, fold = job
    task = TASKS[fold.task]
    kind, suffix = (str(SAMPLE_RATE), "wav") if task.modality == "audio" else ("films", "mp4")
    items = folder / kind / fold.name
    items.mkdir(parents=True)
    (folder / NO_MEDIA).touch()  # ingest and embed pass it over
    rows: list[Row] = []
    with Sources() as sources:
        for number, item in enumerate(task.plan(fold, sources)):
            name = f"item-{fold.number}{number:04d}.{suffix}"
            _write_clip(items / name, task.make(item.content, sources))
            rows.append((name, item.labels, item.group))
    return rows


def _write_clip(path: Path, clip: Clip) -> None:
    if clip.frames is None:
        assert clip.sound is not None
        path.write_bytes(encode_sound(clip.sound[None], SAMPLE_RATE, "wav"))
        return
    tracks = [] if clip.sound is None else [SoundTrack(clip.sound[None], SAMPLE_RATE, None)]
    write_film(path, clip.frames, clip.fps, tracks, crf=_CRF, preset=_PRESET)


def _describe(folder: Path, task: Task, folds: dict[str, list[Row]]) -> None:
    """Write everything but the sounds and films."""
    metadata = {
        "task_name": task.name,
        "version": VERSION,
        "embedding_type": "scene",
        "prediction_type": "multilabel" if task.many else "multiclass",
        "split_mode": "presplit_kfold",
        "nfolds": FOLDS,
        "sample_duration": task.seconds,
        "evaluation": _MULTILABEL if task.many else _MULTICLASS,
        "splits": sorted(folds),
        "mode": "full",
        "title": task.title,
        "group": task.groups,
        "modality": task.modality,
    }
    write_json(folder / "task_metadata.json", metadata)
    _write_csv(folder / "labelvocabulary.csv", ("idx", "label"), enumerate(task.labels))
    for fold, rows in sorted(folds.items()):
        write_json(folder / f"{fold}.json", {name: list(labels) for name, labels, _ in rows})
    groups = ((name, group) for _, rows in sorted(folds.items()) for name, _, group in rows)
    _write_csv(folder / "groups.csv", ("item", "group"), groups)


def _write_csv(path: Path, header: tuple[str, str], rows: Iterable[tuple[object, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)

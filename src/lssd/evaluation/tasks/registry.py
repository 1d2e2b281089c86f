"""Names and paths -> tasks."""

from collections.abc import Sequence
from pathlib import Path

from lssd.errors import InputError
from lssd.evaluation.tasks.files import read_object
from lssd.evaluation.tasks.folds import by_group
from lssd.evaluation.tasks.hear import METADATA, VOCABULARY, hear_task
from lssd.evaluation.tasks.plain import csv_task, folder_task
from lssd.evaluation.tasks.published import crema_d_by_tfds
from lssd.evaluation.tasks.task import MODALITIES, Task, checked

SPEAKERS = "speakers"  # TASK/speakers: the same items in folds that share no speaker


def find_tasks(tasks: Sequence[str | Path], data: str | Path) -> list[Path]:
    """Where tasks are, for `read_task`: each a path, or a name under `data` (or `data/tasks`).

    A name is that of a folder or CSV, or the `task_name` in a HEAR folder's metadata, with `-MODE` where
    several modes are there. "/speakers" after either asks for folds that share no speaker. InputError when
    there is none, or more than one.
    """
    return [_find_task(Path(task), Path(data)) for task in tasks]


def read_task(path: str | Path, modality: str | None = None, rate: int | None = None) -> Task:
    """Read a task: HEAR's task folder, a folder of class folders, a CSV, or TASK/speakers of the first.

    `modality` ("audio", "picture", "audiovisual") overrides what of its films is judged; of HEAR's folders of
    sounds that of `rate` is read where it is there, else the highest. InputError says in one line what is
    wrong with which file, line or item.
    """
    path = Path(path)
    if modality is not None and modality not in MODALITIES:
        raise InputError(f"modality {modality!r} is none of {', '.join(MODALITIES)}")
    if _is_hear(path):
        return checked(hear_task(path, modality, rate))
    if _asks_speakers(path):
        task = hear_task(path.parent, modality, rate)
        if task.group_name == "speaker":
            return checked(by_group(task))
        apart = crema_d_by_tfds(task)
        if apart is None:
            raise InputError(
                f"{path.parent}: nothing tells its speakers; name them in {path.parent / 'groups.csv'} "
                '(item,group), and "group": "speaker" in its metadata'
            )
        return checked(apart)
    if path.is_file():
        if path.suffix.lower() != ".csv":
            raise InputError(f"{path} is no task; a task is a folder or a .csv")
        return csv_task(path, modality)
    if not path.is_dir():
        raise InputError(
            f"no task at {path}: a task is HEAR's task folder, a folder of class folders, or a CSV"
        )
    if (path / VOCABULARY).exists():
        raise InputError(f"missing {path / METADATA}; a task folder follows HEAR's layout")
    within = next((child for child in sorted(path.iterdir()) if _is_hear(child)), None)
    if within is not None:
        raise InputError(f"{path} holds task folders; name one of them, such as {within.name}")
    return folder_task(path, modality)


def _is_hear(path: Path) -> bool:
    return (path / METADATA).is_file()


def _asks_speakers(path: Path) -> bool:
    return path.name == SPEAKERS and not path.exists() and _is_hear(path.parent)


def _find_task(task: Path, data: Path) -> Path:
    places = [task, data / task, data / "tasks" / task]
    for path in places:
        if _is_hear(path) or _asks_speakers(path):
            return path
    known = _hear_folders(data)
    speakers = task.name == SPEAKERS
    wanted = str(task.parent if speakers else task)
    found = [folder for folder, names in known.items() if wanted in names]
    if len(found) == 1:
        return found[0] / SPEAKERS if speakers else found[0]
    if found:
        raise InputError(
            f"{len(found)} folders hold task {wanted}: {', '.join(map(str, found))}; name one of them"
        )
    for path in places:
        if path.is_dir() or path.is_file():
            return path
    if not data.is_dir():
        raise InputError(f"no task folder {task}, and no data folder {data} to look for it in")
    names = ", ".join(sorted({names[0] for names in known.values()})) or "none"
    raise InputError(f"no task {task} in {data}; tasks there: {names}")


def _hear_folders(data: Path) -> dict[Path, tuple[str, str]]:
    """HEAR's task folders in `data` or `data/tasks`: the name of each, and the name with its mode."""
    folders = {}
    for path in sorted([*data.glob(f"*/{METADATA}"), *data.glob(f"tasks/*/{METADATA}")]):
        metadata = read_object(path)
        name = str(metadata.get("task_name"))
        folders[path.parent] = (name, f"{name}-{metadata.get('mode') or 'full'}")
    return folders

"""Every kind of task, and how a name or a path becomes one.

A benchmark dataset in a layout of its own is a file in this folder, which defines a `Reader`, and its line in
`READERS`. One in HEAR's layout, as class folders or as a CSV needs neither; what is published of its size and
of its file names goes into `published.PUBLISHED_TASKS`.
"""

from collections.abc import Sequence
from pathlib import Path

from lssd.errors import InputError
from lssd.evaluation.tasks import hear, plain, speakers
from lssd.evaluation.tasks.task import MODALITIES, Reader, Task

# The first that matches a path reads it.
READERS: tuple[Reader, ...] = (
    hear.READER,
    speakers.READER,
    plain.TABLES,
    plain.FOLDERS,  # matches any folder
)


def find_tasks(tasks: Sequence[str | Path], data: str | Path) -> list[Path]:
    """Where tasks are, for `read_task`: each a path, or a name under `data` (or `data/tasks`).

    A name is that of a folder or CSV, or the `task_name` in a HEAR folder's metadata, with `-MODE` where
    several modes are there. "/speakers" after either asks for folds that share no speaker. InputError when
    there is none, or more than one.
    """
    return [_find_task(str(task), Path(data)) for task in tasks]


def read_task(path: str | Path, modality: str | None = None, rate: int | None = None) -> Task:
    """Read a task of any kind that `READERS` lists.

    `modality` ("audio", "picture", "audiovisual") overrides what of its films is judged. Of HEAR's folders of
    sounds, the one at `rate` (Hz) is read where it exists, else the one at the highest rate. InputError says
    in one line what is wrong with which file, line or item.
    """
    path = Path(path)
    if modality is not None and modality not in MODALITIES:
        raise InputError(f"modality {modality!r} is none of {', '.join(MODALITIES)}")
    reader = next((reader for reader in READERS if reader.matches(path)), None)
    if reader is None:
        kinds = f"{', '.join(reader.kind for reader in READERS[:-1])}, or {READERS[-1].kind}"
        problem = f"{path} is no task" if path.exists() else f"no task at {path}"
        raise InputError(f"{problem}: a task is {kinds}")
    if reader is plain.FOLDERS:
        within = next((child for child in sorted(path.iterdir()) if _names_itself(child)), None)
        if within is not None:
            raise InputError(f"{path} holds task folders; name one of them, such as {within.name}")
    return reader.read(path, modality, rate)


def _names_itself(path: Path) -> bool:
    """Whether this is a task of a kind whose tasks have names of their own."""
    return any(reader.names_below is not None and reader.matches(path) for reader in READERS)


def _find_task(task: str, data: Path) -> Path:
    candidates = [Path(task), data / task, data / "tasks" / task]
    for path in candidates:
        if _names_itself(path):
            return path
    named = {
        path: names
        for reader in READERS
        if reader.names_below is not None
        for path, names in reader.names_below(data).items()
    }
    wanted = str(Path(task))
    matching = [path for path, names in named.items() if wanted in names]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise InputError(
            f"{len(matching)} folders hold task {wanted}: {', '.join(map(str, matching))}; name one of them"
        )
    for path in candidates:
        if path.is_dir() or path.is_file():
            return path
    if not data.is_dir():
        raise InputError(f"no task folder {task}, and no data folder {data} to look for it in")
    names = ", ".join(sorted({names[0] for path, names in named.items() if path.exists()})) or "none"
    raise InputError(f"no task {task} in {data}; tasks there: {names}")

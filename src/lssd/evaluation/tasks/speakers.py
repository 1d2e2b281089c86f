"""TASK/speakers: the items of one of HEAR's task folders, in folds that share no speaker."""

from collections.abc import Mapping
from pathlib import Path

from lssd.errors import InputError
from lssd.evaluation.tasks import hear
from lssd.evaluation.tasks.folds import by_group
from lssd.evaluation.tasks.published import crema_d_by_tfds
from lssd.evaluation.tasks.task import Reader, Task, checked

SPEAKERS = "speakers"


def speakers_task(path: Path, modality: str | None = None, rate: int | None = None) -> Task:
    """Read the task in `path`'s parent and divide its items anew.

    Folds are of whole speakers; where file names tell only TFDS's split of CREMA-D, which shares no speaker
    either, it is that one. InputError when nothing tells the speakers.
    """
    task = hear.hear_task(path.parent, modality, rate)
    if task.group_name == "speaker":
        return checked(by_group(task))
    apart = crema_d_by_tfds(task)
    if apart is None:
        raise InputError(
            f"{path.parent}: nothing tells its speakers; name them in {path.parent / 'groups.csv'} "
            '(item,group), and "group": "speaker" in its metadata'
        )
    return checked(apart)


def _matches(path: Path) -> bool:
    return path.name == SPEAKERS and not path.exists() and hear.is_hear_folder(path.parent)


def _names_below(data: Path) -> Mapping[Path, tuple[str, ...]]:
    return {
        folder / SPEAKERS: tuple(f"{name}/{SPEAKERS}" for name in names)
        for folder, names in hear.names_below(data).items()
    }


READER = Reader("TASK/speakers of such a folder", _matches, speakers_task, _names_below)

"""Tasks: labelled sounds or films, and the splits in which a probe learns and is judged.

task        what a task is, and the checks that all of them pass
hear        HEAR's task folders             known    what is published of them, and groups from file names
plain       any folder of class folders, any CSV
folds       balanced folds that keep groups whole
finding     names and paths -> tasks
"""

from lssd.evaluation.tasks.plain import csv_task, folder_task
from lssd.evaluation.tasks.registry import find_tasks, read_task
from lssd.evaluation.tasks.task import MODALITIES, Division, Item, Task

__all__ = [
    "MODALITIES",
    "Division",
    "Item",
    "Task",
    "csv_task",
    "find_tasks",
    "folder_task",
    "read_task",
]

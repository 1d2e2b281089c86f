"""Tasks: labelled sounds or films, and the splits in which a probe learns and is judged.

task        what a task is, how one kind of task is read, and the checks that all tasks pass
registry    every kind of task; names and paths -> tasks
hear        HEAR's task folders             speakers   the same in folds that share no speaker
plain       any folder of class folders, any CSV
published   what is known of HEAR's tasks: their sizes, and the groups that file names tell
folds       balanced folds that keep groups whole
files       the files that describe tasks
"""

from lssd.evaluation.tasks.plain import csv_task, folder_task
from lssd.evaluation.tasks.registry import find_tasks, read_task
from lssd.evaluation.tasks.task import MODALITIES, Item, Partition, Reader, Task

__all__ = [
    "MODALITIES",
    "Item",
    "Partition",
    "Reader",
    "Task",
    "csv_task",
    "find_tasks",
    "folder_task",
    "read_task",
]

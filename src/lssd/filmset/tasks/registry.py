"""All probe tasks by name."""

from lssd.filmset.tasks import heard, seen, spoken, synced
from lssd.filmset.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task for task in (*heard.TASKS, *spoken.TASKS, *seen.TASKS, *synced.TASKS)
}

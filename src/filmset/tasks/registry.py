"""All probe tasks by name."""

from filmset.tasks import heard, seen, spoken, synced
from filmset.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task for task in (*heard.TASKS, *spoken.TASKS, *seen.TASKS, *synced.TASKS)
}

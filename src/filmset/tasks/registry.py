"""All probe tasks by name."""

from filmset.tasks import audio, audiovisual, picture, spoken
from filmset.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task for task in (*audio.TASKS, *spoken.TASKS, *picture.TASKS, *audiovisual.TASKS)
}

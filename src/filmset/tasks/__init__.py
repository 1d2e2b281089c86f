"""Probe tasks: labelled sounds and short films of titles, voices and sentences that no training hears.

Folders follow the layout of the HEAR benchmark (Turian et al., 2022): `task_metadata.json`,
`labelvocabulary.csv` (idx,label), one JSON a fold (`{"item.wav": ["label"]}`) and the sounds under
`48000/<fold>/`. Tasks of pictures, and of sound and picture together, say so in the metadata's
`modality` ("picture", "audiovisual"; "audio" otherwise) and hold films under `films/<fold>/`. Beside them
`groups.csv` (item,group) names what items of a fold have in common, so that intervals can be clustered.

Each task has five folds that share no title, voice, sentence or scene. Classes are balanced, and what is
not asked for is spread evenly over them: where it can be, item k of every class differs from item k of
another in the class alone.
"""

from filmset.tasks.folders import check_tasks, write_tasks
from filmset.tasks.registry import TASKS
from filmset.tasks.task import Task

__all__ = ["TASKS", "Task", "check_tasks", "write_tasks"]

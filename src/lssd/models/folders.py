"""Where a model lies: in a folder of its own, in a run of `lssd pretrain`, or in one of its checkpoints."""

import logging
from dataclasses import dataclass
from pathlib import Path

from lssd.errors import CheckpointError
from lssd.models.hub import CONFIG_FILE

RECIPE_FILE = "recipe.yaml"  # marks a folder as a run
FINISHED_FILE = "finished.json"  # marks a run as finished
_CHECKPOINTS = "checkpoints"
_MODEL = "model"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """Where a checkpoint lies and how many steps were done when it was written."""

    folder: Path
    step: int


def checkpoint_folder(run: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return run / _CHECKPOINTS / f"{step:08d}"


def list_checkpoints(run: Path) -> list[Checkpoint]:
    """The checkpoints of a run, oldest first."""
    found = (as_checkpoint(folder) for folder in (run / _CHECKPOINTS).glob("*") if folder.is_dir())
    return sorted((one for one in found if one is not None), key=lambda checkpoint: checkpoint.step)


def as_checkpoint(folder: Path) -> Checkpoint | None:
    """A folder as the checkpoint of a run, judged by its place; None for any other."""
    if folder.parent.name != _CHECKPOINTS or not folder.name.isdecimal():
        return None
    return Checkpoint(folder, int(folder.name))


def is_run(folder: Path) -> bool:
    """Whether a folder is a run of `lssd pretrain`."""
    return (folder / RECIPE_FILE).is_file()


def find_model(folder: Path) -> Path:
    """The folder of weights that a path stands for: a run's is its model, or its newest checkpoint as long as
    it is not finished; any other is itself.

    That a checkpoint is taken is logged. Raises CheckpointError for a run that has neither.
    """
    if not is_run(folder):
        return folder
    model, checkpoints = folder / _MODEL, list_checkpoints(folder)
    exported = (model / CONFIG_FILE).is_file()
    if exported and ((folder / FINISHED_FILE).is_file() or not checkpoints):
        return model
    if not checkpoints:
        raise CheckpointError(f"run {folder} has no checkpoint yet; train on, or give another model")
    newest = checkpoints[-1]
    _logger.info("run %s is not finished: its checkpoint of step %d is taken", folder, newest.step)
    return newest.folder


def model_name(folder: Path) -> str:
    """What to call a folder's model: the name of its run says more than "model" or "00000400"."""
    whole = folder.resolve()
    if whole.name == _MODEL:
        return whole.parent.name
    checkpoint = as_checkpoint(whole)
    return whole.name if checkpoint is None else f"{whole.parent.parent.name}-step-{checkpoint.step}"

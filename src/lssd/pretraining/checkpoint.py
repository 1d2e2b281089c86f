"""Training state on disk: whole or absent, and never unpickled as code.

A checkpoint is a folder `RUN/checkpoints/00000400`. `model.safetensors` and `config.json` are a model that
`lssd.load_model` takes, with averaged weights where the recipe averages; `heads.safetensors` are the
projections that it was trained with. The training state lies apart: `optimiser.pt` (tensors and numbers,
read with weights_only=True), `trained.safetensors` (where the model is an average: the whole network as it
is trained) and `state.json`, which has the hashes of all. Some of the newest are kept (`schedule.keep`), so
the last good one survives whatever happens while the next is written.
"""

import json
import logging
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lssd.errors import CheckpointError, StorageError
from lssd.models.checkpoint import write_model
from lssd.models.folders import Checkpoint, checkpoint_folder, list_checkpoints
from lssd.models.hub import WEIGHTS_FILE
from lssd.pretraining.averaging import WeightAverage
from lssd.pretraining.metrics import RunTotals
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import Recipe, digest
from lssd.store import atomic_folder, hash_file

_logger = logging.getLogger(__name__)
_HEADS = "heads.safetensors"
_TRAINED = "trained.safetensors"
_OPTIMISER = "optimiser.pt"
_STATE = "state.json"
# What the readers raise for a file that is cut short, altered, or of another architecture.
_DAMAGE = (
    OSError,
    EOFError,
    SafetensorError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    pickle.UnpicklingError,
)


class SavedState(NamedTuple):
    """How many steps were done, and what the run had used by then."""

    step: int
    totals: RunTotals


def save_checkpoint(
    run: Path,
    network: Network,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage | None,
    state: SavedState,
    recipe: Recipe,
) -> Checkpoint:
    """Write the state of a run, and remove the older checkpoints that the recipe does not keep.

    Raises CheckpointError when the state cannot be written; the checkpoints before it stay.
    """
    folder = checkpoint_folder(run, state.step)
    trained = network.state_dict()
    shown = trained if average is None else average.state_dict()
    model = network.to_model()
    encoders = {name: shown[name] for name in model.state_dict()}
    try:
        with atomic_folder(folder) as partial:
            write_model(partial, model.config, encoders)
            _write(partial / _HEADS, {name: shown[name] for name in shown if name not in encoders})
            if average is not None:
                _write(partial / _TRAINED, trained)
            torch.save(optimiser.state_dict(), partial / _OPTIMISER)
            written = {
                "step": state.step,
                "tally": asdict(state.totals),
                "recipe": digest(recipe),
                "sha256": {file.name: hash_file(file) for file in sorted(partial.iterdir())},
            }
            (partial / _STATE).write_text(json.dumps(written), encoding="utf-8")
        for old in list_checkpoints(run)[: -recipe.schedule.keep]:
            if not recipe.schedule.keeps(old.step):
                shutil.rmtree(old.folder)
    # Each writer's way to report a full disk.
    except (SafetensorError, RuntimeError, OSError, StorageError) as error:
        reason = _detail(error.__cause__ or error)
        raise CheckpointError(f"cannot save {folder}: {reason}; free some space and run again") from error
    return Checkpoint(folder, state.step)


def _write(file: Path, tensors: Mapping[str, Tensor]) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """What a checkpoint hands on, by the network's names: encoders and heads, averaged if the run averages.

    Raises CheckpointError, naming the file, where one is missing or damaged.
    """
    weights: dict[str, Tensor] = {}
    for file in (folder / WEIGHTS_FILE, folder / _HEADS):
        try:
            weights |= load_file(file)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{file} is missing or damaged ({_detail(error)}); copy it again, or give another checkpoint"
            ) from error
    return weights


def find_intact(run: Path, recipe: Recipe) -> Checkpoint | None:
    """The newest checkpoint of a run whose files are as they were written; None where there is none at all.

    Damaged ones that are newer are named in a warning each, with what is wrong, and set aside as
    `RUN/damaged/00000400`. Raises CheckpointError when all are damaged, and for one of another recipe.
    """
    damaged: list[tuple[Checkpoint, str]] = []
    for checkpoint in reversed(list_checkpoints(run)):
        try:
            _check_files(checkpoint.folder, recipe)
        except _DAMAGE as error:
            damaged.append((checkpoint, _detail(error)))
            continue
        for other, reason in damaged:
            # Not beside the others: RUN/checkpoints/* is what people average.
            aside = run / "damaged" / other.folder.name
            shutil.rmtree(aside, ignore_errors=True)
            aside.parent.mkdir(exist_ok=True)
            shutil.move(other.folder, aside)
            _logger.warning(
                "checkpoint %s is damaged (%s): it is now %s, and the run goes on from step %d",
                other.folder,
                reason,
                aside,
                checkpoint.step,
            )
        return checkpoint
    if damaged:
        newest, reason = damaged[0]
        raise CheckpointError(
            f"cannot resume from {newest.folder} ({reason}), and no older checkpoint is intact; copy one "
            f"back, or remove {newest.folder.parent} to begin again"
        )
    return None


def _check_files(folder: Path, recipe: Recipe) -> SavedState:
    """The state of a checkpoint, if all its files are as they were written: one of `_DAMAGE` if not."""
    state: dict[str, Any] = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    found = SavedState(int(state["step"]), RunTotals(**state["tally"]))
    if state["recipe"] != digest(recipe):
        raise CheckpointError(
            f"{folder} is a checkpoint of another recipe; remove that folder, or choose another --out"
        )
    for name, recorded in state["sha256"].items():
        if not (folder / name).is_file():
            raise ValueError(f"{name} is missing")
        if hash_file(folder / name) != recorded:
            raise ValueError(f"{name} is cut short or altered")
    return found


def load_checkpoint(
    checkpoint: Checkpoint,
    network: Network,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage | None,
    recipe: Recipe,
) -> SavedState:
    """Put a checkpoint's tensors into network, optimiser and average; returns the rest of the state.

    Raises CheckpointError when a file is damaged, and for a checkpoint of another recipe.
    """
    folder = checkpoint.folder
    try:
        found = _check_files(folder, recipe)
        if average is None:
            network.load_state_dict(read_weights(folder))
        else:
            average.load_state_dict(read_weights(folder))
            network.load_state_dict(load_file(folder / _TRAINED))
        saved = torch.load(folder / _OPTIMISER, weights_only=True, map_location="cpu")
        optimiser.load_state_dict(saved)
    except _DAMAGE as error:
        raise CheckpointError(
            f"cannot resume from {folder}: {_detail(error)}; remove that folder to go on"
        ) from error
    return found


def _detail(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

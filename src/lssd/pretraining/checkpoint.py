"""Training state on disk: whole or absent, and never unpickled as code.

A checkpoint is a folder `RUN/checkpoints/00000400` with `model.safetensors` (encoders and heads),
`optimiser.pt` (tensors and numbers, read with weights_only=True), `state.json`, and where weights are
averaged `average.safetensors`. The two newest are kept, so the last good one survives whatever happens
while the next is written.
"""

import json
import pickle
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from lssd.errors import CheckpointError
from lssd.pretraining.averaging import WeightAverage
from lssd.pretraining.metrics import RunTotals
from lssd.store import atomic_folder

_KEEP = 2
# What the readers raise for a file that is cut short, altered, or of another architecture.
_DAMAGE = (
    OSError,
    EOFError,
    SafetensorError,
    RuntimeError,
    ValueError,
    KeyError,
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class Checkpoint:
    """Where a checkpoint lies and how many steps were done when it was written."""

    folder: Path
    step: int


class SavedState(NamedTuple):
    """How many steps were done, and what the run had used by then."""

    step: int
    totals: RunTotals


def save_checkpoint(
    run: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage | None,
    state: SavedState,
    recipe: str,
) -> Checkpoint:
    """Write the state of a run and remove all but the newest two checkpoints.

    `recipe` is the digest of the run's recipe. Raises CheckpointError when the state cannot be written; the
    checkpoints before it stay.
    """
    folder = run / "checkpoints" / f"{state.step:08d}"
    try:
        with atomic_folder(folder) as partial:
            tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
            save_file(tensors, partial / "model.safetensors")
            if average is not None:
                save_file(average.state_dict(), partial / "average.safetensors")
            torch.save(optimiser.state_dict(), partial / "optimiser.pt")
            written = {"tally": asdict(state.totals), "recipe": recipe, "step": state.step}
            (partial / "state.json").write_text(json.dumps(written), encoding="utf-8")
        for old in list_checkpoints(run)[:-_KEEP]:
            shutil.rmtree(old.folder)
    except (SafetensorError, RuntimeError, OSError) as error:  # each writer's way to report a full disk
        detail = " ".join(str(error).split())[:200]
        raise CheckpointError(f"cannot save {folder}: {detail}; free some space and run again") from error
    return Checkpoint(folder, state.step)


def list_checkpoints(run: Path) -> list[Checkpoint]:
    """The checkpoints of a run, oldest first."""
    folders = [folder for folder in (run / "checkpoints").glob("*") if folder.name.isdigit()]
    found = [Checkpoint(folder, int(folder.name)) for folder in folders if folder.is_dir()]
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def load_checkpoint(
    checkpoint: Checkpoint,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage | None,
    recipe: str,
) -> SavedState:
    """Put a checkpoint's tensors into network, optimiser and average; returns the rest of the state.

    `recipe` is the digest of the run's recipe. Raises CheckpointError when a file is damaged, and for a
    checkpoint of another recipe or architecture.
    """
    folder = checkpoint.folder
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        found = SavedState(int(state["step"]), RunTotals(**state["tally"]))
        if state["recipe"] != recipe:
            raise CheckpointError(
                f"{folder} is a checkpoint of another recipe; remove that folder, or choose another --out"
            )
        network.load_state_dict(load_file(folder / "model.safetensors"))
        if average is not None:
            average.load_state_dict(load_file(folder / "average.safetensors"))
        saved = torch.load(folder / "optimiser.pt", weights_only=True, map_location="cpu")
        optimiser.load_state_dict(saved)
    except _DAMAGE as error:
        detail = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"cannot resume from {folder}: {detail}; remove that folder to go on"
        ) from error
    return found

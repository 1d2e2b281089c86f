"""Models on disk: a folder of `model.safetensors` and `config.json`. Nothing is ever unpickled."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from lssd.errors import CheckpointError, InputError, StorageError
from lssd.models.folders import find_model
from lssd.models.hub import CONFIG_FILE as _CONFIG
from lssd.models.hub import WEIGHTS_FILE as _WEIGHTS
from lssd.models.hub import fetch_model, is_hub_id
from lssd.models.model import FORMAT, Model, build_model, least_parameters
from lssd.store import atomic_folder, digest

_CONFIG_BYTES = 1 << 20  # a config is some 2,000 bytes long
# Parameters that are built whatever the weights hold, so that a message can name the tensor that differs:
# twice those of the largest named architecture, built in a second or two.
_BUILT = 10**8


def weights_hash(model: nn.Module) -> str:
    """SHA-256 over the names, types, shapes and bytes of all saved tensors, in the order of their names.

    Equal for equal weights on any device and after a save and a load; part of the embedding cache's key.
    """
    return _hash_tensors(model.state_dict())


def save_model(model: Model, folder: str | Path) -> None:
    """Write `folder/model.safetensors` and `folder/config.json` as one atomic commit.

    An earlier folder of that name is replaced. Floats are saved as float32, whatever the model runs in.
    Raises InputError when the place cannot be written, StorageError when the disk is full.
    """
    with atomic_folder(folder) as partial:
        write_model(partial, model.config, model.state_dict())


def write_model(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write a model's two files into a folder that is there; `save_model` for one that commits itself.

    Raises StorageError where the weights cannot be written, OSError for the config.
    """
    saved = {name: _as_saved(tensor) for name, tensor in tensors.items()}
    settings = {**config, "weights_sha256": _hash_tensors(saved)}
    try:
        safetensors.torch.save_file(saved, folder / _WEIGHTS)
    except safetensors.SafetensorError as error:  # the system's errors come as this
        raise StorageError(
            f"cannot write {folder / _WEIGHTS}: {error}; free some space or choose another place, then run "
            "again"
        ) from error
    (folder / _CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load_model(path_or_hub_id: str | Path) -> Model:
    """Read a model folder, a run or one of its checkpoints, or a hub's model "owner/name[@revision]".

    A run stands for its model; one that is not finished for its newest checkpoint, which is logged.

    The model comes back on the CPU and in evaluation mode. What exists as a path is a path: the network
    is used for nothing else than a hub id of which there is no such folder (`lssd.models.hub`).

    Raises CheckpointError when the folder or one of its files is missing, truncated or altered, when the
    architecture is unknown, or when weights and architecture do not match: the message then names the
    tensor, what was expected and what was found. MissingExtraError for a hub id without the extra.
    """
    text = str(path_or_hub_id)
    by_name = isinstance(path_or_hub_id, str) and is_hub_id(text)
    folder = fetch_model(text) if by_name else find_model(Path(path_or_hub_id))
    if not folder.is_dir():
        raise CheckpointError(f"no model at {folder}: expected a folder with {_WEIGHTS} and {_CONFIG}")
    settings = read_config(folder / _CONFIG)
    towers = settings.get("audio"), settings.get("video")
    try:
        wanted = least_parameters(*towers)
        tensors = _read_tensors(folder / _WEIGHTS)
        found = sum(tensor.numel() for tensor in tensors.values())
        if wanted > max(found, _BUILT):
            raise CheckpointError(
                f"{folder / _WEIGHTS} holds {found:,} numbers, but the architecture of {_CONFIG} has "
                f"{wanted:,} or more; weights and config belong to different models"
            )
        model = build_model(*towers)
    except InputError as error:
        raise CheckpointError(f"{folder / _CONFIG}: {error}") from error
    _check_match(model.state_dict(), tensors, folder / _WEIGHTS)
    recorded = settings.get("weights_sha256")
    if recorded is not None and recorded != _hash_tensors(tensors):
        raise CheckpointError(
            f"{folder / _WEIGHTS} is not what {_CONFIG} recorded: it was altered; copy the folder again"
        )
    model.load_state_dict(tensors)
    return model.eval()


def _as_saved(tensor: Tensor) -> Tensor:
    kept = tensor.detach().cpu().contiguous()
    return kept.float() if kept.is_floating_point() else kept


def _hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    def blocks() -> Iterator[bytes]:
        for name in sorted(tensors):
            tensor = tensors[name].detach().cpu().contiguous()
            yield f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode()
            yield tensor.view(-1).view(torch.uint8).numpy().tobytes()

    return digest(blocks())


def read_config(path: Path) -> Mapping[str, Any]:
    """A model's `config.json`, of this format; CheckpointError where it is missing, damaged or of another."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: a model folder holds {_WEIGHTS} and {_CONFIG}")
    size = path.stat().st_size
    if size > _CONFIG_BYTES:
        raise CheckpointError(f"{path} has {size:,} bytes; a config has at most {_CONFIG_BYTES:,}")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise CheckpointError(f"{path} is nested too deep for a config; copy the folder again") from error
    except ValueError as error:  # no JSON, no UTF-8, or a number of thousands of digits
        raise CheckpointError(f"{path} is not valid JSON: {error}; copy the folder again") from error
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        found = settings.get("format") if isinstance(settings, dict) else type(settings).__name__
        raise CheckpointError(f"{path} has format {found!r}; this version of lssd reads format {FORMAT}")
    return settings


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: a model folder holds {_WEIGHTS} and {_CONFIG}")
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is truncated or no safetensors file ({error}); copy it again"
        ) from error


def _check_match(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path) -> None:
    for name, tensor in expected.items():
        shape = tuple(tensor.shape)
        if name not in found:
            raise CheckpointError(
                f"{path} lacks '{name}' {shape}, which the architecture of {_CONFIG} has; "
                "weights and config belong to different models"
            )
        if tuple(found[name].shape) != shape:
            raise CheckpointError(
                f"{path}: '{name}' has shape {tuple(found[name].shape)}, but the architecture of {_CONFIG} "
                f"expects {shape}; weights and config belong to different models"
            )
    for name in found:
        if name not in expected:
            raise CheckpointError(
                f"{path} holds '{name}' {tuple(found[name].shape)}, unknown to the architecture of "
                f"{_CONFIG}; weights and config belong to different models"
            )

"""Models on disk: a folder of `model.safetensors` and `config.json`. Nothing is ever unpickled."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from lssd.errors import CheckpointError, InputError
from lssd.models.model import FORMAT, Model, build_model
from lssd.store import atomic_folder, digest

_WEIGHTS = "model.safetensors"
_CONFIG = "config.json"


def weights_hash(model: nn.Module) -> str:
    """SHA-256 over the names, types, shapes and bytes of all saved tensors, in the order of their names.

    Equal for equal weights on any device and after a save and a load; part of the embedding cache's key.
    """
    return _hash_tensors(model.state_dict())


def save_model(model: Model, folder: str | Path) -> None:
    """Write `folder/model.safetensors` and `folder/config.json` as one atomic commit.

    An earlier folder of that name is replaced. Raises InputError when the place cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    settings = {**model.config, "weights_sha256": _hash_tensors(tensors)}
    with atomic_folder(folder) as partial:
        safetensors.torch.save_file(tensors, partial / _WEIGHTS)
        (partial / _CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load_model(path: str | Path) -> Model:
    """Read a model folder; the model comes back on the CPU and in evaluation mode.

    Raises CheckpointError when the folder or one of its files is missing, truncated or altered, when the
    architecture is unknown, or when weights and architecture do not match: the message then names the
    tensor, what was expected and what was found.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise CheckpointError(f"no model at {folder}: expected a folder with {_WEIGHTS} and {_CONFIG}")
    settings = _read_config(folder / _CONFIG)
    try:
        model = build_model(settings.get("audio"), settings.get("video"))
    except InputError as error:
        raise CheckpointError(f"{folder / _CONFIG}: {error}") from error
    tensors = _read_tensors(folder / _WEIGHTS)
    _check_match(model.state_dict(), tensors, folder / _WEIGHTS)
    recorded = settings.get("weights_sha256")
    if recorded is not None and recorded != _hash_tensors(tensors):
        raise CheckpointError(
            f"{folder / _WEIGHTS} is not what {_CONFIG} recorded: it was altered; copy the folder again"
        )
    model.load_state_dict(tensors)
    return model.eval()


def _hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    def blocks() -> Iterator[bytes]:
        for name in sorted(tensors):
            tensor = tensors[name].detach().cpu().contiguous()
            yield f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode()
            yield tensor.view(-1).view(torch.uint8).numpy().tobytes()

    return digest(blocks())


def _read_config(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: a model folder holds {_WEIGHTS} and {_CONFIG}")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
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

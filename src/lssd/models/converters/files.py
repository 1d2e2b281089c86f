"""Tensors by name from files that other projects wrote. No code in them is ever run."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from lssd.errors import CheckpointError

# Under these keys training checkpoints keep the weights beside the optimiser's state and other values.
_NESTED = ("model", "model_state", "state_dict")


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU, in the file's precision.

    Takes safetensors files and `torch.save` files with tensors and plain values. Raises CheckpointError
    when the file is missing or truncated, holds other pickled objects, or holds no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}: expected a .safetensors or a torch.save file")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    tensors = (
        {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, Mapping)
        else {}
    )
    if not tensors:
        raise CheckpointError(
            f"{path} holds no tensors by name, neither at the top nor under {', '.join(_NESTED)}"
        )
    return tensors


def _read_safetensors(path: Path) -> Any:
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is truncated or no safetensors file ({error}); copy it again"
        ) from error


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported" not in str(error) and "not an allowed" not in str(error):
            raise CheckpointError(
                f"{path} is truncated or no torch.save file ({_first_line(error)}); copy it again"
            ) from error
        raise CheckpointError(
            f"{path} holds pickled objects besides tensors, which lssd does not run; where you trust the "
            "file, save its tensors alone with safetensors and convert that"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError) as error:
        raise CheckpointError(
            f"{path} is truncated or no torch.save file ({_first_line(error)}); copy it again"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]

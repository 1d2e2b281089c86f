"""Model folders on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lssd.errors import InputError
from lssd.store import hash_file, hash_json


def model_folder(path: str | Path, what: str, option: str, needed: str = "config.json") -> Path:
    """A model's folder; InputError where it lacks the file `needed`, by which such a folder is known."""
    folder = Path(path).expanduser()
    if not str(path) or not (folder / needed).is_file():
        raise InputError(f"'{path}' holds no {needed}; set the option `{option}` to a folder with {what}")
    return folder


def load(from_pretrained: Callable[..., Any], folder: Path, what: str) -> Any:
    """What transformers loads from a folder, never from the network; InputError where it cannot."""
    from safetensors import SafetensorError

    try:
        return from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the {what} at {folder} cannot be loaded: {reason}") from error


def hash_folder(folder: Path) -> str:
    """Hash of the names and contents of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hash_json({path.relative_to(folder).as_posix(): hash_file(path) for path in files})

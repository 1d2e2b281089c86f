"""Models that lie in folders of the user's: is it there, and what identifies it."""

from pathlib import Path

from lssd.errors import InputError
from lssd.store import hash_file, hash_json


def model_folder(backend: str, folder: str, needed: str, examples: str) -> Path:
    """The folder of a model. InputError where none is named, or it lacks the file `needed`."""
    if not folder:
        raise InputError(f"{backend} needs a model: set its option `model` to a folder that holds {examples}")
    path = Path(folder).expanduser()
    if not (path / needed).is_file():
        raise InputError(f"{backend}: {path} holds no {needed}; it should be a folder with {examples}")
    return path


def folder_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of all files in a folder, whatever its own name is."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hash_json({path.relative_to(folder).as_posix(): hash_file(path) for path in files})

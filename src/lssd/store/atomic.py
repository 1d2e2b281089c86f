"""Atomic commits: a final name holds a whole file or folder, or nothing.

Work happens under a hidden sibling name, reaches the disk, and is renamed. A killed process leaves
at most a `.partial-*` sibling, which the next commit to the same name removes.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lssd.errors import InputError, storage_error


def sync_folder(folder: Path) -> None:
    """Put a folder's entries (renames, new files) on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _partial_prefix(final: Path) -> str:
    return f".partial-{final.name}-"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _dead(partial: Path) -> bool:
    """Whether the process that was writing a partial sibling is gone (its id is part of the name)."""
    process = partial.name.rsplit("-", 2)[1]
    return not process.isdigit() or not Path(f"/proc/{process}").exists()


@contextmanager
def _partial(final: Path) -> Iterator[Path]:
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        for left in final.parent.glob(_partial_prefix(final) + "*"):
            if _dead(left):
                _remove(left)
    except OSError as error:
        full = storage_error(error, final)
        raise full or InputError(
            f"cannot write {final}: {error.strerror}; choose another output folder"
        ) from error
    partial = final.parent / f"{_partial_prefix(final)}{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        yield partial
    except BaseException as error:
        _remove(partial)
        if (full := storage_error(error, final)) is not None:
            raise full from error
        raise


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path to write one file to; on a normal exit it takes the final name.

    An existing file is replaced. On an error nothing remains. Raises InputError when the place
    cannot be written, StorageError when the disk is full.
    """
    final = Path(path)
    with _partial(final) as partial:
        try:
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(final)
            sync_folder(final.parent)
        except PermissionError as error:
            raise InputError(f"cannot write {final}: {error.strerror}; choose another output") from error


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder to fill; on a normal exit it takes the final name.

    An existing folder of that name is replaced by the new one (removed just before the rename). Raises
    as `atomic_path` does.
    """
    final = Path(path)
    with _partial(final) as partial:
        try:
            partial.mkdir()
        except OSError as error:
            full = storage_error(error, final)
            raise full or InputError(
                f"cannot write {final}: {error.strerror}; choose another output"
            ) from error
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
        if final.exists():
            _remove(final)
        partial.replace(final)
        sync_folder(final.parent)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write bytes atomically, replacing what was there."""
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Write a JSON value atomically, indented, with a final newline. NaN is refused with ValueError."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(path, text.encode("utf-8"))

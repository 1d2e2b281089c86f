"""Content hashes of files, remembered by their dates: hashing a film takes seconds, reading dates no time."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from lssd.embedding.cache import own_name
from lssd.errors import InputError, MediaError, StorageError, storage_error
from lssd.store import hash_file

CHANGED = "changed while it was read"  # part of a reason; such a file is tried again
_RECENT_NS = 2_000_000_000
Signature = tuple[int, int, int, int]  # inode, bytes, times of the last write and change in ns


def signature(path: str | Path) -> Signature:
    """What differs once a file has changed. OSError when it cannot be reached."""
    found = Path(path).stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def check_unchanged(path: Path, seen: Signature) -> None:
    """Raise MediaError for a file that was written since `seen`, so that its hash may be out of date."""
    if signature(path)[:3] != seen[:3]:
        raise MediaError(f"{path} {CHANGED}; run again when it is whole")


class FileHashes:
    """SHA-256 of files by path and signature, kept as JSON lines in `folder` (None: not kept).

    The kernel sets the time of change, so an edit that restores date and size is noticed as well. A file
    that changed within the last 2 s is hashed but not remembered: a second change might have the same time
    stamp. Every process appends to a file of its own; lines that a kill cut short are skipped.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._known: dict[tuple[str, Signature], str] = {}
        self._file: TextIO | None = None
        for path in sorted(self._folder.glob("*.jsonl")) if self._folder else ():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                self._learn(line)

    def known(self, path: str | Path) -> str | None:
        """The hash of a file that has not changed since it was recorded, else None."""
        try:
            return self._known.get((_name(path), signature(path))) if self._known else None
        except OSError:
            return None

    def record(self, path: str | Path, found: Signature, sha256: str) -> None:
        """Remember the hash of a file that had signature `found` before and after it was hashed.

        InputError when the folder cannot be written, StorageError when the disk is full.
        """
        key = _name(path), found
        if self._folder is None or key in self._known or time.time_ns() - max(found[2:]) < _RECENT_NS:
            return
        self._known[key] = sha256
        if self._file is None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = (self._folder / f"{own_name()}.jsonl").open("a", encoding="utf-8")
            except OSError as error:
                raise storage_error(error, self._folder) or InputError(
                    f"cannot write {self._folder}: {error.strerror}; choose another place"
                ) from error
        try:
            self._file.write(json.dumps({"path": key[0], "signature": found, "sha256": sha256}) + "\n")
            self._file.flush()
        except OSError as error:  # not the fault of the file that was hashed
            file, self._file = self._file, None
            with suppress(OSError):  # it tries to write the rest once more
                file.close()
            full = storage_error(error, self._folder)
            raise full or StorageError(f"cannot write {self._folder}: {error.strerror}") from error

    def hash(self, path: str | Path) -> str:
        """The hash, computed unless it is known. OSError for a file that cannot be read."""
        sha256 = self.known(path)
        if sha256 is None:
            before = signature(path)
            sha256 = hash_file(path)
            if signature(path) == before:
                self.record(path, before, sha256)
        return sha256

    def hash_readable(self, path: Path) -> str | None:
        """The hash, or None for what is no file or cannot be read; embedding it will say why."""
        try:
            return self.hash(path) if path.is_file() else None
        except OSError:
            return None

    def close(self) -> None:
        """Close the file that is written to."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _learn(self, line: str) -> None:
        try:
            row = json.loads(line)
            inode, size, written, changed = map(int, row["signature"])
            self._known[str(row["path"]), (inode, size, written, changed)] = str(row["sha256"])
        except (ValueError, KeyError, TypeError):
            return  # cut short or damaged: the file is hashed again


def _name(path: str | Path) -> str:
    return str(Path(path).absolute())

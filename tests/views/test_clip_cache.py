"""The cache is a convenience: what it cannot store or read back is made, and nothing ends for it."""

import errno
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from lssd.views import ClipCache

ARRAY = np.arange(250_000, dtype=np.int32)  # a megabyte


def other() -> np.ndarray:
    return ARRAY[::-1].copy()


def never() -> np.ndarray:
    raise AssertionError("it is in the cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def assert_goes_on_without(cache: ClipCache) -> None:
    """Arrays are made each time they are asked for, and nothing is left in the folder."""
    before = sorted(cache.folder.iterdir())
    for make, wanted in ((lambda: ARRAY, ARRAY), (other, other())):
        assert np.array_equal(cache.get("new", make), wanted)
    assert sorted(cache.folder.iterdir()) == before


@pytest.mark.parametrize(
    "error",
    [
        OSError("250000 requested and 100 written"),  # of ndarray.tofile, on a full disk
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
    ],
)
def test_any_error_of_writing_is_a_full_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    cache = ClipCache(folder, 1 << 30)
    calls = []

    def save(file: object, array: np.ndarray) -> None:
        calls.append(array)
        file.write(b"the beginning")  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(np, "save", save)
    assert_goes_on_without(cache)
    assert len(calls) == 1


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A limit on the size of files, in place of the disk's. Python ignores the signal that tells of it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 100_000])
def test_a_disk_that_is_really_full(folder: Path, size: int) -> None:
    cache = ClipCache(folder, 1 << 30)
    cache.get("old", lambda: ARRAY)
    with largest_file(size):
        assert_goes_on_without(cache)
        assert np.array_equal(cache.get("old", never), ARRAY)


@pytest.mark.parametrize(
    "error",
    [PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EROFS, "Read-only file system")],
)
def test_a_read_only_folder_gives_what_it_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    """The refusal is made up: for the superuser, under whom tests may run, a folder's mode means nothing."""
    ClipCache(folder, 1 << 30).get("old", lambda: ARRAY)
    really: Callable = Path.open

    def refuse(path: Path, mode: str = "r", *arguments: object, **named: object) -> object:
        if "w" in mode:
            raise error
        return really(path, mode, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    cache = ClipCache(folder, 1 << 30)
    assert np.array_equal(cache.get("old", never), ARRAY)
    assert_goes_on_without(cache)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file/cache"):
        cache = ClipCache(folder, 1 << 30)
        for make, wanted in ((lambda: ARRAY, ARRAY), (other, other())):
            assert np.array_equal(cache.get("new", make), wanted)
    assert (tmp_path / "file").read_text() == ""


def test_files_that_go_meanwhile(folder: Path) -> None:
    """A link to nothing is listed and then not found, like a file that another process removes."""
    ClipCache(folder, 1 << 30).get("old", lambda: ARRAY)
    (folder / "gone.npy").symlink_to("nowhere")
    cache = ClipCache(folder, 2_500_000)
    cache.get("new", other)
    assert (folder / "new.npy").exists()
    cache.get("third", other)
    assert not (folder / "third.npy").exists()  # the files that are there were counted
    for path in folder.iterdir():
        path.unlink()
    assert np.array_equal(cache.get("old", other), other())


@pytest.mark.parametrize("kept", [0, 7, 500_000])
def test_a_damaged_file_is_made_again(folder: Path, kept: int) -> None:
    cache = ClipCache(folder, 1 << 30)
    cache.get("old", lambda: ARRAY)
    with (folder / "old.npy").open("r+b") as file:
        file.truncate(kept)
    assert np.array_equal(cache.get("old", other), other())
    assert np.array_equal(cache.get("old", never), other())

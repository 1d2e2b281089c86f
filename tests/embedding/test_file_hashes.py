import errno
import os
import time
from pathlib import Path

import pytest

from lssd.embedding import file_hashes
from lssd.embedding.file_hashes import FileHashes
from lssd.errors import StorageError


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_not_taken_for_an_unreadable_file(tmp_path, monkeypatch):
    """The record of hashes is what cannot be written; the file that was hashed is as good as any."""
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"sound")
    long_ago = time.time() - 3600
    os.utime(sound, (long_ago, long_ago))
    monkeypatch.setattr(file_hashes, "_RECENT_NS", -(10**18))
    folder = tmp_path / "hashes"
    folder.mkdir()
    monkeypatch.setattr(file_hashes, "own_name", lambda: "full")
    hashes = FileHashes(folder)
    (folder / "full.jsonl").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left on device"):
        hashes.hash_readable(sound)
    hashes.close()  # what could not be written is not tried again


def test_a_disk_that_is_full_when_a_file_is_opened_ends_the_run(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    hashes = FileHashes(tmp_path / "hashes")
    monkeypatch.setattr(file_hashes, "_RECENT_NS", -(10**18))
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match="No space left on device"):
        hashes.record(tmp_path / "a.wav", (1, 2, 3, 4), "0" * 64)

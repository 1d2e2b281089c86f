"""Files are whole or absent, whatever happens while they are written."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lssd import store
from lssd.errors import InputError, StorageError


def test_hashes_agree_with_hashlib(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "f").write_bytes(data)
    assert store.hash_file(tmp_path / "f") == hashlib.sha256(data).hexdigest()
    assert store.digest([data[:10], data[10:]], 16) == hashlib.sha256(data).hexdigest()[:16]


def test_hash_json_ignores_the_order_of_keys() -> None:
    assert store.hash_json({"a": 1, "b": [2.5, "é"]}) == store.hash_json({"b": [2.5, "é"], "a": 1})
    assert store.hash_json({"a": 1}) != store.hash_json({"a": 2})
    with pytest.raises(ValueError, match="JSON"):
        store.hash_json(float("nan"))


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    store.write_bytes(path, b"old")
    with pytest.raises(RuntimeError), store.atomic_path(path) as partial:
        partial.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_folder_replaces_the_whole(tmp_path: Path) -> None:
    for names in (["a", "b"], ["c"]):
        with store.atomic_folder(tmp_path / "d") as partial:
            for name in names:
                (partial / name).write_text(name)
    assert [file.name for file in (tmp_path / "d").iterdir()] == ["c"]


_WRITE_SLOWLY = """
import sys, time
from lssd import store
with store.atomic_path(sys.argv[1]) as partial:
    partial.write_bytes(b"half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_leaves_nothing_under_the_name_and_the_next_cleans_up(tmp_path: Path) -> None:
    path = tmp_path / "f.bin"
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITE_SLOWLY, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 1
    store.write_bytes(path, b"whole")
    assert list(tmp_path.iterdir()) == [path]


def test_write_json(tmp_path: Path) -> None:
    store.write_json(tmp_path / "x.json", {"a": [1, "ü"]})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {"a": [1, "ü"]}


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        store.write_bytes(tmp_path / "file" / "below.txt", b"")
    with pytest.raises(InputError, match="cannot write"), store.lock(tmp_path / "file" / "below"):
        pass


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    for atomic in (store.atomic_path, store.atomic_folder):
        with (
            pytest.raises(StorageError, match=r"cannot write .*final: No space left"),
            atomic(tmp_path / "final"),
        ):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


_HOLD = """
import sys, time
from lssd import store
with store.lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_others_out_and_dies_with_its_holder(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InputError, match="in use by another"), store.lock(tmp_path):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    begun = time.monotonic()
    with store.lock(tmp_path):
        assert time.monotonic() - begun < 5

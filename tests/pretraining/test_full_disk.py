"""A disk that is full at any write of a run, and machines without shared memory: one line, and nothing lost.

Real file systems of a few kilobytes, in a mount namespace of their own; where the system allows none, failing
calls stand for them.
"""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

import lssd.pretraining.checkpoint as checkpoint
import lssd.pretraining.metrics as metrics
from lssd.errors import LssdError
from lssd.models import load_model, weights_hash
from lssd.pretraining import Run
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.pretrain import pretrain

ALONE = ("unshare", "--map-root-user", "--mount")
needs_mounts = pytest.mark.skipif(
    subprocess.run([*ALONE, "true"], capture_output=True).returncode != 0,
    reason="no mount namespaces: small file systems cannot be made",
)


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> Run:
    """An undisturbed run."""
    out = tmp_path_factory.mktemp("whole") / "r"
    run = pretrain("demo", corpus, out, settings=(*small, "optimiser.average=0.5"), quiet=True)
    assert isinstance(run, Run)
    return run


def losses(run: Path) -> list[tuple[int, Any, Any]]:
    return [(line["step"], line.get("loss"), line.get("eval")) for line in read_metrics(run)]


class FailingOnce:
    """The system's error of a full disk, for each file the first time it is written."""

    def __init__(self, run: Path) -> None:
        self.run, self.failed = run, dict[str, int]()

    def __call__(self, path: Path, how: Callable[[str], Exception] | None = None) -> None:
        try:
            place = path.relative_to(self.run).as_posix()
        except ValueError:
            return
        parts = [part.split("-")[1] if part.startswith(".partial-") else part for part in place.split("/")]
        name = "tensorboard" if parts[0] == "tensorboard" else "/".join(parts)
        if name.startswith("cache") or self.failed.setdefault(name, 0):
            return
        self.failed[name] = 1
        words = os.strerror(errno.ENOSPC)
        raise OSError(errno.ENOSPC, words) if how is None else how(words)


def test_every_file_of_a_run_fails_once(
    corpus: Path, tmp_path: Path, small: tuple[str, ...], whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "r"
    fail = FailingOnce(run)
    sync, append = os.fsync, metrics._AppendedFile.write
    save_heads, save_state = checkpoint.save_file, checkpoint.torch.save

    def synced(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.is_file():
            fail(path)
        sync(handle)

    def appended(file: Any, data: bytes) -> None:
        fail(Path(file._file.name).with_suffix(".appended"))
        append(file, data)

    def heads(tensors: Any, path: Path) -> None:
        fail(path.with_suffix(".serialised"), SafetensorError)
        save_heads(tensors, path)

    def state(value: Any, path: Path) -> None:
        fail(path.with_suffix(".serialised"), RuntimeError)
        save_state(value, path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(metrics._AppendedFile, "write", appended)
    monkeypatch.setattr(checkpoint, "save_file", heads)
    monkeypatch.setattr(checkpoint.torch, "save", state)
    settings, said = (*small, "optimiser.average=0.5"), list[str]()
    while len(said) < 100:
        try:
            again = pretrain("demo", corpus, run, settings=settings, quiet=True)
            break
        except LssdError as error:
            said.append(str(error))
    assert all("\n" not in line and "No space left" in line and "space" in line for line in said), said
    assert len(said) == len(fail.failed)
    assert isinstance(again, Run) and again.held_out == whole.held_out
    assert weights_hash(load_model(run)) == weights_hash(load_model(whole.folder))
    assert losses(run) == losses(whole.folder)
    assert {"recipe.yaml", "environment.json", "metrics.jsonl", "metrics.appended", "tensorboard"} <= set(
        fail.failed
    )
    assert {"checkpoints/00000009/optimiser.pt", "checkpoints/00000009/heads.serialised"} <= set(fail.failed)
    assert {"model/config.json", "model/model.safetensors", "model/README.md"} <= set(fail.failed)
    assert "finished.json" in fail.failed
    assert not list(run.rglob(".partial-*"))


# Runs on a file system that grows whenever it was too small, and prints what was said each time.
_GROWING = """
import json, subprocess, sys
from pathlib import Path
from lssd.errors import LssdError
from lssd.pretraining.pretrain import pretrain
corpus, disk, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
def mount(*options): subprocess.run(["mount", *options, disk], check=True)
mount("-t", "tmpfs", "-o", "size=4k", "tmpfs")
said, size = [], 4
while size < 100_000:
    try:
        run = pretrain("demo", corpus, disk + "/r", settings=tuple(settings), quiet=True)
        break
    except LssdError as error:
        said.append(str(error))
        assert not list(Path(disk).rglob(".partial-*"))
        size = size * 4 // 3 + 4
        mount("-o", f"remount,size={size}k")
from lssd.models import load_model, weights_hash
print(json.dumps({"said": said, "hash": weights_hash(load_model(run.folder)), "eval": run.held_out}))
"""


@pytest.mark.slow
@needs_mounts
def test_a_disk_that_is_full_again_and_again_costs_nothing(
    corpus: Path, tmp_path: Path, small: tuple[str, ...], whole: Run
) -> None:
    settings = json.dumps((*small, "optimiser.average=0.5", "machine.cache_gb=0"))
    command = [*ALONE, sys.executable, "-c", _GROWING, str(corpus), str(tmp_path), settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    said = found["said"]
    assert len(said) > 8 and all("\n" not in line and "space" in line for line in said), said
    kinds = ("recipe.yaml", "metrics", "checkpoints")
    assert all(any(kind in line for line in said) for kind in kinds), said
    assert found["hash"] == weights_hash(load_model(whole.folder))
    assert found["eval"] == whole.held_out


@pytest.mark.slow
@needs_mounts
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("ro", "loader processes cannot start without shared memory (/dev/shm): Read-only file system; give"),
        ("size=64k", "a loader process cannot put a batch into shared memory (/dev/shm): unable to allocate"),
    ],
)
def test_without_shared_memory_one_line_says_what_to_do_and_that_works(
    corpus: Path, tmp_path: Path, small: tuple[str, ...], options: str, words: str
) -> None:
    def program(workers: int) -> subprocess.CompletedProcess[str]:
        changes = [f"--set={setting}" for setting in (*small, f"machine.workers={workers}")]
        lssd = [sys.executable, "-m", "lssd", "pretrain", "demo", "--corpus", str(corpus), "--quiet"]
        script = f'mount -t tmpfs -o {options} tmpfs /dev/shm && exec "$@"'
        command = [*ALONE, "sh", "-c", script, "sh", *lssd, "--out", str(tmp_path / "r"), *changes]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    refused = program(1)
    assert refused.returncode == 2
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith(f"lssd: {words}")
    assert "--shm-size" in line and "machine.workers=0" in line
    assert program(0).returncode == 0

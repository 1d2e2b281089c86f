"""The loader: the same batches whatever the workers and however groups are shared; no noise at its end."""

import dataclasses
import errno
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from lssd.corpus import Catalog
from lssd.errors import CorpusError, LssdError
from lssd.views import Batch, CacheSettings, ClipIndex, GlobalBatch, Loader, Selection, ViewSettings
from lssd.views import loader as loading

SETTINGS = ViewSettings(batch_size=3, frames=2, size=32, short_side=(32, 40), title_share=0.3)


def assert_same(one: Batch, other: Batch) -> None:
    for field in dataclasses.fields(Batch):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right


@pytest.fixture(scope="module")
def damaged(corpus: Path, index: ClipIndex, tmp_path_factory: pytest.TempPathFactory) -> ClipIndex:
    """A copy of the corpus of which one clip of the second step's batch is noise."""
    root = tmp_path_factory.mktemp("damaged") / "c"
    shutil.copytree(corpus, root)
    picture = GlobalBatch(index, SETTINGS, 4, 0, 1, 2).plan(0)[1].clip.picture
    with (root / "shards" / picture.shard).open("r+b") as shard:
        shard.seek(picture.offset)
        shard.write(np.random.default_rng(0).bytes(picture.length))
    return ClipIndex.read(Catalog.open(root), Selection())


@pytest.fixture(scope="module")
def alone(damaged: ClipIndex) -> list[Batch]:
    """Steps 0 to 2, both groups, read in this process."""
    return list(Loader(damaged, SETTINGS, seed=4, first_step=0, last_step=3, groups=range(2), total_groups=2))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(damaged: ClipIndex, alone: list[Batch], tmp_path: Path, workers: int) -> None:
    """Nor does a beginning at a later step, as of a resumed run."""
    assert any(batch.replaced for batch in alone[1:])
    cache = CacheSettings(str(tmp_path / "cache"), 1 << 30) if workers == 2 else None
    loader = Loader(
        damaged,
        SETTINGS,
        seed=4,
        first_step=1,
        last_step=3,
        groups=range(2),
        total_groups=2,
        workers=workers,
        cache=cache,
    )
    helped = list(loader)
    assert len(helped) == 2
    for one, other in zip(alone[1:], helped, strict=True):
        assert_same(one, other)


def test_groups_are_the_same_however_they_are_shared(damaged: ClipIndex, alone: list[Batch]) -> None:
    parts = [
        Loader(
            damaged,
            SETTINGS,
            seed=4,
            first_step=0,
            last_step=3,
            groups=range(group, group + 1),
            total_groups=2,
        )
        for group in range(2)
    ]
    for whole, first, second in zip(alone, *parts, strict=True):
        assert whole.clip_ids == first.clip_ids + second.clip_ids
        assert whole.replaced == first.replaced + second.replaced
        assert len(set(whole.clip_ids)) == 6
        assert torch.equal(whole.frames_BWTCHW, torch.cat([first.frames_BWTCHW, second.frames_BWTCHW]))
        assert torch.equal(whole.waveform_BKCS, torch.cat([first.waveform_BKCS, second.waveform_BKCS]))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_lost_corpus_is_one_line_also_from_a_worker(corpus: Path, tmp_path: Path, workers: int) -> None:
    shutil.copytree(corpus, tmp_path / "c")
    index = ClipIndex.read(Catalog.open(tmp_path / "c"), Selection())
    shutil.rmtree(tmp_path / "c/shards")
    loader = Loader(index, SETTINGS, seed=0, first_step=0, last_step=2, workers=workers)
    with pytest.raises(CorpusError, match=r"cannot read shard.*run lssd verify") as caught:
        list(loader)
    assert "Traceback" not in str(caught.value)
    shutil.rmtree(tmp_path / "c")
    with pytest.raises(CorpusError, match="is not a corpus"):
        list(Loader(index, SETTINGS, seed=0, first_step=0, last_step=2))


def test_loading_opens_no_table(corpus: Path, index: ClipIndex, tmp_path: Path) -> None:
    """The index says where all lies; a large corpus' tables in each worker would be gigabytes."""
    root = shutil.copytree(corpus, tmp_path / "c")
    for table in (root / "catalog").iterdir():
        if table.is_dir():
            shutil.rmtree(table)
    bare = dataclasses.replace(index, root=str(root))
    (wanted,), (found,) = (
        Loader(each, SETTINGS, seed=4, first_step=0, last_step=1) for each in (index, bare)
    )
    assert_same(found, wanted)


FAULTY = """
import errno, json, os, pickle, resource, signal, sys
from lssd.views import loader

fault = sys.argv[2]

def read(*arguments):
    if fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "system":
        raise OSError(errno.EIO, "Input/output error")
    raise RuntimeError("a defect")

if __name__ == "__mp_main__":  # in a worker
    if fault == "shared memory":
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    else:
        loader.read_groups = read

if __name__ == "__main__":
    index, settings = pickle.load(open(sys.argv[1], "rb"))
    try:
        list(loader.Loader(index, settings, seed=0, first_step=0, last_step=2, workers=1))
    except Exception as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("killed", "LssdError", "a loader process died"),
        ("system", "LssdError", "the batch of step 0 cannot be read: [Errno 5] Input/output error"),
        ("shared memory", "LssdError", "cannot put a batch into shared memory (/dev/shm): "),
        ("defect", "RuntimeError", "a defect"),
    ],
)
@pytest.mark.slow
def test_what_goes_wrong_in_a_worker_is_called_what_it_is(
    index: ClipIndex, tmp_path: Path, fault: str, kind: str, words: str
) -> None:
    (tmp_path / "script.py").write_text(FAULTY)
    (tmp_path / "index").write_bytes(pickle.dumps((index, SETTINGS)))
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "index"), fault]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found, message = json.loads(done.stdout)
    assert found == kind
    assert words in message
    if kind == "LssdError":
        assert "\n" not in message and "Traceback" not in message
        assert "goes on from the last checkpoint" in message
        assert done.stderr == ""
    else:
        assert "a loader process died" not in message


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (RuntimeError("a defect"), RuntimeError, "^a defect$"),
        (OSError(errno.EIO, "Input/output error"), LssdError, "step 0 cannot be read: .*Input/output error"),
    ],
)
def test_no_worker_died_where_there_is_none(
    index: ClipIndex, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type, words: str
) -> None:
    def read(*_: object) -> None:
        raise error

    monkeypatch.setattr(loading, "read_groups", read)
    with pytest.raises(kind, match=words):
        list(Loader(index, SETTINGS, seed=0, first_step=0, last_step=1))


INTERRUPTED = """
import pickle, sys
from lssd.views import Loader

if __name__ == "__main__":
    index, settings = pickle.load(open(sys.argv[1], "rb"))
    loader = Loader(index, settings, seed=0, first_step=0, last_step=10**6, workers=1)
    try:
        print("begun", flush=True)
        for batch in loader:
            print("batch", flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("moment", ["begun", "batch"])
@pytest.mark.slow
def test_ctrl_c_leaves_no_traceback_of_workers(index: ClipIndex, tmp_path: Path, moment: str) -> None:
    """A terminal sends it to the whole process group, while workers start as well as later."""
    (tmp_path / "script.py").write_text(INTERRUPTED)
    (tmp_path / "index").write_bytes(pickle.dumps((index, SETTINGS)))
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "index")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background of a shell ignore the signal, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if line.strip() == moment:
                break
        if moment == "begun":
            time.sleep(0.7)  # the workers are importing
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
        process.stdout.read()
        assert process.wait(timeout=30) == 130
    # An interrupt between the making of a semaphore and the note of it makes Python's own tracker warn.
    assert [
        line for line in said.splitlines() if not re.search(r"resource_tracker|warnings\.warn", line)
    ] == []

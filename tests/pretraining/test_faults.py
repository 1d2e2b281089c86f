"""What goes wrong in the middle of a run ends in one line, and loses nothing."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from lssd.corpus import Catalog
from lssd.errors import CheckpointError, CorpusError, LssdError, StoppedError
from lssd.models import load_model, weights_hash
from lssd.models.folders import list_checkpoints
from lssd.pretraining import Run, loop
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.objective import Losses
from lssd.pretraining.pretrain import pretrain


@pytest.fixture
def damaged(corpus: Path, tmp_path: Path) -> Path:
    """A corpus in which the picture of one clip for training is no film any more."""
    copy = tmp_path / "corpus"
    shutil.copytree(corpus, copy)
    catalog = Catalog.open(copy)
    train = {row["title_id"] for row in catalog.titles.to_pylist() if row["split"] == "train"}
    titles = {row["clip_id"]: row["title_id"] for row in catalog.clips.to_pylist()}
    pictures = [row for row in catalog.members.to_pylist() if row["kind"] == "picture"]
    victim = next(row for row in pictures if titles[row["clip_id"]] in train)
    with (copy / "shards" / victim["shard"]).open("r+b") as shard:
        shard.seek(victim["offset"])
        shard.write(b"\0" * victim["length"])
    return copy


def test_a_clip_that_no_longer_decodes_is_replaced_and_counted(
    damaged: Path, tmp_path: Path, small: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    run = pretrain("demo", damaged, tmp_path / "r", settings=(*small, "views.batch_size=4"))
    assert isinstance(run, Run)
    assert run.steps == 9 and run.replaced > 0
    assert read_metrics(run.folder)[-2]["replaced"] == run.replaced
    warnings = [line for line in caplog.messages if "takes its place" in line]
    assert len(warnings) == min(run.replaced, 10)


def test_a_corpus_that_goes_bad_ends_the_run_and_names_itself(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    copy = tmp_path / "corpus"
    shutil.copytree(corpus, copy)
    for shard in (copy / "shards").iterdir():
        shard.write_bytes(b"")
    with pytest.raises(CorpusError, match="lssd verify"):
        pretrain("demo", copy, tmp_path / "r", settings=small, quiet=True)


def _program(corpus: Path, out: Path, settings: tuple[str, ...]) -> list[str]:
    changes = [part for setting in settings for part in ("--set", setting)]
    return [
        *(sys.executable, "-m", "lssd", "pretrain", "demo", "--corpus", str(corpus), "--out", str(out)),
        *("--quiet", *changes),
    ]


@pytest.mark.slow
def test_a_full_disk_while_saving_keeps_the_checkpoints_before(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    """A limit on the size of files stands for the disk: the weights fit, the optimiser's state does not."""
    settings = (*small, "machine.cache_gb=0", "monitor.clips=0")
    pretrain("demo", corpus, tmp_path / "r", settings=(*settings, "schedule.steps=9"), quiet=True)
    last = list_checkpoints(tmp_path / "r")[-1].folder
    sizes = {name: (last / name).stat().st_size for name in ("model.safetensors", "optimiser.pt")}
    between = sum(sizes.values()) // 2
    assert sizes["model.safetensors"] < between < sizes["optimiser.pt"]
    shutil.rmtree(last)
    shutil.rmtree(tmp_path / "r/model")

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (between, between))

    done = subprocess.run(
        _program(corpus, tmp_path / "r", settings), capture_output=True, text=True, preexec_fn=full
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("lssd: cannot save") and "free some space" in line
    kept = list_checkpoints(tmp_path / "r")
    assert [checkpoint.step for checkpoint in kept] == [8]
    again = pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)
    assert isinstance(again, Run) and again.steps == 9


@pytest.mark.slow
def test_an_interrupt_is_one_line_and_the_same_command_goes_on(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    settings = (*small, "schedule.steps=5000", "schedule.checkpoint_every=2", "machine.workers=1")
    process = subprocess.Popen(
        _program(corpus, tmp_path / "r", settings),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background of a shell ignore the signal, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 120
        while not list_checkpoints(tmp_path / "r") and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert errors.strip() == "lssd: interrupted; run the same command again to go on"
    assert list_checkpoints(tmp_path / "r")


def test_sigterm_saves_the_running_step_and_the_same_command_goes_on_to_the_bit(
    corpus: Path, tmp_path: Path, small: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes in the middle of the third step, which is to be measured, and again while that is saved."""
    settings = (*small, "monitor.every=3")
    real = loop.take_step, loop.save_checkpoint

    def take(training: loop.Training, *arguments: Any, **options: Any) -> loop.StepResult:
        if training.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return real[0](training, *arguments, **options)

    def save(*arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return real[1](*arguments)

    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        patched.setattr(loop, "take_step", take)
        patched.setattr(loop, "save_checkpoint", save)
        with pytest.raises(
            StoppedError, match=r"stopped by SIGTERM after step 3 of 9, which is saved in .*/r;"
        ):
            pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)
    assert signal.getsignal(signal.SIGTERM) == before
    assert [checkpoint.step for checkpoint in list_checkpoints(tmp_path / "r")] == [3]
    runs = [pretrain("demo", corpus, tmp_path / name, settings=settings, quiet=True) for name in ("r", "s")]
    lines = [
        [(line["step"], line.get("loss"), line.get("eval")) for line in read_metrics(tmp_path / name)]
        for name in ("r", "s")
    ]
    assert lines[0] == lines[1] and runs[0].held_out == runs[1].held_out
    assert len({weights_hash(load_model(tmp_path / name)) for name in ("r", "s")}) == 1


@pytest.mark.slow
def test_sigterm_to_all_processes_of_a_job_is_one_line_and_143(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    """As schedulers send it: to the loader's processes too."""
    settings = (*small, "schedule.steps=5000", "schedule.checkpoint_every=2", "machine.workers=1")
    process = subprocess.Popen(
        _program(corpus, tmp_path / "r", settings), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 120
        while not list_checkpoints(tmp_path / "r") and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 143
    (line,) = errors.strip().splitlines()
    found = re.fullmatch(r"lssd: stopped by SIGTERM after step (\d+) of 5000, which is saved in .*", line)
    assert found is not None and list_checkpoints(tmp_path / "r")[-1].step == int(found[1])


class TestNotFinite:
    """A loss that is not finite reaches no weight; many in a row end the run."""

    @pytest.fixture
    def poison(self, monkeypatch: pytest.MonkeyPatch) -> set[int]:
        """Calls of the objective whose loss is made NaN."""
        calls, poisoned, real = iter(range(1, 1000)), set(), loop.batch_loss

        def loss(*arguments: object, **named: object) -> Losses:
            losses = real(*arguments, **named)  # type: ignore[arg-type]
            factor = float("nan") if next(calls) in poisoned else 1.0
            return losses._replace(total=losses.total * factor)

        monkeypatch.setattr(loop, "batch_loss", loss)
        return poisoned

    def test_single_ones_are_left_out_and_counted(
        self, corpus: Path, tmp_path: Path, small: tuple[str, ...], poison: set[int]
    ) -> None:
        poison |= {3, 5, 6}
        run = pretrain("demo", corpus, tmp_path / "r", settings=small, quiet=True)
        assert isinstance(run, Run)
        assert (run.steps, run.skipped) == (9, 3)
        lines = {line["step"]: line for line in read_metrics(run.folder) if "lr" in line}
        assert lines[3]["loss"] is None and lines[4]["loss"] > 0
        assert lines[9]["skipped"] == 3

    def test_five_in_a_row_end_the_run(
        self, corpus: Path, tmp_path: Path, small: tuple[str, ...], poison: set[int]
    ) -> None:
        poison |= {4, 5, 6, 7, 8}
        with pytest.raises(LssdError, match=r"not finite in 5 steps in a row.*lower optimiser\.lr"):
            pretrain("demo", corpus, tmp_path / "r", settings=small, quiet=True)
        weights = torch.load(list_checkpoints(tmp_path / "r")[-1].folder / "optimiser.pt", weights_only=True)[
            "state"
        ]
        assert all(torch.isfinite(state["exp_avg"]).all() for state in weights.values())


def test_a_checkpoint_of_another_recipe_is_refused(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    for name, more in (("a", ()), ("b", ("optimiser.lr=1e-5",))):
        pretrain("demo", corpus, tmp_path / name, settings=(*small, *more), quiet=True)
    shutil.rmtree(tmp_path / "a/model")
    shutil.rmtree(tmp_path / "a/checkpoints")
    shutil.copytree(tmp_path / "b/checkpoints", tmp_path / "a/checkpoints")
    with pytest.raises(CheckpointError, match="another recipe"):
        pretrain("demo", corpus, tmp_path / "a", settings=small, quiet=True)

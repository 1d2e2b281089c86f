"""Several processes of one run do what one would: real gloo processes on this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.conftest import TINY_CONVOLUTIONS, TINY_MVIT

from lssd.models import load_model
from lssd.models.folders import list_checkpoints
from lssd.pretraining import Run, loop
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.pretrain import pretrain

pytestmark = pytest.mark.slow

# The gradient of one step of a whole network, in float64 behind its preprocessing: stems, masks,
# stochastic depth, heads, a learned temperature and the gathered objective.
_GRADIENT = """
import json, sys
import torch
from torch.nn.parallel import DistributedDataParallel
from lssd.models.draws import Draws
from lssd.pretraining import load_recipe
from lssd.pretraining.distributed import join_world
from lssd.pretraining.network import Network
from lssd.pretraining.objective import batch_loss
from lssd.pretraining.step import backpropagate

def gradient(world, made, chunk):
    network = Network.create(made).train().double()
    parallel = network
    if world.size > 1:
        parallel = DistributedDataParallel(network, broadcast_buffers=False)
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (8, 2, 2, 3, 32, 32), generator=generator, dtype=torch.uint8)
    waveform = 0.1 * torch.randn(8, 3, 1, 144_000, generator=generator)
    present = torch.ones(8, 3, dtype=torch.bool)
    present[1, 2] = present[6, 2] = False
    duplicates = torch.tensor([0, 1, 2, 3, 4, 0, 6, 3])
    share = slice(world.rank * 8 // world.size, (world.rank + 1) * 8 // world.size)
    draws = Draws.of_step(0, 0, range(8))[share]
    inputs = network.prepare(frames[share], waveform[share], present[share], draws)
    def objective(z):
        return batch_loss(z, present[share], duplicates[share], made.objective, groups=4 // world.size)
    losses = backpropagate(parallel, inputs, objective, chunk)
    loss = losses.total.detach().double()
    if world.size > 1:
        torch.distributed.all_reduce(loss)
    found = {name: p.grad for name, p in network.named_parameters()}
    found |= {name: b for name, b in network.named_buffers() if "running" in name}
    return {"loss": loss / world.size, **found}

out, common, cases = sys.argv[1], *map(json.loads, sys.argv[2:])
torch.set_num_threads(1)
with join_world("cpu") as world:
    found = [gradient(world, load_recipe("demo", [*common, *more]), chunk) for more, chunk in cases]
    if world.rank == 0:
        torch.save(found, out)
"""
_MVIT = (*TINY_MVIT, "video.dials.drop_path=0.4", "audio.dials.drop_path=0.4")
_OBJECTIVES: tuple[tuple[str, ...], ...] = (
    (),
    ("objective.mask=near_duplicate",),
    ("objective.gather=false",),
)
# Settings, and instances in a part; the batch norms of convolutions see the whole batch or are others.
_CASES = (
    *(((*_MVIT, *objective), chunk) for objective in _OBJECTIVES for chunk in (None, 1)),
    ((*TINY_CONVOLUTIONS, "audio.preprocessing.mask_fraction=0.25"), None),
)
_NETWORK = (
    "views.frames=2",
    "views.size=32",
    "views.short_side=[32,40]",
    "head={size: 16}",
    "objective.learn_temperature=true",
    "objective.lambda_v=0.3",
    "groups=4",
    "views.batch_size=2",
)


def torchrun(processes: int, *command: str) -> list[str]:
    head = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*head, f"--nproc-per-node={processes}", *command]


def test_gradients_and_statistics_are_those_of_one_process(tmp_path: Path) -> None:
    """Over 1, 2 and 4 processes, whole and in parts, of one global batch of 4 groups."""
    script = tmp_path / "gradient.py"
    script.write_text(_GRADIENT)
    found = {}
    for processes in (1, 2, 4):
        out = tmp_path / f"{processes}.pt"
        command = [str(script), str(out), json.dumps(_NETWORK), json.dumps(_CASES)]
        run = [sys.executable, *command] if processes == 1 else torchrun(processes, *command)
        subprocess.run(run, check=True, capture_output=True, timeout=120)
        found[processes] = torch.load(out, weights_only=True)
    assert "video.encoder.blocks.1.norm.running_var" in found[1][-1], "those inside the encoders"
    names = set(found[1][0])
    assert {"loss", "log_scale", "audio.front.stem.running_mean", "video.front.stem.running_var"} <= names
    losses = [case["loss"].item() for case in found[1]]
    assert losses[:-1:2] == pytest.approx(losses[1:-1:2], rel=1e-6), "parts"
    assert len({round(loss, 4) for loss in losses}) == len(_OBJECTIVES) + 1, "the cases differ"
    for processes in (2, 4):
        for number, (one, several) in enumerate(zip(found[1], found[processes], strict=True)):
            for name, value in one.items():
                where = f"{name}, case {number} of {processes} processes"
                size = value.norm()
                if name.endswith("running_mean"):  # its rounding is that of what it is the mean of
                    size = max(size, one[name.replace("running_mean", "running_var")].sqrt().norm())
                # The stems are float32; where the true gradient is 0, rounding is all there is.
                assert (several[name] - value).norm() < 1e-6 * size + 1e-9, where


@pytest.fixture(scope="module")
def shared(small_mvit: tuple[str, ...]) -> tuple[str, ...]:
    """Two groups of three instances a step, shared among processes."""
    dials = (
        "groups=2",
        "views.batch_size=3",
        "schedule.steps=8",
        "schedule.checkpoint_every=3",
        "optimiser.average=0.9",
    )
    return (*small_mvit, *dials, "video.dials.drop_path=0.3", "monitor.every=4")


def start(corpus: Path, out: Path, settings: tuple[str, ...]) -> list[str]:
    changes = [part for setting in settings for part in ("--set", setting)]
    arguments = ["pretrain", "demo", "--corpus", str(corpus), "--out", str(out), *changes]
    return torchrun(2, "-m", "lssd", *arguments, "--quiet")


@pytest.fixture(scope="module")
def two(corpus: Path, tmp_path_factory: pytest.TempPathFactory, shared: tuple[str, ...]) -> Path:
    """A run of two processes."""
    out = tmp_path_factory.mktemp("two") / "r"
    done = subprocess.run(start(corpus, out, shared), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("8 steps in") == 1, "the first process alone reports"
    return out


def test_a_chain_of_runs_meets_once(corpus: Path, tmp_path: Path, shared: tuple[str, ...]) -> None:
    child = tmp_path / "child.yaml"
    child.write_text("extends: demo\nname: child\nparent: demo\n")
    command = start(corpus, tmp_path / "runs", (*shared, "schedule.steps=2"))
    command[command.index("demo")] = str(child)
    for _ in range(2):  # the second time both stand
        done = subprocess.run([*command, "--chain"], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "child/model: 2 steps in" in done.stdout
    begun = json.loads((tmp_path / "runs/child/environment.json").read_text())
    assert begun["start"]["recipe"] == "demo" and (tmp_path / "runs/demo/finished.json").is_file()


def test_a_dry_run_tells_of_all_processes_once(corpus: Path, tmp_path: Path, shared: tuple[str, ...]) -> None:
    done = subprocess.run(
        [*start(corpus, tmp_path / "r", shared), "--dry-run"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("on 2 of at most 2 processes") == 1
    assert done.stdout.count("recipe") == 1


def test_a_run_of_two_processes_is_that_of_one(
    corpus: Path, tmp_path: Path, two: Path, shared: tuple[str, ...]
) -> None:
    alone = pretrain("demo", corpus, tmp_path / "alone", settings=shared, quiet=True)
    assert isinstance(alone, Run)
    # Not the weights: where a gradient is 0 by symmetry, AdamW makes whole steps of its rounding.
    sounds = 0.1 * torch.randn(4, 1, 144_000, generator=torch.Generator().manual_seed(0))
    heard = [load_model(run / "model").embed_audio(sounds) for run in (alone.folder, two)]
    assert (heard[0] - heard[1]).norm() < 1e-3 * heard[0].norm()
    lines = [
        {line["step"]: line for line in read_metrics(run) if "loss" in line} for run in (alone.folder, two)
    ]
    assert list(lines[0]) == list(lines[1]) == list(range(1, 9))
    for step, line in lines[0].items():
        for term in ("loss", "cross", "video", "audio"):
            assert lines[1][step][term] == pytest.approx(line[term], rel=1e-4), (step, term)
    measured = [
        [line["eval"] for line in read_metrics(run) if "eval" in line][-1] for run in (alone.folder, two)
    ]
    assert measured[0].keys() == measured[1].keys()
    assert measured[0]["clips"] == measured[1]["clips"] > 1


# The program, in which process 1 dies before its fifth step.
_DYING = """
import os, signal, sys
import lssd.pretraining.loop as loop
from lssd.cli import run
real = loop.take_step
def take(training, batch, meanwhile=None):
    if training.step == 4 and training.world.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(training, batch, meanwhile=meanwhile)
loop.take_step = take
run()
"""


def test_a_process_that_dies_ends_the_run_and_the_same_command_goes_on_to_the_bit(
    corpus: Path, tmp_path: Path, two: Path, shared: tuple[str, ...]
) -> None:
    script, out = tmp_path / "dying.py", tmp_path / "r"
    script.write_text(_DYING)
    command = start(corpus, out, shared)
    place = command.index("-m", 3)  # of `-m lssd`
    dying = [*command[:place], str(script), *command[place + 2 :]]
    died = subprocess.run(dying, capture_output=True, text=True, timeout=90)
    assert died.returncode != 0
    # torchrun reports at length; the process that is left says one line, or is stopped before it can.
    assert "/lssd/pretraining/" not in died.stderr, "no traceback of ours"
    said = [line for line in died.stderr.splitlines() if line.startswith("lssd:")]
    assert len(said) <= 1 and all("stopped or does not answer" in line for line in said)
    assert [checkpoint.step for checkpoint in list_checkpoints(out)] == [3]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    weights = [load_file(run / "model/model.safetensors") for run in (two, out)]
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name


def test_a_run_goes_on_with_another_number_of_processes(
    corpus: Path, tmp_path: Path, shared: tuple[str, ...], two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun by one process, ended by two: its losses are those of two all the way."""
    real = loop.take_step

    def stop(training: loop.Training, batch: loop.Batch, **options: Any) -> loop.StepResult:
        if training.step == 5:
            raise KeyboardInterrupt
        return real(training, batch, **options)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(loop, "take_step", stop)
        pretrain("demo", corpus, tmp_path / "r", settings=shared, quiet=True)
    assert [checkpoint.step for checkpoint in list_checkpoints(tmp_path / "r")] == [3]
    done = subprocess.run(start(corpus, tmp_path / "r", shared), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    losses = [
        {line["step"]: line["loss"] for line in read_metrics(run) if "loss" in line}
        for run in (tmp_path / "r", two)
    ]
    assert list(losses[0]) == list(range(1, 9))
    # The weights of a checkpoint are the same; later ones drift by AdamW's steps on rounding.
    assert losses[0][4] == pytest.approx(losses[1][4], rel=1e-6)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_sigterm_to_torchrun_saves_once_and_says_so_once(
    corpus: Path, tmp_path: Path, shared: tuple[str, ...]
) -> None:
    """torchrun passes it on, and ends with 1; the processes agree on the step, wherever it met each."""
    settings = (*shared, "schedule.steps=5000", "monitor.clips=0")
    process = subprocess.Popen(
        start(corpus, tmp_path / "r", settings), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 120
        while not list_checkpoints(tmp_path / "r") and time.monotonic() < deadline:
            time.sleep(0.05)
        process.terminate()
        _, errors = process.communicate(timeout=90)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1
    (line,) = [line for line in errors.splitlines() if line.startswith("lssd:")]
    found = re.search(r"stopped by SIGTERM after step (\d+) of 5000", line)
    assert found is not None and list_checkpoints(tmp_path / "r")[-1].step == int(found[1])


def test_groups_that_processes_cannot_share_are_refused_in_one_line(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    done = subprocess.run(start(corpus, tmp_path / "r", small), capture_output=True, text=True)
    assert done.returncode != 0
    assert "which 2 processes cannot share evenly" in done.stderr
    assert not (tmp_path / "r").exists()

"""Several processes of one run do what one would: real gloo processes on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lssd.pretraining import Run, pretrain
from lssd.pretraining.checkpoint import list_checkpoints
from lssd.pretraining.metrics import read_metrics

pytestmark = pytest.mark.xdist_group("processes")

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
    found = [
        gradient(world, load_recipe("demo", [*common, *more]), chunk) for more in cases for chunk in (None, 1)
    ]
    if world.rank == 0:
        torch.save(found, out)
"""
_CASES: tuple[tuple[str, ...], ...] = ((), ("objective.mask=near_duplicate",), ("objective.gather=false",))
_NETWORK = (
    "views.frames=2",
    "views.size=32",
    "views.short_side=[32,40]",
    *(
        f"{tower}.dials.{dial}"
        for tower in ("video", "audio")
        for dial in ("depth=2", "width=16", "stage_starts=[1]", "drop_path=0.4")
    ),
    "head.size=16",
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
    names = set(found[1][0])
    assert {"loss", "log_scale", "audio.front.stem.running_mean", "video.front.stem.running_var"} <= names
    losses = [case["loss"].item() for case in found[1]]
    assert losses[::2] == pytest.approx(losses[1::2], rel=1e-6), "parts"
    assert len({round(loss, 4) for loss in losses}) == len(_CASES), "the cases differ"
    for processes in (2, 4):
        for number, (one, several) in enumerate(zip(found[1], found[processes], strict=True)):
            for name, value in one.items():
                where = f"{name}, case {number} of {processes} processes"
                # The stems are float32; where the true gradient is 0, rounding is all there is.
                assert (several[name] - value).norm() < 1e-6 * value.norm() + 1e-9, where


@pytest.fixture(scope="module")
def shared(small: tuple[str, ...]) -> tuple[str, ...]:
    """Two groups of three instances a step, shared among processes."""
    dials = ("groups=2", "views.batch_size=3", "schedule.steps=8", "schedule.checkpoint_every=3")
    return (*small, *dials, "video.dials.drop_path=0.3", "monitor.every=4")


def start(corpus: Path, out: Path, settings: tuple[str, ...]) -> list[str]:
    changes = [part for setting in settings for part in ("--set", setting)]
    arguments = ["pretrain", "demo", "--corpus", str(corpus), "--out", str(out), *changes]
    return torchrun(2, "-m", "lssd", *arguments, "--quiet")


def test_a_run_of_two_processes_is_that_of_one(corpus: Path, tmp_path: Path, shared: tuple[str, ...]) -> None:
    alone = pretrain("demo", corpus, tmp_path / "alone", settings=shared, quiet=True)
    assert isinstance(alone, Run)
    done = subprocess.run(start(corpus, tmp_path / "two", shared), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("8 steps in") == 1, "the first process alone reports"
    weights = [load_file(tmp_path / name / "model/model.safetensors") for name in ("alone", "two")]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-3, atol=1e-4, msg=name)
    lines = [
        {line["step"]: line for line in read_metrics(tmp_path / name) if "loss" in line}
        for name in ("alone", "two")
    ]
    assert list(lines[0]) == list(lines[1]) == list(range(1, 9))
    for step, line in lines[0].items():
        for term in ("loss", "cross", "video", "audio"):
            assert lines[1][step][term] == pytest.approx(line[term], rel=1e-4), (step, term)
    measured = [
        [line["eval"] for line in read_metrics(tmp_path / name) if "eval" in line][-1]
        for name in ("alone", "two")
    ]
    assert measured[0].keys() == measured[1].keys()
    assert measured[0]["clips"] == measured[1]["clips"] > 1


def test_a_process_that_dies_ends_the_run_with_one_line_and_it_goes_on(
    corpus: Path, tmp_path: Path, shared: tuple[str, ...]
) -> None:
    settings = (*shared, "schedule.steps=4000", "schedule.checkpoint_every=2", "monitor.every=0")
    out = tmp_path / "r"
    process = subprocess.Popen(
        start(corpus, out, settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(list_checkpoints(out)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    (victim,) = [pid for pid in children(process.pid) if environment(pid).get("RANK") == "1"]
    os.kill(victim, signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    lines = [line for line in errors.splitlines() if line.startswith("lssd:")]
    assert len(lines) <= 1, "process 0 says one line, or was stopped by torchrun before it could"
    assert "Traceback (most recent call last)" not in errors.split("torch.distributed.elastic")[0]
    kept = list_checkpoints(out)
    assert kept and all((checkpoint.folder / "state.json").exists() for checkpoint in kept)
    state = json.loads((kept[-1].folder / "state.json").read_text())
    assert state["step"] == kept[-1].step >= 2


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def environment(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(pair.decode().split("=", 1) for pair in pairs if b"=" in pair)


def test_groups_that_processes_cannot_share_are_refused_in_one_line(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    done = subprocess.run(start(corpus, tmp_path / "r", small), capture_output=True, text=True)
    assert done.returncode != 0
    assert "which 2 processes cannot share evenly" in done.stderr
    assert not (tmp_path / "r").exists()

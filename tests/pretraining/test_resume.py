"""Killed at any moment and started again, a run ends as if nothing had happened, to the bit."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lssd.models.folders import list_checkpoints
from lssd.pretraining.metrics import read_metrics

pytestmark = pytest.mark.slow

STEPS = 18
CHANGES = (
    f"schedule.steps={STEPS}",
    "schedule.checkpoint_every=5",
    "views.secondary=all",
    "video.dials.drop_path=0.3",
    "audio.dials.drop_path=0.3",
    "machine.chunk=4",
    "monitor.every=7",
    "optimiser.average=0.9",
)

# Imports once, then runs each sitting in a fork of its own, which kills itself at a step and place.
_SITTINGS = """
import json, os, signal, sys
import lssd.pretraining.checkpoint as checkpoint
import lssd.pretraining.loop as loop
import lssd.pretraining.step as step
from lssd.pretraining.pretrain import pretrain

def die(): os.kill(os.getpid(), signal.SIGKILL)

def plant(at, place):
    count = 0
    takes, saves, parts, opened = loop.take_step, checkpoint.save_file, step._backward_part, os.replace
    def take(training, batch, meanwhile=None):
        nonlocal count
        count += 1
        if count == at and place == "before": die()
        result = takes(training, batch, meanwhile=meanwhile)
        if count == at and place == "after": die()
        return result
    def part(*arguments, **named):
        if count == at and place == "backward": die()
        return parts(*arguments, **named)
    def save(tensors, path, *rest):
        saves(tensors, path, *rest)
        if count >= at and place == "saving":
            os.truncate(path, os.path.getsize(path) // 2)
            die()
    loop.take_step, step._backward_part, checkpoint.save_file = take, part, save

corpus, out, sittings, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
for at, place, workers in sittings:
    child = os.fork()
    if child == 0:
        plant(at, place)
        pretrain("demo", corpus, out, settings=(*settings, f"machine.workers={workers}"), quiet=True)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def sit(
    corpus: Path, out: Path, settings: tuple[str, ...], sittings: list[tuple[int, str, int]]
) -> list[int]:
    arguments = [str(corpus), str(out), json.dumps(sittings), json.dumps(settings)]
    done = subprocess.run(
        [sys.executable, "-c", _SITTINGS, *arguments], capture_output=True, text=True, check=True
    )
    return [int(line) for line in done.stdout.split()]


def test_ten_random_kills_change_nothing(corpus: Path, tmp_path: Path, small_mvit: tuple[str, ...]) -> None:
    """Within an epoch (2 steps), mid-step, while saving; with loader processes and without."""
    generator = np.random.default_rng(20)
    places = ["before", "after", "backward", "saving"]
    kills = [
        # A loader process starts slowly: two sittings and the last have one.
        (int(generator.integers(1, 6)), places[generator.integers(4)], int(number in (3, 7)))
        for number in range(10)
    ]
    assert {place for _, place, _ in kills} == set(places)
    settings = (*small_mvit, *CHANGES)
    undisturbed = sit(corpus, tmp_path / "undisturbed", settings, [(0, "never", 0)])
    codes = sit(corpus, tmp_path / "killed", settings, [*kills, *[(0, "never", 1)] * 2])
    assert undisturbed == [0] and codes[-1] == 0
    assert codes[:-2].count(-9) >= 8, f"kills must strike, not find a finished run: {codes}"
    folders = [tmp_path / name for name in ("undisturbed", "killed")]
    last = [list_checkpoints(folder)[-1].folder for folder in folders]
    for file in ("model.safetensors", "heads.safetensors", "trained.safetensors"):
        weights = [load_file(folder / file) for folder in last]
        assert weights[0].keys() == weights[1].keys()
        for name, tensor in weights[0].items():
            assert torch.equal(tensor, weights[1][name]), (file, name)
    moments = [torch.load(folder / "optimiser.pt", weights_only=True) for folder in last]
    for one, other in zip(moments[0]["state"].values(), moments[1]["state"].values(), strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    lines = [
        [(line["step"], line.get("loss"), line.get("eval")) for line in read_metrics(folder)]
        for folder in folders
    ]
    assert lines[0] == lines[1]
    assert [step for step, loss, _ in lines[0] if loss is not None] == list(range(1, STEPS + 1))

"""Metrics reach the disk, TensorBoard and Weights & Biases, or the run ends in one line."""

import json
import math
import resource
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lssd.errors import LssdError, MissingExtraError
from lssd.pretraining.distributed import World
from lssd.pretraining.metrics import MetricsWriter, RunTotals, StepLog, read_metrics
from lssd.pretraining.objective import Losses
from lssd.pretraining.recipe import Recipe


def board(run: Path) -> dict[str, list[tuple[int, float]]]:
    """All scalars, as TensorBoard itself reads them."""
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    tags = events.Tags()["scalars"]
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


def test_lines_and_scalars_hold_what_was_written(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path) as metrics:
        metrics.write(1, {"loss": 2.5, "replaced": 3, "eval": {"recall@1": np.float32(0.25)}})
        metrics.write(2, {"loss": torch.tensor(1.5)})
    assert read_metrics(tmp_path) == [
        {"step": 1, "loss": 2.5, "replaced": 3, "eval": {"recall@1": 0.25}},
        {"step": 2, "loss": 1.5},
    ]
    assert board(tmp_path) == {
        "loss": [(1, 2.5), (2, 1.5)],
        "replaced": [(1, 3.0)],
        "eval/recall@1": [(1, 0.25)],
    }


def test_the_steps_after_a_checkpoint_are_told_anew(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path) as metrics:
        for step in range(1, 6):
            metrics.write(step, {"loss": float(step)})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')  # a kill
    with MetricsWriter(tmp_path, resume_step=3) as metrics:
        assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2, 3]
        metrics.write(4, {"loss": 40.0})
    assert [(line["step"], line["loss"]) for line in read_metrics(tmp_path)] == [
        (1, 1.0),
        (2, 2.0),
        (3, 3.0),
        (4, 40.0),
    ]
    assert board(tmp_path)["loss"] == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 40.0)]


def test_what_is_no_number_leaves_the_json_valid(tmp_path: Path) -> None:
    values = {"loss": math.nan, "norm": math.inf, "video": None, "lr": 1e-3, "eval": {"a": math.nan, "b": 1}}
    with MetricsWriter(tmp_path) as metrics:
        metrics.write(1, values)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    text = (tmp_path / "metrics.jsonl").read_text()
    expected = {"step": 1, "loss": None, "norm": None, "lr": 1e-3, "eval": {"a": None, "b": 1}}
    assert json.loads(text, parse_constant=refuse) == expected
    assert set(board(tmp_path)) == {"lr", "eval/b"}


@pytest.mark.parametrize("room", [0, 40, 700])
def test_a_full_disk_ends_in_one_line(tmp_path: Path, room: int, capfd: pytest.CaptureFixture[str]) -> None:
    """The system itself refuses to let a file grow; at 700 bytes lines end between two writes."""
    metrics = MetricsWriter(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(LssdError) as caught, metrics:
            for step in range(1, 100):
                metrics.write(step, {"loss": 1.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    message = str(caught.value)
    assert "\n" not in message and str(tmp_path) in message and "free some space" in message
    assert capfd.readouterr().err == ""
    whole = read_metrics(tmp_path)
    assert [line["step"] for line in whole] == list(range(1, len(whole) + 1))
    with MetricsWriter(tmp_path, resume_step=len(whole)) as again:
        again.write(len(whole) + 1, {"loss": 0.5})
    assert read_metrics(tmp_path)[-1] == {"step": len(whole) + 1, "loss": 0.5}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file where a folder should be")
    with pytest.raises(LssdError, match=r"cannot write metrics to .*: File exists"):
        MetricsWriter(tmp_path)


class FakeWandb:
    """What the service's client would have been told."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.ended: list[int] = []

    def init(self, **settings: Any) -> SimpleNamespace:
        self.begun.append(settings)
        return SimpleNamespace(log=self.log, finish=self.finish)

    def log(self, values: dict[str, float], *, step: int) -> None:
        self.logged.append((step, values))

    def finish(self, *, exit_code: int) -> None:
        self.ended.append(exit_code)


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> FakeWandb:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    return fake


def test_sittings_are_one_run_at_weights_and_biases(tmp_path: Path, wandb: FakeWandb) -> None:
    recipe = Recipe("a", seed=7)
    with MetricsWriter(tmp_path / "r", wandb="films", config=recipe) as metrics:
        metrics.write(1, {"loss": 2.0, "bad": math.nan, "eval": {"recall@1": 0.5}})
    with pytest.raises(ZeroDivisionError), MetricsWriter(tmp_path / "r", 1, "films", recipe) as metrics:
        metrics.write(2, {"loss": 1 / 0})
    first, second = wandb.begun
    assert first == second and len(first["id"]) == 8 and first["resume"] == "allow"
    assert (first["project"], first["name"], first["dir"]) == ("films", "r", str(tmp_path / "r"))
    assert first["config"]["seed"] == 7 and first["config"]["views"]["batch_size"] == 64
    assert json.dumps(first["config"])
    assert wandb.logged == [(1, {"loss": 2.0, "eval/recall@1": 0.5})]
    assert wandb.ended == [0, 1]
    with MetricsWriter(tmp_path / "other", wandb="films"):
        pass
    assert wandb.begun[2]["id"] != first["id"] and wandb.begun[2]["config"] is None


def test_without_a_project_the_service_is_not_touched(tmp_path: Path, wandb: FakeWandb) -> None:
    with MetricsWriter(tmp_path) as metrics:
        metrics.write(1, {"loss": 1.0})
    assert wandb.begun == [] and not (tmp_path / "wandb-id.txt").exists()


def test_what_keeps_the_service_from_starting_is_one_line(
    tmp_path: Path, wandb: FakeWandb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**settings: Any) -> None:
        raise RuntimeError("No API key configured.\nUse `wandb login` to log in.")

    monkeypatch.setattr(wandb, "init", refuse)
    with pytest.raises(LssdError, match=r"No API key configured\. Use.*WANDB_MODE=offline") as caught:
        MetricsWriter(tmp_path, wandb="films")
    assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r"pip install -c constraints.txt -e '.\[wandb\]'"):
        MetricsWriter(tmp_path, wandb="films")


def test_the_service_is_told_when_the_disk_is_full_at_the_start(tmp_path: Path, wandb: FakeWandb) -> None:
    (tmp_path / "tensorboard").write_text("a file where a folder should be")
    with pytest.raises(LssdError, match="cannot write metrics"):
        MetricsWriter(tmp_path, wandb="films")
    assert wandb.ended == [1]


def test_a_step_counts_towards_the_totals_and_memory_is_logged_on_a_gpu_alone(tmp_path: Path) -> None:
    totals = RunTotals(wait_s=1.0, replaced=2)
    log = StepLog(totals, World(0, 1, 0, torch.device("cpu")), operations=2.0, peak=4.0)
    batch = SimpleNamespace(clip_ids=("a", "b"), replaced=("x",))
    log.count(batch, waited_s=0.5)
    parameter = torch.nn.Parameter(torch.zeros(1))
    network = SimpleNamespace(scale=lambda: torch.tensor(14.0), device=torch.device("cpu"))
    losses = Losses(torch.tensor(2.0), torch.tensor(1.0), None, None)
    values = log.collect(losses, torch.tensor(3.0), network, torch.optim.SGD([parameter], lr=0.5))
    assert (totals.wait_s, totals.replaced) == (1.5, 3)
    assert (values["loss"], values["cross"], values["lr"], values["scale"]) == (2.0, 1.0, 0.5, 14.0)
    assert values["replaced"] == 3 and "video" not in values and "gpu_memory_gib" not in values
    assert values["mfu"] == pytest.approx(values["instances_per_s"] * 2.0 / 4.0)

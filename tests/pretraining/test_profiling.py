"""Traces of a few steps: what is in them, and that nothing else changes."""

import json
import logging
from pathlib import Path

import pytest
import torch

from lssd.pretraining.pretrain import pretrain
from lssd.pretraining.profiling import profiled


def test_a_run_leaves_a_trace_and_the_same_weights(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    for name, settings in (("plain", ()), ("traced", ("machine.profile=2",))):
        pretrain("demo", corpus, tmp_path / name, settings=(*small, *settings), quiet=True)
    weights = [tmp_path / name / "model/model.safetensors" for name in ("plain", "traced")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert not (tmp_path / "plain/profile").exists()
    events = json.loads((tmp_path / "traced/profile/rank-0.json").read_text())["traceEvents"]
    names = [event["name"] for event in events]
    steps = {name for name in names if name.startswith("ProfilerStep#")}
    assert steps == {"ProfilerStep#4", "ProfilerStep#5"}
    assert any("AdamW" in name for name in names) and any(name.startswith("aten::") for name in names)


def step(rank: int, steps: int, folder: Path, count: int) -> None:
    with profiled(steps, folder, rank) as end_step:
        for _ in range(count):
            torch.ones(3).sum()
            end_step()


def test_each_process_has_its_own(tmp_path: Path) -> None:
    for rank in (0, 3):
        step(rank, 1, tmp_path, 8)
    assert sorted(path.name for path in (tmp_path / "profile").iterdir()) == ["rank-0.json", "rank-3.json"]


def test_what_cannot_be_traced_ends_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "lssd"):
        step(0, 2, tmp_path, 2)
        (tmp_path / "profile").write_text("a file in its place")
        step(0, 2, tmp_path, 8)
    words = [record.getMessage() for record in caplog.records]
    assert len(words) == 2
    assert words[0].endswith("rank-0.json: the session ended within its first 4 steps")
    assert words[1].startswith(f"no trace in {tmp_path}/profile/rank-0.json: ")

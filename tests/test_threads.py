"""The one dial of threads: what pools there are in a process, its workers, and every verb."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lssd import threads
from lssd.cli import VERBS, main
from lssd.engine import available_cpus, run_stage
from lssd.errors import InputError
from lssd.evaluation import probes

# What a fresh process has: torch's threads, the pools of NumPy and OpenCV, and whether waiting threads sleep.
_LOOK = """
from lssd.threads import limit
limit({count})
import json, os, cv2, numpy, torch
from threadpoolctl import threadpool_info
blas = [pool["num_threads"] for pool in threadpool_info() if pool["internal_api"] == "openblas"]
print(json.dumps([torch.get_num_threads(), max(blas), cv2.getNumThreads(), os.environ["OMP_WAIT_POLICY"]]))
"""
_OWN = (
    "LSSD_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch):
    """No variable of threads, and none left behind."""
    before, kept = torch.get_num_threads(), dict(os.environ)
    for name in (*_OWN, "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    yield
    torch.set_num_threads(before)
    os.environ.clear()
    os.environ.update(kept)


def pools(count: int | None = None, **variables: str) -> list[object]:
    pytest.importorskip("threadpoolctl")
    path = os.pathsep.join(sys.path)
    found = subprocess.run(
        [sys.executable, "-c", _LOOK.format(count=count)],
        env=os.environ | {"PYTHONPATH": path} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout)


def test_by_default_networks_have_the_cores_and_all_else_one_thread() -> None:
    code = "import torch; print(torch.get_num_threads())"
    usual = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert pools() == [int(usual.stdout), 1, 1, "PASSIVE"]
    assert pools(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="ACTIVE") == [1, 1, 1, "ACTIVE"], "a wish of one's own"


def test_the_dial_is_for_all_pools() -> None:
    two = min(2, available_cpus())
    assert pools(LSSD_THREADS=str(two), OMP_NUM_THREADS="1") == [two, two, two, "PASSIVE"]
    assert pools(1, LSSD_THREADS=str(two)) == [1, 1, 1, "PASSIVE"]


@pytest.mark.parametrize("value", ["0", "-2", "two", "1.5", "99999"])
def test_a_dial_that_is_none_is_refused(value: str, monkeypatch, capsys) -> None:
    monkeypatch.setenv("LSSD_THREADS", value)
    with pytest.raises(
        InputError, match=f"LSSD_THREADS must be a number of threads from 1 to 1024, not {value}"
    ):
        threads.limit()
    assert main(["doctor"]) == 2 and "LSSD_THREADS must be" in capsys.readouterr().err
    monkeypatch.delenv("LSSD_THREADS")
    assert main(["doctor", "--threads", "0"]) == 2 and "--threads must be" in capsys.readouterr().err


_WORDS = {
    "demo": (),
    "filmset": ("--titles", "1", "--out", "o"),
    "inspect": ("p",),
    "ingest": ("p", "--out", "o"),
    "dub": ("p", "--to", "de", "--out", "o"),
    "verify": ("p",),
    "pretrain": ("demo",),
    "average": ("m", "m", "--out", "o"),
    "embed": ("m", "p", "--out", "o"),
    "evaluate": ("m", "--tasks", "t", "--out", "o"),
    "report": ("p", "--out", "o"),
    "view": ("p",),
    "doctor": (),
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_dial_reaches_every_verb(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    module = importlib.import_module(f"lssd.cli.{verb}")
    monkeypatch.setattr(module, "run", lambda _: seen.append((threads.dial(), torch.get_num_threads())) or 0)
    assert main([verb, *_WORDS[verb], "--threads", "3"]) == 0
    assert seen == [(3, 3)] and os.environ["OPENBLAS_NUM_THREADS"] == "3"


def look(item: int) -> tuple[int, str, str]:
    return torch.get_num_threads(), os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"]


@pytest.mark.parametrize(("dial", "each"), [("4", 2), ("1", 1)])
def test_workers_share_the_dial(dial: str, each: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSSD_THREADS", dial)
    found = {outcome.value for outcome in run_stage(look, [1, 2], workers=2)}
    assert found == {(each, str(each), "PASSIVE")}


def test_workers_share_the_cores() -> None:
    assert threads.share(1) == available_cpus()
    assert threads.share(10_000) == 1
    assert threads.share(0) == available_cpus()


def test_processes_of_a_loader_have_a_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with threads.for_children(1):
        assert {os.environ[name] for name in _OWN} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7" and "LSSD_THREADS" not in os.environ


def test_a_probe_has_one_thread_unless_the_dial_says_more(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    ridge = probes._PROBES["ridge"]

    def watched(*arguments: Any) -> probes.ProbeOutput:
        seen.append(torch.get_num_threads())
        return ridge.judge(*arguments)

    monkeypatch.setitem(probes._PROBES, "ridge", replace(ridge, judge=watched))
    x_ND, y_N = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32), np.arange(12) % 2
    division = probes.Division(x_ND, y_N, x_ND, y_N, x_ND)
    torch.set_num_threads(2)
    probes.judge("ridge", [division], 2)
    monkeypatch.setenv("LSSD_THREADS", "2")
    probes.judge("ridge", [division], 2)
    assert seen == [1, 2] and torch.get_num_threads() == 2


def test_help_tells_of_the_dial(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    assert "--threads N" in capsys.readouterr().out
    assert Path(threads.__file__).name == "threads.py"

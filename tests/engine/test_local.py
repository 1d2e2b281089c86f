"""Stages over processes: an item's failure is a value, a dying worker costs one item."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lssd.engine import run_stage
from lssd.errors import InputError, LssdError, MediaError, StorageError


def work(item: int) -> int:
    if item == 3:
        raise MediaError("film 3 is broken")
    if item == 4:
        raise ValueError("odd")
    if item == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def refuse(item: int) -> int:
    raise InputError("no such place")


@pytest.mark.parametrize("workers", [1, 2])
def test_failures_are_values(workers: int) -> None:
    outcomes = {outcome.item: outcome for outcome in run_stage(work, [1, 2, 3, 4], workers)}
    assert {item: outcome.value for item, outcome in outcomes.items() if outcome.ok} == {1: 1, 2: 4}
    assert outcomes[3].reason == "film 3 is broken"
    assert outcomes[4].reason == "ValueError: odd"


def test_a_dying_worker_costs_its_item_alone() -> None:
    outcomes = {outcome.item: outcome for outcome in run_stage(work, [1, 5, 2, 6, 7, 8], workers=2)}
    assert "died" in str(outcomes.pop(5).reason)
    assert {item: outcome.value for item, outcome in outcomes.items()} == {1: 1, 2: 4, 6: 36, 7: 49, 8: 64}


@pytest.mark.slow
def test_nothing_is_lost_when_a_worker_dies_while_nobody_looks() -> None:
    seen = []
    for outcome in run_stage(work, [1, 5, 2, 6, 7, 8], workers=2):
        seen.append(outcome.item)
        time.sleep(1.0)
    assert sorted(seen) == [1, 2, 5, 6, 7, 8]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_wrong_request_ends_the_stage(workers: int) -> None:
    with pytest.raises(InputError, match="no such place"):
        list(run_stage(refuse, [1, 2], workers))


def test_the_number_of_workers_is_checked() -> None:
    with pytest.raises(InputError, match="workers"):
        run_stage(work, [1], 0)


def sleep(item: int) -> int:
    time.sleep(0 if item == 0 else 60)
    return item


def test_closing_early_ends_the_workers() -> None:
    begun = time.monotonic()
    outcomes = run_stage(sleep, [0, 1, 2, 3], workers=2)
    assert next(outcomes).item == 0
    outcomes.close()
    assert time.monotonic() - begun < 30
    assert not multiprocessing.active_children()


def write_process_id(item: str) -> None:
    Path(item).write_text(str(os.getpid()))
    time.sleep(120)


_PARENT = """
import sys
from test_local import write_process_id
from lssd.engine import run_stage
if __name__ == "__main__":
    list(run_stage(write_process_id, sys.argv[1:], workers=2))
"""


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(_PARENT)
    notes = [tmp_path / "a", tmp_path / "b"]
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py", *notes], env=environment)
    wait_for(lambda: all(note.exists() and note.read_text() for note in notes))
    workers = [int(note.read_text()) for note in notes]
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(psutil.pid_exists(worker) for worker in workers))


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def misbehave(item: int) -> int:
    if item == 3:
        time.sleep(600)
    if item == 5:
        os.kill(os.getpid(), signal.SIGSEGV)
    return item * item


def limit_s(item: int) -> float:
    return 1.0 if item == 3 else 60.0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hang_or_a_crash_costs_its_item_alone(workers: int) -> None:
    items = [1, 3, 2, 5, 4]
    outcomes = {outcome.item: outcome for outcome in run_stage(misbehave, items, workers, limit_s)}
    assert "did not answer within 1 s and was ended" in str(outcomes.pop(3).reason)
    assert "died (signal SIGSEGV" in str(outcomes.pop(5).reason)
    assert {item: outcome.value for item, outcome in outcomes.items()} == {1: 1, 2: 4, 4: 16}
    assert not multiprocessing.active_children()


def test_a_single_item_under_a_limit_cannot_end_this_process() -> None:
    assert "died" in str(next(run_stage(misbehave, [5], 1, limit_s)).reason)


def write_to_a_full_disk(item: int) -> int:
    """The system's own error, which no layer below has put into words."""
    return os.write(os.open("/dev/full", os.O_WRONLY), b"x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(("workers", "limit"), [(1, None), (1, limit_s), (2, limit_s)])
def test_a_full_disk_ends_the_stage(workers: int, limit: Callable[[int], float] | None) -> None:
    with pytest.raises(StorageError, match="cannot write: No space left on device; free some space"):
        list(run_stage(write_to_a_full_disk, [1, 2], workers, limit))


def test_a_function_that_a_worker_cannot_import_ends_the_stage() -> None:
    with pytest.raises(LssdError, match="could not start"):
        list(run_stage(Unloadable(), [1, 2], 2))


class Unloadable:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return importlib.import_module, ("a_module_that_is_not_there",)

    def __call__(self, item: int) -> int:
        return item

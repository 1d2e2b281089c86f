"""Stages on Ray: as on local processes. One cluster for all tests, of this machine alone."""

import errno
import importlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lssd.engine import ray as on_ray
from lssd.engine import run_stage
from lssd.errors import InputError, LssdError, MediaError, MissingExtraError, StorageError

pytestmark = pytest.mark.slow


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(on_ray.importlib, "import_module", missing)
    with pytest.raises(
        MissingExtraError, match=r"pip install -c constraints.txt -e '.\[ray\]'; or use the engine local"
    ):
        on_ray.run_stage(work, [1])


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    ray.init(num_cpus=2, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


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


def fill_the_disk(item: int) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def slow(item: int) -> int:
    time.sleep(0 if item == 0 else 60)
    return item


class Heavy:
    """A function with something large in it, which tells how often it was unpacked."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__dict__.update(state)
        with self.log.open("a") as file:
            file.write("unpacked\n")

    def __call__(self, item: int) -> int:
        return -item


@pytest.mark.usefixtures("cluster")
def test_outcomes_are_those_of_local_processes() -> None:
    items = [1, 2, 3, 4, 6]
    local, ray = (
        {outcome.item: outcome for outcome in run(work, items, 2)} for run in (run_stage, on_ray.run_stage)
    )
    assert ray == local and {item: ray[item].value for item in (1, 2, 6)} == {1: 1, 2: 4, 6: 36}
    assert not list(on_ray.run_stage(work, []))


@pytest.mark.usefixtures("cluster")
def test_a_dying_worker_costs_its_item_alone() -> None:
    outcomes = {outcome.item: outcome for outcome in on_ray.run_stage(work, [1, 5, 2, 6, 7, 8], workers=2)}
    assert "died" in str(outcomes.pop(5).reason)
    assert {item: outcome.value for item, outcome in outcomes.items()} == {1: 1, 2: 4, 6: 36, 7: 49, 8: 64}


@pytest.mark.usefixtures("cluster")
def test_a_wrong_request_ends_the_stage() -> None:
    with pytest.raises(InputError, match="no such place"):
        list(on_ray.run_stage(refuse, [1, 2]))
    with pytest.raises(InputError, match="workers"):
        on_ray.run_stage(work, [1], 0)


@pytest.mark.usefixtures("cluster")
def test_a_full_disk_ends_the_stage() -> None:
    with pytest.raises(StorageError, match="No space left on device"):
        list(on_ray.run_stage(fill_the_disk, [1, 2]))


@pytest.mark.usefixtures("cluster")
def test_closing_early_ends_the_workers() -> None:
    begun = time.monotonic()
    outcomes = on_ray.run_stage(slow, [0, 1, 2, 3], workers=2)
    assert next(iter(outcomes)).item == 0
    outcomes.close()  # type: ignore[attr-defined]
    assert {outcome.value for outcome in on_ray.run_stage(work, [1, 2], 2)} == {1, 4}, "cores are free again"
    assert time.monotonic() - begun < 30


@pytest.mark.usefixtures("cluster")
def test_the_function_travels_once_to_a_worker(tmp_path: Path) -> None:
    outcomes = list(on_ray.run_stage(Heavy(tmp_path / "log"), list(range(20)), workers=2))
    assert sorted(outcome.value for outcome in outcomes if outcome.value is not None) == list(range(-19, 1))
    assert len((tmp_path / "log").read_text().splitlines()) <= 2


class Unloadable:
    """A function that a worker cannot unpack, as where lssd is not installed."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return importlib.import_module, ("a_module_that_is_not_there",)

    def __call__(self, item: int) -> int:
        return item


@pytest.mark.usefixtures("cluster")
def test_workers_that_cannot_start_are_said_so() -> None:
    with pytest.raises(LssdError, match=r"a Ray worker could not start .*installed on every machine"):
        list(on_ray.run_stage(Unloadable(), [1, 2], 1))

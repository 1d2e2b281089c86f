"""A worker process: what dies or hangs costs one call, and nothing outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest

from lssd.engine.worker import Worker, WorkerError, WorkerStartError
from lssd.errors import LssdError, MediaError


class TwoPartError(LssdError):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class Calculator:
    def __init__(self, factor: int = 2) -> None:
        if factor == 0:
            raise MediaError("a factor of 0 is of no use")
        if factor < 0:
            os.kill(os.getpid(), signal.SIGSEGV)
        self.factor = factor

    def scale(self, value: int) -> int:
        return value * self.factor

    def process(self) -> int:
        return os.getpid()

    def crash(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def hang(self, seconds: float) -> None:
        time.sleep(seconds)

    def slip(self) -> None:
        raise IndexError("list index out of range")

    def fail_in_two_parts(self) -> None:
        raise TwoPartError("one", "two")

    def unpicklable(self) -> object:
        return lambda: None


@pytest.mark.parametrize("preload", [None, ("lssd.errors",)])
def test_a_worker_answers_until_it_is_closed(preload: tuple[str, ...] | None) -> None:
    with Worker(Calculator, 3, preload=preload) as worker:
        assert worker.call("scale", 5, limit_s=60.0) == 15
        process = worker.call("process")
        assert process not in (os.getpid(), None) and worker.call("process") == process
    assert not psutil.pid_exists(process)


def test_a_crash_or_a_hang_costs_one_call() -> None:
    with Worker(Calculator, name="the calculator") as worker:
        first = worker.call("process")
        with pytest.raises(WorkerError, match=r"the calculator died \(signal SIGSEGV"):
            worker.call("crash")
        with pytest.raises(WorkerError, match=r"did not answer within 0.5 s and was ended"):
            worker.call("hang", 60, limit_s=0.5)
        second = worker.call("process")
        assert second != first and not psutil.pid_exists(first)


def test_a_worker_lost_too_often_is_given_up() -> None:
    with Worker(Calculator, chances=2) as worker:
        for _ in range(2):
            with pytest.raises(WorkerError, match="died"):
                worker.call("crash")
        with pytest.raises(WorkerError, match="died or hung 2 times in a row and was given up"):
            worker.call("scale", 1)


def test_errors_arrive_in_one_line_and_the_worker_stays() -> None:
    with Worker(Calculator) as worker:
        process = worker.call("process")
        with pytest.raises(WorkerError, match="IndexError: list index out of range"):
            worker.call("slip")
        with pytest.raises(WorkerError, match="one and two"):
            worker.call("fail_in_two_parts")
        with pytest.raises(WorkerError, match="lambda"):
            worker.call("unpicklable")
        assert worker.call("process") == process


def test_an_object_that_cannot_be_made() -> None:
    with Worker(Calculator, 0) as worker, pytest.raises(MediaError, match="of no use"):
        worker.call("scale", 1)
    with Worker(Calculator, -1) as worker, pytest.raises(WorkerStartError, match=r"died .*__main__"):
        worker.call("scale", 1)


def test_several_workers_are_awaited_at_once() -> None:
    with Worker(Calculator) as quick, Worker(Calculator) as slow:
        slow.ask("hang", 60, limit_s=3.0)
        quick.ask("scale", 4)
        while not quick.answered():
            wait([quick, slow], timeout=30)
            slow.answered()
        assert quick.answer() == 8
        begun = time.monotonic()
        while not slow.answered():
            wait([slow], timeout=slow.left_s)
        with pytest.raises(WorkerError, match="within 3 s"):
            slow.answer()
        assert time.monotonic() - begun < 30


_PARENT = """
import sys
from pathlib import Path
from test_worker import Calculator
from lssd.engine.worker import Worker
if __name__ == "__main__":
    worker = Worker(Calculator, preload=sys.argv[2:] or None)
    Path(sys.argv[1]).write_text(str(worker.call("process")))
    worker.call("hang", 120)
"""

_UNGUARDED = """
from test_worker import Calculator
from lssd.engine.worker import Worker
Worker(Calculator).call("scale", 1)
"""


def _run(folder: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    script = folder / "parent.py"
    script.write_text(program)
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(script), *arguments]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.mark.slow
@pytest.mark.parametrize("preload", [(), ("lssd.errors",)])
def test_a_worker_dies_with_a_killed_parent(tmp_path: Path, preload: tuple[str, ...]) -> None:
    note = tmp_path / "note"
    parent = _run(tmp_path, _PARENT, str(note), *preload)
    end = time.monotonic() + 60
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < end
        time.sleep(0.1)
    parent.kill()
    while psutil.pid_exists(int(note.read_text())):
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_script_without_a_main_guard_is_told(tmp_path: Path) -> None:
    assert "does your script call lssd outside 'if __name__" in _run(tmp_path, _UNGUARDED).communicate()[0]

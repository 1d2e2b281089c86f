"""Progress without a terminal: a line at regular times, whether or not anything is finished."""

import time

import pytest

from lssd.engine import Progress


def test_a_stage_that_finishes_nothing_is_not_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("evaluate", every_s=0.05) as progress:
        progress.phase("training probes")
        time.sleep(0.4)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("evaluate: training probes: ") for line in lines[1:])


def test_a_count_tells_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("render", unit="titles", every_s=0.3) as progress:
        progress.update(4, 12)  # of an earlier call: they say nothing of the pace
        time.sleep(0.2)
        progress.update(8, note="a\x1b[31mb\nforged")
        time.sleep(0.2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("render: 8/12 titles, 0 s, about 0 s left")
    assert line.endswith(r"a\x1b[31mb\nforged")


def test_time_left_is_that_of_the_units_since_the_count_began(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("lssd.engine.progress.time.monotonic", lambda: now)
    progress = Progress("pretrain", unit="steps", quiet=True)
    progress.update(100, 200)
    now = 10.0
    assert "left" not in progress._line()
    progress.update(110)
    assert progress._line() == "pretrain: 110/200 steps, 10 s, about 90 s left"
    progress.phase("held-out titles")
    assert progress._line() == "pretrain: held-out titles: 0 s"
    progress.phase("next", total=10, unit="clips")
    now = 20.0
    progress.advance()
    assert progress._line() == "pretrain: next: 1/10 clips, 10 s, about 90 s left"
    progress.update(10)
    assert "left" not in progress._line()


def test_quiet_is_silent_and_a_closed_log_ends_no_job(
    capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    with Progress("ingest", quiet=True, every_s=0.01) as progress:
        progress.update(1, 2)
        time.sleep(0.05)
    assert capsys.readouterr().err == ""

    class Closed:
        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Closed())
    with Progress("ingest", every_s=0.01):
        time.sleep(0.05)

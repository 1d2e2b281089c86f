"""Where a step's time goes: each process' trace of a few steps, on request (`machine.profile`)."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from lssd.errors import LssdError
from lssd.store import atomic_path

_logger = logging.getLogger(__name__)
_SKIPPED = 3  # steps before: compilation, memory that is asked for the first time, loaders that start


@contextmanager
def profiled(steps: int, run: Path, rank: int) -> Iterator[Callable[[], None]]:
    """Trace `steps` steps inside, after those of warm-up; call what is yielded at the end of each step.

    The trace is `run/profile/rank-RANK.json`, for chrome://tracing or ui.perfetto.dev; one of an earlier
    session is replaced. 0 traces nothing, and costs nothing. A trace that cannot be written, or for which the
    session has too few steps, is a warning: no run ends for it.
    """
    if not steps:
        yield lambda: None
        return
    path = run / "profile" / f"rank-{rank}.json"
    written = []

    def write(profiler: profile) -> None:
        written.append(path)
        try:
            with atomic_path(path) as partial:
                profiler.export_chrome_trace(str(partial))
        except (OSError, RuntimeError, LssdError) as error:
            _logger.warning("no trace in %s: %s", path, error)

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    plan = schedule(skip_first=_SKIPPED, wait=0, warmup=1, active=steps, repeat=1)
    with profile(activities=activities, schedule=plan, on_trace_ready=write) as profiler:
        yield profiler.step
    if not written:
        _logger.warning("no trace in %s: the session ended within its first %d steps", path, _SKIPPED + 1)

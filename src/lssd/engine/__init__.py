"""Runs a function over many items, in worker processes or on a cluster; failures are values; progress."""

from lssd.engine.local import DIED, available_cpus, run_stage
from lssd.engine.memory import free_memory
from lssd.engine.outcome import Outcome, reason_of
from lssd.engine.progress import Progress
from lssd.engine.time_limit import TimeLimit
from lssd.engine.worker import Worker, WorkerError

__all__ = [
    "DIED",
    "Outcome",
    "Progress",
    "TimeLimit",
    "Worker",
    "WorkerError",
    "available_cpus",
    "free_memory",
    "reason_of",
    "run_stage",
]

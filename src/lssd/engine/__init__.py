"""Runs a function over many items, in worker processes or on a cluster; failures are values; progress."""

from lssd.engine.local import DIED, available_cpus, run_stage
from lssd.engine.memory import free_memory
from lssd.engine.outcome import Outcome, reason_of
from lssd.engine.progress import Progress
from lssd.engine.time_limit import LimitedThread, TimeLimit, overdue
from lssd.engine.worker import Worker, WorkerError

__all__ = [
    "DIED",
    "LimitedThread",
    "Outcome",
    "Progress",
    "TimeLimit",
    "Worker",
    "WorkerError",
    "available_cpus",
    "free_memory",
    "overdue",
    "reason_of",
    "run_stage",
]

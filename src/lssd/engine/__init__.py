"""Run one function over many items: worker processes, progress, failures as values."""

from lssd.engine.local import Outcome, available_cpus, run_stage
from lssd.engine.memory import free_memory
from lssd.engine.progress import Progress

__all__ = ["Outcome", "Progress", "available_cpus", "free_memory", "run_stage"]

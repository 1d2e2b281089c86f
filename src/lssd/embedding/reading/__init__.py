"""The windows of many files, decoded in this process or ahead of the model in others.

plan     what to read of which file, in blocks
worker   examining a file and reading its windows; the loop of a reading process
pool     several reading processes, and the memory that they share with this one
"""

import math
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from lssd.embedding.reading.plan import Block, Plan, Unreadable, read_block
from lssd.embedding.reading.pool import ReadingPool
from lssd.embedding.reading.worker import FileExamination, examine
from lssd.engine import LimitedThread, available_cpus

# Without a number of workers, this process reads. Reading processes are started where reading takes more
# than a tenth of the time and the rest would take long enough to be worth their start.
_WATCH_S = 5.0
_SHARE = 0.1
_WORTH_S = 20.0
_MOST_WORKERS = 16


def read_windows(plan: Plan, workers: int | None) -> Iterator[Block | Unreadable]:
    """Read all that a plan holds, in its order, which does not depend on who reads.

    `workers`: how many processes read; 0: this one alone; None: this one, until reading turns out to hold
    up the model.
    """
    if not workers:
        monitor = _ReadingMonitor(plan, may_start=workers is None and available_cpus() > 1)
        with closing(LimitedThread()) as thread:
            yield from _read_here(plan, monitor, thread)
        workers = monitor.workers
    if not plan.done:
        with ReadingPool(plan, workers) as pool:
            yield from pool.read()


def _read_here(plan: Plan, monitor: "_ReadingMonitor", thread: LimitedThread) -> Iterator[Block | Unreadable]:
    while not plan.done and not monitor.wants_workers():
        if not plan.requests:
            index = plan.unexamined.popleft()
            task = partial(examine, plan.job, plan.paths[index], plan.known_hash(index))
            with monitor.reading():
                try:
                    examined = thread.call(task, plan.examination_limit_s(index))
                except TimeoutError as error:
                    examined = FileExamination(reason=str(error))
            plan.add(index, examined)
            continue
        request = plan.requests.popleft()
        if request.dropped:
            continue
        blocks = read_block(plan, request, thread)
        while True:
            with monitor.reading():
                block = next(blocks, None)
            if block is None:
                break
            if isinstance(block, Unreadable):
                plan.drop(block.index)
            yield block


class _ReadingMonitor:
    """Measures how much of the time goes into reading, and decides when other processes should read."""

    def __init__(self, plan: Plan, may_start: bool) -> None:
        self.workers = 0  # how many processes to start, once `wants_workers`
        self._plan, self._may_start = plan, may_start
        self._begun = time.perf_counter()
        self._reading_s = 0.0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count the time inside as reading."""
        begun = time.perf_counter()
        yield
        self._reading_s += time.perf_counter() - begun

    def wants_workers(self) -> bool:
        """Whether other processes should go on reading, `workers` of them."""
        spent_s = time.perf_counter() - self._begun
        if not self._may_start or spent_s < _WATCH_S or self._reading_s < _SHARE * spent_s:
            return False
        done = self._plan.share_done
        if done > 0 and spent_s * (1 - done) / done < _WORTH_S:
            return False
        enough = math.ceil(1.2 * self._reading_s / max(spent_s - self._reading_s, 1e-3))
        self.workers = max(1, min(enough, available_cpus() - 1, _MOST_WORKERS))
        return True

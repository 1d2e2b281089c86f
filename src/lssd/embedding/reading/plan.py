"""The windows of many files in their order, read by this process, or ahead of it by others.

What is read, in which blocks and in which order does not depend on who reads.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lssd.embedding.reading.worker import Job, Look, look, read
from lssd.embedding.windows import PictureWindows, block_length
from lssd.engine import available_cpus, reason_of

# Without a number of workers, this process reads. Others are called in where reading takes more than a
# tenth of the time and the rest would take long enough to be worth their start.
_WATCH_S = 5.0
_SHARE = 0.1
_WORTH_S = 20.0
_MOST_WORKERS = 16


@dataclass(frozen=True, eq=False)
class Block:
    """Windows of file number `index`, from its window `first` on; valid until the next is asked for."""

    index: int
    first: int
    windows: np.ndarray


@dataclass(frozen=True)
class Unreadable:
    """File number `index` ends here, with windows of it perhaps given before."""

    index: int
    reason: str


@dataclass(frozen=True)
class Wanted:
    """All windows of a file by their starts, and the number of the first that is still wanted."""

    starts: Sequence[int]
    first: int


@dataclass(eq=False)
class Step:
    """A block to read: windows `first` to `first + len(starts)`, the first `skip` of them known already."""

    index: int
    path: Path
    look: Look
    starts: tuple[int, ...]
    first: int
    skip: int
    in_order: bool
    dropped: bool = False


Decide = Callable[[int, Look], Wanted | None]


@dataclass
class Plan:
    """What is left to do: files to look at, then blocks to read, both in order.

    `decide` is told of every look, in the order of the files, and says what to read of it.
    """

    job: Job
    paths: Sequence[Path]
    known: Callable[[int], str]
    decide: Decide
    looks: deque[int] = field(default_factory=deque)
    steps: deque[Step] = field(default_factory=deque)
    count: int = 0  # of all files, looked at or not
    _steps_of_file: int = 1

    def take(self, index: int, seen: Look) -> list[Step]:
        """Note a look; returns the blocks that it adds."""
        wanted = self.decide(index, seen)
        added = [] if wanted is None else list(self._blocks(index, seen, wanted))
        self.steps += added
        self._steps_of_file = max(len(added), 1)
        return added

    def drop(self, index: int) -> None:
        """Give up the rest of a file."""
        for step in self.steps:
            step.dropped = step.dropped or step.index == index

    @property
    def share_done(self) -> float:
        """How much of the files is done, as far as one process in order can tell."""
        begun = self.count - len(self.looks)
        return (begun - min(1.0, len(self.steps) / self._steps_of_file)) / max(self.count, 1)

    def _blocks(self, index: int, seen: Look, wanted: Wanted) -> Iterator[Step]:
        assert seen.extent is not None
        starts, first = tuple(wanted.starts), wanted.first
        if first >= len(starts):
            return
        if seen.extent.in_order:
            yield Step(index, self.paths[index], seen, starts[first:], first, 0, True)
            return
        size = block_length(self.job.windows)
        for begin in range(first // size * size, len(starts), size):
            block = starts[begin : begin + size]
            yield Step(index, self.paths[index], seen, block, begin, max(0, first - begin), False)


def read_windows(plan: Plan, workers: int | None) -> Iterator[Block | Unreadable]:
    """Read all that a plan holds. `workers` processes read; 0: this one; None: as it proves useful."""
    if not workers:
        help_wanted = _HelpWanted(plan, workers == 0)
        yield from _read_here(plan, help_wanted)
        workers = help_wanted.workers
    if plan.looks or plan.steps:
        from lssd.embedding.reading.pool import ReadingPool

        with ReadingPool(plan, workers) as pool:
            yield from pool.read()


def read_step(job: Job, step: Step) -> Iterator[Block | Unreadable]:
    """The windows of a step, read here."""
    assert step.look.extent is not None
    if not step.in_order:
        block = read(job, step.path, step.look, step.starts)
        yield Unreadable(step.index, block) if isinstance(block, str) else block_of(step, block)
        return
    assert isinstance(job.windows, PictureWindows)
    first = step.first
    try:
        for windows in job.windows.read_in_order(step.path, step.look.extent, step.starts):
            yield Block(step.index, first, windows)
            first += len(windows)
    except Exception as error:  # noqa: BLE001 - a file's failure is a value, whatever its kind
        yield Unreadable(step.index, reason_of(error))


def block_of(step: Step, windows: np.ndarray) -> Block:
    """The windows of a step that are not known already."""
    return Block(step.index, step.first + step.skip, windows[step.skip :])


def _read_here(plan: Plan, help_wanted: "_HelpWanted") -> Iterator[Block | Unreadable]:
    while (plan.looks or plan.steps) and not help_wanted.now():
        if not plan.steps:
            index = plan.looks.popleft()
            with help_wanted.reading():
                seen = look(plan.job, plan.paths[index], plan.known(index))
            plan.take(index, seen)
            continue
        step = plan.steps.popleft()
        if step.dropped:
            continue
        found = read_step(plan.job, step)
        while True:
            with help_wanted.reading():
                block = next(found, None)
            if block is None:
                break
            if isinstance(block, Unreadable):
                plan.drop(block.index)
            yield block


class _HelpWanted:
    """Measures whether reading holds the model up."""

    def __init__(self, plan: Plan, never: bool) -> None:
        self.plan, self.never = plan, never or available_cpus() < 2
        self.workers = 0
        self._begun = time.perf_counter()
        self._reading_s = 0.0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The time inside is spent reading."""
        begun = time.perf_counter()
        yield
        self._reading_s += time.perf_counter() - begun

    def now(self) -> bool:
        """Whether other processes should read on; `workers` says how many."""
        spent_s = time.perf_counter() - self._begun
        if self.never or spent_s < _WATCH_S or self._reading_s < _SHARE * spent_s:
            return False
        done = self.plan.share_done
        if done > 0 and spent_s * (1 - done) / done < _WORTH_S:
            return False
        wanted = math.ceil(1.2 * self._reading_s / max(spent_s - self._reading_s, 1e-3))
        self.workers = max(1, min(wanted, available_cpus() - 1, _MOST_WORKERS))
        return True

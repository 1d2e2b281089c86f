"""What to read of many files: files to examine, then blocks of windows, both in the order of the files.

Blocks and their order follow from the files alone, not from who reads them.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lssd.embedding.reading.worker import FileExamination, Job, read
from lssd.embedding.windows import PictureWindows, block_length
from lssd.engine import LimitedThread, TimeLimit, reason_of

_BYTES_A_SECOND = 1e6  # of a film whose duration is not known yet: 8 Mbit a second


@dataclass(frozen=True, eq=False)
class Block:
    """Windows of file number `index`, from its window `first` on: (windows, ...).

    The array is valid until the next block is asked for.
    """

    index: int
    first: int
    windows: np.ndarray


@dataclass(frozen=True)
class Unreadable:
    """Why file number `index` cannot be read any further; blocks of it may have come before."""

    index: int
    reason: str


@dataclass(frozen=True)
class WindowRange:
    """The starts of all windows of a file, and the number of the first that is still to be read."""

    starts: Sequence[int]
    first: int


@dataclass(eq=False)
class BlockRequest:
    """A block to read: the windows of a file that begin at `starts`, the first of them window `first`.

    The first `skip` of them are known already, and read only because blocks begin at fixed windows.
    `in_order`: read in one pass over the file, by this process. `dropped`: not wanted any more.
    """

    index: int
    path: Path
    examined: FileExamination
    starts: tuple[int, ...]
    first: int
    skip: int
    in_order: bool
    dropped: bool = False

    def block(self, windows: np.ndarray) -> Block:
        """The windows of this request that are not known already."""
        return Block(self.index, self.first + self.skip, windows[self.skip :])


@dataclass
class Plan:
    """What is left to do: `unexamined` files, by number, and the `requests` that examined ones led to.

    known_hash: the content hash of a file by number, "" where it is not known.
    choose: told of every examination, in the order of the files; returns what to read of that file.
    count: of all files to read, examined or not.
    time_limit: how long it may take to examine a file, and to read a block of it; None: for ever.
    """

    job: Job
    paths: Sequence[Path]
    known_hash: Callable[[int], str]
    choose: Callable[[int, FileExamination], WindowRange | None]
    unexamined: deque[int] = field(default_factory=deque)
    requests: deque[BlockRequest] = field(default_factory=deque)
    count: int = 0
    time_limit: TimeLimit | None = None
    _blocks_of_file: int = 1  # of the one examined last

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return not self.unexamined and not self.requests

    def add(self, index: int, examined: FileExamination) -> list[BlockRequest]:
        """Add what is to be read of a file that was examined, and return it."""
        chosen = self.choose(index, examined)
        added = [] if chosen is None else self._requests(index, examined, chosen)
        self.requests += added
        self._blocks_of_file = max(len(added), 1)
        return added

    def drop(self, index: int) -> None:
        """Give up the rest of a file."""
        for request in self.requests:
            request.dropped = request.dropped or request.index == index

    @property
    def share_done(self) -> float:
        """How much of the files is done, in 0 to 1, when one process reads them in order."""
        begun = self.count - len(self.unexamined)
        return (begun - min(1.0, len(self.requests) / self._blocks_of_file)) / max(self.count, 1)

    def examination_limit_s(self, index: int) -> float | None:
        """How long the examination of a file may take. All of the file is read where it is hashed."""
        if self.time_limit is None:
            return None
        try:
            size = self.paths[index].stat().st_size
        except OSError:
            size = 0
        return self.time_limit.seconds(size / _BYTES_A_SECOND)

    def reading_limit_s(self, examined: FileExamination) -> float | None:
        """How long a block of a file may take: one that has no index is read from its beginning."""
        if self.time_limit is None or examined.extent is None:
            return None
        return self.time_limit.seconds(examined.extent.duration_s)

    def _requests(self, index: int, examined: FileExamination, chosen: WindowRange) -> list[BlockRequest]:
        assert examined.extent is not None
        path, starts, first = self.paths[index], tuple(chosen.starts), chosen.first
        if first >= len(starts):
            return []
        if examined.extent.in_order:
            return [BlockRequest(index, path, examined, starts[first:], first, 0, True)]
        size = block_length(self.job.windows)
        return [
            BlockRequest(
                index, path, examined, starts[begin : begin + size], begin, max(0, first - begin), False
            )
            for begin in range(first // size * size, len(starts), size)
        ]


def read_block(plan: Plan, request: BlockRequest, thread: LimitedThread) -> Iterator[Block | Unreadable]:
    """Read what is requested in this process: one block, or one a window where it is read in order."""
    limit_s = plan.reading_limit_s(request.examined)
    blocks = _blocks(plan.job, request)
    while True:
        try:
            block = thread.call(lambda: next(blocks, None), limit_s)
        except TimeoutError as error:
            yield Unreadable(request.index, str(error))
            return
        if block is None:
            return
        yield block


def _blocks(job: Job, request: BlockRequest) -> Iterator[Block | Unreadable]:
    assert request.examined.extent is not None
    if not request.in_order:
        windows = read(job, request.path, request.examined, request.starts)
        yield Unreadable(request.index, windows) if isinstance(windows, str) else request.block(windows)
        return
    assert isinstance(job.windows, PictureWindows)
    in_order = job.windows.read_in_order(request.path, request.examined.extent, request.starts)
    try:
        for number, windows in enumerate(in_order, start=request.first):
            yield Block(request.index, number, windows)
    except Exception as error:  # noqa: BLE001 - a file's failure is a value, whatever its kind
        yield Unreadable(request.index, reason_of(error))

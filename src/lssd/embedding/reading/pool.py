"""Processes that read windows ahead of the model, into memory that they share with it.

Started as programs of their own, so that neither a script without `if __name__ == "__main__"` runs
again nor threads are forked; a killed parent leaves none behind, since their connection ends with it.
A process that dies costs its file alone, and only the second time.
"""

import mmap
import os
import socket
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType

from lssd.embedding.reading.plan import Block, Plan, Step, Unreadable, block_of, read_step
from lssd.embedding.reading.worker import Look, LookTask, ReadTask, buffer_bytes, slots_of
from lssd.engine import DIED
from lssd.errors import LssdError

_SLOTS = 3  # blocks a process may have read ahead
_AT_ONCE = 2  # tasks a process is given ahead, so that it never waits for the next
_LOOKS = 8  # files a process may be ahead with its looks
_CHANCES = 2

_PROGRAM = """
import sys
sys.path[:] = {path!r}
from lssd.embedding.reading.worker import serve
serve({connection}, {memory}, {slots})
"""

Task = LookTask | ReadTask


class _Reader:
    """One process, its share of memory and what it was asked to do. It can be started again."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        size = buffer_bytes(plan.job, _SLOTS)
        self._memory_fd = _anonymous(size)
        self.slots = slots_of(plan.job, mmap.mmap(self._memory_fd, size), _SLOTS)
        self.free = list(range(_SLOTS))
        self.asked: deque[tuple[Task, Step | None]] = deque()  # in the order of its replies
        self.ready = False

    def start(self) -> None:
        """Begin, or begin again after a death."""
        mine, its = socket.socketpair()
        with its:
            program = _PROGRAM.format(
                path=sys.path, connection=its.fileno(), memory=self._memory_fd, slots=_SLOTS
            )
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                pass_fds=(its.fileno(), self._memory_fd),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # this process alone decides what Ctrl-C means
            )
        self.connection = Connection(mine.detach())
        self.ready = False
        self.connection.send(self.plan.job)

    def ask(self, task: Task, step: Step | None) -> None:
        """Give it a task; a process that is gone is noticed when its reply is awaited."""
        self.asked.append((task, step))
        try:
            self.connection.send(task)
        except OSError:
            return

    def end(self) -> None:
        """Stop it, whatever it is doing."""
        self.connection.close()
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Stop it; its memory goes with the last block that is held."""
        self.end()
        os.close(self._memory_fd)


@dataclass(eq=False)
class _Place:
    """Where a block is being read to, and how that ended: "" or the reason why not."""

    reader: _Reader
    slot: int
    outcome: str | None = None
    abandoned: bool = False

    def free(self) -> None:
        self.reader.free.append(self.slot)


class ReadingPool:
    """Reads a plan with several processes; a context manager.

    Blocks are handed out in the order in which they will be wanted, so the one that is wanted next is
    always being read, and memory is bounded by the slots.
    """

    def __init__(self, plan: Plan, workers: int) -> None:
        self.plan = plan
        self._readers = [_Reader(plan) for _ in range(workers)]
        self._unsent = deque(plan.steps)  # those of plan.steps that nobody was asked for, in order
        self._places: dict[Step, _Place] = {}
        self._looking: deque[int] = deque()  # files being looked at, in order
        self._looked: dict[int, Look] = {}
        self._look_again: deque[int] = deque()
        self._deaths: Counter[tuple[int, tuple[int, ...]]] = Counter()

    def __enter__(self) -> "ReadingPool":
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reader in self._readers:
            reader.close()

    def read(self) -> Iterator[Block | Unreadable]:
        """The blocks of the plan, in order."""
        steps = self.plan.steps
        while True:
            self._receive(0)
            self._hand_out()
            if not steps:
                if not self._looking and not self.plan.looks:
                    return
                self._receive(None)
                continue
            step = steps[0]
            place = self._places.get(step)
            if step.dropped:
                steps.popleft()
                self._abandon(step)
            elif step.in_order:
                steps.popleft()
                yield from self._dropping(read_step(self.plan.job, step))
            elif place is None or place.outcome is None:
                self._receive(None)
            else:
                steps.popleft()
                del self._places[step]
                yield from self._dropping(iter([_result(step, place)]))
                place.free()

    def _dropping(self, found: Iterator[Block | Unreadable]) -> Iterator[Block | Unreadable]:
        """The same, with the rest of an unreadable file given up; others go on reading meanwhile."""
        for block in found:
            if isinstance(block, Unreadable):
                self.plan.drop(block.index)
            yield block
            self._receive(0)
            self._hand_out()

    def _hand_out(self) -> None:
        """Give tasks to all who may take more, the least busy first."""
        while True:
            reader = min(self._readers, key=lambda one: (len(one.asked), -len(one.free)))
            if len(reader.asked) >= _AT_ONCE or not self._ask(reader):
                return

    def _ask(self, reader: _Reader) -> bool:
        """Find something for one process to do; whether there was anything."""
        while self._unsent and (self._unsent[0].dropped or self._unsent[0].in_order):
            self._unsent.popleft()
        holders = [one for one in self._readers if one.free and len(one.asked) < _AT_ONCE]
        if self._unsent and holders:
            holder = min(holders, key=lambda one: len(one.asked))
            step = self._unsent.popleft()
            place = self._places[step] = _Place(holder, holder.free.pop())
            holder.ask(ReadTask(step.index, step.path, step.look, step.starts, place.slot), step)
            return True
        index = self._next_look()
        if index is None:
            return False
        reader.ask(LookTask(index, self.plan.paths[index], self.plan.known(index)), None)
        return True

    def _next_look(self) -> int | None:
        if self._look_again:
            return self._look_again.popleft()
        ahead = len(self._looking) + len(self._unsent)
        if not self.plan.looks or ahead >= _LOOKS * len(self._readers):
            return None
        self._looking.append(self.plan.looks.popleft())
        return self._looking[-1]

    def _receive(self, timeout_s: float | None) -> None:
        """Take what replies have come; None waits for one."""
        readers = {reader.connection: reader for reader in self._readers}
        for connection in wait(list(readers), timeout_s):
            reader = readers[connection]  # type: ignore[index]
            try:
                reply = reader.connection.recv()
            except (EOFError, OSError):
                self._bury(reader)
                continue
            if not reader.ready:
                reader.ready = True
                continue
            self._note(*reader.asked.popleft(), reply)

    def _note(self, task: Task, step: Step | None, reply: Look | str) -> None:
        if step is None:
            assert isinstance(reply, Look)
            self._looked[task.index] = reply
            while self._looking and self._looking[0] in self._looked:
                index = self._looking.popleft()
                self._unsent += self.plan.take(index, self._looked.pop(index))
            return
        assert isinstance(reply, str)
        place = self._places[step]
        place.outcome = reply
        if place.abandoned:
            self._abandon(step)

    def _abandon(self, step: Step) -> None:
        """Nobody wants this block: its slot is free as soon as nobody writes there."""
        place = self._places.get(step)
        if place is None:
            return
        place.abandoned = True
        if place.outcome is not None:
            del self._places[step]
            place.free()

    def _bury(self, reader: _Reader) -> None:
        """Start a process again that died; what it was at gets one more chance, the rest is asked again."""
        reader.end()
        if not reader.ready:
            raise LssdError("a process for reading files did not start; run again with 0 workers")
        asked, reader.asked = list(reader.asked), deque()
        reader.start()
        for number, (task, step) in reversed(list(enumerate(asked))):
            blocks = step.starts if step is not None else ()
            if number == 0:
                self._deaths[task.index, blocks] += 1
            finished = self._deaths[task.index, blocks] >= _CHANCES
            if step is None and finished:
                self._note(task, step, Look(reason=DIED))
            elif step is None:
                self._look_again.appendleft(task.index)
            elif finished or step.dropped:
                self._note(task, step, DIED)
            else:
                self._places.pop(step).free()
                self._unsent.appendleft(step)


def _result(step: Step, place: _Place) -> Block | Unreadable:
    if place.outcome:
        return Unreadable(step.index, place.outcome)
    return block_of(step, place.reader.slots[place.slot][: len(step.starts)])


def _anonymous(size: int) -> int:
    """A file in memory without a name, which ends with those who hold it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("lssd-windows")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor

"""Processes that read windows ahead of the model, into memory that they share with it.

They are programs of their own, and no `lssd.engine.Worker`: that one is spawned by multiprocessing, which
imports the caller's script again. A reading process would then load torch if the script does, and the
script would need an `if __name__ == "__main__"` (docs/log.md has the times). A killed parent leaves none
behind, since their connection ends with it. A process that dies costs its file alone, and only the second
time; one that is at a task for longer than the plan allows is ended, and its file is not tried again.
"""

import mmap
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType

from lssd.embedding.reading.plan import Block, BlockRequest, Plan, Unreadable, read_block
from lssd.embedding.reading.worker import ExamineTask, FileExamination, ReadTask, buffer_bytes, slots_of
from lssd.engine import DIED, LimitedThread, overdue
from lssd.engine.time_limit import LONGEST_WAIT_S
from lssd.errors import LssdError
from lssd.threads import for_children

_SLOTS = 3  # blocks a process may have read ahead
_TASKS_AHEAD = 2  # tasks a process is given at a time, so that it never waits for the next
_EXAMINED_AHEAD = 8  # files a process may examine ahead
_CHANCES = 2

_PROGRAM = """
import sys
sys.path[:] = {path!r}
from lssd.embedding.reading.worker import serve
serve({connection}, {memory}, {slots})
"""

Task = ExamineTask | ReadTask


class _ReadingProcess:
    """A process, the memory that it reads into, and the tasks that it was given. It can be started again."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        size = buffer_bytes(plan.job, _SLOTS)
        self._memory_fd = _anonymous_file(size)
        self.slots = slots_of(plan.job, mmap.mmap(self._memory_fd, size), _SLOTS)
        self.free_slots = list(range(_SLOTS))
        self.tasks: deque[tuple[Task, BlockRequest | None]] = deque()  # in the order of its replies
        self.ready = False
        self.begun = 0.0  # when it began with the first of its tasks, of time.monotonic()

    def start(self) -> None:
        """Begin, or begin again after a death."""
        mine, its = socket.socketpair()
        with its:
            program = _PROGRAM.format(
                path=sys.path, connection=its.fileno(), memory=self._memory_fd, slots=_SLOTS
            )
            with for_children(1):  # they share the machine with the process that embeds
                self._process = subprocess.Popen(
                    [sys.executable, "-c", program],
                    pass_fds=(its.fileno(), self._memory_fd),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,  # this process alone decides what Ctrl-C means
                )
        self.connection = Connection(mine.detach())
        self.ready, self.begun = False, time.monotonic()
        self.connection.send(self.plan.job)

    def give(self, task: Task, request: BlockRequest | None) -> None:
        """Give it a task; a process that is gone is noticed when its reply is awaited."""
        if not self.tasks:
            self.begun = time.monotonic()
        self.tasks.append((task, request))
        try:
            self.connection.send(task)
        except OSError:
            return

    def finish(self) -> tuple[Task, BlockRequest | None]:
        """Take off the task whose reply has come."""
        self.begun = time.monotonic()
        return self.tasks.popleft()

    def limit_s(self) -> float | None:
        """How long the task that it is at may take; None: for ever, or it is at none."""
        if not self.ready or not self.tasks:
            return None
        task, _ = self.tasks[0]
        if isinstance(task, ExamineTask):
            limit_s = self.plan.examination_limit_s(task.index)
        else:
            limit_s = self.plan.reading_limit_s(task.examined)
        return None if limit_s is None else min(limit_s, LONGEST_WAIT_S)

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self.connection.close()
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it for good; its memory goes with the last block that is held."""
        self.kill()
        os.close(self._memory_fd)


@dataclass(eq=False)
class _PendingRead:
    """The slot that a requested block is read into, and how that ended: "" or the reason why it failed."""

    process: _ReadingProcess
    slot: int
    outcome: str | None = None  # None: not yet
    abandoned: bool = False

    def free(self) -> None:
        """Let the slot be used again."""
        self.process.free_slots.append(self.slot)


class ReadingPool:
    """Reads a plan with several processes; a context manager.

    Blocks are given out in the order in which they are wanted, so the one that is wanted next is always
    being read, and the slots bound the memory.
    """

    def __init__(self, plan: Plan, workers: int) -> None:
        self.plan = plan
        self._processes = [_ReadingProcess(plan) for _ in range(workers)]
        self._unsent = deque(plan.requests)  # those of plan.requests that no process was given, in order
        self._pending: dict[BlockRequest, _PendingRead] = {}
        self._examining: deque[int] = deque()  # files being examined, in order
        self._examined: dict[int, FileExamination] = {}
        self._examine_again: deque[int] = deque()
        self._deaths: Counter[tuple[int, tuple[int, ...]]] = Counter()
        self._thread = LimitedThread()  # for what this process reads itself

    def __enter__(self) -> "ReadingPool":
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.close()
        for process in self._processes:
            process.close()

    def read(self) -> Iterator[Block | Unreadable]:
        """The blocks of the plan, in order."""
        requests = self.plan.requests
        while True:
            self._receive(0)
            self._give_tasks()
            if not requests:
                if not self._examining and not self.plan.unexamined:
                    return
                self._receive(None)
                continue
            request = requests[0]
            pending = self._pending.get(request)
            if request.dropped:
                requests.popleft()
                self._abandon(request)
            elif request.in_order:
                requests.popleft()
                yield from self._deliver(read_block(self.plan, request, self._thread))
            elif pending is None or pending.outcome is None:
                self._receive(None)
            else:
                requests.popleft()
                del self._pending[request]
                windows = pending.process.slots[pending.slot][: len(request.starts)]
                failed = Unreadable(request.index, pending.outcome) if pending.outcome else None
                yield from self._deliver(iter([failed or request.block(windows)]))
                pending.free()

    def _deliver(self, blocks: Iterator[Block | Unreadable]) -> Iterator[Block | Unreadable]:
        """Yield blocks, give up the rest of a file that is unreadable, and keep the processes busy."""
        for block in blocks:
            if isinstance(block, Unreadable):
                self.plan.drop(block.index)
            yield block
            self._receive(0)
            self._give_tasks()

    def _give_tasks(self) -> None:
        """Give tasks to all processes that may take more, the least busy first."""
        while True:
            process = min(self._processes, key=lambda one: (len(one.tasks), -len(one.free_slots)))
            if len(process.tasks) >= _TASKS_AHEAD or not self._give_one(process):
                return

    def _give_one(self, process: _ReadingProcess) -> bool:
        """Give out the next block, or the next file to examine; False when there is neither."""
        while self._unsent and (self._unsent[0].dropped or self._unsent[0].in_order):
            self._unsent.popleft()
        able = [one for one in self._processes if one.free_slots and len(one.tasks) < _TASKS_AHEAD]
        if self._unsent and able:
            reader = min(able, key=lambda one: len(one.tasks))
            request = self._unsent.popleft()
            pending = self._pending[request] = _PendingRead(reader, reader.free_slots.pop())
            task = ReadTask(request.index, request.path, request.examined, request.starts, pending.slot)
            reader.give(task, request)
            return True
        if self._examine_again:
            index = self._examine_again.popleft()
        else:
            ahead = len(self._examining) + len(self._unsent)
            if not self.plan.unexamined or ahead >= _EXAMINED_AHEAD * len(self._processes):
                return False
            index = self.plan.unexamined.popleft()
            self._examining.append(index)
        process.give(ExamineTask(index, self.plan.paths[index], self.plan.known_hash(index)), None)
        return True

    def _receive(self, timeout_s: float | None) -> None:
        """Take the replies that have come; None waits for one, or for a process to be overdue."""
        processes = {process.connection: process for process in self._processes}
        limits = [(process, limit_s) for process in self._processes if (limit_s := process.limit_s())]
        if timeout_s is None and limits:
            now = time.monotonic()
            timeout_s = max(0.0, min(process.begun + limit_s - now for process, limit_s in limits))
        replied = wait(list(processes), timeout_s)
        for connection in replied:
            process = processes[connection]  # type: ignore[index]
            try:
                reply = process.connection.recv()
            except (EOFError, OSError):
                self._restart(process, DIED)
                continue
            if process.ready:
                self._note(*process.finish(), reply)
            else:
                process.ready, process.begun = True, time.monotonic()
        for process, limit_s in limits:
            waiting = process.ready and process.connection not in replied
            if waiting and time.monotonic() - process.begun >= limit_s:
                self._restart(process, overdue(limit_s))

    def _note(self, task: Task, request: BlockRequest | None, reply: FileExamination | str) -> None:
        """Take note of a task's reply."""
        if request is None:
            assert isinstance(reply, FileExamination)
            self._examined[task.index] = reply
            while self._examining and self._examining[0] in self._examined:
                index = self._examining.popleft()
                self._unsent += self.plan.add(index, self._examined.pop(index))
            return
        assert isinstance(reply, str)
        pending = self._pending[request]
        pending.outcome = reply
        if pending.abandoned:
            self._abandon(request)

    def _abandon(self, request: BlockRequest) -> None:
        """Give up a block that is not wanted any more: its slot is free once nobody writes there."""
        pending = self._pending.get(request)
        if pending is None:
            return
        pending.abandoned = True
        if pending.outcome is not None:
            del self._pending[request]
            pending.free()

    def _restart(self, process: _ReadingProcess, reason: str) -> None:
        """Start a process again that died, or that took too long.

        The task that it was at has failed if it took too long, or ended a process before; all others are
        given out again.
        """
        process.kill()
        if not process.ready:
            raise LssdError("a process for reading files did not start; run again with 0 workers")
        tasks, process.tasks = list(process.tasks), deque()
        process.start()
        for number, (task, request) in reversed(list(enumerate(tasks))):
            starts = request.starts if request is not None else ()
            if number == 0:
                self._deaths[task.index, starts] += 1 if reason == DIED else _CHANCES
            failed = self._deaths[task.index, starts] >= _CHANCES
            if request is None and failed:
                self._note(task, request, FileExamination(reason=reason))
            elif request is None:
                self._examine_again.appendleft(task.index)
            elif failed or request.dropped:
                self._note(task, request, reason)
            else:
                self._pending.pop(request).free()
                self._unsent.appendleft(request)


def _anonymous_file(size: int) -> int:
    """The descriptor of a file in memory without a name, which ends with those who hold it open."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("lssd-windows")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor

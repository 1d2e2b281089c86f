"""Stages over local processes.

An item that fails, kills its worker or exceeds its time limit is an `Outcome` with a reason; its worker is
replaced, and the other items go on.
"""

import multiprocessing.connection
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from lssd.engine.outcome import Item, Outcome, Value, reason_of
from lssd.engine.worker import Worker, WorkerDiedError, WorkerStartError
from lssd.errors import ABORTING, InputError, LssdError, storage_error
from lssd.threads import share

DIED = "the worker process died (out of memory, or a crash in a codec)"


def run_stage(
    function: Callable[[Item], Value],
    items: Sequence[Item],
    workers: int = 1,
    limit_s: Callable[[Item], float] | None = None,
) -> Iterator[Outcome[Item, Value]]:
    """Apply a picklable function to every item and yield outcomes as they finish.

    `limit_s` gives the seconds that an item may take. With it, items always run in spawned processes, so
    that one that crashes or hangs costs itself alone. Without it, one worker, or one item, runs in this
    process, in order. Several workers yield in the order of completion.

    Errors that end a run whatever the item (`lssd.errors.ABORTING`, and a full disk) are raised; every other
    error becomes the reason of its item's outcome. An item whose worker dies beside others has a second
    try, alone, since all of them together may have used up the memory. Closing the iterator early kills the
    workers. LssdError when a worker cannot start.
    """
    if workers < 1:
        raise InputError(f"the number of workers must be at least 1, not {workers}")
    workers = min(workers, len(items))
    if limit_s is None and workers <= 1:
        return _run_here(function, items)
    return _run_in_workers(function, items, workers, limit_s)


def available_cpus() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_here(function: Callable[[Item], Value], items: Sequence[Item]) -> Iterator[Outcome[Item, Value]]:
    for item in items:
        try:
            outcome = Outcome(item, function(item))
        except ABORTING:
            raise
        except Exception as error:
            if (full := storage_error(error)) is not None:
                raise full from error
            outcome = Outcome[Item, Value](item, None, reason_of(error))
        yield outcome


def _run_in_workers(
    function: Callable[[Item], Value],
    items: Sequence[Item],
    workers: int,
    limit_s: Callable[[Item], float] | None,
) -> Iterator[Outcome[Item, Value]]:
    waiting, suspects = deque(items), deque[Item]()
    busy: dict[Worker, Item] = {}
    with ExitStack() as stack:
        # An item that is lost is its own fault, however many were before it: no worker is given up.
        chances = 2 * len(items) + 1
        made = [Worker(_itself, function, chances=chances, threads=share(workers)) for _ in range(workers)]
        idle = [stack.enter_context(worker) for worker in made]
        while waiting or suspects or busy:
            while idle and (waiting or (suspects and not busy)):
                item = waiting.popleft() if waiting else suspects.popleft()
                worker = idle.pop()
                busy[worker] = item
                worker.ask("__call__", item, limit_s=None if limit_s is None else limit_s(item))
            alone = workers == 1 or (not waiting and len(busy) == 1)
            limits = [worker.left_s for worker in busy if worker.left_s is not None]
            multiprocessing.connection.wait([worker.fileno() for worker in busy], min(limits, default=None))
            for worker, item in list(busy.items()):
                try:
                    if not worker.answered():
                        continue
                    outcome = Outcome(item, worker.answer())
                except (*ABORTING, WorkerStartError):
                    raise
                except LssdError as error:
                    if isinstance(error, WorkerDiedError) and not alone:
                        suspects.append(item)
                        idle.append(worker)
                        del busy[worker]
                        continue
                    outcome = Outcome[Item, Value](item, None, reason_of(error))
                idle.append(worker)
                del busy[worker]
                yield outcome


def _itself(function: Callable[[Item], Value]) -> Callable[[Item], Value]:
    return function

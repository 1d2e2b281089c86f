"""Stages over local processes.

An item that fails, or kills its worker, is an `Outcome` with a reason; the others go on. A worker
that dies (out of memory, a crash inside a codec) takes the whole pool of the standard library with
it, so the items it held are run once more, one at a time, to find the one to blame.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess

from lssd.engine.outcome import Item, Outcome, Value, reason_of
from lssd.errors import InputError

_PARENT_CHECK_S = 0.5
DIED = "the worker process died (out of memory, or a crash in a codec)"


def run_stage(
    function: Callable[[Item], Value], items: Sequence[Item], workers: int = 1
) -> Iterator[Outcome[Item, Value]]:
    """Apply a picklable function to every item and yield outcomes as they finish.

    With `workers` 1 all runs in this process, in order. Otherwise in that many spawned processes, in
    the order of completion. An `InputError` (the user's request is wrong, not the item) is raised;
    every other error of an item becomes its outcome's reason. Closing the iterator early cancels
    what has not begun.
    """
    if workers < 1:
        raise InputError(f"the number of workers must be at least 1, not {workers}")
    if workers == 1 or len(items) <= 1:
        return _run_here(function, items)
    return _run_pool(function, items, min(workers, len(items)))


def available_cpus() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_here(function: Callable[[Item], Value], items: Sequence[Item]) -> Iterator[Outcome[Item, Value]]:
    for item in items:
        try:
            outcome = Outcome(item, function(item))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - an item's failure is a value, whatever its kind
            outcome = Outcome[Item, Value](item, None, reason_of(error))
        yield outcome


def _run_pool(
    function: Callable[[Item], Value], items: Sequence[Item], workers: int
) -> Iterator[Outcome[Item, Value]]:
    suspects: list[Item] = []
    waiting = list(reversed(items))
    others = set(multiprocessing.active_children())
    while waiting:
        with _pool(workers) as pool:
            running: dict[Future[Value], Item] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < workers + 1:
                        # Taken off the list only once submitted: a pool that broke meanwhile refuses.
                        running[pool.submit(function, waiting[-1])] = waiting[-1]
                        waiting.pop()
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        error = future.exception()
                        if isinstance(error, BrokenProcessPool):
                            raise error
                        yield _outcome(running.pop(future), future)
            except BrokenProcessPool:
                suspects += running.values()
            except BaseException:
                # Interrupted, or nobody wants the rest: the pool's own exit would wait for its workers.
                _terminate(running, others)
                raise
    for item in suspects:
        yield _run_alone(function, item)


def _run_alone(function: Callable[[Item], Value], item: Item) -> Outcome[Item, Value]:
    others = set(multiprocessing.active_children())
    with _pool(1) as pool:
        future = pool.submit(function, item)
        try:
            error = future.exception()
        except BaseException:
            _terminate([future], others)
            raise
        if isinstance(error, BrokenProcessPool):
            return Outcome(item, None, DIED)
        return _outcome(item, future)


def _terminate(running: "Iterable[Future[Value]]", others: set[BaseProcess]) -> None:
    """Cancel what waits and end the worker processes begun since `others` were."""
    for future in running:
        future.cancel()
    for process in set(multiprocessing.active_children()) - others:
        process.terminate()


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: the parent may hold threads of torch and FFmpeg.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare_worker)


def _prepare_worker() -> None:
    # Ctrl-C reaches the whole process group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(os.getppid(),), daemon=True).start()


def _die_with(parent: int) -> None:
    """End this worker when its parent is gone: a killed parent cannot tell it to stop."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)


def _outcome(item: Item, future: "Future[Value]") -> Outcome[Item, Value]:
    error = future.exception()
    if isinstance(error, InputError):
        raise error
    if error is not None:
        return Outcome(item, None, reason_of(error))
    return Outcome(item, future.result())

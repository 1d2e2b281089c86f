"""Stages over the machines of a Ray cluster; without one, over the cores of this machine.

Items and failures are as in `lssd.engine.local`. The function is put into the cluster once and given to
each worker once, so it may hold a model. lssd must be installed on every machine.
"""

import importlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic

from lssd.engine.local import DIED
from lssd.engine.outcome import Item, Outcome, Value, error_that_ends_the_run, reason_of
from lssd.errors import InputError, LssdError, MissingExtraError, install_hint

_CHANCES = 2
_STARTS = 20  # that fail in a row


def run_stage(
    function: Callable[[Item], Value], items: Sequence[Item], workers: int | None = None
) -> Iterator[Outcome[Item, Value]]:
    """Apply a picklable function to every item on Ray workers and yield outcomes as they finish.

    `workers` None: one a GPU of the cluster, each alone with it, else one a core. An item whose worker
    dies gets one more chance. Errors are raised or become reasons as in `lssd.engine.local`. Closing the
    iterator early ends the workers. Joins the cluster of the variable RAY_ADDRESS, or the one that runs
    on this machine, and starts one for the time of the stage otherwise.

    MissingExtraError without Ray; LssdError when a worker cannot start.
    """
    if workers is not None and workers < 1:
        raise InputError(f"the number of workers must be at least 1, not {workers}")
    return _run(_import_ray(), function, items, workers)


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtraError(
            f"the engine ray needs {install_hint('ray')}; or use the engine local"
        ) from error


def _run(
    ray: Any, function: Callable[[Item], Value], items: Sequence[Item], workers: int | None
) -> Iterator[Outcome[Item, Value]]:
    joined = ray.is_initialized()
    if not joined:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of ours calls out by default
        ray.init(log_to_driver=False, logging_level="ERROR")
    try:
        with _Stage(ray, function, items, workers) as stage:
            yield from stage.outcomes()
    finally:
        if not joined:
            ray.shutdown()


class _Worker(Generic[Item, Value]):
    """Runs in a worker process. Errors travel as values: Ray would wrap them in its own."""

    def __init__(self, function: Callable[[Item], Value]) -> None:
        self.function = function

    def begin(self) -> tuple[str, None]:
        return "begun", None

    def run(self, item: Item) -> tuple[str, Value | LssdError | str]:
        try:
            return "value", self.function(item)
        except Exception as error:  # noqa: BLE001 - an item's failure is a value, whatever its kind
            if (fatal := error_that_ends_the_run(error)) is not None:
                return "fatal", fatal
            return "failure", reason_of(error)


class _Stage(Generic[Item, Value]):
    """The workers of one stage, and the number of the item that each works on, None while it starts."""

    def __init__(
        self, ray: Any, function: Callable[[Item], Value], items: Sequence[Item], workers: int | None
    ) -> None:
        self.ray, self.items = ray, items
        there = ray.cluster_resources()
        gpus = int(there.get("GPU", 0))
        wanted = workers or gpus or int(there.get("CPU", 1))
        self._actor = ray.remote(_Worker).options(num_cpus=1, num_gpus=1 if gpus else 0)
        self._function = ray.put(function)
        self._waiting = deque(range(len(items)))
        self._died: dict[int, int] = {}
        self._failed_starts = 0
        self._at: dict[Any, tuple[Any, int | None]] = {}
        for _ in range(min(wanted, len(items))):
            self._hire()

    def __enter__(self) -> "_Stage[Item, Value]":
        return self

    def __exit__(self, *_: object) -> None:
        for busy in self._at.values():
            self.ray.kill(busy[0])

    def outcomes(self) -> Iterator[Outcome[Item, Value]]:
        """The items' outcomes in the order of completion."""
        left = len(self.items)
        while left:
            reference = self.ray.wait(list(self._at), num_returns=1)[0][0]
            worker, number = self._at.pop(reference)
            try:
                kind, value = self.ray.get(reference)
            except self.ray.exceptions.RayError as error:
                kind, value = self._lost(number, error), DIED
            else:
                self._failed_starts = 0
                self._next(worker)
            if kind == "fatal":
                raise value
            if number is None or kind == "again":
                continue
            left -= 1
            item = self.items[number]
            yield Outcome(item, value) if kind == "value" else Outcome(item, None, str(value))

    def _hire(self) -> None:
        worker = self._actor.remote(self._function)
        self._at[worker.begin.remote()] = worker, None

    def _next(self, worker: Any) -> None:
        if self._waiting:
            number = self._waiting.popleft()
            self._at[worker.run.remote(self.items[number])] = worker, number
        else:
            self.ray.kill(worker)

    def _lost(self, number: int | None, error: Exception) -> str:
        """A worker is gone: another takes its place, and its item "again", or it is a "failure"."""
        if number is None:
            # A machine that is lost takes its workers along, also those that are about to begin.
            self._failed_starts += 1
            if not getattr(error, "actor_init_failed", False) and self._failed_starts < _STARTS:
                self._hire()
                return "again"
            raise LssdError(
                f"a Ray worker could not start ({reason_of(error)[:300]}); "
                "lssd must be installed on every machine"
            ) from error
        self._hire()
        self._died[number] = self._died.get(number, 0) + 1
        if self._died[number] >= _CHANCES:
            return "failure"
        self._waiting.appendleft(number)
        return "again"

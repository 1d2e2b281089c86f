"""The backends of a call: chosen once, started when needed, each in its own process, and timed."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from lssd.dubbing.backends import build_options, choose, read_preset
from lssd.dubbing.declaration import Backend
from lssd.dubbing.workers import Worker
from lssd.errors import LssdError
from lssd.store import hash_json


@dataclass(frozen=True)
class Tool:
    """A backend ready for work. `identity` is all that its results depend on, for keys of steps."""

    worker: Worker
    identity: str

    @property
    def backend(self) -> type[Backend]:
        return self.worker.backend

    @property
    def name(self) -> str:
        return self.worker.name


class BackendPool:
    """One worker process for each backend in use; `seconds` is the time spent in calls, by step."""

    def __init__(
        self,
        preset: str,
        options: Mapping[str, Mapping[str, Any]],
        policy: str = "any",
        timeout_s: float = 600.0,
    ) -> None:
        self._names = read_preset(preset)
        self._options, self._policy, self._timeout_s = options, policy, timeout_s
        self._workers: dict[tuple[str, str], Worker] = {}
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def tools(
        self, step: str, language: str | None = None, options: Mapping[str, Any] | None = None
    ) -> list[Tool]:
        """What can do a step, best first. `options`: more dials for whichever backend has them.

        LssdError when nothing can: not installed, refused by the licence policy, or not able to load.
        """
        found, obstacles = [], []
        for backend in choose(step, self._names[step], self._policy, self._options, language):
            try:
                found.append(self._tool(backend, options or {}))
            except LssdError as error:
                if backend.declaration.name in self._options:
                    raise  # the user set it up: another in its place would be a surprise
                obstacles.append(f"{backend.declaration.name}: {error}")
        if not found:
            raise LssdError(f"no backend for {step} could be loaded: {'; '.join(obstacles)}")
        return found

    def call(self, tool: Tool, method: str, *arguments: Any, minutes: float = 0.0) -> Any:
        """What the tool's backend answers; see `Worker.call`. More than a minute of sound takes more time."""
        started = time.perf_counter()
        tool.worker.timeout_s = self._timeout_s * max(1.0, minutes)
        try:
            return tool.worker.call(method, *arguments)
        finally:
            self.seconds[tool.backend.declaration.step] += time.perf_counter() - started

    def close(self) -> None:
        for worker in self._workers.values():
            worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tool(self, backend: type[Backend], more: Mapping[str, Any]) -> Tool:
        declaration = backend.declaration
        known = {key: value for key, value in more.items() if key in backend.Options.__dataclass_fields__}
        options = build_options(backend, {**self._options.get(declaration.name, {}), **known})
        place = (declaration.name, hash_json(vars(options)))
        if place not in self._workers:
            self._workers[place] = Worker(backend, options, self._timeout_s)
        worker = self._workers[place]
        started = time.perf_counter()
        weights = worker.weights_hash()
        self.seconds[declaration.step] += time.perf_counter() - started
        return Tool(worker, hash_json([*place, declaration.version, weights], 32))

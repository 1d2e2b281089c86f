"""The backends of a call: chosen once, started when needed, each in a process of its own, and timed.

A backend that crashes or hangs costs the call that it was given, and leaves no memory behind.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from lssd.dubbing.backends import build_settings, choose, read_preset
from lssd.dubbing.declaration import Backend, BackendError
from lssd.engine.worker import Worker, WorkerError
from lssd.errors import LssdError, StorageError
from lssd.store import hash_json

_PRELOAD = tuple(f"lssd.dubbing.{step}" for step in ("conversion", "separation", "speaking", "segmentation"))


class BackendProcess:
    """A backend in a process that starts with the first call, and again after one that died or hung.

    `timeout_s` is how long a call may take. Not for use by several threads at once.
    """

    def __init__(self, backend: type[Backend], settings: Any = None, timeout_s: float = 600.0) -> None:
        self.backend, self.settings, self.timeout_s = backend, settings, timeout_s
        self._worker = Worker(backend, settings, name=self.name, preload=_PRELOAD)
        self._weights: str | None = None

    @property
    def name(self) -> str:
        return self.backend.declaration.name

    def weights_hash(self) -> str:
        """The backend's own; loads it. Raises what the backend raises when it cannot be loaded."""
        if self._weights is None:
            self._weights = self.call("weights_hash")
        return self._weights

    def call(self, method: str, *arguments: Any) -> Any:
        """What `backend.method(*arguments)` returns in the other process.

        A backend's own LssdError is raised as it is, a full disk as StorageError; BackendError for any other
        failure, for a process that died, and for one that took longer than `timeout_s` and was ended.
        """
        try:
            return self._worker.call(method, *arguments, limit_s=self.timeout_s)
        except WorkerError as error:
            raise BackendError(str(error)) from error

    def close(self) -> None:
        """End the process; a later call starts another."""
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Tool:
    """A backend that has loaded. `identity` is all that its results depend on, for the keys of steps."""

    process: BackendProcess
    identity: str

    @property
    def backend(self) -> type[Backend]:
        return self.process.backend

    @property
    def name(self) -> str:
        return self.process.name


class BackendPool:
    """One process for each backend in use.

    Args:
        preset: names the backends of each step, see `read_preset`.
        settings: of backends, by their name.
        policy: which licences are accepted, one of `backends.POLICIES`.
        timeout_s: how long a call may take for each minute of sound, and at least.

    `seconds` is the time spent in calls, by step.
    """

    def __init__(
        self,
        preset: str,
        settings: Mapping[str, Mapping[str, Any]],
        policy: str = "any",
        timeout_s: float = 600.0,
    ) -> None:
        self._names = read_preset(preset)
        self._settings, self._policy, self._timeout_s = settings, policy, timeout_s
        self._processes: dict[tuple[type[Backend], str], BackendProcess] = {}
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def tools(
        self, step: str, language: str | None = None, more: Mapping[str, Any] | None = None
    ) -> list[Tool]:
        """What can do a step, best first. `more`: further settings, for the backends that have them.

        BackendError when nothing can: not installed, refused by the licence policy, or not able to load.
        What a backend that the user set up raises while it loads is raised as it is: InputError for wrong
        settings.
        """
        found, obstacles = [], []
        for backend in choose(step, self._names[step], self._policy, self._settings, language):
            try:
                found.append(self._tool(backend, more or {}))
            except StorageError:
                raise
            except LssdError as error:
                if backend.declaration.name in self._settings:
                    raise  # the user set it up: another in its place would be a surprise
                obstacles.append(f"{backend.declaration.name}: {error}")
        if not found:
            raise BackendError(f"no backend for {step} could be loaded: {'; '.join(obstacles)}")
        return found

    def call(self, tool: Tool, method: str, *arguments: Any, minutes: float = 0.0) -> Any:
        """What the tool's backend answers, see `BackendProcess.call`.

        `minutes` of sound, if more than one, take so many times as long.
        """
        started = time.perf_counter()
        tool.process.timeout_s = self._timeout_s * max(1.0, minutes)
        try:
            return tool.process.call(method, *arguments)
        finally:
            self.seconds[tool.backend.declaration.step] += time.perf_counter() - started

    def close(self) -> None:
        """End all processes."""
        for process in self._processes.values():
            process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tool(self, backend: type[Backend], more: Mapping[str, Any]) -> Tool:
        declaration = backend.declaration
        known = {key: value for key, value in more.items() if key in backend.Settings.__dataclass_fields__}
        settings = build_settings(backend, {**self._settings.get(declaration.name, {}), **known})
        settings_key = hash_json(vars(settings))
        # By class, since two steps may have backends of one name, such as "none".
        if (backend, settings_key) not in self._processes:
            self._processes[backend, settings_key] = BackendProcess(backend, settings, self._timeout_s)
        process = self._processes[backend, settings_key]
        started = time.perf_counter()
        weights = process.weights_hash()
        self.seconds[declaration.step] += time.perf_counter() - started
        identity = hash_json([declaration.name, settings_key, declaration.version, weights], 32)
        return Tool(process, identity)

"""Backends in processes of their own: a crash or a hang costs one piece, and no memory stays behind."""

from types import TracebackType
from typing import Any, Self

from lssd.dubbing.declaration import Backend, BackendError
from lssd.engine import worker
from lssd.engine.worker import WorkerError

_SHARED = tuple(f"lssd.dubbing.{step}" for step in ("conversion", "separation", "speaking", "segmentation"))


class Worker:
    """A backend in a process that starts with the first call and again after one that died or hung.

    `timeout_s` is how long a call may take. Not for use by several threads at once.
    """

    def __init__(self, backend: type[Backend], options: Any = None, timeout_s: float = 600.0) -> None:
        self.backend, self.options, self.timeout_s = backend, options, timeout_s
        self._worker = worker.Worker(backend, options, name=self.name, preload=_SHARED)
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

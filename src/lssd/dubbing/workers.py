"""Backends in processes of their own: a crash or a hang costs one piece, and no memory stays behind."""

import multiprocessing
import os
import threading
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from lssd.dubbing.declaration import Backend, BackendError
from lssd.engine import reason_of
from lssd.errors import LssdError

_PARENT_CHECK_S = 0.5
_CHANCES = 3
_LOADING_S = 300.0  # for a backend to load its weights
_SHARED = [f"lssd.dubbing.{step}" for step in ("conversion", "separation", "speaking", "segmentation")]


class Worker:
    """A backend in a process that starts with the first call and again after one that died or hung.

    `timeout_s` is how long a call may take. Not for use by several threads at once.
    """

    def __init__(self, backend: type[Backend], options: Any = None, timeout_s: float = 600.0) -> None:
        self.backend, self.options, self.timeout_s = backend, options, timeout_s
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._weights: str | None = None
        self._lost = 0  # processes in a row that died or hung

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

        A backend's own LssdError is raised as it is; BackendError for any other failure, for a process
        that died, and for one that took longer than `timeout_s` and was ended.
        """
        if self._lost >= _CHANCES:
            raise BackendError(f"{self.name} died or hung {self._lost} times in a row and was given up")
        if self._process is None:
            self._start()
        answer = self._ask((method, arguments), self.timeout_s)
        self._lost = 0
        return answer

    def close(self) -> None:
        """End the process; a later call starts another."""
        if self._process is not None:
            self._process.kill()  # it holds nothing that needs saving
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        # Forked off a process that has imported what backends share and has no threads, as this one may.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_SHARED)
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=False)
        self._process.start()
        theirs.close()
        try:
            self._ask((self.backend, self.options), _LOADING_S)
        except LssdError:
            self.close()
            raise

    def _ask(self, question: Any, limit_s: float) -> Any:
        assert self._pipe is not None and self._process is not None
        try:
            self._pipe.send(question)
            if not self._pipe.poll(limit_s):
                self._lost += 1
                self.close()
                raise BackendError(f"{self.name} did not answer within {limit_s:g} s and was ended")
            answer, error = self._pipe.recv()
        except (EOFError, OSError) as gone:
            self._process.join(1.0)
            code = self._process.exitcode
            self._lost += 1
            self.close()
            raise BackendError(f"{self.name} died (exit status {code})") from gone
        except BaseException:
            self.close()  # interrupted in the middle: what it answers later belongs to no question
            raise
        if error is not None:
            raise error
        return answer


def _serve(pipe: Connection) -> None:
    """Make the backend of the first message, then answer calls until the parent is gone."""
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()
    backend: Backend | None = None
    try:
        while True:
            question = pipe.recv()
            try:
                if backend is None:
                    kind, options = question
                    backend, answer = kind(options), None
                else:
                    method, arguments = question
                    answer = getattr(backend, method)(*arguments)
                reply: tuple[Any, LssdError | None] = (answer, None)
            except LssdError as error:
                reply = (None, error)
            except Exception as error:  # noqa: BLE001 - a piece's failure is a value, whatever its kind
                reply = (None, BackendError(reason_of(error)))
            pipe.send(reply)
    except (EOFError, OSError, KeyboardInterrupt):
        os._exit(0)  # the parent closed its end, or was interrupted


def _follow(parent: int) -> None:
    """End with the process that forked us, which ends with ours: one that is killed cannot tell us to."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)

"""One worker process: it holds an object, answers calls on it one at a time, and dies with its parent.

    with Worker(Decoder, options, name="the decoder") as worker:
        picture = worker.call("decode", path, limit_s=60.0)

The process starts with the first call. One that dies or takes longer than its limit costs that call alone:
the next call starts another, up to `chances` losses in a row. To keep several workers busy, `ask` each,
`multiprocessing.connection.wait` for any of them, and take an `answer` from those that have `answered`.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from lssd.engine.outcome import error_that_ends_the_run, reason_of
from lssd.engine.time_limit import LONGEST_WAIT_S
from lssd.errors import LssdError
from lssd.threads import limit

_PARENT_CHECK_S = 0.5
_START_LIMIT_S = 300.0  # for imports, and for `make` to load weights
_CHANCES = 3


class WorkerError(LssdError):
    """A worker died or hung during a call, or the call failed with an error that is no LssdError."""


class WorkerDiedError(WorkerError):
    """The process died during a call."""


class WorkerStartError(WorkerError):
    """The process died or hung before it could take a call, or could not import what it is to hold."""


class Worker:
    """A process that makes an object by `make(*arguments)` and calls its methods on request.

    Everything that passes between the processes is pickled, so `make` must be importable by name.

    Args:
        name: names the worker in messages.
        preload: modules that all such workers import. The processes are then forked off a server that has
            imported them and runs no threads; with None each is spawned, a fresh interpreter.
        chances: how many processes in a row may be lost before the worker is given up.
        threads: that it computes with; None: as many as this process.

    Not for use by several threads at once.
    """

    def __init__(
        self,
        make: Callable[..., Any],
        *arguments: Any,
        name: str = "the worker process",
        preload: Sequence[str] | None = None,
        chances: int = _CHANCES,
        threads: int | None = None,
    ) -> None:
        self.name, self.chances, self._threads = name, chances, threads
        self._make, self._arguments, self._preload = make, arguments, preload
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._ready = False  # it has made its object
        self._lost = 0  # processes in a row that died or hung
        self._limit_s: float | None = None
        self._deadline: float | None = None

    def call(self, method: str, *arguments: Any, limit_s: float | None = None) -> Any:
        """Return what the object's `method(*arguments)` returns in the other process.

        An LssdError of the method, or of `make`, is raised as it is; a full disk is a StorageError.
        WorkerError for any other exception, for a process that died, and for one that took longer than
        `limit_s` seconds and was killed.
        """
        self.ask(method, *arguments, limit_s=limit_s)
        return self.answer()

    def ask(self, method: str, *arguments: Any, limit_s: float | None = None) -> None:
        """Begin a call without waiting for it. Every `ask` needs its `answer` before the next one."""
        if self._lost >= self.chances:
            raise WorkerError(f"{self.name} died or hung {self._lost} times in a row and was given up")
        if self._process is None:
            self._start()
        assert self._pipe is not None
        self._limit_s = limit_s
        if self._ready:
            self._set_deadline(limit_s)
        try:
            self._pipe.send_bytes(pickle.dumps((method, arguments)))
        except OSError:
            return  # it is gone: `answer` will say so

    def answered(self) -> bool:
        """Whether `answer` would return or raise without waiting. May raise what `answer` raises."""
        assert self._pipe is not None
        if not self._ready and self._pipe.poll(0):
            self._become_ready()
        return self._pipe.poll(0) or self.left_s == 0.0

    def answer(self) -> Any:
        """Wait for the call that was begun; returns and raises as `call` does."""
        if not self._ready:
            self._become_ready()
        value = self._receive()
        self._lost, self._deadline = 0, None
        return value

    @property
    def left_s(self) -> float | None:
        """Seconds until the current call is overdue, at least 0; None without a limit."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def fileno(self) -> int:
        """A descriptor that becomes readable with an answer, for `multiprocessing.connection.wait`."""
        assert self._pipe is not None
        return self._pipe.fileno()

    def close(self) -> None:
        """Kill the process, whatever it is doing; a later call starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = self._deadline = None
        self._ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        # Never forked off this process, which may hold threads of torch and FFmpeg.
        context: Any = multiprocessing.get_context("spawn" if self._preload is None else "forkserver")
        if self._preload is not None:
            context.set_forkserver_preload(list(self._preload))
        self._pipe, theirs = context.Pipe()
        assert self._pipe is not None
        # Not daemonic: a worker may have workers of its own.
        self._process = context.Process(target=_serve, args=(theirs, self._threads), daemon=False)
        self._process.start()
        theirs.close()
        self._set_deadline(_START_LIMIT_S)
        try:
            self._pipe.send_bytes(pickle.dumps((self._make, self._arguments)))
        except OSError:
            return  # it is gone: `answer` will say so
        except BaseException:
            self.close()
            raise

    def _become_ready(self) -> None:
        try:
            self._receive()
        except LssdError:
            self.close()
            raise
        self._ready = True
        self._set_deadline(self._limit_s)

    def _set_deadline(self, limit_s: float | None) -> None:
        wait_s = None if limit_s is None else min(limit_s, LONGEST_WAIT_S)
        self._deadline = None if wait_s is None else time.monotonic() + wait_s

    def _receive(self) -> Any:
        """The value of the next reply, or its error raised; a process that is lost is cleared away."""
        assert self._pipe is not None and self._process is not None
        try:
            if not self._pipe.poll(self.left_s):
                limit_s = self._limit_s if self._ready else _START_LIMIT_S
                kind = WorkerError if self._ready else WorkerStartError
                self._lost += 1
                self.close()
                raise kind(f"{self.name} did not answer within {limit_s:.4g} s and was ended")
            value, error = self._pipe.recv()
        except (EOFError, OSError) as gone:
            self._process.join(1.0)
            end = _describe_exit(self._process.exitcode)
            hint = (
                "" if self._ready else "; does your script call lssd outside 'if __name__ == \"__main__\":'?"
            )
            died = WorkerDiedError if self._ready else WorkerStartError
            self._lost += 1
            self.close()
            raise died(f"{self.name} died ({end}){hint}") from gone
        except BaseException:
            self.close()  # interrupted half-way: what it answers later belongs to no question
            raise
        if error is not None:
            self._deadline = None
            if type(error) is WorkerError and not self._ready:
                raise WorkerStartError(f"{self.name} could not start: {error}")
            raise error
        return value


def _describe_exit(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    cause = {"SIGKILL": ", as when memory runs out", "SIGSEGV": ", a crash in native code"}.get(name, "")
    return f"signal {name}{cause}"


def _serve(pipe: Connection, threads: int | None) -> None:
    """Make the object that the first message asks for, then answer calls until the parent is gone."""
    limit(threads)  # what computes is imported with the first message
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a group; the parent decides
    threading.Thread(target=_die_with_parent, daemon=True).start()
    served: Any = None
    made = False
    try:
        while True:
            message = pipe.recv_bytes()
            try:
                what, arguments = pickle.loads(message)
                if made:
                    reply = pickle.dumps((getattr(served, what)(*arguments), None))
                else:
                    served, made = what(*arguments), True
                    reply = pickle.dumps((None, None))
            except Exception as error:  # noqa: BLE001 - the failure of a call is its answer
                reply = pickle.dumps((None, _portable(error)))
            pipe.send_bytes(reply)
    except (EOFError, OSError):
        os._exit(0)  # the parent closed its end


def _portable(error: Exception) -> LssdError:
    """The error itself where it is one for users and survives pickling; StorageError for a full disk;
    WorkerError for everything else."""
    error = error_that_ends_the_run(error) or error
    if isinstance(error, LssdError):
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # noqa: BLE001 - whatever its constructor says
            return WorkerError(reason_of(error))
        return error
    return WorkerError(reason_of(error))


def _die_with_parent() -> None:
    """End this process once the one that started it is gone: one that was killed cannot tell it to stop.

    A process that was forked off a server has that server for its parent in the system's eyes.
    """
    starter, above = multiprocessing.parent_process(), os.getppid()
    assert starter is not None
    while starter.is_alive() and os.getppid() == above:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)

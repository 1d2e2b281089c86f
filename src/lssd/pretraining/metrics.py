"""Metrics of a run: one JSON object a line, TensorBoard events and, where asked for, Weights & Biases."""

import importlib
import io
import json
import math
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from lssd import config as configuration
from lssd.errors import LssdError, MissingExtraError, install_hint
from lssd.pretraining.recipe import Recipe
from lssd.store import write_bytes

FILE = "metrics.jsonl"
WANDB_ID = "wandb-id.txt"


class MetricsWriter:
    """Append metrics to `RUN/metrics.jsonl` and `RUN/tensorboard`; a context manager.

    Lines of steps after `resume_step` come from a run that was killed beyond its last checkpoint and
    are dropped, since those steps are done again. `wandb` names a project of Weights & Biases to log to as
    well, with `config` as the run's settings: later sittings continue the same run there, by the id in
    `RUN/wandb-id.txt`, and WANDB_MODE=offline keeps it in `RUN/wandb`.

    Raises MissingExtraError when wandb is asked for and not installed, and LssdError when it cannot start
    or the disk is full, here and in `write`.
    """

    def __init__(
        self, run: Path, resume_step: int = 0, wandb: str | None = None, config: Recipe | None = None
    ) -> None:
        self._run = run
        with ExitStack() as opened:
            # The service first: without it there is nothing to undo.
            self._wandb = None if wandb is None else _start_wandb(run, wandb, config)
            if self._wandb is not None:
                opened.callback(self._wandb.finish, exit_code=1)
            with _writing(run):
                kept = [line for line in read_metrics(run) if line["step"] <= resume_step]
                lines = "".join(json.dumps(line) + "\n" for line in kept)
                write_bytes(run / FILE, lines.encode())
                self._file = _AppendedFile(run / FILE)
                opened.callback(self._file.close)
                self._board = _AppendedFile(_event_file(run))
                opened.callback(self._board.close)
                self._board.write(_record(Event(file_version="brain.Event:2")))
                # TensorBoard then forgets what an earlier sitting wrote of the steps that are done again.
                begun = SessionLog(status=SessionLog.START)
                self._board.write(_record(Event(step=resume_step + 1, session_log=begun)))
            opened.pop_all()

    def __enter__(self) -> "MetricsWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as closing:
            if self._wandb is not None:
                closing.callback(self._wandb.finish, exit_code=0 if kind is None else 1)
            closing.callback(self._file.close)
            closing.callback(self._board.close)

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Write the metrics of one step: numbers by name; nested groups become TensorBoard folders.

        None is left out. What is not finite becomes null in the JSON and is left out elsewhere.
        """
        line = json.dumps({"step": step, **_for_json(values)}, allow_nan=False) + "\n"
        finite = {name: value for name, value in _flatten(values) if math.isfinite(value)}
        with _writing(self._run):
            self._file.write(line.encode())
            scalars = [Summary.Value(tag=name, simple_value=value) for name, value in finite.items()]
            self._board.write(_record(Event(step=step, summary=Summary(value=scalars))))
        if self._wandb is not None:
            self._wandb.log(finite, step=step)


def read_metrics(run: str | Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics; a last line cut short by a kill is left out."""
    path = Path(run) / FILE
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines


class _AppendedFile:
    """A file that grows by whole pieces, or raises OSError.

    Nothing is buffered: a piece that did not fit on the disk is not tried again when the file is closed.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        self._file.close()


def _event_file(run: Path) -> Path:
    """A new file of TensorBoard's, named as it expects: those of a folder are read in the order of names."""
    name = f"events.out.tfevents.{time.time_ns() / 1e9:.6f}.{socket.gethostname()}.{os.getpid()}"
    return run / "tensorboard" / name


def _record(event: Event) -> bytes:
    """An event as TensorBoard stores it.

    Its own writer does so in a thread, whose errors appear as a traceback.
    """
    event.wall_time = time.time()
    buffer = io.BytesIO()
    RecordWriter(buffer).write(event.SerializeToString())
    return buffer.getvalue()


@contextmanager
def _writing(run: Path) -> Iterator[None]:
    """Turn what the system says of a write into one line."""
    try:
        yield
    except OSError as error:
        raise LssdError(
            f"cannot write metrics to {run}: {error.strerror or error}; free some space and run again, which "
            "goes on from the last checkpoint"
        ) from error


def _start_wandb(run: Path, project: str, recipe: Recipe | None) -> Any:
    """Begin or continue this run folder's run at Weights & Biases."""
    try:
        wandb = importlib.import_module("wandb")
    except ImportError as error:
        raise MissingExtraError(
            f"machine.wandb needs a package that is not installed: {install_hint('wandb')}, or leave it out"
        ) from error
    path = run / WANDB_ID
    with _writing(run):
        if not path.exists():
            write_bytes(path, uuid.uuid4().hex[:8].encode())
        identity = path.read_text(encoding="utf-8").strip()
    try:
        return wandb.init(
            project=project,
            id=identity,
            resume="allow",
            name=run.name,
            dir=str(run),
            config=None if recipe is None else configuration.to_mapping(recipe),
        )
    except Exception as error:  # its client lets through errors of whatever carries it
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise LssdError(
            f"cannot log to Weights & Biases ({reason}); run wandb login, set WANDB_MODE=offline, or leave "
            "machine.wandb out"
        ) from error


def _for_json(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            plain[name] = _for_json(value)
        elif value is not None:
            number = value if isinstance(value, int) else float(value)
            plain[name] = number if math.isfinite(number) else None
    return plain


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}/")
        elif value is not None:
            yield prefix + name, float(value)

"""Metrics of a run: what is measured of a step, and where it is written.

`StepLog` collects losses, speed, memory and counts; `MetricsWriter` writes them as one JSON object per line,
TensorBoard events and, where asked for, to Weights & Biases.
"""

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
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch import Tensor

from lssd import config as configuration
from lssd.errors import LssdError, MissingExtraError, install_hint
from lssd.pretraining.distributed import World, gather_objects
from lssd.pretraining.network import Network
from lssd.pretraining.objective import Losses
from lssd.pretraining.recipe import Recipe
from lssd.store import write_bytes
from lssd.views import Batch

FILE = "metrics.jsonl"
WANDB_ID = "wandb-id.txt"

_GIB = 2**30


@dataclass
class RunTotals:
    """What a run has used so far, over all sessions.

    total_s: seconds of training; wait_s: of them, seconds of waiting for data. skipped: updates left out
    since their gradient was not finite. replaced: clips that could not be read and were replaced.
    """

    total_s: float = 0.0
    wait_s: float = 0.0
    skipped: int = 0
    replaced: int = 0

    @property
    def wait_share(self) -> float:
        return self.wait_s / self.total_s if self.total_s else 0.0


class StepLog:
    """What is logged of a step, and the run's totals, which `count` keeps up to date.

    operations: floating-point operations of one instance, forward and backward; peak: those per second that
    this process's device can do. Utilisation is left out where `peak` is 0.
    """

    def __init__(self, totals: RunTotals, world: World, operations: float = 0.0, peak: float = 0.0) -> None:
        self._totals, self._world = totals, world
        self._operations, self._peak = operations, peak
        now = time.perf_counter()
        self._last_step, self._waited_s = now, 0.0
        self._last_line, self._instances = now, 0  # since the last line of metrics

    def count(self, batch: Batch, waited_s: float) -> None:
        """Add a step that ends now. waited_s: of waiting for data, since training began."""
        now = time.perf_counter()
        self._totals.total_s += now - self._last_step
        self._totals.wait_s += waited_s - self._waited_s
        self._totals.replaced += len(batch.replaced)
        self._last_step, self._waited_s = now, waited_s
        self._instances += len(batch.clip_ids)

    def collect(
        self, losses: Losses, gradient_norm: Tensor, network: Network, optimiser: torch.optim.Optimizer
    ) -> dict[str, float]:
        """The metrics of the step that was just counted; every process must call it.

        loss and its terms are means over the processes, `instances_per_s` is of all of them together since
        the last call, and `mfu` is this process's share of `peak`. On a GPU, `gpu_memory_gib` is the most
        that this process's tensors took since the last call.
        """
        rate = self._instances / max(self._last_step - self._last_line, 1e-9)
        self._last_line, self._instances = self._last_step, 0
        values = {
            **_mean_losses(losses),
            "gradient_norm": gradient_norm.item(),
            "lr": optimiser.param_groups[0]["lr"],
            "scale": network.scale().item(),
            "instances_per_s": rate * self._world.size,
        }
        if self._peak:
            values["mfu"] = rate * self._operations / self._peak
        if network.device.type == "cuda":
            values["gpu_memory_gib"] = torch.cuda.max_memory_allocated(network.device) / _GIB
            torch.cuda.reset_peak_memory_stats(network.device)
        return values | {
            "data_wait_share": self._totals.wait_share,
            "skipped": self._totals.skipped,
            "replaced": sum(gather_objects(self._totals.replaced)),
        }

    @staticmethod
    def note(values: Mapping[str, float]) -> str:
        """The metrics that stand beside the progress of a run."""
        waits = f"waits {values['data_wait_share']:.0%}"
        return f"loss {values['loss']:.3f}, {values['instances_per_s']:.3g} instances/s, {waits}"


def _mean_losses(losses: Losses) -> dict[str, float]:
    """The loss and its terms by name, averaged over the processes."""
    names = {"loss": losses.total, "cross": losses.cross, "video": losses.video, "audio": losses.audio}
    own = {name: term.item() for name, term in names.items() if term is not None}
    shares = gather_objects(own)
    return {name: sum(share[name] for share in shares) / len(shares) for name in own}


class MetricsWriter:
    """Append metrics to `RUN/metrics.jsonl` and `RUN/tensorboard`; a context manager.

    Lines of steps after `resume_step` come from a run that was killed beyond its last checkpoint and
    are dropped, since those steps are done again. `wandb` names a project of Weights & Biases to log to as
    well, with `config` as the run's settings: later sessions continue the same run there, by the id in
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
                # TensorBoard then forgets what an earlier session wrote of the steps that are done again.
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
    """A file to which whole pieces are appended; raises OSError where one does not fit.

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
    """Turn the system's errors of a write into one line."""
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

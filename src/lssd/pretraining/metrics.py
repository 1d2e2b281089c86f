"""Metrics of a run: one JSON object a line, and TensorBoard events."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from lssd.store import write_bytes

FILE = "metrics.jsonl"


class MetricsWriter:
    """Append metrics to `RUN/metrics.jsonl` and `RUN/tensorboard`; a context manager.

    Lines of steps after `resume_step` come from a run that was killed beyond its last checkpoint and
    are dropped, since those steps are done again.
    """

    def __init__(self, run: Path, resume_step: int = 0) -> None:
        self._path = run / FILE
        kept = [line for line in read_metrics(run) if line["step"] <= resume_step]
        write_bytes(self._path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._file = self._path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=resume_step + 1)

    def __enter__(self) -> "MetricsWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._board.close()

    def write(self, step: int, values: dict[str, Any]) -> None:
        """Write the metrics of one step; nested groups become TensorBoard folders."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        for name, value in _flatten(values):
            self._board.add_scalar(name, value, step)


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


def _flatten(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}/")
        else:
            yield prefix + name, float(value)

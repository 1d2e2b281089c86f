"""The run folder: what defines a run, and what a finished one came to."""

import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from lssd import config
from lssd.errors import InputError
from lssd.pretraining.lineage import Parent
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.recipe import Recipe, difference, load_recipe
from lssd.store import read_json, write_bytes, write_json
from lssd.views import ClipIndex, Corpora

_FINISHED = "finished.json"


@dataclass(frozen=True)
class Run:
    """A finished run.

    folder: holds recipe.yaml, environment.json, metrics.jsonl, tensorboard, checkpoints, model and, written
    last, finished.json.
    seconds: of training over all sessions; wait_share: the part of them spent waiting for data.
    held_out: the last measures on held-out titles; empty when the corpus has none.
    skipped: updates left out since their gradient was not finite; replaced: clips that could not be read.
    """

    folder: Path
    steps: int
    seconds: float
    wait_share: float
    held_out: dict[str, float]
    skipped: int = 0
    replaced: int = 0

    @property
    def model(self) -> Path:
        return self.folder / "model"


def read_run(folder: Path) -> Run | None:
    """What a run came to, whatever of its checkpoints is left; None when it is not finished."""
    file = folder / _FINISHED
    if not file.is_file() or not (folder / "model").is_dir():
        return None
    return Run(folder=folder, held_out=last_held_out(folder), **read_json(file))


def write_run(run: Run) -> Run:
    """Mark a run as finished; returns it."""
    facts = asdict(run)
    del facts["folder"], facts["held_out"]  # the folder may be moved, and metrics.jsonl has the measures
    write_json(run.folder / _FINISHED, facts)
    return run


def last_held_out(folder: Path) -> dict[str, float]:
    """The last measures on held-out titles; empty without any."""
    found = [line["eval"] for line in read_metrics(folder) if "eval" in line]
    return found[-1] if found else {}


@dataclass(frozen=True)
class RunDescription:
    """How far a run is. recipe: its name; state: in words; metrics: the last value of each, None where it was
    not finite."""

    kind: ClassVar[Literal["run"]] = "run"

    path: str
    recipe: str
    state: str
    metrics: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """The form that `lssd inspect RUN --json` prints."""
        return asdict(self)


def describe_run(path: str | Path) -> RunDescription:
    """How far a run is, and what it last measured."""
    folder = Path(path)
    recipe = load_recipe(folder / "recipe.yaml")
    metrics: dict[str, float | None] = {}
    for line in read_metrics(folder):
        metrics |= line.get("eval", line)
    state = "finished" if read_run(folder) else f"unfinished, at step {metrics.get('step', 0)}"
    return RunDescription(str(path), recipe.name, state, metrics)


def claim(folder: Path, recipe: Recipe, corpora: Corpora, index: ClipIndex, parent: Parent | None) -> None:
    """Write what defines a run, or check that the folder holds the same run already.

    Raises InputError, naming what differs, when it holds another.
    """
    path, data = folder / "recipe.yaml", index.digest()
    if path.exists():
        _check_same(folder, recipe, corpora, data, parent)
        return
    environment = {
        "lssd": metadata.version("lssd"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "corpus": corpora.root,
        "data": data,
        "parent": parent
        and {
            "recipe": parent.recipe,
            "file": str(parent.file),
            "step": parent.step,
            "sha256": parent.identity,
        },
    }
    write_json(folder / "environment.json", environment)
    write_bytes(path, config.to_yaml(recipe).encode())  # last: it marks the folder as claimed


def _check_same(folder: Path, recipe: Recipe, corpora: Corpora, data: str, parent: Parent | None) -> None:
    path = folder / "recipe.yaml"
    differs = difference(load_recipe(path), recipe)
    if differs is not None:
        key, there, here = differs
        raise InputError(
            f"{folder} holds a run of another recipe ({path}): its {key} is {there}, not {here}; choose "
            "another --out"
        )
    begun = read_json(folder / "environment.json")
    if begun["data"] != data:
        raise InputError(
            f"{folder} was trained on other clips (of {begun['corpus']}, as it was then) than those of "
            f"{corpora.root}; choose another --out"
        )
    if parent is not None and begun["parent"]["sha256"] != parent.identity:
        raise InputError(f"{folder} started from other weights than {parent.file}; choose another --out")

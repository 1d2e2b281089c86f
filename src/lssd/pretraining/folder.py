"""The run folder: what defines a run, and what a finished one came to."""

import logging
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from lssd import config
from lssd.errors import InputError
from lssd.models.folders import FINISHED_FILE, RECIPE_FILE, is_run, list_checkpoints
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.optimiser import learning_rate, total_steps, warmup_steps
from lssd.pretraining.recipe import Change, Recipe, changes, load_recipe
from lssd.pretraining.start import Origin, with_preprocessing
from lssd.store import read_json, write_bytes, write_json
from lssd.views import ClipIndex, Corpora, epoch_steps

_logger = logging.getLogger(__name__)


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
    file = folder / FINISHED_FILE
    if not file.is_file() or not (folder / "model").is_dir():
        return None
    return Run(folder=folder, held_out=last_held_out(folder), **read_json(file))


def write_run(run: Run) -> Run:
    """Mark a run as finished; returns it."""
    facts = asdict(run)
    del facts["folder"], facts["held_out"]  # the folder may be moved, and metrics.jsonl has the measures
    write_json(run.folder / FINISHED_FILE, facts)
    return run


def last_held_out(folder: Path) -> dict[str, float]:
    """The last measures on held-out titles; empty without any."""
    found = [line["eval"] for line in read_metrics(folder) if "eval" in line]
    return found[-1] if found else {}


@dataclass(frozen=True)
class RunDescription:
    """How far a run is. recipe: its name; state: in words; checkpoints: steps of those that are kept;
    metrics: the last value of each, None where it was not finite."""

    kind: ClassVar[Literal["run"]] = "run"

    path: str
    recipe: str
    state: str
    checkpoints: tuple[int, ...]
    metrics: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """The form that `lssd inspect RUN --json` prints."""
        return asdict(self)


def describe_run(path: str | Path) -> RunDescription:
    """How far a run is, and what it last measured."""
    folder = Path(path)
    recipe = load_recipe(folder / RECIPE_FILE)
    metrics: dict[str, float | None] = {}
    for line in read_metrics(folder):
        metrics |= line.get("eval", line)
    state = "finished" if read_run(folder) else f"unfinished, at step {metrics.get('step', 0)}"
    steps = tuple(checkpoint.step for checkpoint in list_checkpoints(folder))
    return RunDescription(str(path), recipe.name, state, steps, metrics)


def as_begun(folder: Path, recipe: Recipe) -> Recipe:
    """The recipe with the preprocessing that a run took up from its start when it began.

    As it is where no run has begun.
    """
    if not is_run(folder):
        return recipe
    start = read_json(folder / "environment.json").get("start")
    return recipe if start is None else with_preprocessing(recipe, start["taken_up"])


def claim(folder: Path, recipe: Recipe, corpora: Corpora, index: ClipIndex, start: Origin | None) -> None:
    """Write what defines a run, or check that the folder holds the same run already.

    start: the weights that it is to start from; None: random ones, or those that it has begun with.

    Intervals, the number of steps and what stands under `machine` may be others than before: a run that is
    not finished, or is not any more since it is to be longer, goes on with them, and a line says so. Raises
    InputError, naming what differs, when the folder holds another run, and when more steps are done than
    are asked for.
    """
    path, data = folder / RECIPE_FILE, index.digest()
    if is_run(folder):
        before = _check_same(folder, recipe, corpora, data, start)
        _go_on(folder, before, recipe, index)
        return
    environment = {
        "lssd": metadata.version("lssd"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "corpus": corpora.root,
        "data": data,
        "start": start and asdict(start),
    }
    write_json(folder / "environment.json", environment)
    write_bytes(path, config.to_yaml(recipe).encode())  # last: it marks the folder as claimed


def _check_same(folder: Path, recipe: Recipe, corpora: Corpora, data: str, start: Origin | None) -> Recipe:
    """The recipe of the folder, if the same run goes on with `recipe`."""
    path = folder / RECIPE_FILE
    before = load_recipe(path)
    forbidden = [change for change in changes(before, recipe) if not change.allowed]
    if forbidden:
        key, there, here = forbidden[0]
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
    if start is not None and (begun.get("start") or {}).get("sha256") != start.sha256:
        found = "other" if begun.get("start") else "random"
        raise InputError(f"{folder} started from {found} weights, not {start.place}; choose another --out")
    return before


def _go_on(folder: Path, before: Recipe, now: Recipe, index: ClipIndex) -> None:
    """Go on with a recipe that may differ in what may change: note it, and say so."""
    checkpoints, finished = list_checkpoints(folder), read_run(folder)
    done = finished.steps if finished else checkpoints[-1].step if checkpoints else 0
    steps = _steps(now, index)
    if steps < done:
        raise InputError(
            f"{folder} has done {done} steps already, and cannot end after {steps}; give more "
            "(schedule.steps), or choose another --out"
        )
    if finished is not None:
        if steps == done:
            return  # it stands as it is
        if not checkpoints or checkpoints[-1].step != done:
            raise InputError(
                f"{folder} is finished after {done} steps and has no checkpoint of them to go on from; "
                "choose another --out"
            )
    changed = changes(before, now)
    if changed:
        _record(folder, now, changed, done)
        words = ", ".join(f"{change.key} {change.now} instead of {change.before}" for change in changed)
        _logger.info("%s goes on with %s%s", folder, words, _rates(before, now, done, index))
    if finished is not None:
        (folder / FINISHED_FILE).unlink()


def _steps(recipe: Recipe, index: ClipIndex) -> int:
    return total_steps(recipe.schedule, epoch_steps(index, recipe.views, recipe.groups))


def _record(folder: Path, recipe: Recipe, changed: list[Change], step: int) -> None:
    path = folder / "environment.json"
    environment = read_json(path)
    noted = [{"after_step": step, **change._asdict()} for change in changed]
    write_json(path, {**environment, "changes": [*environment.get("changes", []), *noted]})
    write_bytes(folder / RECIPE_FILE, config.to_yaml(recipe).encode())


def _rates(before: Recipe, now: Recipe, step: int, index: ClipIndex) -> str:
    """What another number of steps means for the learning rate, in words; "" where the number is the same."""
    rates = []
    for recipe in (before, now):
        steps = _steps(recipe, index)
        per_epoch = epoch_steps(index, recipe.views, recipe.groups)
        warmup = warmup_steps(recipe.schedule, per_epoch, steps)
        rates.append((steps, learning_rate(step, recipe.optimiser.lr, warmup, steps)))
    (old_steps, old_rate), (steps, rate) = rates
    if steps == old_steps:
        return ""
    return (
        f": after step {step} the learning rate follows the schedule of {steps} steps, {rate:.3g} where that "
        f"of {old_steps} had {old_rate:.3g}"
    )

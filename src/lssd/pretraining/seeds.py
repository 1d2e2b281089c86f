"""One recipe trained with several seeds: a run each, reported together.

Two recipes trained with the same seeds make pairs, seed by seed; `lssd.evaluation.compare_seeds` compares
them on tasks, and `paired_differences` what they measured on held-out titles.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from lssd.errors import InputError
from lssd.measures import mean_interval
from lssd.models.folders import RECIPE_FILE, is_run
from lssd.models.seed_folders import seed_folder, seed_folders
from lssd.pretraining.folder import Run, read_run
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.store import write_json

_FILE = "seeds.json"
_MOST = 1000


@dataclass(frozen=True)
class SeedMeasure:
    """One held-out measure over seeds, in its own units: its mean, the range, and each seed's value.

    low, high: the 95% interval of the mean over all seeds there could be, Student's t over those there are;
    None for a single seed.
    """

    mean: float
    least: float
    most: float
    low: float | None
    high: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class SeedsDescription:
    """Runs of one recipe with several seeds. recipe: its name.

    seeds: of the finished runs, in the order of each measure's values; unfinished: of those that are not.
    measures: the last held-out measures that all finished runs have.
    """

    kind: ClassVar[Literal["seeds"]] = "seeds"

    path: str
    recipe: str
    seeds: tuple[int, ...]
    unfinished: tuple[int, ...]
    measures: dict[str, SeedMeasure]

    def to_json(self) -> dict[str, Any]:
        """The form that `OUT/seeds.json` has, and `lssd inspect OUT --json` prints."""
        return asdict(self)


@dataclass(frozen=True)
class SeedRuns:
    """Finished runs of one recipe, the seeds rising; `folder` holds them and `seeds.json`."""

    folder: Path
    runs: tuple[Run, ...]
    description: SeedsDescription


def train_seeds(recipe: Recipe, count: int, out: Path, train: Callable[[Recipe, Path], Run]) -> list[Run]:
    """Train a recipe with `count` seeds, its own and those that follow, each in `out/seed-K`.

    `train(recipe, folder)` trains one, or returns what stands when it is finished. InputError for a number of
    seeds that is none, for seeds beyond the largest that a recipe can have, and when `out` is itself a run.
    """
    check_count(count)
    if is_run(out):
        raise InputError(f"{out} is a run; paired seeds take a folder for several: choose another --out")
    recipes = [load_recipe(recipe, (f"seed={recipe.seed + number}",)) for number in range(count)]
    return [train(one, seed_folder(out, one.seed)) for one in recipes]


def check_count(count: int) -> None:
    """InputError for a number of seeds that is none."""
    if not 1 <= count <= _MOST:
        raise InputError(f"the number of seeds must lie between 1 and {_MOST}, not {count}")


def write_seeds(out: Path, runs: list[Run]) -> SeedRuns:
    """Write `out/seeds.json`, what the finished runs below it come to; returns these runs with it."""
    description = describe_seeds(out)
    write_json(out / _FILE, description.to_json())
    return SeedRuns(out, tuple(runs), description)


def describe_seeds(out: str | Path) -> SeedsDescription:
    """What the runs of several seeds below a folder came to, read off the runs."""
    folders = seed_folders(out)
    if not folders:
        raise InputError(f"{out} holds no run of a seed; make some: lssd pretrain --seeds N --out {out}")
    runs = {seed: read_run(folder) for seed, folder in folders.items()}
    finished = {seed: run for seed, run in runs.items() if run is not None}
    return SeedsDescription(
        path=str(out),
        recipe=load_recipe(next(iter(folders.values())) / RECIPE_FILE).name,
        seeds=tuple(finished),
        unfinished=tuple(seed for seed in runs if seed not in finished),
        measures=_over_seeds([run.held_out for run in finished.values()]),
    )


def paired_differences(a: SeedsDescription, b: SeedsDescription) -> dict[str, SeedMeasure]:
    """b less a in every measure that both have, pair by pair of the seeds that both have."""
    shared = [seed for seed in a.seeds if seed in b.seeds]
    differences = [
        {
            key: b.measures[key].values[b.seeds.index(seed)] - a.measures[key].values[a.seeds.index(seed)]
            for key in a.measures
            if key in b.measures
        }
        for seed in shared
    ]
    return _over_seeds(differences)


def parent_of_seed(init: str | Path | None, seed: int) -> str | Path | None:
    """The parent's run for one seed: that of the same seed, where `init` holds several."""
    if init is None or not (folders := seed_folders(init)):
        return init
    if seed not in folders:
        raise InputError(f"{init} has no run of seed {seed} to start from; train it there with --seeds")
    return folders[seed]


def _over_seeds(held_out: list[dict[str, float]]) -> dict[str, SeedMeasure]:
    if not held_out:
        return {}
    shared = [key for key in held_out[0] if all(_is_number(one.get(key)) for one in held_out)]
    return {key: _over_values([float(one[key]) for one in held_out]) for key in shared}


def _over_values(values: list[float]) -> SeedMeasure:
    interval = mean_interval(values) if len(values) > 1 else None
    return SeedMeasure(
        mean=math.fsum(values) / len(values),
        least=min(values),
        most=max(values),
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        values=tuple(values),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)

"""Recipes: all that defines a pretraining run, as data.

A recipe is a YAML file over the dataclasses below. `extends: NAME` starts from another recipe, so a
variant states only what sets it apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from lssd import config
from lssd.errors import InputError
from lssd.models import TowerConfig
from lssd.views import Selection, ViewSettings


@dataclass(frozen=True)
class HeadRecipe:
    """The 2-layer projection heads, one a modality; `hidden` None means the encoder's width."""

    hidden: int | None = None
    size: int = 512

    def __post_init__(self) -> None:
        _require(self.size >= 1 and (self.hidden is None or self.hidden >= 1), "sizes must be at least 1")


@dataclass(frozen=True)
class ObjectiveRecipe:
    """Weights of the within-modal terms and the temperature (paper, Eq. 1-3)."""

    lambda_v: float = 0.0
    lambda_a: float = 0.0
    temperature: float = 0.07

    def __post_init__(self) -> None:
        _require(min(self.lambda_v, self.lambda_a) >= 0, "lambda_v and lambda_a must not be negative")
        _require(self.temperature > 0, "temperature must be above 0")


@dataclass(frozen=True)
class OptimiserRecipe:
    """AdamW with linear warm-up and a half-cosine to zero. `clip_norm` None: gradients as they are."""

    lr: float = 3e-4
    weight_decay: float = 5e-2
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        _require(self.lr > 0, "lr must be above 0")
        _require(self.weight_decay >= 0, "weight_decay must not be negative")
        _require(all(0 <= beta < 1 for beta in self.betas), "betas must lie in [0, 1)")
        _require(self.clip_norm is None or self.clip_norm > 0, "clip_norm must be above 0")


@dataclass(frozen=True)
class ScheduleRecipe:
    """How long: `steps` when given, else `epochs`; warm-up in epochs. Checkpoints every so many steps."""

    epochs: int = 12
    steps: int | None = None
    warmup_epochs: float = 2.0
    checkpoint_every: int = 500
    log_every: int = 10

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs must be at least 1")
        _require(self.steps is None or self.steps >= 1, "steps must be at least 1")
        _require(self.warmup_epochs >= 0, "warmup_epochs must not be negative")
        _require(min(self.checkpoint_every, self.log_every) >= 1, "the intervals must be at least 1")


@dataclass(frozen=True)
class MonitorRecipe:
    """Retrieval on held-out titles: every so many steps (0: at the end alone), over how many clips."""

    every: int = 0
    clips: int = 256
    splits: tuple[str, ...] = ("valid", "test")

    def __post_init__(self) -> None:
        _require(self.every >= 0 and self.clips >= 0, "every and clips must not be negative")


@dataclass(frozen=True)
class MachineRecipe:
    """What may differ between machines: loader processes, clip cache (GB; 0: none), threads.

    threads None leaves torch's own choice. Results are the same to the bit at equal thread counts.
    """

    workers: int = 2
    cache_gb: float = 0.0
    threads: int | None = None

    def __post_init__(self) -> None:
        _require(self.workers >= 0, "workers must not be negative")
        _require(self.cache_gb >= 0, "cache_gb must not be negative")
        _require(self.threads is None or self.threads > 0, "threads must be at least 1")


@dataclass(frozen=True)
class Recipe:
    """All that defines a pretraining run."""

    name: str
    description: str = ""
    seed: int = 0
    data: Selection = field(default_factory=Selection)
    views: ViewSettings = field(default_factory=ViewSettings)
    video: TowerConfig = field(default_factory=lambda: TowerConfig("mvit_v2_s"))
    audio: TowerConfig = field(default_factory=lambda: TowerConfig("mvit_v2_s"))
    head: HeadRecipe = field(default_factory=HeadRecipe)
    objective: ObjectiveRecipe = field(default_factory=ObjectiveRecipe)
    optimiser: OptimiserRecipe = field(default_factory=OptimiserRecipe)
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    monitor: MonitorRecipe = field(default_factory=MonitorRecipe)
    machine: MachineRecipe = field(default_factory=MachineRecipe)

    def __post_init__(self) -> None:
        _require(self.seed >= 0, "seed must not be negative")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def recipe_names() -> list[str]:
    """The names of the packaged recipes."""
    root = Path(str(resources.files("lssd") / "recipes"))
    return sorted(str(path.relative_to(root).with_suffix("")) for path in root.rglob("*.yaml"))


def load_recipe(recipe: str | Path | Recipe, settings: Sequence[str] = ()) -> Recipe:
    """A recipe by packaged name or file, with `KEY=VALUE` settings applied.

    Raises InputError for an unknown name, and for an unknown key or a wrong value, naming it.
    """
    if isinstance(recipe, Recipe):
        mapping: Mapping[str, Any] = config.to_mapping(recipe)
        source = f"recipe {recipe.name}"
    else:
        mapping, source = _read(recipe, seen=()), f"recipe {recipe}"
    return config.build(Recipe, config.override(mapping, settings), source)


def _read(recipe: str | Path, seen: tuple[str, ...]) -> dict[str, Any]:
    if str(recipe) in seen:
        raise InputError(f"recipe {recipe} extends itself through {' -> '.join(seen)}")
    path = _find(recipe)
    mapping = config.read_yaml(path)
    parent = mapping.pop("extends", None)
    if parent is None:
        return mapping
    near = path.parent / f"{parent}.yaml"
    base = _read(near if near.is_file() else str(parent), (*seen, str(recipe)))
    return _merge(base, mapping)


def _find(recipe: str | Path) -> Path:
    packaged = Path(str(resources.files("lssd") / "recipes" / f"{recipe}.yaml"))
    if packaged.is_file():
        return packaged
    if Path(recipe).is_file():
        return Path(recipe)
    raise InputError(f"no recipe '{recipe}': give a file or one of {', '.join(recipe_names())}")


def _merge(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged

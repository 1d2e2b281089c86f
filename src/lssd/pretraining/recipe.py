"""Recipes: all that defines a pretraining run, as data.

A recipe is a YAML file over the dataclasses below. `extends: NAME` starts from another recipe, so a
variant states only what sets it apart. Where it changes the `name` of a tower, the dials of the encoder
that stood there fall away; all else is merged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lssd import config
from lssd.engine import reason_of
from lssd.errors import InputError
from lssd.models import TowerConfig
from lssd.models.limits import SIZE, check_values, require_ranges
from lssd.store import hash_json
from lssd.views import Selection, ViewSettings, require_splits

_MOST_STEPS = 10**9  # and epochs, clips: far more than anybody trains
_MOST_PROCESSES = 1024  # of one machine, and threads of one process
_WIDEST_HEAD = 16_384
# What may change when a run is taken up again: it says how long, how often and where, not what is trained.
_MAY_CHANGE = (
    "machine",
    "schedule.epochs",
    "schedule.steps",
    "schedule.checkpoint_every",
    "schedule.keep",
    "schedule.keep_every",
    "schedule.log_every",
    "monitor.every",
)
_RECIPE_BYTES = 1 << 16  # the longest packaged one has some 1,000, with all defaults 3,000
_TOWERS = ("video", "audio")  # keys of `Recipe` that hold a TowerConfig


@dataclass(frozen=True)
class HeadRecipe:
    """The 2-layer projection heads, one a modality; `hidden` None means the encoder's width.

    separate_sounds: primary and secondary sounds have a head each (the controlled study), or share one.
    """

    hidden: int | None = None
    size: int = 512
    separate_sounds: bool = False

    def __post_init__(self) -> None:
        require_ranges(self, default=(1, _WIDEST_HEAD))
        _require(self.size >= 1 and (self.hidden is None or self.hidden >= 1), "sizes must be at least 1")


@dataclass(frozen=True)
class ObjectiveRecipe:
    """What is contrasted with what, and how (paper, Eq. 1-3).

    lambda_v, lambda_a: weights of the within-modal terms.
    temperature: fixed, or where a learned one begins (`learn_temperature`), which stays at 0.01 or above.
    loss: "nt_xent" is the paper's Eq. 1; "clip" has one softmax a direction, "siglip" one sigmoid a pair.
    gather: negatives come from all processes' batches, or from the process's own alone.
    mask: candidates that are no negatives since they show the same: none, those of the "clip" itself, or
    those of clips that are near-duplicates of it as well. Never those of its title: they are the paper's
    hard negatives. The sampler of `lssd.views` draws no clip twice in a step, so "clip" acts on batches
    from elsewhere alone.
    """

    LEAST_LEARNED = 0.01  # as in CLIP; no annotation, so no key

    lambda_v: float = 0.0
    lambda_a: float = 0.0
    temperature: float = 0.07
    learn_temperature: bool = False
    loss: Literal["nt_xent", "clip", "siglip"] = "nt_xent"
    gather: bool = True
    mask: Literal["none", "clip", "near_duplicate"] = "none"

    def __post_init__(self) -> None:
        require_ranges(self, default=(0, 1e6))
        _require(min(self.lambda_v, self.lambda_a) >= 0, "lambda_v and lambda_a must not be negative")
        _require(self.temperature > 0, "temperature must be above 0")
        _require(
            not self.learn_temperature or self.temperature >= self.LEAST_LEARNED,
            f"temperature must be at least {self.LEAST_LEARNED} where it is learned (learn_temperature)",
        )


@dataclass(frozen=True)
class OptimiserRecipe:
    """AdamW with linear warm-up and a half-cosine to zero. `clip_norm` None: gradients as they are.

    frozen: towers that stay as they start, statistics included, and run as in evaluation: no masks, no
    stochastic depth, no gradients. Their heads are trained.
    layer_decay: the learning rate of each layer of an encoder over that of the layer above it, such as 0.75
    to fine-tune (Bao et al., "BEiT", 2022; Clark et al., "ELECTRA", 2020); None: one rate for all. Layers are
    the encoder's blocks; what comes before them is one layer more, what comes after has the full rate, as
    heads have.
    average: the decay, such as 0.999, of an exponential moving average of the weights, which is then what is
    measured on held-out titles and what becomes the model; None: the weights themselves.
    """

    lr: float = 3e-4
    weight_decay: float = 5e-2
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float | None = None
    average: float | None = None
    frozen: tuple[Literal["video", "audio"], ...] = ()
    layer_decay: float | None = None

    def __post_init__(self) -> None:
        require_ranges(self, default=(0, 1e6))
        _require(self.lr > 0, "lr must be above 0")
        _require(self.weight_decay >= 0, "weight_decay must not be negative")
        _require(all(0 <= beta < 1 for beta in self.betas), "betas must lie in [0, 1)")
        _require(self.clip_norm is None or self.clip_norm > 0, "clip_norm must be above 0")
        _require(self.average is None or 0 < self.average < 1, "average must lie between 0 and 1")
        _require(
            self.layer_decay is None or 0 < self.layer_decay <= 1,
            "layer_decay must be above 0, and at most 1",
        )


@dataclass(frozen=True)
class ScheduleRecipe:
    """How long: `steps` when given, else `epochs`; warm-up likewise. Checkpoints every so many steps.

    keep: so many of the newest checkpoints stay; keep_every: and, beside these, that of every so many steps.
    """

    epochs: int = 12
    steps: int | None = None
    warmup_epochs: float = 2.0
    warmup_steps: int | None = None
    checkpoint_every: int = 500
    keep: int = 2
    keep_every: int | None = None
    log_every: int = 10

    def __post_init__(self) -> None:
        require_ranges(self, default=(0, _MOST_STEPS))
        _require(self.epochs >= 1, "epochs must be at least 1")
        _require(self.steps is None or self.steps >= 1, "steps must be at least 1")
        _require(self.warmup_epochs >= 0, "warmup_epochs must not be negative")
        _require(self.warmup_steps is None or self.warmup_steps >= 0, "warmup_steps must not be negative")
        intervals = (self.checkpoint_every, self.log_every, self.keep_every or 1)
        _require(min(intervals) >= 1, "the intervals must be at least 1")
        _require(self.keep >= 1, "keep must be at least 1")

    def keeps(self, step: int) -> bool:
        """Whether the checkpoint of a step stays for ever."""
        return self.keep_every is not None and step % self.keep_every == 0

    def saves(self, step: int) -> bool:
        """Whether a checkpoint is written after a step."""
        return step % self.checkpoint_every == 0 or self.keeps(step)


@dataclass(frozen=True)
class MonitorRecipe:
    """Measures on held-out titles: every so many steps (0: at the end alone), over how many clips.

    neighbours: k of the k-nearest-neighbour accuracies.
    """

    every: int = 0
    clips: int = 256
    splits: tuple[str, ...] = ("valid", "test")
    neighbours: int = 10

    def __post_init__(self) -> None:
        require_ranges(self, default=(0, _MOST_STEPS))
        _require(self.neighbours >= 1, "neighbours must be at least 1")
        _require(self.every >= 0 and self.clips >= 0, "every and clips must not be negative")
        require_splits(self.splits)


@dataclass(frozen=True)
class MachineRecipe:
    """What may differ between machines, and between sessions of one run.

    workers: loader processes; cache_gb: of decoded clips (0: none); threads: None leaves torch's choice.
    device: "auto" takes a GPU where there is one. precision, compile: "auto" is bf16 and "block" on a
    GPU, float32 and "none" on a CPU. activation_checkpointing: less memory, more time.
    chunk: instances whose activations are held at once; a larger batch is then computed in parts whose
    negatives are still the whole batch (GradCache). None: all at once.
    profile: steps of each session to trace, 0 for none (`lssd.pretraining.profiling`).
    wandb: a Weights & Biases project to log to as well.
    Results are the same to the bit at equal device, precision, threads and processes.
    """

    workers: int = 2
    cache_gb: float = 0.0
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bf16"] = "auto"
    compile: Literal["auto", "none", "block"] = "auto"
    activation_checkpointing: bool = False
    chunk: int | None = None
    profile: int = 0
    wandb: str | None = None

    def __post_init__(self) -> None:
        most = (0, _MOST_PROCESSES)
        require_ranges(self, default=(0, _MOST_STEPS), workers=most, threads=most)
        _require(self.workers >= 0, "workers must not be negative")
        _require(self.profile >= 0, "profile must not be negative")
        _require(self.cache_gb >= 0, "cache_gb must not be negative")
        _require(self.threads is None or self.threads > 0, "threads must be at least 1")
        _require(self.chunk is None or self.chunk > 0, "chunk must be at least 1")


@dataclass(frozen=True)
class Recipe:
    """All that defines a pretraining run.

    parent: the recipe whose last checkpoint, heads included, a run of this one starts from.
    same_steps_as: recipes that run as many steps, so that comparisons with them are fair.
    groups: of `views.batch_size` instances, in a step's batch: the paper's 32 GPUs. Any number of
    processes that divides it runs the same batches; a process then computes several groups one by one.
    video: None trains on sound alone.
    """

    name: str
    description: str = ""
    seed: int = 0
    parent: str | None = None
    same_steps_as: tuple[str, ...] = ()
    groups: int = 1
    data: Selection = field(default_factory=Selection)
    views: ViewSettings = field(default_factory=ViewSettings)
    video: TowerConfig | None = field(default_factory=lambda: TowerConfig("mvit_v2_s"))
    audio: TowerConfig = field(default_factory=lambda: TowerConfig("mvit_v2_s"))
    head: HeadRecipe = field(default_factory=HeadRecipe)
    objective: ObjectiveRecipe = field(default_factory=ObjectiveRecipe)
    optimiser: OptimiserRecipe = field(default_factory=OptimiserRecipe)
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    monitor: MonitorRecipe = field(default_factory=MonitorRecipe)
    machine: MachineRecipe = field(default_factory=MachineRecipe)

    def __post_init__(self) -> None:
        require_ranges(self, default=(1, SIZE), seed=(0, 2**62 - 1))
        _require(self.seed >= 0, "seed must not be negative")
        _require(self.groups >= 1, "groups must be at least 1")
        views, objective = self.views, self.objective
        _require(
            views.pictures == (self.video is not None), "views.pictures must be false exactly without a video"
        )
        _require(
            "video" not in self.optimiser.frozen or self.video is not None,
            "optimiser.frozen names video, but there is none",
        )
        _require(
            objective.lambda_v == 0 or (views.pictures and views.windows == 2),
            "objective.lambda_v needs pictures of two windows (views.windows 2)",
        )
        _require(
            views.secondary != "none" or (views.windows == 1 and views.pictures and not objective.lambda_a),
            "views.secondary none needs views.windows 1, a video and objective.lambda_a 0",
        )
        _require(
            views.primary != "background" or self.data.require_background,
            "views.primary background needs data.require_background true",
        )


def reproducible_part(recipe: Recipe) -> dict[str, Any]:
    """A recipe without `machine`: what decides a run's results."""
    mapping: dict[str, Any] = config.to_mapping(recipe)
    return {key: value for key, value in mapping.items() if key != "machine"}


class Change(NamedTuple):
    """A dotted key of a recipe whose value is another one now."""

    key: str
    before: Any
    now: Any

    @property
    def allowed(self) -> bool:
        """Whether a run that has begun may go on with it."""
        return any(self.key == key or self.key.startswith(f"{key}.") for key in _MAY_CHANGE)


def digest(recipe: Recipe) -> str:
    """A hash of what may not change once a run has begun: equal for recipes of which one may go on with the
    other's checkpoint."""
    fixed = [pair for pair in _flatten(config.to_mapping(recipe)) if not Change(pair[0], None, None).allowed]
    return hash_json(dict(fixed))


def changes(before: Recipe, now: Recipe) -> list[Change]:
    """All keys whose values differ between two recipes, in the order of the recipe."""
    old, new = dict(_flatten(config.to_mapping(before))), dict(_flatten(config.to_mapping(now)))
    keys = [*old, *(key for key in new if key not in old)]
    return [Change(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def _flatten(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values that are no groups; a group without keys is a value."""
    if not isinstance(value, Mapping) or not value:
        yield key, value
        return
    for name, one in value.items():
        yield from _flatten(one, f"{key}.{name}" if key else name)


def load_named(key: str, name: str, settings: Sequence[str] = ()) -> Recipe:
    """The recipe that another one names under `key`; the errors of `load_recipe`, with that key."""
    try:
        return load_recipe(name, settings)
    except InputError as error:
        raise InputError(f"{key}: {error}") from error


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def recipe_names() -> list[str]:
    """The names of the packaged recipes. Files that begin with `_` are bases of others, not recipes."""
    root = Path(str(resources.files("lssd") / "recipes"))
    return sorted(
        path.relative_to(root).with_suffix("").as_posix()
        for path in root.rglob("*.yaml")
        if path.name[0] != "_"
    )


def load_recipe(recipe: str | Path | Recipe, settings: Sequence[str] = ()) -> Recipe:
    """A recipe by packaged name or file, with `KEY=VALUE` settings applied.

    Raises InputError for an unknown name, and for an unknown key or a wrong value, naming it.
    """
    source = f"recipe {recipe.name if isinstance(recipe, Recipe) else recipe}"
    mapping = config.to_mapping(recipe) if isinstance(recipe, Recipe) else _read(recipe, seen=())
    try:
        changed = _override(mapping, settings)
    except (RecursionError, ValueError) as error:
        raise InputError(f"{source}: a setting cannot be read as YAML: {reason_of(error)}") from error
    check_values(changed, source)
    return config.build(Recipe, changed, source)


def _read(recipe: str | Path, seen: tuple[str, ...]) -> dict[str, Any]:
    if str(recipe) in seen:
        raise InputError(f"recipe {recipe} extends itself through {' -> '.join(seen)}")
    path = _find(recipe)
    size = path.stat().st_size
    if size > _RECIPE_BYTES:
        raise InputError(f"recipe {recipe} has {size:,} bytes; a recipe has at most {_RECIPE_BYTES:,}")
    try:
        mapping = config.read_yaml(path)
    except (RecursionError, ValueError) as error:  # nested without end, a number of thousands of digits
        raise InputError(f"recipe {recipe} cannot be read as YAML: {reason_of(error)}") from error
    check_values(mapping, f"recipe {recipe}")
    parent = mapping.pop("extends", None)
    if parent is None:
        return mapping
    if not isinstance(parent, str):
        raise InputError(f"recipe {recipe}: 'extends' must name a recipe, not {type(parent).__name__}")
    near = path.parent / f"{parent}.yaml"
    base = _read(near if near.is_file() else parent, (*seen, str(recipe)))
    return _merge(_without_dials(base, _renamed(base, mapping)), mapping)


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


def _override(mapping: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """`config.override`, where a tower that gets another name keeps the dials of the settings alone.

    The order of the settings does not matter to that.
    """
    changed = config.override(mapping, settings)
    renamed = _renamed(mapping, changed)
    return config.override(_without_dials(mapping, renamed), settings) if renamed else changed


def _renamed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> list[str]:
    """The towers whose encoder `changes` names otherwise than `base`."""

    def name(mapping: Mapping[str, Any], tower: str) -> Any:
        settings = mapping.get(tower)
        return settings.get("name") if isinstance(settings, Mapping) else None

    return [tower for tower in _TOWERS if name(changes, tower) not in (None, name(base, tower))]


def _without_dials(mapping: Mapping[str, Any], towers: Sequence[str]) -> dict[str, Any]:
    kept = dict(mapping)
    for tower in towers:
        if isinstance(settings := kept.get(tower), Mapping):
            kept[tower] = {key: value for key, value in settings.items() if key != "dials"}
    return kept

"""Where a run comes from: the recipes it descends from, and the weights that it starts with.

A recipe with a `parent` starts from the last checkpoint of a run of that recipe, heads and the stems'
statistics included (paper, Table 1: "init"). Optimiser and schedule begin anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from torch import Tensor, nn

from lssd.errors import CheckpointError, InputError
from lssd.models.folders import as_checkpoint, list_checkpoints
from lssd.pretraining.checkpoint import read_weights
from lssd.pretraining.recipe import Recipe, load_named, load_recipe
from lssd.store import hash_file

T = TypeVar("T")

_WEIGHTS = "model.safetensors"
# Keys that identify a recipe: a change of these applies only to the recipe that was asked for.
_OWN = ("name", "description", "parent", "same_steps_as")


def lineage(recipe: str | Path | Recipe, settings: Sequence[str] = ()) -> list[Recipe]:
    """A recipe and those it descends from, the oldest first: paper/B.5 gives paper/B.3, paper/B.5.

    `settings` (`KEY=VALUE`) change all of them, so that the weights of one fit the next; only those of name,
    description, parent and same_steps_as change the last one alone. Other differences between them go into a
    recipe file of one's own that `extends` the packaged one.

    Raises InputError as `load_recipe` does, and for a recipe that descends from itself.
    """
    shared = [setting for setting in settings if setting.partition("=")[0].strip() not in _OWN]
    found = [load_recipe(recipe, settings)]
    while (parent := found[0].parent) is not None:
        older = load_named("parent", parent, shared)
        names = [younger.name for younger in found]
        if older.name in names:
            raise InputError(
                f"recipe {older.name} descends from itself through its parent '{parent}'; "
                "give each recipe of the chain a name of its own"
            )
        found.insert(0, older)
    return found


def train_chain(
    recipes: Sequence[Recipe], out: str | Path, train: Callable[[Recipe, Path, Path | None], T]
) -> list[T]:
    """Train a lineage, the oldest first, each in `out/<its name>`: RUNS/paper/B.3, then RUNS/paper/B.5.

    `train(recipe, run, parent's run)` trains one, or returns what stands when it is finished; its results
    are returned in the order of the recipes. Raises InputError, before anything is trained, when `out` is
    itself a run, or a recipe's name cannot be a folder in it.
    """
    root = Path(out)
    if (root / "recipe.yaml").exists():
        raise InputError(f"{root} is a run; a chain takes a folder for several, each by its recipe's name")
    folders = [root / _as_folder(recipe) for recipe in recipes]
    results: list[T] = []
    parent: Path | None = None
    for recipe, folder in zip(recipes, folders, strict=True):
        results.append(train(recipe, folder, parent))
        parent = folder
    return results


def _as_folder(recipe: Recipe) -> PurePosixPath:
    path = PurePosixPath(recipe.name)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise InputError(f"recipe '{recipe.name}': its name cannot be a folder below --out; change it")
    return path


@dataclass(frozen=True)
class Parent:
    """The weights that a run starts from, and where they come from.

    weights: by the network's names, heads included; averaged ones, where that run averages. identity: SHA-256
    of the file of the encoders'. recipe: the name of the recipe that made them, after `step` steps. file:
    where they lie, beside the heads'.
    """

    weights: dict[str, Tensor]
    identity: str
    recipe: str
    step: int
    file: Path


def load_parent(path: str | Path, recipe: Recipe) -> Parent:
    """Read what a run of `recipe` starts from: a finished run's last checkpoint, or a checkpoint's folder.

    Raises InputError when the recipe has no parent; CheckpointError when there is no such run or
    checkpoint, when a run is not finished, when its recipe is not the one that `recipe.parent` names, and
    when a file is damaged.
    """
    if recipe.parent is None:
        raise InputError(
            f"recipe {recipe.name} has no parent, so it cannot start from {path}; set parent=NAME"
        )
    folder = Path(path)
    is_checkpoint = as_checkpoint(folder) is not None
    run = folder.parent.parent if is_checkpoint else folder
    made_by = _read_recipe(run).name
    expected = load_named("parent", recipe.parent).name
    if made_by != expected:
        raise CheckpointError(
            f"{folder} is of recipe {made_by}, but recipe {recipe.name} starts from {expected}; "
            "give a run of that"
        )
    if not is_checkpoint:
        folder = _last_checkpoint(run)
    file = folder / _WEIGHTS
    return Parent(read_weights(folder), hash_file(file), made_by, int(folder.name), file)


def start_from(network: nn.Module, parent: Parent) -> None:
    """Put a parent's weights into a network, heads included.

    Raises CheckpointError, naming the first tensor and both shapes, when they are of another architecture.
    """
    _check_fit(network.state_dict(), parent)
    network.load_state_dict(parent.weights)


def _read_recipe(run: Path) -> Recipe:
    if not run.is_dir():
        raise CheckpointError(f"no run at {run}: train the parent first, or use --chain")
    if not (run / "recipe.yaml").is_file():
        raise CheckpointError(
            f"{run} has no recipe.yaml: give the folder of a run, or one of its checkpoints"
        )
    return load_recipe(run / "recipe.yaml")


def _last_checkpoint(run: Path) -> Path:
    checkpoints = list_checkpoints(run)
    if not checkpoints:
        raise CheckpointError(f"{run} has no checkpoint: train the parent first, or use --chain")
    last = checkpoints[-1]
    if not (run / "model").is_dir():
        raise CheckpointError(
            f"{run} is not finished (at step {last.step}): finish it, "
            f"or give {last.folder} to start from there"
        )
    return last.folder


def _check_fit(expected: Mapping[str, Tensor], parent: Parent) -> None:
    """Every tensor with its shape, in the network's order, then what the parent has beyond them."""
    for name in [*expected, *(name for name in parent.weights if name not in expected)]:
        wanted, found = (
            str(tuple(tensors[name].shape)) if name in tensors else "missing"
            for tensors in (expected, parent.weights)
        )
        if wanted != found:
            raise CheckpointError(
                f"{parent.file} is of another architecture: '{name}' is {found} there and {wanted} here; "
                "encoders and heads must be those of the parent"
            )

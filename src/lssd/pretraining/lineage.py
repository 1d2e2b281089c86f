"""The recipes that a recipe descends from, and their runs, one after the other.

A recipe with a `parent` starts from the last checkpoint of a run of that recipe (`start`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from lssd.errors import InputError
from lssd.models.folders import is_run
from lssd.pretraining.recipe import Recipe, load_named, load_recipe

T = TypeVar("T")

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
    if is_run(root):
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

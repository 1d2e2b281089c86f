"""Chains of recipes and of runs."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from lssd.errors import InputError
from lssd.pretraining.lineage import lineage, train_chain
from lssd.pretraining.recipe import Recipe, load_recipe

# Table 1, column "init", followed to its end.
ORIGINS = {
    "A.1": [],
    "A.2": [],
    "A.3": ["A.1"],
    "A.4": ["A.2"],
    "B.1": [],
    "B.2": [],
    "B.3": [],
    "B.4": ["B.3"],
    "B.5": ["B.3"],
    "C.1": [],
    "C.2": ["C.1"],
}


def _write(path: Path, **recipe: object) -> Path:
    path.write_text(yaml.safe_dump({"extends": "demo", **recipe}))
    return path


@pytest.mark.parametrize("name", ORIGINS)
def test_the_papers_lineages(name: str) -> None:
    found = [recipe.name for recipe in lineage(f"paper/{name}")]
    assert found == [f"paper/{one}" for one in (*ORIGINS[name], name)]


@pytest.mark.parametrize("name", ["B.3", "B.4", "B.5", "C.1", "C.2"])
def test_the_released_networks_descend_from_one_another(name: str) -> None:
    found = [recipe.name for recipe in lineage(f"released/{name}")]
    assert found == [f"released/{one}" for one in (*ORIGINS[name], name)]


def test_settings_change_the_whole_chain_but_names_the_last_alone() -> None:
    settings = ["schedule.steps=7", "machine.workers=0", "name=mine", "description=own", "same_steps_as=[]"]
    older, last = lineage("paper/B.5", settings)
    assert (older.schedule.steps, last.schedule.steps) == (7, 7)
    assert (older.machine.workers, last.machine.workers) == (0, 0)
    assert (older.name, last.name, last.description) == ("paper/B.3", "mine", "own")
    assert older.description == load_recipe("paper/B.3").description
    assert (older.same_steps_as, last.same_steps_as) == (("paper/B.1", "paper/B.2"), ())
    assert [recipe.name for recipe in lineage("paper/B.5", ["parent=paper/C.2"])] == [
        *("paper/C.1", "paper/C.2", "paper/B.5")
    ]
    assert [recipe.name for recipe in lineage("paper/B.5", ["parent=null"])] == ["paper/B.5"]
    # A recipe that is one already.
    assert lineage(last, settings) == [older, last]


def test_files_may_be_parents_and_circles_are_named(tmp_path: Path) -> None:
    grandparent = _write(tmp_path / "g.yaml", name="g")
    parent = _write(tmp_path / "p.yaml", name="p", parent=str(grandparent))
    child = _write(tmp_path / "c.yaml", name="c", parent=str(parent))
    assert [recipe.name for recipe in lineage(child)] == ["g", "p", "c"]
    _write(tmp_path / "g.yaml", name="g", parent=str(child))
    with pytest.raises(InputError, match=r"recipe c descends from itself through its parent '.*c\.yaml'"):
        lineage(child)
    # A child that forgot to take a name of its own would share its parent's folder.
    _write(tmp_path / "same.yaml", parent="demo")
    with pytest.raises(InputError, match="a name of its own"):
        lineage(tmp_path / "same.yaml")
    _write(tmp_path / "orphan.yaml", name="o", parent="paper/D.1")
    with pytest.raises(InputError, match=r"parent: no recipe 'paper/D\.1'"):
        lineage(tmp_path / "orphan.yaml")


def test_a_chain_trains_the_oldest_first_each_in_a_folder_of_its_name(tmp_path: Path) -> None:
    calls: list[tuple[str, Path, Path | None]] = []

    def train(recipe: Recipe, folder: Path, parent: Path | None) -> str:
        calls.append((recipe.name, folder, parent))
        return recipe.name.upper()

    results = train_chain(lineage("paper/C.2"), tmp_path, train)
    first, second = tmp_path / "paper/C.1", tmp_path / "paper/C.2"
    assert calls == [("paper/C.1", first, None), ("paper/C.2", second, first)]
    assert results == ["PAPER/C.1", "PAPER/C.2"]


def test_a_failure_ends_the_chain(tmp_path: Path) -> None:
    calls: list[str] = []

    def train(recipe: Recipe, folder: Path, parent: Path | None) -> None:
        calls.append(recipe.name)
        raise InputError("stopped")

    with pytest.raises(InputError, match="stopped"):
        train_chain(lineage("paper/B.5"), tmp_path, train)
    assert calls == ["paper/B.3"]


@pytest.mark.parametrize("name", ["../up", "/root", "a/../../b", ""])
def test_names_that_are_no_folders_are_refused_before_training(tmp_path: Path, name: str) -> None:
    recipe = dataclasses.replace(load_recipe("demo"), name=name)
    with pytest.raises(InputError, match="cannot be a folder"):
        train_chain([load_recipe("demo"), recipe], tmp_path, _never)


def test_a_run_is_no_place_for_a_chain(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    with pytest.raises(InputError, match="is a run; a chain takes a folder for several"):
        train_chain(lineage("demo"), tmp_path, _never)


def _never(recipe: Recipe, folder: Path, parent: Path | None) -> None:
    raise AssertionError("nothing may be trained")

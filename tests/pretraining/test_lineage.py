"""Chains of runs, and what a run starts from."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lssd import config
from lssd.errors import CheckpointError, InputError
from lssd.pretraining.lineage import lineage, load_parent, start_from, train_chain
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.store import hash_file

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


def _network(width: int = 4) -> nn.Module:
    """A tower and a head, with statistics as a stem has them."""
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width, affine=False), nn.Linear(width, 2))


def _make_run(
    folder: Path, recipe: str = "paper/B.3", steps: tuple[int, ...] = (10, 20), done: bool = True
) -> Path:
    """A run folder as training leaves it, with other weights in each checkpoint."""
    for step in steps:
        place = folder / f"checkpoints/{step:08d}"
        place.mkdir(parents=True)
        weights = {name: (tensor + step).contiguous() for name, tensor in _network().state_dict().items()}
        heads = {name: weights.pop(name) for name in list(weights) if name[0] == "2"}
        save_file(weights, place / "model.safetensors")
        save_file(heads, place / "heads.safetensors")
        (place / "state.json").write_text(json.dumps({"step": step}))
    (folder / "recipe.yaml").write_text(config.to_yaml(load_recipe(recipe)))
    if done:
        (folder / "model").mkdir()
    return folder


def _equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[k], expected[k]) for k in expected)


def test_a_child_starts_from_the_last_checkpoint_statistics_included(tmp_path: Path) -> None:
    run = _make_run(tmp_path / "r")
    parent = load_parent(run, load_recipe("paper/B.5"))
    file = run / "checkpoints/00000020/model.safetensors"
    assert (parent.recipe, parent.step, parent.file) == ("paper/B.3", 20, file)
    assert parent.identity == hash_file(file)
    network = _network()
    start_from(network, parent)
    heads = load_file(file.with_name("heads.safetensors"))
    assert _equal(network.state_dict(), {**load_file(file), **heads})
    assert torch.equal(network.state_dict()["1.running_var"], torch.full((4,), 21.0))


def test_a_checkpoint_can_be_given_even_of_a_run_that_goes_on(tmp_path: Path) -> None:
    run = _make_run(tmp_path / "r", done=False)
    parent = load_parent(run / "checkpoints/00000010", load_recipe("paper/B.4"))
    assert (parent.step, parent.recipe) == (10, "paper/B.3")
    with pytest.raises(CheckpointError, match=r"not finished \(at step 20\).*or give .*checkpoints/00000020"):
        load_parent(run, load_recipe("paper/B.4"))


def _empty(run: Path) -> None:
    for file in run.glob("checkpoints/*/*"):
        file.unlink()
    for folder in run.glob("checkpoints/*"):
        folder.rmdir()


def _cut(run: Path) -> None:
    file = run / "checkpoints/00000020/model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def _clear(run: Path) -> None:
    (run / "checkpoints/00000020/model.safetensors").unlink()


def _unmark(run: Path) -> None:
    (run / "recipe.yaml").unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_empty, "has no checkpoint: train the parent first"),
        (_cut, "missing or damaged"),
        (_clear, "missing or damaged"),
        (_unmark, "has no recipe.yaml"),
    ],
)
def test_missing_and_damaged_parents_are_named(
    tmp_path: Path, harm: Callable[[Path], None], words: str
) -> None:
    run = _make_run(tmp_path / "r")
    harm(run)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_parent(run, load_recipe("paper/B.5"))
    assert "\n" not in str(caught.value)
    assert str(run) in str(caught.value)


def test_other_recipes_and_no_recipes_are_refused(tmp_path: Path) -> None:
    run = _make_run(tmp_path / "r", "paper/A.1")
    with pytest.raises(CheckpointError, match=r"is of recipe paper/A\.1, but recipe paper/B\.5 starts from "):
        load_parent(run, load_recipe("paper/B.5"))
    assert load_parent(run, load_recipe("paper/A.3")).recipe == "paper/A.1"
    with pytest.raises(InputError, match=r"recipe paper/A\.1 has no parent"):
        load_parent(run, load_recipe("paper/A.1"))
    with pytest.raises(CheckpointError, match="no run at"):
        load_parent(tmp_path / "nowhere", load_recipe("paper/B.5"))


def test_another_architecture_is_named_by_its_first_tensor(tmp_path: Path) -> None:
    parent = load_parent(_make_run(tmp_path / "r"), load_recipe("paper/B.5"))
    with pytest.raises(CheckpointError, match=r"'0\.weight' is \(4, 3\) there and \(6, 3\) here"):
        start_from(_network(6), parent)
    deeper = nn.Sequential(*_network(), nn.Linear(2, 2))
    before = {name: tensor.clone() for name, tensor in deeper.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"'3\.weight' is missing there and \(2, 2\) here"):
        start_from(deeper, parent)
    assert _equal(deeper.state_dict(), before)
    with pytest.raises(CheckpointError, match=r"'2\.bias' is \(2,\) there and missing here"):
        start_from(nn.Sequential(*list(_network())[:2]), parent)

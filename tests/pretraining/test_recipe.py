"""Recipes are data, and a wrong key is named."""

from pathlib import Path

import pytest
import yaml

from lssd import config
from lssd.errors import InputError
from lssd.pretraining import load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_packaged_recipes_resolve_and_survive_yaml(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    (tmp_path / "r.yaml").write_text(config.to_yaml(recipe))
    assert load_recipe(tmp_path / "r.yaml") == recipe
    assert load_recipe(recipe) == recipe


def test_the_two_arms_of_the_demo_differ_in_dubs_alone() -> None:
    with_dubs, without = (config.to_mapping(load_recipe(name)) for name in ("demo", "demo-mono"))
    for mapping in (with_dubs, without):
        del mapping["name"], mapping["description"]
    assert with_dubs["views"].pop("augment_with_dubs") is True
    assert without["views"].pop("augment_with_dubs") is False
    assert with_dubs == without


def test_settings_change_a_recipe() -> None:
    recipe = load_recipe("demo", ["schedule.steps=7", "optimiser.lr=1e-4", "data.splits=[train, valid]"])
    assert (recipe.schedule.steps, recipe.optimiser.lr) == (7, 1e-4)
    assert recipe.data.splits == ("train", "valid")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["schedule.stepz=3"], ["schedule.stepz", "schedule.steps"]),
        (["views.batch_size=many"], ["views.batch_size", "int"]),
        (["views.batch_size=1"], ["views", "batch_size must be at least 2"]),
        (["schedule.steps=0"], ["schedule", "steps must be at least 1"]),
    ],
)
def test_wrong_keys_and_values_are_named(settings: list[str], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        load_recipe("demo", settings)
    for word in words:
        assert word in str(caught.value)


def test_unknown_recipes_list_the_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no recipe 'demmo'.*demo, demo-mono"):
        load_recipe("demmo")
    (tmp_path / "child.yaml").write_text(yaml.safe_dump({"extends": "demo", "name": "child", "seed": 9}))
    child = load_recipe(tmp_path / "child.yaml")
    assert (child.name, child.seed, child.views) == ("child", 9, load_recipe("demo").views)
    (tmp_path / "loop.yaml").write_text(yaml.safe_dump({"extends": str(tmp_path / "loop"), "name": "x"}))
    with pytest.raises(InputError, match="extends itself"):
        load_recipe(tmp_path / "loop.yaml")

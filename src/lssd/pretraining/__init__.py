"""Contrastive pretraining on dubbed clips: objective, recipes, loop, checkpoints, monitor."""

from lssd.pretraining.recipe import Recipe, load_recipe, recipe_names
from lssd.pretraining.run import Forecast, Run, describe_run, pretrain

__all__ = ["Forecast", "Recipe", "Run", "describe_run", "load_recipe", "pretrain", "recipe_names"]

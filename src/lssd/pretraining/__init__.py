"""Contrastive pretraining on dubbed clips: objective, recipes, loop, checkpoints, held-out measures.

recipe, lineage    all that defines a run, and the runs it descends from
start              the weights that a run starts with: a run's, or any model's
network            towers and heads; a batch of views -> projections
objective, losses  which views are contrasted (Eq. 2-3); Eq. 1 and alternatives
step, optimiser    the gradient of one step, whole or in parts; AdamW and its learning rate
averaging          an exponential moving average of the weights
loop, checkpoint   steps until the end, killed and resumed to the bit
profiling          traces of a few steps
termination        SIGTERM, after which a run saves and leaves
distributed        processes of one run, on one machine or many
hardware, forecast what a machine offers, and what a run would take
held_out, metrics  measures on held-out titles; what is logged of a step, and where
folder             what defines a run, and what a finished one came to
seeds              one recipe with several seeds, reported together
card, publishing   what goes with the finished model
pretrain           all of it together
"""

from lssd.pretraining.folder import Run, RunDescription, describe_run
from lssd.pretraining.forecast import Forecast, describe_encoders
from lssd.pretraining.publishing import check_push, push_model
from lssd.pretraining.recipe import Recipe, load_recipe, recipe_names
from lssd.pretraining.seeds import SeedRuns, SeedsDescription, describe_seeds

__all__ = [
    "Forecast",
    "Recipe",
    "Run",
    "RunDescription",
    "SeedRuns",
    "SeedsDescription",
    "check_push",
    "describe_encoders",
    "describe_run",
    "describe_seeds",
    "load_recipe",
    "push_model",
    "recipe_names",
]

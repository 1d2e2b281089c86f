"""`lssd pretrain`: encoders by a recipe."""

import argparse
import os

from lssd.cli.parser import add_option, add_set, given, require_paths
from lssd.errors import InputError

HELP = """\
Train sound and picture encoders by a recipe on a corpus.

RECIPE is a packaged name or a YAML file. A run that was killed goes on from its last checkpoint.
`--print-recipe` shows all of a recipe; docs/recipes.md lists those of the paper.
Examples:
  lssd pretrain demo --corpus C --out R --set schedule.steps=200
  lssd pretrain paper/B.5 --corpus C --dry-run
  lssd pretrain paper/B.5 --corpus C --out RUNS --chain     (RUNS/paper/B.3 first, then RUNS/paper/B.5)
  lssd pretrain demo --corpus C --out R --seeds 3           (R/seed-0 ..., reported together)
  lssd pretrain demo --corpus A B --out R --set views.corpus_weights=[2,1]    (two titles of A to one of B)
  torchrun --nproc-per-node 8 -m lssd pretrain paper/A.2 --corpus C --out R      (processes or hosts)"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("recipe", metavar="RECIPE")
    parser.add_argument("--corpus", nargs="+", metavar="CORPUS", help="one, or several as one")
    parser.add_argument("--out", metavar="RUN")
    add_set(parser, "change the recipe")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--init",
        default=argparse.SUPPRESS,
        metavar="RUN",
        help="the run of the recipe's parent to start from",
    )
    start.add_argument(
        "--chain",
        action="store_true",
        default=argparse.SUPPRESS,
        help="train the recipe's parents first, below --out",
    )
    add_option(
        parser,
        "--seeds",
        type=int,
        metavar="N",
        help="train with N seeds, the recipe's and those after it, each in RUN/seed-K; report them together",
    )
    parser.add_argument("--push-to", metavar="OWNER/NAME", help="push the model to a private hub repository")
    add_option(parser, "--dry-run", action="store_true", help="say how large the run is, and stop")
    parser.add_argument("--print-recipe", action="store_true", help="print the whole recipe, and stop")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    dry_run = "dry_run" in arguments
    if not arguments.print_recipe:
        _check(arguments, dry_run)
    from lssd import config
    from lssd.pretraining import Forecast, SeedRuns, check_push, load_recipe, push_model
    from lssd.pretraining.pretrain import pretrain
    from lssd.reporting import terminal

    settings = tuple(arguments.set)
    if arguments.print_recipe:
        terminal.show_document(config.to_yaml(load_recipe(arguments.recipe, settings)))
        return 0
    first = os.environ.get("RANK", "0") == "0"  # of several processes, that one speaks
    if arguments.push_to and first:
        check_push(arguments.push_to)  # before days of training
    found = pretrain(
        arguments.recipe,
        arguments.corpus,
        arguments.out,
        settings=settings,
        quiet=arguments.quiet,
        **given(arguments, "init", "chain", "seeds", "dry_run"),
    )
    if not first:
        return 0
    if isinstance(found, Forecast):
        terminal.show_forecast(found.rows())
        return 0
    if isinstance(found, SeedRuns):
        terminal.show_seeds(found.description, [run.model for run in found.runs])
        return 0
    terminal.show_trained(found)
    if arguments.push_to:
        terminal.show_line(push_model(found.folder, arguments.push_to))
    return 0


def _check(arguments: argparse.Namespace, dry_run: bool) -> None:
    """What can be refused before torch is imported."""
    for option in ("corpus",) if dry_run else ("corpus", "out"):
        if getattr(arguments, option) is None:
            raise InputError(f"pretrain needs --{option}; see lssd pretrain --help")
    require_paths(*arguments.corpus)
    if arguments.push_to and dry_run:
        raise InputError("--push-to needs a run, and --dry-run makes none: give one of them")
    if arguments.push_to and "seeds" in arguments:
        raise InputError(
            "--push-to takes one model, and --seeds makes several: push the one you choose later"
        )

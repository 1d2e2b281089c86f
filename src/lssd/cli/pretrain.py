"""`lssd pretrain`."""

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lssd.errors import InputError

if TYPE_CHECKING:
    from lssd.pretraining import Run

HELP = """\
Train sound and picture encoders by a recipe on a corpus.

RECIPE is a packaged name or a YAML file. A run that was killed goes on from its last checkpoint.
`--print-recipe` shows all of a recipe; docs/recipes.md lists those of the paper.
Examples:
  lssd pretrain demo --corpus C --out R --set schedule.steps=200
  lssd pretrain paper/B.5 --corpus C --dry-run
  lssd pretrain paper/B.5 --corpus C --out RUNS --chain     (RUNS/paper/B.3 first, then RUNS/paper/B.5)
  torchrun --nproc-per-node 8 -m lssd pretrain paper/A.2 --corpus C --out R      (processes or hosts)"""
# What a finished run's line quotes, the first that was measured: words, recall, chance, number of clips.
_RETRIEVAL = (
    ("recall@1", "recall@1", "chance@1", "clips"),
    ("sound-to-dub recall@1", "audio_to_dub@1", "dub_chance@1", "dubbed_clips"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("recipe", metavar="RECIPE")
    parser.add_argument("--corpus", metavar="CORPUS")
    parser.add_argument("--out", metavar="RUN")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--init", metavar="RUN", help="the run of the recipe's parent to start from")
    start.add_argument("--chain", action="store_true", help="train the recipe's parents first, below --out")
    parser.add_argument("--push-to", metavar="OWNER/NAME", help="push the model to a private hub repository")
    parser.add_argument("--dry-run", action="store_true", help="say how large the run is, and stop")
    parser.add_argument("--print-recipe", action="store_true", help="print the whole recipe, and stop")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd import config
    from lssd.pretraining import Forecast, check_push, load_recipe, push_model
    from lssd.pretraining.pretrain import pretrain

    settings = tuple(arguments.set)
    if arguments.print_recipe:
        print(config.to_yaml(load_recipe(arguments.recipe, settings)), end="")
        return 0
    for option in ("corpus",) if arguments.dry_run else ("corpus", "out"):
        if getattr(arguments, option) is None:
            raise InputError(f"pretrain needs --{option}; see lssd pretrain --help")
    first = os.environ.get("RANK", "0") == "0"  # of several processes, that one speaks
    if arguments.push_to and arguments.dry_run:
        raise InputError("--push-to needs a run, and --dry-run makes none: give one of them")
    if arguments.push_to and first:
        check_push(arguments.push_to)  # before days of training
    result = pretrain(
        arguments.recipe,
        arguments.corpus,
        arguments.out,
        settings=settings,
        init=arguments.init,
        chain=arguments.chain,
        dry_run=arguments.dry_run,
        quiet=arguments.quiet,
    )
    if not first:
        return 0
    if isinstance(result, Forecast):
        from lssd.reporting import terminal

        terminal.show_forecast(result.rows())
        return 0
    for line in _summary(result):
        print(line)
    if arguments.push_to:
        print(push_model(result.folder, arguments.push_to))
    return 0


def _summary(run: "Run") -> Iterator[str]:
    """What a finished run came to, in lines."""
    waited = f"{run.wait_share:.1%} waiting for data"
    yield f"{run.model}: {run.steps} steps in {run.seconds:.0f} s, {waited}"
    if run.skipped:
        yield f"{run.skipped} updates were left out, since their gradient was not finite"
    if run.replaced:
        yield f"{run.replaced} clips could not be read and were replaced; see lssd verify"
    held_out = run.held_out
    for words, recall, chance, clips in _RETRIEVAL:
        if recall in held_out:
            among = f"{held_out[clips]:.0f} clips (chance {held_out[chance]:.3f})"
            yield f"held-out {words} {held_out[recall]:.3f} among {among}"
            return

"""`lssd evaluate`."""

import argparse
import sys
from pathlib import Path

from lssd.cli.parser import add_embedding, show_progress

HELP = """\
Judge a model's frozen embeddings on tasks, beside its untrained twin.

TASK is a task folder in HEAR's layout, any folder of class folders with sounds or films, a CSV with the
columns path, label and split or group, or the name of one under ROOT; TASK/speakers asks for folds that
share no speaker. Each result is one JSON with an interval, chance and the majority's score, and its
predictions; `random-init` is the same architecture untrained. lssd report compares results."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument(
        "model", metavar="MODEL", help="a model folder, a hub id, or hear:MODULE[@MODEL_FILE]"
    )
    parser.add_argument(
        "--tasks", nargs="+", required=True, metavar="TASK", help="names below ROOT, or paths"
    )
    parser.add_argument("--data", default=".", metavar="ROOT", help="where tasks are; default: here")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument(
        "--protocol",
        choices=("hear-fixed", "hear-strict", "linear", "logistic", "ridge", "knn"),
        default="hear-fixed",
        help="how the probe is trained; default hear-fixed",
    )
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="probes to train; default 1")
    parser.add_argument(
        "--modality", choices=("audio", "picture", "audiovisual"), help="what of films is judged"
    )
    parser.add_argument("--name", metavar="NAME", help="what reports call the model")
    add_embedding(parser)
    parser.add_argument("--no-random-init", action="store_true", help="leave the untrained twin out")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.evaluation import Unjudged
    from lssd.evaluation.evaluate import evaluate
    from lssd.reporting import terminal

    unjudged: list[Unjudged] = []
    with show_progress("evaluate", 0, "files", arguments) as progress:
        results = evaluate(
            arguments.model,
            arguments.tasks,
            arguments.data,
            arguments.out,
            protocol=arguments.protocol,
            seeds=arguments.seeds,
            modality=arguments.modality,
            name=arguments.name,
            random_init=not arguments.no_random_init,
            cache=arguments.cache or Path(arguments.out) / "cache",
            workers=arguments.workers,
            engine=arguments.engine,
            unjudged=unjudged,
            progress=progress,
        )
    terminal.show_results(results)
    for one in unjudged:
        print(f"not judged: {one.model} on {one.task}: {one.reason}", file=sys.stderr)
    if unjudged:
        print(f"{len(results)} results stand, {len(unjudged)} could not be made", file=sys.stderr)
    return 0

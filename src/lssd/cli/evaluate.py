"""`lssd evaluate`: a model's frozen embeddings on tasks."""

import argparse

from lssd.cli.parser import add_embedding, add_option, given, require_paths

HELP = """\
Judge a model's frozen embeddings on tasks, beside its untrained twin.

TASK is a task folder in HEAR's layout, any folder of class folders with sounds or films, a CSV with the
columns path, label and split or group, or the name of one under ROOT; TASK/speakers asks for folds that
share no speaker. Each result is one JSON with an interval, chance and the majority's score, and its
predictions; `random-init` is the same architecture untrained. lssd report compares results."""

_EVALUATE = "lssd/evaluation/evaluate.py:evaluate."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a model folder, a run, runs of several seeds, a checkpoint, a hub id, hear:MODULE[@MODEL_FILE]",
    )
    parser.add_argument(
        "--tasks", nargs="+", required=True, metavar="TASK", help="names below ROOT, or paths"
    )
    parser.add_argument("--data", default=".", metavar="ROOT", help="where tasks are; default: here")
    parser.add_argument("--out", required=True, metavar="DIR")
    add_option(
        parser,
        "--protocol",
        choices=("hear-fixed", "hear-strict", "linear", "logistic", "ridge", "knn"),
        help="how the probe is trained",
        default_of=f"{_EVALUATE}protocol",
    )
    add_option(
        parser, "--seeds", type=int, metavar="N", help="probes to train", default_of=f"{_EVALUATE}seeds"
    )
    add_option(
        parser, "--modality", choices=("audio", "picture", "audiovisual"), help="what of films is judged"
    )
    add_option(parser, "--name", metavar="NAME", help="what reports call the model")
    add_embedding(parser)
    add_option(parser, "--cache", metavar="DIR", help="keep embeddings here between runs; default: OUT/cache")
    add_option(
        parser,
        "--no-random-init",
        dest="random_init",
        action="store_false",
        help="leave the untrained twin out",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    require_paths(arguments.data)
    from lssd.engine import Progress
    from lssd.evaluation.evaluate import evaluate
    from lssd.reporting import terminal

    own = given(
        arguments,
        "protocol",
        "views",
        "seeds",
        "modality",
        "name",
        "random_init",
        "cache",
        "workers",
        "engine",
    )
    with Progress("evaluate", unit="files", quiet=arguments.quiet) as progress:
        evaluation = evaluate(
            arguments.model,
            arguments.tasks,
            arguments.data,
            arguments.out,
            **own,
            progress=progress,
        )
    terminal.show_evaluation(evaluation)
    return 0

"""`lssd inspect`: what a path is and holds."""

import argparse

HELP = "Describe a film, a corpus, a run, runs of several seeds, a model or checkpoint, or a film set."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument(
        "path", metavar="PATH", help="a film, or the folder of a corpus, a run, a model or a film set"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.inspect import inspect
    from lssd.reporting import terminal

    found = inspect(arguments.path)
    if arguments.json:
        terminal.show_json(found.to_json())
    elif found.kind == "film":
        terminal.show_film(found)
    elif found.kind == "corpus":
        terminal.show_corpus(found)
    elif found.kind == "run":
        terminal.show_run(found)
    elif found.kind == "seeds":
        terminal.show_seeds(found)
    elif found.kind == "model":
        terminal.show_model(found)
    else:
        terminal.show_filmset(found)
    return 0

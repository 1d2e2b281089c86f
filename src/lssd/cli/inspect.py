"""`lssd inspect`: what a path is and holds."""

import argparse

HELP = "Describe a film, a corpus, a run or a film set."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("path", metavar="PATH", help="a film, or the folder of a corpus, a run or a film set")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.inspect import inspect
    from lssd.reporting import terminal

    kind, found = inspect(arguments.path)
    if arguments.json:
        terminal.show_json(found)
    else:
        show = {
            "film": terminal.show_film,
            "corpus": terminal.show_corpus,
            "run": terminal.show_run,
            "filmset": terminal.show_filmset,
        }
        show[kind](found)
    return 0

"""`lssd view`."""

import argparse

from lssd.cli.parser import show_progress

HELP = "Write a page that shows a film set: contact sheet, players, spectrograms."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("path", metavar="PATH", help="a film set")
    parser.add_argument("--out", metavar="DIR", help="default: PATH/page")
    parser.add_argument("--titles", type=int, default=12, metavar="N", help="with a player each; default 12")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.reporting.view import view

    with show_progress("page", 0, "titles", arguments) as progress:
        page = view(
            arguments.path,
            arguments.out,
            arguments.titles,
            progress=lambda done, total: progress.update(done, total),
        )
    print(page)
    return 0

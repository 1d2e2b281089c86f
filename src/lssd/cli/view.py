"""`lssd view`: a page to look at."""

import argparse

from lssd.cli.parser import add_option, given, require_paths

HELP = "Write a page that shows a film set: contact sheet, players, spectrograms."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("path", metavar="PATH", help="a film set")
    add_option(parser, "--out", metavar="DIR", help="default: PATH/page")
    add_option(
        parser,
        "--titles",
        type=int,
        metavar="N",
        help="with a player each",
        default_of="lssd/reporting/view.py:view.titles",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    require_paths(arguments.path)
    from lssd.engine import Progress
    from lssd.reporting import terminal
    from lssd.reporting.view import view

    with Progress("page", unit="titles", quiet=arguments.quiet) as progress:
        page = view(arguments.path, **given(arguments, "out", "titles"), progress=progress)
    terminal.show_line(page)
    return 0

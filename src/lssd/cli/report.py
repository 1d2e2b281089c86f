"""`lssd report`: results side by side."""

import argparse

from lssd.cli.parser import add_option, given, require_paths

HELP = "Set results side by side: verdicts here, and one page with all behind them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("results", nargs="+", metavar="RESULT", help="result files, folders of them, or runs")
    parser.add_argument("--out", required=True, metavar="DIR")
    add_option(
        parser,
        "--margin",
        type=float,
        metavar="POINTS",
        help="which difference would be too small to matter",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    require_paths(*arguments.results)
    from lssd.reporting import terminal
    from lssd.reporting.report import report

    page = report(arguments.results, arguments.out, tell=terminal.show_line, **given(arguments, "margin"))
    terminal.show_line(page)
    return 0

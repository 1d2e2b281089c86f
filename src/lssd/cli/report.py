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
    from lssd.engine import Progress
    from lssd.reporting import terminal
    from lssd.reporting.report import report

    lines: list[str] = []
    with Progress("report", unit="results", quiet=arguments.quiet) as progress:
        chosen = given(arguments, "margin")
        page = report(arguments.results, arguments.out, tell=lines.append, progress=progress, **chosen)
    for line in lines:
        terminal.show_line(line)
    terminal.show_line(page)
    return 0

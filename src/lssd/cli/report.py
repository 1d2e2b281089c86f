"""`lssd report`."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

HELP = "Set results side by side: verdicts here, and one page with all behind them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", metavar="RESULT", help="result files, folders of them, or runs")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument(
        "--margin", type=float, metavar="POINTS", help="which difference would be too small to matter"
    )


def run(arguments: argparse.Namespace) -> int:
    from lssd.reporting import terminal
    from lssd.reporting.report import report

    print(report(arguments.results, arguments.out, margin=arguments.margin, tell=terminal.show_line))
    return 0

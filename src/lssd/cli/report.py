"""`lssd report`."""

import argparse

HELP = "Set results side by side: verdicts here, and one page with all behind them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("results", nargs="+", metavar="RESULT", help="result files, folders of them, or runs")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument(
        "--margin", type=float, metavar="POINTS", help="which difference would be too small to matter"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.reporting import terminal
    from lssd.reporting.report import report

    print(report(arguments.results, arguments.out, margin=arguments.margin, tell=terminal.show_line))
    return 0

"""`lssd average`: one model from several."""

import argparse

HELP = """\
Average the weights of several models of one architecture, such as a run's last checkpoints.

Example: lssd average RUN/checkpoints/* --out MODEL"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="model folders, runs, checkpoints or hub ids"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the new model's folder")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.models.average import average
    from lssd.reporting import terminal

    average(arguments.models, arguments.out)
    terminal.show_line(f"{arguments.out}: the mean of {len(arguments.models)} models")
    return 0

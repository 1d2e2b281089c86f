"""`lssd demo`: the whole path at small size."""

import argparse

from lssd.cli.parser import add_option, given

HELP = """\
Render films, ingest them, pretrain without and with dubs, evaluate, and write the report.

The whole path at small size, each arm with three training seeds: some ten minutes on 2 cores. Killed and run
again, it does only what is missing. At its end it prints its time, its memory and the share of training
spent waiting for data, each with its bound; with --check it exits with 1 when one is missed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("--out", default="demo-out", metavar="DIR", help="default: demo-out")
    add_option(
        parser,
        "--seed",
        type=int,
        metavar="S",
        help="of films, tasks and the first training",
        default_of="lssd/demo.py:DemoSettings.seed",
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bound is missed")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.demo import DemoSettings, demo
    from lssd.reporting import terminal

    outcome = demo(arguments.out, DemoSettings(**given(arguments, "seed")), quiet=arguments.quiet)
    terminal.show_lines(outcome.summary())
    return 1 if arguments.check and not outcome.within_bounds else 0

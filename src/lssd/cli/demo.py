"""`lssd demo`."""

import argparse

HELP = """\
Render films, ingest them, pretrain without and with dubs, evaluate, and write the report.

The whole path at small size: 6-8 minutes on 2 cores. Killed and run again, it does only what is
missing. At its end it prints its time, its memory and the share of training spent waiting for data,
beside their bounds (10 minutes, 6 GB, 15 %); with --check it exits with 1 when one is missed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("--out", default="demo-out", metavar="DIR", help="default: demo-out")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bound is missed")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.demo import demo

    outcome = demo(arguments.out, quiet=arguments.quiet)
    print(outcome.summary())
    return 1 if arguments.check and not outcome.within_bounds else 0

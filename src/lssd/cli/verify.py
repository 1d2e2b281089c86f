"""`lssd verify`."""

import argparse

HELP = "Check every stored byte of a corpus against its catalog."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("path", metavar="CORPUS")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.corpus.verify import verify

    verdict = verify(arguments.path, quiet=arguments.quiet)
    for fault in verdict.faults:
        print(fault)
    print(f"{arguments.path}: {verdict.checked} members checked, {len(verdict.faults)} at fault")
    return 1 if verdict.faults else 0

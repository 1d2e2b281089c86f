"""`lssd verify`: is a corpus what its catalog says?"""

import argparse

from lssd.cli.parser import require_paths

HELP = "Check every stored byte of a corpus against its catalog."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("path", metavar="CORPUS")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    require_paths(arguments.path)
    from lssd.corpus.verify import verify
    from lssd.reporting import terminal

    verdict = verify(arguments.path, quiet=arguments.quiet)
    terminal.show_verdict(arguments.path, verdict)
    return 1 if verdict.faults else 0

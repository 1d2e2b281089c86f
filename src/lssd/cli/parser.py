"""What verbs share: a parser whose errors are one line, groups of arguments, progress."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lssd.engine import Progress


class Parser(argparse.ArgumentParser):
    """Argparse, with errors of one line as everywhere else."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def add_embedding(parser: argparse.ArgumentParser) -> None:
    """How embedding is done, wherever it is."""
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes (modules: threads) that read; with ray: in all"
    )
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: many machines")
    parser.add_argument("--cache", metavar="DIR", help="keep embeddings here between runs")


def show_progress(title: str, total: int, unit: str, arguments: argparse.Namespace) -> "Progress":
    """Progress of a verb, silent where the user asked for that."""
    from lssd.engine import Progress

    return Progress(title, total, unit, arguments.quiet)

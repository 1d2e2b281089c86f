"""`lssd embed`: files in, vectors out."""

import argparse

from lssd.cli.parser import add_embedding, add_option, given, require_paths
from lssd.errors import InputError

HELP = """\
Turn sound or picture files into vectors.

FILE ends in .parquet or .npz; columns path, start_s, end_s, modality, vector."""

_EMBED = "lssd/embedding/embed.py:embed."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder, a run, a checkpoint or a hub id")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, or folders of them")
    parser.add_argument("--out", required=True, metavar="FILE")
    add_option(
        parser, "--modality", choices=("audio", "video"), help="what of films", default_of=f"{_EMBED}modality"
    )
    add_option(
        parser,
        "--pool",
        choices=("file", "window"),
        help="a vector a file or a window",
        default_of=f"{_EMBED}pool",
    )
    add_option(
        parser, "--language", metavar="L", help="of the sound track; default: the original, else the first"
    )
    add_embedding(parser)
    add_option(parser, "--cache", metavar="DIR", help="keep embeddings here between runs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    require_paths(*arguments.paths)
    from lssd.embedding.embed import embed
    from lssd.engine import Progress
    from lssd.evaluation.foreign.load import default_device, is_module
    from lssd.models import load_model
    from lssd.reporting import terminal

    if is_module(arguments.model):
        raise InputError("lssd embed takes models of ours; lssd evaluate judges modules of HEAR's API")
    with Progress("embed", unit="files", quiet=arguments.quiet) as progress:
        embeddings = embed(
            load_model(arguments.model).to(default_device()),
            arguments.paths,
            arguments.out,
            **given(arguments, "modality", "pool", "language", "views", "cache", "workers", "engine"),
            progress=progress,
        )
    terminal.show_embeddings(arguments.out, embeddings)
    return 0

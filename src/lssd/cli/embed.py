"""`lssd embed`."""

import argparse
import sys

from lssd.cli.parser import add_embedding, show_progress
from lssd.errors import InputError

HELP = """\
Turn sound or picture files into vectors.

FILE ends in .parquet or .npz; columns path, start_s, end_s, modality, vector."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder, such as RUN/model")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, or folders of them")
    parser.add_argument("--out", required=True, metavar="FILE")
    parser.add_argument("--modality", choices=("audio", "video"), default="audio")
    parser.add_argument(
        "--pool", choices=("file", "window"), default="file", help="a vector a file or a window"
    )
    parser.add_argument(
        "--language", metavar="L", help="of the sound track; default: the original, else the first"
    )
    add_embedding(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.embedding.embed import embed
    from lssd.evaluation.foreign.load import default_device, is_module
    from lssd.models import load_model

    if is_module(arguments.model):
        raise InputError("lssd embed takes models of ours; lssd evaluate judges modules of HEAR's API")
    model = load_model(arguments.model).to(default_device())
    with show_progress("embed", 0, "files", arguments) as progress:
        embeddings = embed(
            model,
            arguments.paths,
            arguments.out,
            modality=arguments.modality,
            pool=arguments.pool,
            language=arguments.language,
            cache=arguments.cache,
            workers=arguments.workers,
            engine=arguments.engine,
            progress=progress,
        )
    for failure in embeddings.failed:
        print(f"left out: {failure.path}: {failure.reason}", file=sys.stderr)
    print(f"{arguments.out}: {len(embeddings.vectors)} vectors, {len(embeddings.failed)} files left out")
    return 0

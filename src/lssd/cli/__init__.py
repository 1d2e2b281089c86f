"""The command line: a verb a file, each calling the public function of its name.

Exit codes: 0 what was asked now stands; 1 `verify` found a fault, or `demo --check` missed a bound; 2 wrong
request, or nothing usable; 130 interrupted; 141 nobody reads what is printed. An error that the user can
mend is one line on stderr.
"""

import argparse
import errno
import os
import select
import sys
from collections.abc import Sequence
from importlib import import_module

from lssd.cli.parser import Parser
from lssd.errors import LssdError

VERBS = (
    "demo",
    "filmset",
    "inspect",
    "ingest",
    "dub",
    "verify",
    "pretrain",
    "embed",
    "evaluate",
    "report",
    "view",
    "doctor",
)
_INTERRUPTED = 130
_UNREAD = 141  # as shells report a program that wrote into a pipe that nobody reads
_FULL = (errno.ENOSPC, errno.EDQUOT)


def build_parser() -> argparse.ArgumentParser:
    """The parser of `lssd`. The verbs' files import their rooms when they run: `--help` must be quick."""
    parser = Parser(
        prog="lssd",
        description="Audiovisual pretraining on dubbed films: looking similar, sounding different.",
        epilog="Start with: lssd demo",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=Parser)
    for name in VERBS:
        verb = import_module(f"lssd.cli.{name}")
        sub = verbs.add_parser(
            name,
            help=verb.HELP.splitlines()[0],
            description=verb.HELP,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("--quiet", action="store_true", help="no progress lines")
        verb.add_arguments(sub)
        sub.set_defaults(run=verb.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except LssdError as error:
        print(f"lssd: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            return _UNREAD
        if error.errno not in _FULL:
            raise
        where = f" at {error.filename}" if error.filename else ""
        print(f"lssd: no room to write{where}: {error.strerror}; free some and run again", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lssd: interrupted; run the same command again to go on", file=sys.stderr)
        return _INTERRUPTED


def run() -> None:
    """The `lssd` program: `main`, then the end of the process without tearing native libraries down.

    Threads of FFmpeg, OpenCV, Arrow and torch live in one process here; at interpreter exit, on a loaded
    machine, one of them now and then aborted a run whose work was done and printed.
    """
    code = main()
    if code == _INTERRUPTED:
        sys.exit(code)  # what was cut short still holds semaphores, which only an orderly end gives back
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        code = code or _UNREAD
    os._exit(code)


def _reader_is_gone() -> bool:
    """Whether nobody reads what is printed any more, as after `lssd ... | head`."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    return bool(output.poll(0))


def _version() -> str:
    from importlib import metadata

    return f"lssd {metadata.version('lssd')}"

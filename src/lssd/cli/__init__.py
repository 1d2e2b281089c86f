"""The command line: one file a verb, each calling one public function.

Exit codes: 0 what was asked now stands; 1 `verify` found a fault, or `demo --check` missed a bound; 2 wrong
request, or nothing usable; 130 interrupted; 141 nobody reads what is printed; 143 stopped by SIGTERM, with
all saved. An error that the user can mend is one line on stderr. A verb's file imports what it runs inside
`run`: parsing waits for nothing.
"""

import argparse
import gc
import logging
import os
import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from lssd.cli.parser import HelpFormatter, Parser
from lssd.errors import LssdError, storage_error
from lssd.quiet import quieted
from lssd.text import printable
from lssd.threads import limit

VERBS = (
    "demo",
    "filmset",
    "inspect",
    "ingest",
    "dub",
    "verify",
    "pretrain",
    "average",
    "embed",
    "evaluate",
    "report",
    "view",
    "doctor",
)
_INTERRUPTED = 130
_UNREAD = 141  # as shells report a program that wrote into a pipe that nobody reads


def build_parser() -> argparse.ArgumentParser:
    """The parser of `lssd`, with a parser a verb."""
    parser = Parser(
        prog="lssd",
        description="Audiovisual pretraining on dubbed films: looking similar, sounding different.",
        epilog="Start with: lssd demo",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="show the version and stop"
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=Parser)
    for name in VERBS:
        verb = import_module(f"lssd.cli.{name}")
        summary = verb.HELP.splitlines()[0]
        sub = verbs.add_parser(name, help=summary, description=verb.HELP, formatter_class=HelpFormatter)
        sub.add_argument("--quiet", action="store_true", help="no progress lines, no warnings")
        sub.add_argument(
            "--threads",
            type=int,
            metavar="N",
            help="threads to compute with (LSSD_THREADS); default: one a core for networks, else one",
        )
        sub.set_defaults(run=verb.run)
        verb.add_arguments(sub)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata  # slow, and needed for this alone

        print(f"lssd {metadata.version('lssd')}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        with _logging_to_stderr(), quieted(arguments.quiet):
            limit(arguments.threads)  # before anything that computes is imported
            return int(arguments.run(arguments))
    except LssdError as error:
        if str(error):
            _complain(f"lssd: {error}")
        return error.exit_code
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            return _UNREAD
        if (full := storage_error(error)) is None:
            raise
        _complain(f"lssd: {full}")
        return full.exit_code
    except KeyboardInterrupt:
        _complain("lssd: interrupted; run the same command again to go on")
        return _INTERRUPTED


def run() -> None:
    """The `lssd` program: `main`, then the end of the process without tearing native libraries down.

    Threads of FFmpeg, OpenCV, Arrow and torch live in one process here; at interpreter exit, on a loaded
    machine, one of them now and then aborted a run whose work was done and printed.
    """
    code = main()
    if code == _INTERRUPTED:
        sys.exit(code)  # what was cut short still holds semaphores, which only an orderly end gives back
    if code:
        gc.collect()  # and what an error cut short is found here
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        code = code or _UNREAD
    os._exit(code)


class _StderrLines(logging.Handler):
    """One line a record on the stderr of the moment; a warning says that it is one."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = f"{record.levelname.lower()}: " if record.levelno > logging.INFO else ""
        try:
            _complain(kind + record.getMessage())
        except (OSError, ValueError, TypeError):
            self.handleError(record)


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    """Show what the project's loggers say, inside."""
    logger, handler = logging.getLogger("lssd"), _StderrLines()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _complain(words: str) -> None:
    print(printable(" ".join(words.split())), file=sys.stderr, flush=True)


def _reader_is_gone() -> bool:
    """Whether nobody reads what is printed any more, as after `lssd ... | head`."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    return bool(output.poll(0))

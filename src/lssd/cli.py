"""The command line: one verb a function, each calling one public function.

Exit codes: 0 what was asked now stands; 1 `verify` found a fault, or `demo` missed a bound; 2 wrong
request, or nothing usable; 130 interrupted. An error that the user can mend is one line on stderr.
"""

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lssd.errors import InputError, LssdError

_INTERRUPTED = 130
_FULL = (errno.ENOSPC, errno.EDQUOT)

# Rooms are imported inside the verbs: `lssd --help` must not wait for torch.


def demo(arguments: argparse.Namespace) -> int:
    """Render films, ingest them, pretrain without and with dubs, evaluate, and write the report."""
    from lssd.demo import demo as run

    outcome = run(arguments.out, quiet=arguments.quiet)
    print(outcome.summary())
    return 0 if outcome.within_bounds else 1


def filmset(arguments: argparse.Namespace) -> int:
    """Render films with several sound tracks, whose whole truth is known."""
    from lssd.filmset import render

    with _progress("render", arguments.titles, "titles", arguments) as progress:
        films = render(
            arguments.out,
            arguments.titles,
            arguments.seed,
            languages=tuple(arguments.languages),
            dubs_per_title=arguments.dubs_per_title,
            seconds=arguments.seconds,
            height=arguments.height,
            workers=arguments.workers,
            progress=lambda done, total: progress.update(done, total),
        )
    out = arguments.out
    print(
        f"{len(films.titles)} titles in {out}; next: lssd ingest {out} --titles {out}/titles.csv --out CORPUS"
    )
    return 0


def inspect(arguments: argparse.Namespace) -> int:
    """Describe a film, a corpus or a run."""
    from lssd.inspection import inspect as look
    from lssd.reporting import terminal

    kind, found = look(arguments.path)
    if arguments.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show: dict[str, Callable[[dict[str, Any]], None]] = {
            "film": terminal.show_film,
            "corpus": terminal.show_corpus,
            "run": terminal.show_run,
        }
        show[kind](found)
    return 0


def ingest(arguments: argparse.Namespace) -> int:
    """Turn films into a corpus: identify, cut at shots, store clips with all their tracks."""
    from lssd.corpus import ClipSettings, IngestSettings, Plan
    from lssd.corpus import ingest as run

    settings = IngestSettings(
        clips=ClipSettings(
            detect=not arguments.clips,
            short_side=arguments.short_side,
            keyframe_every=arguments.keyframe_every,
            shortest_s=arguments.keep[0],
            longest_s=arguments.keep[1],
        ),
        titles=arguments.titles,
        original=arguments.original,
        single_language=arguments.single_language,
        workers=arguments.workers,
        retry_failed=arguments.retry_failed,
    )
    result = run(arguments.paths, arguments.out, settings, dry_run=arguments.dry_run, quiet=arguments.quiet)
    if isinstance(result, Plan):
        for title in result.titles:
            spoken = " ".join(title.speech_languages)
            print(f"{title.title_id}  {title.film.duration_s:8.2f} s  {spoken:<24}  {', '.join(title.paths)}")
        print(f"{len(result.titles)} titles to ingest, {result.standing} files stand already")
        failures: Sequence[dict[str, Any]] = result.failures
    else:
        print(
            f"{arguments.out}: {result.titles.num_rows} titles, {result.clips.num_rows} clips, "
            f"{result.quarantine.num_rows} files in quarantine"
        )
        failures = result.quarantine.to_pylist()
        if not result.clips.num_rows:
            shortest_s, longest_s = arguments.keep
            print(
                f"warning: no shot of {shortest_s:g}-{longest_s:g} s was found; see --keep", file=sys.stderr
            )
    for row in failures:
        print(f"quarantine: {row['path']} ({row['stage']}): {row['reason']}", file=sys.stderr)
    if failures and not arguments.dry_run:
        print("run again with --retry-failed once they are mended", file=sys.stderr)
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Check every stored byte of a corpus against its catalog."""
    from lssd.corpus import verify as check

    verdict = check(arguments.path, quiet=arguments.quiet)
    for fault in verdict.faults:
        print(fault)
    print(f"{arguments.path}: {verdict.checked} members checked, {len(verdict.faults)} at fault")
    return 1 if verdict.faults else 0


def pretrain(arguments: argparse.Namespace) -> int:
    """Train sound and picture encoders by a recipe on a corpus."""
    from lssd import config
    from lssd.pretraining import Forecast, load_recipe
    from lssd.pretraining import pretrain as run

    settings = tuple(arguments.set)
    if arguments.print_recipe:
        print(config.to_yaml(load_recipe(arguments.recipe, settings)), end="")
        return 0
    for option in ("corpus", "out"):
        if getattr(arguments, option) is None:
            raise InputError(f"pretrain needs --{option}; see lssd pretrain --help")
    result = run(
        arguments.recipe,
        arguments.corpus,
        arguments.out,
        settings=settings,
        dry_run=arguments.dry_run,
        quiet=arguments.quiet,
    )
    if isinstance(result, Forecast):
        from lssd.reporting import terminal

        terminal.show_forecast(result.rows())
        return 0
    waited = f"{result.wait_share:.1%} waiting for data"
    print(f"{result.model}: {result.steps} steps in {result.seconds:.0f} s, {waited}")
    if result.held_out:
        held_out = result.held_out
        print(
            f"held-out recall@1 {held_out['recall@1']:.3f} among {held_out['clips']:.0f} clips "
            f"(chance {held_out['chance@1']:.3f})"
        )
    return 0


def embed(arguments: argparse.Namespace) -> int:
    """Turn sound or picture files into vectors."""
    from lssd.evaluation import embed as run
    from lssd.models import load_model

    with _progress("embed", 0, "files", arguments) as progress:
        embeddings = run(
            load_model(arguments.model),
            arguments.paths,
            arguments.out,
            modality=arguments.modality,
            pool=arguments.pool,
            language=arguments.language,
            progress=progress,
        )
    for failure in embeddings.failed:
        print(f"left out: {failure.path}: {failure.reason}", file=sys.stderr)
    print(f"{arguments.out}: {len(embeddings.vectors)} vectors, {len(embeddings.failed)} files left out")
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Judge a model's frozen embeddings on tasks, beside its untrained twin."""
    from lssd.evaluation import evaluate as run
    from lssd.reporting import terminal

    with _progress("evaluate", 0, "files", arguments) as progress:
        results = run(
            arguments.model,
            arguments.tasks,
            arguments.data,
            arguments.out,
            name=arguments.name,
            random_init=not arguments.no_random_init,
            cache=Path(arguments.out) / "cache",
            progress=progress,
        )
    terminal.show_results(results)
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Write one page that sets results side by side."""
    from lssd.reporting import report as run

    print(run(arguments.results, arguments.out))
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Say what is installed and works here, and how to get what is missing."""
    from lssd.doctor import examine
    from lssd.reporting import terminal

    terminal.show_doctor(examine(arguments.room))
    return 0


def _progress(title: str, total: int, unit: str, arguments: argparse.Namespace) -> Any:
    from lssd.engine import Progress

    return Progress(title, total, unit, arguments.quiet)


class _Parser(argparse.ArgumentParser):
    """Argparse, with errors of one line as everywhere else."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lssd",
        description="Audiovisual pretraining on dubbed films: looking similar, sounding different.",
        epilog="Start with: lssd demo",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=_Parser)

    def verb(function: Callable[[argparse.Namespace], int], more: str = "") -> argparse.ArgumentParser:
        summary = (function.__doc__ or "").splitlines()[0]
        sub = verbs.add_parser(
            function.__name__,
            help=summary,
            description=f"{summary}\n\n{more}".strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("--quiet", action="store_true", help="no progress lines")
        sub.set_defaults(function=function)
        return sub

    verb(demo, _DEMO).add_argument("--out", default="demo-out", metavar="DIR", help="default: demo-out")
    _add_filmset(verb(filmset, _FILMSET))
    sub = verb(inspect)
    sub.add_argument("path", metavar="PATH", help="a film, a corpus folder or a run folder")
    sub.add_argument("--json", action="store_true", help="as JSON")
    _add_ingest(verb(ingest, _INGEST))
    verb(verify).add_argument("path", metavar="CORPUS")
    _add_pretrain(verb(pretrain, _PRETRAIN))
    _add_embed(verb(embed, _EMBED))
    _add_evaluate(verb(evaluate, _EVALUATE))
    sub = verb(report)
    sub.add_argument("results", nargs="+", metavar="RESULT", help="result files, or folders of them")
    sub.add_argument("--out", required=True, metavar="DIR")
    verb(doctor).add_argument("room", nargs="?", metavar="ROOM", help="check this room alone")
    return parser


_DEMO = """\
The whole path at small size: 6-8 minutes on 2 cores. Killed and run again, it does only what is
missing. At its end it prints its time, its memory and the share of training spent waiting for data,
and exits with 1 when one of them is beyond its bound (10 minutes, 6 GB, 15 %)."""

_FILMSET = "Each title is one MKV with tagged sound tracks and one JSON with the truth."

_INGEST = """\
Files with the same picture are one title: the same film again with more tracks, or once a language.
Shots of 3-12 s are kept, the others noted with the reason. Languages come from the tracks' tags, else
from a file name such as film_de.mkv, else from the titles table: CSV with the column path and any of
original_language, genre, split (train, valid, test), languages (of the tracks in order, by spaces).
A file that cannot be used goes to the quarantine table; the rest is done."""

_PRETRAIN = """\
RECIPE is a packaged name or a YAML file. A run that was killed goes on from its last checkpoint.
Example: lssd pretrain demo --corpus C --out R --set schedule.steps=200"""

_EMBED = "FILE ends in .parquet or .npz; columns path, start_s, end_s, modality, vector."

_EVALUATE = """\
TASK is a task folder in HEAR's layout, or the name of one under ROOT. Each result is one JSON with an
interval, chance and the majority's score; `random-init` is the same architecture untrained."""


def _add_filmset(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--titles", type=int, required=True, metavar="N")
    sub.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same films; default 0")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument(
        "--languages", nargs="+", default=["en", "es", "fr", "ja", "de", "it", "ko"], metavar="L"
    )
    sub.add_argument("--dubs-per-title", type=int, default=2, metavar="N", help="default 2")
    sub.add_argument("--seconds", type=float, default=60.0, metavar="S", help="of each title; default 60")
    sub.add_argument("--height", type=int, default=96, metavar="PIXELS", help="default 96")
    sub.add_argument("--workers", type=int, default=2, metavar="N", help="default 2")


def _add_ingest(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("paths", nargs="+", metavar="PATH", help="films, or folders of them")
    sub.add_argument("--out", required=True, metavar="CORPUS")
    sub.add_argument("--clips", action="store_true", help="each file is one clip already; find no shots")
    sub.add_argument("--titles", metavar="CSV", help="what is known of the titles")
    sub.add_argument("--original", metavar="L", help="original language, where nothing else says it")
    sub.add_argument(
        "--single-language", action="store_true", help="accept a corpus in which no title has a dub"
    )
    sub.add_argument(
        "--keep", nargs=2, type=float, default=(3.0, 12.0), metavar="S", help="durations kept; default 3 12"
    )
    sub.add_argument("--short-side", type=int, default=320, metavar="PIXELS", help="of clips; default 320")
    sub.add_argument("--keyframe-every", type=int, default=25, metavar="FRAMES", help="default 25")
    sub.add_argument("--workers", type=int, metavar="N", help="default: one a core")
    sub.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    sub.add_argument("--retry-failed", action="store_true", help="try again what is in quarantine")


def _add_pretrain(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("recipe", metavar="RECIPE")
    sub.add_argument("--corpus", metavar="CORPUS")
    sub.add_argument("--out", metavar="RUN")
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    sub.add_argument("--dry-run", action="store_true", help="say how large the run is, and stop")
    sub.add_argument("--print-recipe", action="store_true", help="print the whole recipe, and stop")


def _add_embed(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("model", metavar="MODEL", help="a model folder, such as RUN/model")
    sub.add_argument("paths", nargs="+", metavar="PATH", help="files, or folders of them")
    sub.add_argument("--out", required=True, metavar="FILE")
    sub.add_argument("--modality", choices=("audio", "video"), default="audio")
    sub.add_argument("--pool", choices=("file", "window"), default="file", help="a vector a file or a window")
    sub.add_argument("--language", metavar="L", help="of the sound track; default: the first track")


def _add_evaluate(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("model", metavar="MODEL", help="a model folder, such as RUN/model")
    sub.add_argument("--tasks", nargs="+", required=True, metavar="TASK")
    sub.add_argument("--data", required=True, metavar="ROOT")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument("--name", metavar="NAME", help="what reports call the model")
    sub.add_argument("--no-random-init", action="store_true", help="leave the untrained twin out")


def _version() -> str:
    from importlib import metadata

    return f"lssd {metadata.version('lssd')}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.function(arguments))
    except LssdError as error:
        print(f"lssd: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
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
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()

"""`lssd ingest`."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

HELP = """\
Turn films into a corpus: identify, cut at shots, store clips with all their tracks.

Files with the same picture are one title: the same film again with more tracks, or once a language.
Shots of 3-12 s are kept, the others noted with the reason. Languages come from the tracks' tags, else
from a file name such as film_de.mkv, else from the titles table: CSV with the column path and any of
original_language, genre, split (train, valid, test), languages (of the tracks in order, by spaces).
The labels table has path, name, value and, for less than the whole film, start_s, end_s; a clip gets the
label that covers more than half of it. Given again, labels of titles that stand are added or replaced.
A file that cannot be used goes to the quarantine table; the rest is done."""

_CLIP_DIALS = (
    ("--short-side", "PIXELS", "of clips; default 320"),
    ("--keyframe-every", "FRAMES", "default 25"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="films, or folders of them")
    parser.add_argument("--out", required=True, metavar="CORPUS")
    parser.add_argument("--clips", action="store_true", help="each file is one clip already; find no shots")
    parser.add_argument("--titles", metavar="CSV", help="what is known of the titles")
    parser.add_argument("--labels", metavar="CSV", help="what is so in which seconds of which film")
    parser.add_argument("--original", metavar="L", help="original language, where --titles does not say it")
    parser.add_argument(
        "--single-language", action="store_true", help="accept a corpus in which no title has a dub"
    )
    parser.add_argument(
        "--keep", nargs=2, type=float, metavar="S", help="shortest and longest clip kept; default 3 12"
    )
    # What is not given keeps the default that `ClipSettings` states.
    for option, metavar, meaning in _CLIP_DIALS:
        parser.add_argument(option, type=int, default=argparse.SUPPRESS, metavar=metavar, help=meaning)
    parser.add_argument("--workers", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    parser.add_argument("--retry-failed", action="store_true", help="try again what is in quarantine")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.corpus import ClipSettings, IngestSettings, Plan
    from lssd.corpus.ingest import ingest

    dials: dict[str, Any] = {
        name: value for name, value in vars(arguments).items() if name in ClipSettings.__dataclass_fields__
    }
    if arguments.keep is not None:
        dials["shortest_s"], dials["longest_s"] = arguments.keep
    clips = ClipSettings(detect=not arguments.clips, **dials)
    settings = IngestSettings(
        clips=clips,
        titles=arguments.titles,
        labels=arguments.labels,
        original=arguments.original,
        single_language=arguments.single_language,
        workers=arguments.workers,
        retry_failed=arguments.retry_failed,
    )
    result = ingest(
        arguments.paths, arguments.out, settings, dry_run=arguments.dry_run, quiet=arguments.quiet
    )
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
            kept = f"{clips.shortest_s:g}-{clips.longest_s:g} s"
            print(f"warning: no shot of {kept} was found; see --keep", file=sys.stderr)
    for row in failures:
        print(f"quarantine: {row['path']} ({row['stage']}): {row['reason']}", file=sys.stderr)
    if failures and not arguments.dry_run:
        print("run again with --retry-failed once they are mended", file=sys.stderr)
    return 0

"""`lssd ingest`: films in, corpus out."""

import argparse

from lssd.cli.parser import add_option, given, require_paths

HELP = """\
Turn films into a corpus: identify, cut at shots, store clips with all their tracks.

Files with the same picture are one title: the same film again with more tracks, or once a language. Clips of
one film that were never one file are one title where the titles table or --group names it.
Shots of a length to keep are stored, the others noted with the reason. Languages come from the tracks' tags,
else from a file name such as film_de.mkv, else from the titles table: CSV with the column path and any of
title (the film that a clip is of), original_language, genre, split (train, valid, test), languages (of the
tracks in order, by spaces). What it does not say of a film that stands is left as it is.
The labels table has path, name, value and, for less than the whole film, start_s, end_s; a clip gets the
label that covers more than half of it. Given again, labels of titles that stand are added or replaced.
A file that cannot be used goes to the quarantine table; the rest is done."""

_CLIPS = "lssd/corpus/cut.py:ClipSettings."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="films, or folders of them")
    parser.add_argument("--out", required=True, metavar="CORPUS")
    parser.add_argument("--clips", action="store_true", help="each file is one clip already; find no shots")
    add_option(parser, "--titles", metavar="CSV", help="what is known of the titles")
    add_option(
        parser,
        "--group",
        metavar="PATTERN",
        help="finds a clip's film in its file's name: a regular expression with one group, as '(\\d+)_.*'",
    )
    add_option(parser, "--labels", metavar="CSV", help="what is so in which seconds of which film")
    add_option(parser, "--original", metavar="L", help="original language, where --titles does not say it")
    add_option(
        parser, "--single-language", action="store_true", help="accept a corpus in which no title has a dub"
    )
    add_option(
        parser,
        "--keep",
        nargs=2,
        type=float,
        metavar="S",
        help="durations kept",
        default_of=(f"{_CLIPS}shortest_s", f"{_CLIPS}longest_s"),
    )
    add_option(
        parser,
        "--short-side",
        type=int,
        metavar="PIXELS",
        help="of clips",
        default_of=f"{_CLIPS}short_side",
    )
    add_option(
        parser,
        "--keyframe-every",
        type=int,
        metavar="FRAMES",
        help="of clips",
        default_of=f"{_CLIPS}keyframe_every",
    )
    add_option(parser, "--workers", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    add_option(parser, "--retry-failed", action="store_true", help="try again what is in quarantine")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    require_paths(*arguments.paths)
    from lssd.corpus import ClipSettings, IngestSettings, Plan
    from lssd.corpus.ingest import ingest
    from lssd.reporting import terminal

    clips = given(arguments, "short_side", "keyframe_every")
    if "keep" in arguments:
        clips["shortest_s"], clips["longest_s"] = arguments.keep
    if arguments.clips:
        clips["detect"] = False
    own = given(
        arguments, "titles", "group", "labels", "original", "single_language", "workers", "retry_failed"
    )
    settings = IngestSettings(clips=ClipSettings(**clips), **own)
    found = ingest(arguments.paths, arguments.out, settings, dry_run=arguments.dry_run, quiet=arguments.quiet)
    if isinstance(found, Plan):
        terminal.show_plan(found)
    else:
        terminal.show_catalog(arguments.out, found)
    return 0

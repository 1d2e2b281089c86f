"""`lssd filmset`: films whose whole truth is known."""

import argparse
from pathlib import Path
from typing import Any

from lssd.cli.parser import add_option, add_set, given

HELP = """\
Render films with several sound tracks, whose whole truth is known.

Each title is one MKV with tagged sound tracks and one JSON with the truth."""

_SETTINGS = "filmset/settings.py:Settings."
_NUMBERS: tuple[tuple[str, type, str, str], ...] = (
    ("--dubs-per-title", int, "N", "further tracks of a title, in other languages"),
    ("--undubbed", float, "SHARE", "of titles with the original track alone"),
    ("--seconds", float, "S", "length of a title"),
    ("--channels", int, "N", "of each track: 1, 2 or 6"),
    ("--held-out", float, "SHARE", "of titles with split test"),
    ("--look-language-strength", float, "X", "0..1, how much a look tells of the language"),
)
_FOLDERS = (
    ("--voices", "recorded speech instead of the synthesiser's: manifest.csv and files"),
    ("--sounds", "recorded backgrounds, in ESC-50's layout"),
)
_LISTS = (
    ("--languages", "L", "spoken in the set"),
    ("--sizes", "WxH", "of the picture, drawn for each title"),
    ("--fps", "RATE", "such as 25 24000/1001"),
    ("--pixel-aspects", "A", "such as 1 16/15"),
)
_SWITCHES = (
    ("--revoiced", "one more track a dubbed title: the original's language in other voices"),
    ("--background-track", "one more track a title: the mix without voices"),
    ("--stems", "write background, events and voices as FLAC, too"),
    ("--subtitles", "write SRT and WebVTT for each track, too"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("--titles", type=int, required=True, metavar="N")
    parser.add_argument("--out", required=True, metavar="DIR")
    # The one dial without a default in `filmset.Settings`: who calls it chooses a seed.
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same films; default 0")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default 2")
    for option, kind, metavar, meaning in _NUMBERS:
        add_option(parser, option, type=kind, metavar=metavar, help=meaning, default_of=_stated(option))
    for option, meaning in _FOLDERS:
        add_option(parser, option, metavar="FOLDER", help=meaning)
    for option, metavar, meaning in _LISTS:
        add_option(parser, option, nargs="+", metavar=metavar, help=meaning, default_of=_stated(option))
    add_option(parser, "--scenes", nargs="+", metavar="KIND", help="kinds of scene; default: all")
    add_option(
        parser,
        "--faults",
        nargs="+",
        metavar="KIND",
        help="plant a fault in one dub of each title: offset slope edit mislabel duplicate commentary "
        "description silent truncated level filtered clipped",
    )
    add_option(
        parser,
        "--speech-db",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="speech over the background, dB",
        default_of=_stated("--speech-db"),
    )
    for option, meaning in _SWITCHES:
        add_option(parser, option, action="store_true", help=meaning)
    add_set(parser, "any other dial")
    parser.add_argument(
        "--tasks", nargs="*", metavar="TASK", help="write probe tasks, too, into DIR/tasks; default: all"
    )
    add_option(
        parser,
        "--items-per-class",
        type=int,
        metavar="N",
        help="of the tasks",
        default_of="filmset/tasks/folders.py:write_tasks.items_per_class",
    )


def _stated(option: str) -> str:
    return _SETTINGS + option.removeprefix("--").replace("-", "_")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from filmset.render import render
    from filmset.settings import Settings
    from filmset.tasks import check_tasks, write_tasks
    from lssd import config
    from lssd.engine import Progress
    from lssd.reporting import terminal

    own = given(arguments, *Settings.__dataclass_fields__)
    settings = config.build(Settings, config.override(own, arguments.set), "film set")
    out, tasks = arguments.out, arguments.tasks
    probes: dict[str, Any] = {"out": Path(out) / "tasks", "seed": settings.seed, "tasks": tasks or None}
    probes |= given(arguments, "items_per_class")
    if tasks is not None:
        check_tasks(**probes)  # before hours of rendering
    with Progress("render", unit="titles", quiet=arguments.quiet) as progress:
        films = render(out, arguments.titles, settings, workers=arguments.workers, progress=progress)
    terminal.show_filmset_rendered(out, len(films.titles))
    if tasks is not None:
        with Progress("render tasks", unit="folds", quiet=arguments.quiet) as progress:
            folders = write_tasks(**probes, workers=arguments.workers, progress=progress)
        terminal.show_tasks_written(out, len(folders))
    terminal.show_filmset_next(out, dubbed=bool(settings.dubs_per_title) and settings.undubbed < 1)
    return 0

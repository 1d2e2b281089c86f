"""`lssd filmset`."""

import argparse
from pathlib import Path

from lssd.cli.parser import show_progress

HELP = """\
Render films with several sound tracks, whose whole truth is known.

Each title is one MKV with tagged sound tracks and one JSON with the truth."""
_FILMSET_DIALS: tuple[tuple[str, type, str, str], ...] = (
    ("--dubs-per-title", int, "N", "default 2"),
    ("--undubbed", float, "SHARE", "of titles with the original track alone; default 0"),
    ("--seconds", float, "S", "length of a title; default 60"),
    ("--channels", int, "N", "of each track: 1, 2 or 6; default 1"),
    ("--held-out", float, "SHARE", "of titles with split test; default 0.2"),
    ("--look-language-strength", float, "X", "0..1, how much a look tells of the language; default 0.5"),
    ("--voices", str, "FOLDER", "recorded speech instead of the synthesiser's: manifest.csv and files"),
    ("--sounds", str, "FOLDER", "recorded backgrounds, in ESC-50's layout"),
)
_FILMSET_LISTS = (
    ("--languages", "L", "default en es fr ja de it ko"),
    ("--scenes", "KIND", "kinds of scene; default all twenty"),
    ("--sizes", "WxH", "of the picture, drawn for each title; default 320x180"),
    ("--fps", "RATE", "such as 25 24000/1001; default 25"),
    ("--pixel-aspects", "A", "such as 1 16/15; default 1"),
    (
        "--faults",
        "KIND",
        "plant a fault in one dub of each title: offset slope edit mislabel duplicate commentary "
        "description silent truncated level filtered clipped",
    ),
)
_FILMSET_SWITCHES = (
    ("--revoiced", "one more track a dubbed title: the original's language in other voices"),
    ("--background-track", "one more track a title: the mix without voices"),
    ("--stems", "write background, events and voices as FLAC, too"),
    ("--subtitles", "write SRT and WebVTT for each track, too"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("--titles", type=int, required=True, metavar="N")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same films; default 0")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default 2")
    # What is not given here keeps the default that `filmset.Settings` states.
    for option, kind, metavar, meaning in _FILMSET_DIALS:
        parser.add_argument(option, type=kind, default=argparse.SUPPRESS, metavar=metavar, help=meaning)
    for option, metavar, meaning in _FILMSET_LISTS:
        parser.add_argument(option, nargs="+", default=argparse.SUPPRESS, metavar=metavar, help=meaning)
    parser.add_argument(
        "--speech-db",
        nargs=2,
        type=float,
        default=argparse.SUPPRESS,
        metavar=("LOW", "HIGH"),
        help="speech over the background, dB; default 5 10",
    )
    for option, meaning in _FILMSET_SWITCHES:
        parser.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=meaning)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other dial")
    parser.add_argument(
        "--tasks", nargs="*", metavar="TASK", help="write probe tasks, too, into DIR/tasks; default: all"
    )
    parser.add_argument(
        "--items-per-class", type=int, default=50, metavar="N", help="of the tasks; default 50"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from filmset import Settings, check_tasks, write_tasks
    from filmset.render import render
    from lssd import config

    given = {name: value for name, value in vars(arguments).items() if name in Settings.__dataclass_fields__}
    settings = config.build(Settings, config.override(given, arguments.set), "film set")
    out, tasks = arguments.out, arguments.tasks
    probes = (Path(out) / "tasks", settings.seed, arguments.items_per_class)
    if tasks is not None:
        check_tasks(*probes, tasks=tasks or None)  # before hours of rendering
    with show_progress("render", arguments.titles, "titles", arguments) as progress:
        films = render(
            out,
            arguments.titles,
            settings,
            workers=arguments.workers,
            progress=lambda done, total: progress.update(done, total),
        )
    print(f"{len(films.titles)} titles in {out}; look at them with lssd view {out}")
    if tasks is not None:
        with show_progress("render tasks", 0, "folds", arguments) as progress:
            folders = write_tasks(
                *probes,
                tasks=tasks or None,
                workers=arguments.workers,
                progress=lambda done, total: progress.update(done, total),
            )
        print(f"{len(folders)} probe tasks in {out}/tasks")
    alone = "" if settings.dubs_per_title and settings.undubbed < 1 else " --single-language"
    print(f"next: lssd ingest {out} --titles {out}/titles.csv --labels {out}/labels.csv --out CORPUS{alone}")
    return 0

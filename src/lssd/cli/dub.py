"""`lssd dub`."""

import argparse
import sys

from lssd.cli.parser import show_progress
from lssd.errors import LssdError

HELP = """\
Make dubs of films: other words over the same picture and background.

Makes OUT/FILM/FILM.mkv: the film as it is, and a synthetic track a language more. Beside it lie
utterances.json (edit lines, times or speakers and run again: what depends on them is made anew),
provenance.json, and a figure of all tracks. Outside speech the original's samples are kept.

  lssd dub film.mkv --to es fr --out dubs
  lssd dub films/ --to es --from en --subtitles subs/ --speakers turns/ --out dubs
  lssd dub films/ --only separate --out backgrounds          a background track, no dub
  lssd dub film.mkv --to de --set whisper.model=/models/whisper-large-v3 --out dubs
  lssd doctor dubbing                                        which backends work here

Exit code 0 when a film was written; what could not be dubbed is named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="films, or folders of them")
    parser.add_argument("--to", nargs="+", default=[], metavar="LANG", help="languages, such as es fr ja")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument(
        "--preset", default="best", metavar="P", help="offline, best (default), paper, a YAML"
    )
    parser.add_argument("--only", choices=("separate",), help="do this step alone: the background track")
    parser.add_argument("--from", dest="source", metavar="LANG", help="what the original speaks")
    parser.add_argument("--track", type=int, metavar="N", help="which sound track is the original, from 0")
    parser.add_argument("--subtitles", nargs="+", default=[], metavar="PATH", help="FILM.LANG.srt or .vtt")
    parser.add_argument("--speakers", nargs="+", default=[], metavar="PATH", help="RTTM: who speaks when")
    parser.add_argument("--stems", metavar="DIR", help="your own FILM.speech.flac, FILM.background.flac")
    parser.add_argument("--lines", metavar="DIR", help="your own spoken lines, ID.LANG.flac")
    parser.add_argument(
        "--consent", default="not stated", metavar="TEXT", help="of the speakers, for the record"
    )
    parser.add_argument("--license-policy", choices=("any", "permissive"), default="any", help="default any")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="films at a time; default 1")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: many machines")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="BACKEND.DIAL, codec ...",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    from lssd.dubbing import DubSettings
    from lssd.dubbing.dub import dub
    from lssd.reporting import terminal, write_track_figures

    given = vars(arguments)
    own = [f"{name}.folder={given[name]}" for name in ("stems", "lines") if given[name]]
    settings = DubSettings.build(
        [*own, *arguments.set],
        preset=arguments.preset,
        source=arguments.source,
        track=arguments.track,
        only=arguments.only,
        subtitles=tuple(arguments.subtitles),
        speakers=tuple(arguments.speakers),
        consent=arguments.consent,
        license_policy=arguments.license_policy,
    )
    with show_progress("dub", 0, "films", arguments) as progress:
        reports = dub(
            arguments.paths,
            arguments.to,
            arguments.out,
            settings,
            workers=arguments.workers,
            engine=arguments.engine,
            progress=progress,
        )
    terminal.show_dubs(reports)
    try:
        write_track_figures(report.film for report in reports if report.ok)
    except LssdError as error:
        print(f"no figure of the tracks: {error}", file=sys.stderr)
    return 0 if any(report.ok for report in reports) else 2

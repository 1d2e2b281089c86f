"""`lssd dub`: other words over the same picture and background."""

import argparse

from lssd.cli.parser import add_engine, add_option, add_set, given, require_paths

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

_SETTINGS = "lssd/dubbing/settings.py:DubSettings."
_OWN = ("preset", "source", "track", "only", "subtitles", "speakers", "consent", "license_policy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="films, or folders of them")
    parser.add_argument("--to", nargs="+", default=[], metavar="LANG", help="languages, such as es fr ja")
    parser.add_argument("--out", required=True, metavar="DIR")
    add_option(
        parser,
        "--preset",
        metavar="P",
        help="offline, best, paper, or a YAML file",
        default_of=f"{_SETTINGS}preset",
    )
    add_option(parser, "--only", choices=("separate",), help="do this step alone: the background track")
    add_option(parser, "--from", dest="source", metavar="LANG", help="what the original speaks")
    add_option(parser, "--track", type=int, metavar="N", help="which sound track is the original, from 0")
    add_option(parser, "--subtitles", nargs="+", metavar="PATH", help="FILM.LANG.srt or .vtt")
    add_option(parser, "--speakers", nargs="+", metavar="PATH", help="RTTM: who speaks when")
    parser.add_argument("--stems", metavar="DIR", help="your own FILM.speech.flac, FILM.background.flac")
    parser.add_argument("--lines", metavar="DIR", help="your own spoken lines, ID.LANG.flac")
    add_option(
        parser,
        "--consent",
        metavar="TEXT",
        help="of the speakers, for the record",
        default_of=f"{_SETTINGS}consent",
    )
    add_option(
        parser,
        "--license-policy",
        choices=("any", "permissive"),
        help="permissive refuses backends whose licences bind or forbid",
        default_of=f"{_SETTINGS}license_policy",
    )
    add_option(
        parser,
        "--workers",
        type=int,
        metavar="N",
        help="films at a time",
        default_of="lssd/dubbing/dub.py:dub.workers",
    )
    add_engine(parser)
    add_set(parser, "BACKEND.DIAL, codec ...")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    require_paths(*arguments.paths)
    from lssd.dubbing import DubSettings
    from lssd.dubbing.dub import dub
    from lssd.engine import Progress
    from lssd.errors import LssdError
    from lssd.reporting import terminal
    from lssd.reporting.tracks import write_track_figures

    folders = {"stems": arguments.stems, "lines": arguments.lines}
    own = [f"{name}.folder={folder}" for name, folder in folders.items() if folder]
    dials = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given(arguments, *_OWN).items()
    }
    settings = DubSettings.build([*own, *arguments.set], **dials)
    with Progress("dub", unit="films", quiet=arguments.quiet) as progress:
        reports = dub(
            arguments.paths,
            arguments.to,
            arguments.out,
            settings,
            **given(arguments, "workers", "engine"),
            progress=progress,
        )
        films = [report.film for report in reports if report.ok]
        progress.phase("figures of the tracks", len(films))
        no_figure = ""
        try:
            for film in films:
                write_track_figures([film])
                progress.advance()
        except LssdError as error:
            no_figure = str(error)
    terminal.show_dubs(reports)
    if no_figure:
        terminal.tell(f"no figure of the tracks: {no_figure}")
    return 0 if any(report.ok for report in reports) else 2

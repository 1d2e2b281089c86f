"""What each verb of the command line takes. Nothing heavy is imported here: `--help` must be quick."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

Verb = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Argparse, with errors of one line as everywhere else."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser(functions: Mapping[str, Verb]) -> argparse.ArgumentParser:
    """The parser of `lssd`; `functions` are the verbs by name, their docstrings the summaries."""
    parser = _Parser(
        prog="lssd",
        description="Audiovisual pretraining on dubbed films: looking similar, sounding different.",
        epilog="Start with: lssd demo",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=_Parser)

    def verb(name: str, more: str = "") -> argparse.ArgumentParser:
        function = functions[name]
        summary = (function.__doc__ or "").splitlines()[0]
        sub = verbs.add_parser(
            name,
            help=summary,
            description=f"{summary}\n\n{more}".strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("--quiet", action="store_true", help="no progress lines")
        sub.set_defaults(function=function)
        return sub

    verb("demo", _DEMO).add_argument("--out", default="demo-out", metavar="DIR", help="default: demo-out")
    _add_filmset(verb("filmset", _FILMSET))
    sub = verb("inspect")
    sub.add_argument("path", metavar="PATH", help="a film, or the folder of a corpus, a run or a film set")
    sub.add_argument("--json", action="store_true", help="as JSON")
    _add_ingest(verb("ingest", _INGEST))
    _add_dub(verb("dub", _DUB))
    verb("verify").add_argument("path", metavar="CORPUS")
    _add_pretrain(verb("pretrain", _PRETRAIN))
    _add_embed(verb("embed", _EMBED))
    _add_evaluate(verb("evaluate", _EVALUATE))
    sub = verb("report")
    sub.add_argument("results", nargs="+", metavar="RESULT", help="result files, folders of them, or runs")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument(
        "--margin", type=float, metavar="POINTS", help="which difference would be too small to matter"
    )
    sub = verb("view")
    sub.add_argument("path", metavar="PATH", help="a film set")
    sub.add_argument("--out", metavar="DIR", help="default: PATH/page")
    sub.add_argument("--titles", type=int, default=12, metavar="N", help="with a player each; default 12")
    verb("doctor").add_argument("room", nargs="?", metavar="ROOM", help="check this room alone")
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
The labels table has path, name, value and, for less than the whole film, start_s, end_s; a clip gets the
label that covers more than half of it. Given again, labels of titles that stand are added or replaced.
A file that cannot be used goes to the quarantine table; the rest is done."""

_PRETRAIN = """\
RECIPE is a packaged name or a YAML file. A run that was killed goes on from its last checkpoint.
`--print-recipe` shows all of a recipe; docs/recipes.md lists those of the paper.
Examples:
  lssd pretrain demo --corpus C --out R --set schedule.steps=200
  lssd pretrain paper/B.5 --corpus C --dry-run
  lssd pretrain paper/B.5 --corpus C --out RUNS --chain     (RUNS/paper/B.3 first, then RUNS/paper/B.5)
  torchrun --nproc-per-node 8 -m lssd pretrain paper/A.2 --corpus C --out R      (processes or hosts)"""

_EMBED = "FILE ends in .parquet or .npz; columns path, start_s, end_s, modality, vector."

_EVALUATE = """\
TASK is a task folder in HEAR's layout, any folder of class folders with sounds or films, a CSV with the
columns path, label and split or group, or the name of one under ROOT; TASK/speakers asks for folds that
share no speaker. Each result is one JSON with an interval, chance and the majority's score, and its
predictions; `random-init` is the same architecture untrained. lssd report compares results."""


def _add_filmset(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--titles", type=int, required=True, metavar="N")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same films; default 0")
    sub.add_argument("--workers", type=int, default=2, metavar="N", help="default 2")
    # What is not given here keeps the default that `filmset.Settings` states.
    for option, kind, metavar, meaning in _FILMSET_DIALS:
        sub.add_argument(option, type=kind, default=argparse.SUPPRESS, metavar=metavar, help=meaning)
    for option, metavar, meaning in _FILMSET_LISTS:
        sub.add_argument(option, nargs="+", default=argparse.SUPPRESS, metavar=metavar, help=meaning)
    sub.add_argument(
        "--speech-db",
        nargs=2,
        type=float,
        default=argparse.SUPPRESS,
        metavar=("LOW", "HIGH"),
        help="speech over the background, dB; default 5 10",
    )
    for option, meaning in _FILMSET_SWITCHES:
        sub.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=meaning)
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other dial")
    sub.add_argument(
        "--tasks", nargs="*", metavar="TASK", help="write probe tasks, too, into DIR/tasks; default: all"
    )
    sub.add_argument("--items-per-class", type=int, default=50, metavar="N", help="of the tasks; default 50")


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


def _add_ingest(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("paths", nargs="+", metavar="PATH", help="films, or folders of them")
    sub.add_argument("--out", required=True, metavar="CORPUS")
    sub.add_argument("--clips", action="store_true", help="each file is one clip already; find no shots")
    sub.add_argument("--titles", metavar="CSV", help="what is known of the titles")
    sub.add_argument("--labels", metavar="CSV", help="what is so in which seconds of which film")
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


_DUB = """\
Makes OUT/FILM/FILM.mkv: the film as it is, and a synthetic track a language more. Beside it lie
utterances.json (edit lines, times or speakers and run again: what depends on them is made anew),
provenance.json, and a figure of all tracks. Outside speech the original's samples are kept.

  lssd dub film.mkv --to es fr --out dubs
  lssd dub films/ --to es --from en --subtitles subs/ --speakers turns/ --out dubs
  lssd dub films/ --only separate --out backgrounds          a background track, no dub
  lssd dub film.mkv --to de --set whisper.model=/models/whisper-large-v3 --out dubs
  lssd doctor dubbing                                        which backends work here

Exit code 0 when a film was written; what could not be dubbed is named."""


def _add_dub(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("paths", nargs="+", metavar="PATH", help="films, or folders of them")
    sub.add_argument("--to", nargs="+", default=[], metavar="LANG", help="languages, such as es fr ja")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument("--preset", default="best", metavar="P", help="offline, best (default), paper, a YAML")
    sub.add_argument("--only", choices=("separate",), help="do this step alone: the background track")
    sub.add_argument("--from", dest="source", metavar="LANG", help="what the original speaks")
    sub.add_argument("--track", type=int, metavar="N", help="which sound track is the original, from 0")
    sub.add_argument("--subtitles", nargs="+", default=[], metavar="PATH", help="FILM.LANG.srt or .vtt")
    sub.add_argument("--speakers", nargs="+", default=[], metavar="PATH", help="RTTM: who speaks when")
    sub.add_argument("--stems", metavar="DIR", help="your own FILM.speech.flac, FILM.background.flac")
    sub.add_argument("--lines", metavar="DIR", help="your own spoken lines, ID.LANG.flac")
    sub.add_argument(
        "--consent", default="not stated", metavar="TEXT", help="of the speakers, for the record"
    )
    sub.add_argument("--license-policy", choices=("any", "permissive"), default="any", help="default any")
    sub.add_argument("--workers", type=int, default=1, metavar="N", help="films at a time; default 1")
    sub.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: many machines")
    sub.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="BACKEND.DIAL, codec ...",
    )


def _add_pretrain(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("recipe", metavar="RECIPE")
    sub.add_argument("--corpus", metavar="CORPUS")
    sub.add_argument("--out", metavar="RUN")
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    start = sub.add_mutually_exclusive_group()
    start.add_argument("--init", metavar="RUN", help="the run of the recipe's parent to start from")
    start.add_argument("--chain", action="store_true", help="train the recipe's parents first, below --out")
    sub.add_argument("--push-to", metavar="OWNER/NAME", help="push the model to a private hub repository")
    sub.add_argument("--dry-run", action="store_true", help="say how large the run is, and stop")
    sub.add_argument("--print-recipe", action="store_true", help="print the whole recipe, and stop")


def _add_embed(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("model", metavar="MODEL", help="a model folder, such as RUN/model")
    sub.add_argument("paths", nargs="+", metavar="PATH", help="files, or folders of them")
    sub.add_argument("--out", required=True, metavar="FILE")
    sub.add_argument("--modality", choices=("audio", "video"), default="audio")
    sub.add_argument("--pool", choices=("file", "window"), default="file", help="a vector a file or a window")
    sub.add_argument(
        "--language", metavar="L", help="of the sound track; default: the original, else the first"
    )
    _add_embedding(sub)


def _add_embedding(sub: argparse.ArgumentParser) -> None:
    """How embedding is done, wherever it is."""
    sub.add_argument(
        "--workers", type=int, metavar="N", help="processes (modules: threads) that read; with ray: in all"
    )
    sub.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: many machines")
    sub.add_argument("--cache", metavar="DIR", help="keep embeddings here between runs")


def _add_evaluate(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("model", metavar="MODEL", help="a model folder, a hub id, or hear:MODULE[@MODEL_FILE]")
    sub.add_argument("--tasks", nargs="+", required=True, metavar="TASK", help="names below ROOT, or paths")
    sub.add_argument("--data", default=".", metavar="ROOT", help="where tasks are; default: here")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument(
        "--protocol",
        choices=("hear-fixed", "hear-strict", "linear", "logistic", "ridge", "knn"),
        default="hear-fixed",
        help="how the probe is trained; default hear-fixed",
    )
    sub.add_argument("--seeds", type=int, default=1, metavar="N", help="probes to train; default 1")
    sub.add_argument(
        "--modality", choices=("audio", "picture", "audiovisual"), help="what of films is judged"
    )
    sub.add_argument("--name", metavar="NAME", help="what reports call the model")
    _add_embedding(sub)
    sub.add_argument("--no-random-init", action="store_true", help="leave the untrained twin out")


def _version() -> str:
    from importlib import metadata

    return f"lssd {metadata.version('lssd')}"

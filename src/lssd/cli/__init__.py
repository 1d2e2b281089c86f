"""The command line: one verb a function, each calling one public function.

Exit codes: 0 what was asked now stands; 1 `verify` found a fault, or `demo` missed a bound; 2 wrong
request, or nothing usable; 130 interrupted; 141 nobody reads what is printed. An error that the user can
mend is one line on stderr.
"""

import argparse
import errno
import json
import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lssd.cli.arguments import build_parser
from lssd.errors import InputError, LssdError

if TYPE_CHECKING:
    from lssd.pretraining import Run

_INTERRUPTED = 130
_UNREAD = 141  # as shells report a program that wrote into a pipe that nobody reads
# What a finished run's line quotes, the first that was measured: words, recall, chance, number of clips.
_RETRIEVAL = (
    ("recall@1", "recall@1", "chance@1", "clips"),
    ("sound-to-dub recall@1", "audio_to_dub@1", "dub_chance@1", "dubbed_clips"),
)
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
    from filmset import Settings, check_tasks, write_tasks
    from filmset.render import render
    from lssd import config

    given = {name: value for name, value in vars(arguments).items() if name in Settings.__dataclass_fields__}
    settings = config.build(Settings, config.override(given, arguments.set), "film set")
    out, tasks = arguments.out, arguments.tasks
    probes = (Path(out) / "tasks", settings.seed, arguments.items_per_class)
    if tasks is not None:
        check_tasks(*probes, tasks=tasks or None)  # before hours of rendering
    with _progress("render", arguments.titles, "titles", arguments) as progress:
        films = render(
            out,
            arguments.titles,
            settings,
            workers=arguments.workers,
            progress=lambda done, total: progress.update(done, total),
        )
    print(f"{len(films.titles)} titles in {out}; look at them with lssd view {out}")
    if tasks is not None:
        with _progress("render tasks", 0, "folds", arguments) as progress:
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


def inspect(arguments: argparse.Namespace) -> int:
    """Describe a film, a corpus, a run or a film set."""
    from lssd.inspect import inspect as look
    from lssd.reporting import terminal

    kind, found = look(arguments.path)
    if arguments.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show: dict[str, Callable[[dict[str, Any]], None]] = {
            "film": terminal.show_film,
            "corpus": terminal.show_corpus,
            "run": terminal.show_run,
            "filmset": terminal.show_filmset,
        }
        show[kind](found)
    return 0


def ingest(arguments: argparse.Namespace) -> int:
    """Turn films into a corpus: identify, cut at shots, store clips with all their tracks."""
    from lssd.corpus import ClipSettings, IngestSettings, Plan
    from lssd.corpus.ingest import ingest as run

    settings = IngestSettings(
        clips=ClipSettings(
            detect=not arguments.clips,
            short_side=arguments.short_side,
            keyframe_every=arguments.keyframe_every,
            shortest_s=arguments.keep[0],
            longest_s=arguments.keep[1],
        ),
        titles=arguments.titles,
        labels=arguments.labels,
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


def dub(arguments: argparse.Namespace) -> int:
    """Make dubs of films: other words over the same picture and background."""
    from lssd.dubbing import DubSettings
    from lssd.dubbing.dub import dub as run
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
    with _progress("dub", 0, "films", arguments) as progress:
        reports = run(
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


def verify(arguments: argparse.Namespace) -> int:
    """Check every stored byte of a corpus against its catalog."""
    from lssd.corpus.verify import verify as check

    verdict = check(arguments.path, quiet=arguments.quiet)
    for fault in verdict.faults:
        print(fault)
    print(f"{arguments.path}: {verdict.checked} members checked, {len(verdict.faults)} at fault")
    return 1 if verdict.faults else 0


def pretrain(arguments: argparse.Namespace) -> int:
    """Train sound and picture encoders by a recipe on a corpus."""
    from lssd import config
    from lssd.pretraining import Forecast, check_push, load_recipe, push_model
    from lssd.pretraining.pretrain import pretrain as run

    settings = tuple(arguments.set)
    if arguments.print_recipe:
        print(config.to_yaml(load_recipe(arguments.recipe, settings)), end="")
        return 0
    for option in ("corpus",) if arguments.dry_run else ("corpus", "out"):
        if getattr(arguments, option) is None:
            raise InputError(f"pretrain needs --{option}; see lssd pretrain --help")
    first = os.environ.get("RANK", "0") == "0"  # of several processes, that one speaks
    if arguments.push_to and arguments.dry_run:
        raise InputError("--push-to needs a run, and --dry-run makes none: give one of them")
    if arguments.push_to and first:
        check_push(arguments.push_to)  # before days of training
    result = run(
        arguments.recipe,
        arguments.corpus,
        arguments.out,
        settings=settings,
        init=arguments.init,
        chain=arguments.chain,
        dry_run=arguments.dry_run,
        quiet=arguments.quiet,
    )
    if not first:
        return 0
    if isinstance(result, Forecast):
        from lssd.reporting import terminal

        terminal.show_forecast(result.rows())
        return 0
    for line in _about(result):
        print(line)
    if arguments.push_to:
        print(push_model(result.folder, arguments.push_to))
    return 0


def _about(run: "Run") -> Iterator[str]:
    """What a finished run came to, in lines."""
    waited = f"{run.wait_share:.1%} waiting for data"
    yield f"{run.model}: {run.steps} steps in {run.seconds:.0f} s, {waited}"
    if run.skipped:
        yield f"{run.skipped} updates were left out, since their gradient was not finite"
    if run.replaced:
        yield f"{run.replaced} clips could not be read and were replaced; see lssd verify"
    held_out = run.held_out
    for words, recall, chance, clips in _RETRIEVAL:
        if recall in held_out:
            among = f"{held_out[clips]:.0f} clips (chance {held_out[chance]:.3f})"
            yield f"held-out {words} {held_out[recall]:.3f} among {among}"
            return


def embed(arguments: argparse.Namespace) -> int:
    """Turn sound or picture files into vectors."""
    from lssd.embedding.embed import embed as run
    from lssd.evaluation.foreign.load import default_device, is_module
    from lssd.models import load_model

    if is_module(arguments.model):
        raise InputError("lssd embed takes models of ours; lssd evaluate judges modules of HEAR's API")
    model = load_model(arguments.model).to(default_device())
    with _progress("embed", 0, "files", arguments) as progress:
        embeddings = run(
            model,
            arguments.paths,
            arguments.out,
            modality=arguments.modality,
            pool=arguments.pool,
            language=arguments.language,
            cache=arguments.cache,
            workers=arguments.workers,
            engine=arguments.engine,
            progress=progress,
        )
    for failure in embeddings.failed:
        print(f"left out: {failure.path}: {failure.reason}", file=sys.stderr)
    print(f"{arguments.out}: {len(embeddings.vectors)} vectors, {len(embeddings.failed)} files left out")
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Judge a model's frozen embeddings on tasks, beside its untrained twin."""
    from lssd.evaluation import Unjudged
    from lssd.evaluation.evaluate import evaluate as run
    from lssd.reporting import terminal

    unjudged: list[Unjudged] = []
    with _progress("evaluate", 0, "files", arguments) as progress:
        results = run(
            arguments.model,
            arguments.tasks,
            arguments.data,
            arguments.out,
            protocol=arguments.protocol,
            seeds=arguments.seeds,
            modality=arguments.modality,
            name=arguments.name,
            random_init=not arguments.no_random_init,
            cache=arguments.cache or Path(arguments.out) / "cache",
            workers=arguments.workers,
            engine=arguments.engine,
            unjudged=unjudged,
            progress=progress,
        )
    terminal.show_results(results)
    for one in unjudged:
        print(f"not judged: {one.model} on {one.task}: {one.reason}", file=sys.stderr)
    if unjudged:
        print(f"{len(results)} results stand, {len(unjudged)} could not be made", file=sys.stderr)
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Set results side by side: verdicts here, and one page with all behind them."""
    from lssd.reporting import terminal
    from lssd.reporting.report import report as run

    print(run(arguments.results, arguments.out, margin=arguments.margin, tell=terminal.show_line))
    return 0


def view(arguments: argparse.Namespace) -> int:
    """Write a page that shows a film set: contact sheet, players, spectrograms."""
    from lssd.reporting.view import view as run

    with _progress("page", 0, "titles", arguments) as progress:
        page = run(
            arguments.path,
            arguments.out,
            arguments.titles,
            progress=lambda done, total: progress.update(done, total),
        )
    print(page)
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


_VERBS = {
    verb.__name__: verb
    for verb in (demo, filmset, inspect, ingest, dub, verify, pretrain, embed, evaluate, report, view, doctor)
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    arguments = build_parser(_VERBS).parse_args(argv)
    try:
        return int(arguments.function(arguments))
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


if __name__ == "__main__":
    run()

"""Everything that the command line prints: results on stdout, what could not be done on stderr.

Words that come from files pass through `lssd.text.printable`, in `_say` and `_add`, whatever is shown.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lssd.languages import display_name
from lssd.text import counted, printable, printable_json

if TYPE_CHECKING:
    from filmset import FilmSetDescription
    from lssd.corpus import Catalog, CorpusDescription, Plan, Verdict
    from lssd.corpus.schema import QuarantineRow
    from lssd.dubbing import DubReport
    from lssd.embedding.table import Embeddings
    from lssd.evaluation import Evaluation
    from lssd.media import FilmInfo
    from lssd.models import ModelDescription
    from lssd.pretraining import Run, RunDescription, SeedsDescription

_console = Console(highlight=False, soft_wrap=True)
# What a finished run's line quotes, the first that was measured: words, recall, chance, number of clips.
_RETRIEVAL = (
    ("recall@1", "recall@1", "chance@1", "clips"),
    ("sound-to-dub recall@1", "audio_to_dub@1", "dub_chance@1", "dubbed_clips"),
)


def show_line(line: object) -> None:
    """One line as it is."""
    _say(line)


def show_lines(lines: Sequence[object]) -> None:
    """Lines as they are."""
    for line in lines:
        _say(line)


def show_document(document: str) -> None:
    """A text of several lines, such as a recipe."""
    for line in document.splitlines():
        print(printable(line))


def show_json(value: Any) -> None:
    """A JSON value, indented; what would steer a terminal is escaped as JSON does it."""
    print(printable_json(json.dumps(value, indent=2, ensure_ascii=False)))


def tell(line: object) -> None:
    """One line on stderr: what could not be done."""
    print(printable(str(line)), file=sys.stderr)


def _say(line: object, bold: str = "") -> None:
    """Print a line, after `bold` in bold letters."""
    _console.print(Text(printable(bold), style="bold") + Text(printable(str(line)), style="not bold"))


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=Text(printable(title)), title_justify="left", title_style="bold", header_style="dim", box=None
    )
    for name in columns:
        right = name.endswith((" s", "Hz")) or name in {
            "#",
            "titles",
            "original of",
            "clips",
            "hours",
            "count",
        }
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    return table


def _add(table: Table, *values: object) -> None:
    table.add_row(*(Text(printable(str(value))) for value in values))


def show_film(film: "FilmInfo") -> None:
    """The picture of a film and its sound tracks."""
    video = film.video
    picture = "no picture"
    if video is not None:
        picture = f"{video.codec} {video.width}x{video.height} at {video.fps} fps"
    _say(f"  {film.duration_s:.2f} s, {picture}", bold=film.path)
    columns = ("#", "language", "role", "channels", "sample rate, Hz", "start, s", "duration, s")
    table = _table(counted(len(film.tracks), "sound track"), *columns)
    for track in film.tracks:
        _add(
            table,
            track.index,
            display_name(track.language),
            track.role,
            track.channels,
            track.sample_rate,
            f"{track.start_s:.3f}",
            f"{track.duration_s:.2f}",
        )
    _console.print(table)


def show_corpus(corpus: "CorpusDescription") -> None:
    """The numbers of a corpus, and what of its films was left out."""
    splits = ", ".join(f"{count} {name}" for name, count in corpus.splits.items())
    _say(
        f"  {counted(corpus.titles, 'title')} ({splits}), {counted(corpus.clips, 'clip')}, "
        f"{corpus.hours:.2f} hours",
        bold=corpus.path,
    )
    table = _table("Languages", "language", "titles", "original of", "clips", "hours")
    for code, row in corpus.languages.items():
        name = display_name(None if code == "None" else code)
        _add(table, f"{name} ({code})", row.titles, row.original_of, row.clips, f"{row.hours:.2f}")
    _console.print(table)
    table = _table("Clips by the number of their languages", "languages", "clips")
    for number, count in corpus.clips_by_language_count.items():
        _add(table, number, count)
    _console.print(table)
    if corpus.background:
        _say(f"with a background track: {counted(corpus.background, 'clip')}")
    if corpus.labels:
        table = _table("Labels", "name", "values", "clips")
        for name, found in corpus.labels.items():
            _add(table, name, found.values, found.clips)
        _console.print(table)
    table = _table(f"Shots: {corpus.shots.kept} kept", "not kept because", "count")
    for reason, count in corpus.shots.rejected.items():
        _add(table, reason, count)
    _console.print(table)
    if corpus.tracks_not_kept:
        table = _table("Tracks not kept", "because", "count")
        for reason, count in corpus.tracks_not_kept.items():
            _add(table, reason, count)
        _console.print(table)
    if corpus.quarantine:
        table = _table("Quarantine", "file", "stage", "reason")
        for fault in corpus.quarantine:
            _add(table, fault.path, fault.stage, fault.reason)
        _console.print(table)


def show_filmset(films: "FilmSetDescription") -> None:
    """The numbers of a film set."""
    _say(
        f"  {counted(films.titles, 'title')}, {films.hours:.2f} hours, "
        f"{counted(films.shots, 'shot')}, {counted(films.lines, 'line')}, seed {films.seed}",
        bold=films.path,
    )
    table = _table("languages", "language", "original of", "tracks")
    for language, numbers in films.languages.items():
        _add(table, display_name(language), numbers.original_of, numbers.tracks)
    _console.print(table)
    for name, counts in (
        ("splits", films.splits),
        ("directors", films.directors),
        ("scenes", films.scenes),
        ("transitions", films.transitions),
        ("events", films.events),
        ("faults", films.faults),
    ):
        if counts:
            _say(f"{name}: {', '.join(f'{count} {key}' for key, count in counts.items())}")


def show_run(run: "RunDescription") -> None:
    """How far a pretraining run is, and its last metrics."""
    _say(f"  recipe {run.recipe}, {run.state}", bold=run.path)
    if run.checkpoints:
        _say(f"checkpoints of steps {', '.join(map(str, run.checkpoints))}")
    table = _table("Last metrics", "name", "value")
    for name, value in run.metrics.items():
        _add(table, name, "-" if value is None else f"{value:.4g}")
    _console.print(table)


def show_seeds(seeds: "SeedsDescription", models: Sequence[object] = ()) -> None:
    """What runs of several seeds measured on held-out titles, with their models where they were just made."""
    from lssd.reporting.seeds import measure_rows

    show_lines(models)
    numbers = ", ".join(map(str, seeds.seeds)) or "none"
    unfinished = f", not finished: {', '.join(map(str, seeds.unfinished))}" if seeds.unfinished else ""
    _say(f"  recipe {seeds.recipe}, seeds finished: {numbers}{unfinished}", bold=seeds.path)
    rows = measure_rows(seeds)
    if not rows:
        _say("nothing was measured on held-out titles")
        return
    table = _table(
        "Held-out measures, over training seeds", "measure", "mean", "95% interval", "range", "chance"
    )
    for row in rows:
        _add(table, *row)
    _console.print(table)


def show_model(model: "ModelDescription") -> None:
    """What a model, or a checkpoint, is made of."""
    step = "" if model.step is None else f", a checkpoint after {counted(model.step, 'step')}"
    rate = "" if model.sample_rate is None else f", sound at {model.sample_rate} Hz"
    _say(f"  embeddings of {model.embedding_size}{rate}{step}", bold=model.path)
    table = _table("Encoders", "of", "architecture", "parameters", "multiply-adds a window")
    for modality, encoder in model.encoders.items():
        of = {"audio": "sound", "video": "picture"}[modality]
        _add(table, of, encoder.name, f"{encoder.parameters:,}", f"{encoder.multiply_adds:,}")
    _console.print(table)


def show_evaluation(evaluation: "Evaluation") -> None:
    """What models scored: each row with its interval, and chance and the majority's score beside it.

    What could not be judged follows on stderr.
    """
    from lssd.evaluation.metrics import METRICS
    from lssd.reporting.scores import shown

    results, unjudged = evaluation.results, evaluation.unjudged

    table = _table(
        "Results", "task", "metric", "model", "score", "interval", "chance", "majority", "n", "missing"
    )
    for result in sorted(results, key=lambda result: result.task):
        score = result.primary
        _add(
            table,
            result.task_title,
            METRICS[result.primary_metric].title,
            result.model.name,
            shown(result, score.value),
            f"{shown(result, score.low)} to {shown(result, score.high)}",
            shown(result, result.chance),
            shown(result, result.majority),
            result.n,
            result.missing,
        )
    _console.print(table)
    for covers in sorted({result.covers for result in results}):
        _say(f"intervals cover {covers}")
    for note in dict.fromkeys(f"{result.task_title}: {note}" for result in results for note in result.notes):
        _say(f"note: {note}")
    for one in unjudged:
        tell(f"not judged: {one.model} on {one.task}: {one.reason}")
    if unjudged:
        stand = "stands" if len(results) == 1 else "stand"
        tell(f"{counted(len(results), 'result')} {stand}, {len(unjudged)} could not be made")


def show_forecast(rows: Sequence[tuple[str, object]]) -> None:
    """What a dry run found, a line a fact."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        _say(f"{name:<{width}}  {value}")


def show_doctor(rows: Sequence[tuple[str, str, bool, str]]) -> None:
    """What works here: room, part, whether it is there, and its version or the way to get it."""
    table = _table("What works here", "room", "part", "state", "detail")
    for column in table.columns[:3]:
        column.no_wrap = True
    for room, part, there, detail in rows:
        _add(table, room, part, "ok" if there else "missing", detail)
    _console.print(table)


def show_dubs(reports: Sequence["DubReport"]) -> None:
    """What came of each film: its languages, and every flag."""
    for report in reports:
        if report.reason:
            _say(f": not dubbed: {report.reason}", bold=report.source)
            continue
        steps = f"{counted(sum(report.made.values()), 'step')} made, {sum(report.kept.values())} stood"
        _say(f" -> {report.film or 'no film written'}  ({steps})", bold=report.source)
        for flag in report.flags:
            _say(f"  {flag}")
        for one in report.languages:
            done = f"{one.spoken} of {counted(one.lines, 'line')}" if one.ok else f"not dubbed: {one.reason}"
            _say(f"  {display_name(one.language)}: {done}")
            for flag, lines in _flagged(one.flags).items():
                _say(f"    {flag}: {_some(lines)}")


def _flagged(flags: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Lines by flag."""
    lines: dict[str, list[str]] = {}
    for line, flag in flags:
        lines.setdefault(flag, []).append(line)
    return lines


def _some(lines: Sequence[str], most: int = 8) -> str:
    more = f" and {len(lines) - most} more" if len(lines) > most else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(lines[:most])}{more}"


def show_plan(plan: "Plan") -> None:
    """What an ingest would do."""
    for part in plan.parts:
        spoken = " ".join(part.speech_languages)
        title = part.title_id if part.name is None else f"{part.title_id} ({part.name})"
        _say(f"{title}  {part.duration_s:8.2f} s  {spoken:<24}  {', '.join(part.paths)}")
    titles = len({part.title_id for part in plan.parts})
    stand = "stands" if plan.unchanged == 1 else "stand"
    _say(f"{counted(titles, 'title')} to ingest, {counted(plan.unchanged, 'file')} {stand} already")
    _tell_quarantine(plan.failures)


def show_catalog(out: object, catalog: "Catalog") -> None:
    """What a corpus holds after an ingest."""
    from lssd.corpus.schema import QuarantineRow, rows_of

    quarantine = rows_of(QuarantineRow, catalog.quarantine)
    _say(
        f"{out}: {counted(catalog.titles.num_rows, 'title')}, {counted(catalog.clips.num_rows, 'clip')}, "
        f"{counted(len(quarantine), 'file')} in quarantine"
    )
    for line in _about_training(catalog):
        _say(line)
    _tell_quarantine(quarantine)
    if quarantine:
        tell("run again with --retry-failed once they are mended")


def _about_training(catalog: "Catalog") -> Iterator[str]:
    """What recipes with the default views make of the clips to train on, where there are any: how much of a
    batch comes from one title, and what is left out."""
    from lssd.errors import CorpusError
    from lssd.views import ClipIndex, Selection, ViewSettings, title_share, unknown_originals

    unknown = int(unknown_originals(catalog).sum())
    if unknown:
        yield f"of unknown original language, so in no selection by languages: {counted(unknown, 'title')}"
    try:
        index = ClipIndex.read(catalog, Selection())
        share = title_share(index, ViewSettings())
    except CorpusError:
        return  # no title of the split train, or one clip alone: a dry run of a recipe says which
    yield f"of one title: {share}"
    for line in index.left_out.lines():
        yield f"left out of training, unless a recipe says otherwise: {line}"


def _tell_quarantine(rows: Sequence["QuarantineRow"]) -> None:
    for row in rows:
        tell(f"quarantine: {row.path} ({row.stage}): {row.reason}")


def show_verdict(path: object, verdict: "Verdict") -> None:
    """Every fault of a corpus, and how much was checked."""
    show_lines(verdict.faults)
    _say(f"{path}: {counted(verdict.checked, 'member')} checked, {len(verdict.faults)} at fault")


def show_trained(run: "Run") -> None:
    """What a finished run came to."""
    show_lines(list(_about(run)))


def _about(run: "Run") -> Iterator[str]:
    waited = f"{run.wait_share:.1%} waiting for data"
    yield f"{run.model}: {counted(run.steps, 'step')} in {run.seconds:.0f} s, {waited}"
    if run.skipped:
        yield f"left out, since the gradient was not finite: {counted(run.skipped, 'update')}"
    if run.replaced:
        yield f"replaced, since they could not be read: {counted(run.replaced, 'clip')}; see lssd verify"
    held_out = run.held_out
    for words, recall, chance, clips in _RETRIEVAL:
        if recall in held_out:
            among = f"{held_out[clips]:.0f} clips (chance {held_out[chance]:.3f})"
            yield f"held-out {words} {held_out[recall]:.3f} among {among}"
            return


def show_embeddings(out: object, embeddings: "Embeddings") -> None:
    """How many rows were written, and which files have none."""
    for failure in embeddings.failed:
        tell(f"left out: {failure.path}: {failure.reason}")
    vectors, left_out = counted(len(embeddings.vectors), "vector"), counted(len(embeddings.failed), "file")
    _say(f"{out}: {vectors}, {left_out} left out")


def show_filmset_rendered(out: object, titles: int) -> None:
    """How many films a set has, and how to look at them."""
    _say(f"{counted(titles, 'title')} in {out}; look at them with lssd view {out}")


def show_tasks_written(out: object, count: int) -> None:
    """How many probe tasks lie in a film set's folder."""
    _say(f"{counted(count, 'probe task')} in {out}/tasks")


def show_filmset_next(out: object, dubbed: bool) -> None:
    """How a film set becomes a corpus."""
    alone = "" if dubbed else " --single-language"
    _say(f"next: lssd ingest {out} --titles {out}/titles.csv --labels {out}/labels.csv --out CORPUS{alone}")

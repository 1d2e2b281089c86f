"""Tables for the terminal: a film, a corpus, a run, what is installed."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lssd.dubbing import DubReport
from lssd.evaluation import Result
from lssd.languages import display_name
from lssd.reporting.scores import shown

_console = Console(highlight=False, soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None)
    for name in columns:
        right = name.endswith((" s", "Hz")) or name in {
            "#",
            "titles",
            "original of",
            "clips",
            "hours",
            "count",
        }
        table.add_column(name, justify="right" if right else "left")
    return table


def _add(table: Table, *values: object) -> None:
    table.add_row(*(escape(str(value)) for value in values))


def show_film(film: dict[str, Any]) -> None:
    """A film as `lssd.media.FilmInfo.to_json` describes it."""
    video = film["video"]
    picture = "no picture"
    if video is not None:
        rate = video["fps"]
        picture = f"{video['codec']} {video['width']}x{video['height']} at {rate} fps"
    _console.print(f"[bold]{escape(str(film['path']))}[/bold]  {film['duration_s']:.2f} s, {escape(picture)}")
    columns = ("#", "language", "role", "channels", "sample rate, Hz", "start, s", "duration, s")
    table = _table(f"{len(film['tracks'])} sound tracks", *columns)
    for track in film["tracks"]:
        _add(
            table,
            track["index"],
            display_name(track["language"]),
            track["role"],
            track["channels"],
            track["sample_rate"],
            f"{track['start_s']:.3f}",
            f"{track['duration_s']:.2f}",
        )
    _console.print(table)


def show_corpus(corpus: dict[str, Any]) -> None:
    """A corpus as `lssd.corpus.describe_corpus` describes it."""
    splits = ", ".join(f"{count} {name}" for name, count in corpus["splits"].items())
    _console.print(
        f"[bold]{escape(corpus['path'])}[/bold]  {corpus['titles']} titles ({splits}), "
        f"{corpus['clips']} clips, {corpus['hours']:.2f} hours"
    )
    table = _table("Languages", "language", "titles", "original of", "clips", "hours")
    for code, row in corpus["languages"].items():
        name = display_name(None if code == "None" else code)
        _add(
            table, f"{name} ({code})", row["titles"], row["original_of"], row["clips"], f"{row['hours']:.2f}"
        )
    _console.print(table)
    table = _table("Clips by the number of their languages", "languages", "clips")
    for number, count in corpus["clips_by_language_count"].items():
        _add(table, number, count)
    _console.print(table)
    if corpus["background"]:
        _console.print(f"{corpus['background']} clips have a background track")
    if corpus["labels"]:
        table = _table("Labels", "name", "values", "clips")
        for name, found in corpus["labels"].items():
            _add(table, name, found["values"], found["clips"])
        _console.print(table)
    shots = corpus["shots"]
    table = _table(f"Shots: {shots['kept']} kept", "not kept because", "count")
    for reason, count in shots["rejected"].items():
        _add(table, reason, count)
    _console.print(table)
    _show_faults(corpus)


def _show_faults(corpus: dict[str, Any]) -> None:
    if corpus["tracks_not_kept"]:
        table = _table("Tracks not kept", "because", "count")
        for reason, count in corpus["tracks_not_kept"].items():
            _add(table, reason, count)
        _console.print(table)
    if corpus["quarantine"]:
        table = _table("Quarantine", "file", "stage", "reason")
        for row in corpus["quarantine"]:
            _add(table, row["path"], row["stage"], row["reason"])
        _console.print(table)


def show_filmset(films: dict[str, Any]) -> None:
    """A film set as `filmset.describe_filmset` describes it."""
    _console.print(
        f"[bold]{escape(films['path'])}[/bold]  {films['titles']} titles, {films['hours']:.2f} hours, "
        f"{films['shots']} shots, {films['lines']} lines, seed {films['seed']}"
    )
    table = _table("languages", "language", "original of", "tracks")
    for language, counts in films["languages"].items():
        _add(table, display_name(language), counts["original of"], counts["tracks"])
    _console.print(table)
    for name in ("splits", "directors", "scenes", "transitions", "events", "faults"):
        counted = ", ".join(f"{value} {key}" for key, value in films[name].items())
        if counted:
            _console.print(f"{name}: {counted}")


def show_run(run: dict[str, Any]) -> None:
    """A pretraining run as `lssd.pretraining.describe_run` describes it."""
    _console.print(
        f"[bold]{escape(run['path'])}[/bold]  recipe {escape(run['recipe'])}, {escape(run['state'])}"
    )
    table = _table("Last metrics", "name", "value")
    for name, value in run["metrics"].items():
        _add(table, name, "-" if value is None else f"{value:.4g}")
    _console.print(table)


def show_results(results: Sequence[Result]) -> None:
    """What models scored: each row with its interval, and chance and the majority's score beside it."""
    table = _table(
        "Results", "task", "metric", "model", "score", "interval", "chance", "majority", "n", "missing"
    )
    for result in sorted(results, key=lambda result: result.task):
        score = result.primary
        _add(
            table,
            result.task_title,
            result.primary_metric,
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
        _console.print(f"intervals cover {escape(covers)}")
    for note in dict.fromkeys(f"{result.task_title}: {note}" for result in results for note in result.notes):
        _console.print(f"note: {escape(note)}")


def show_line(line: str) -> None:
    """One line as it is."""
    _console.print(escape(line))


def show_forecast(rows: Sequence[tuple[str, object]]) -> None:
    """What a dry run found, a line a fact."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        _console.print(f"{name:<{width}}  {escape(str(value))}")


def show_doctor(rows: Sequence[tuple[str, str, bool, str]]) -> None:
    """What works here: room, part, whether it is there, and its version or the way to get it."""
    table = _table("What works here", "room", "part", "state", "detail")
    for column in table.columns[:3]:
        column.no_wrap = True
    for room, part, there, detail in rows:
        _add(table, room, part, "ok" if there else "missing", detail)
    _console.print(table)


def show_dubs(reports: Sequence[DubReport]) -> None:
    """What came of each film: its languages, and every flag."""
    for report in reports:
        if report.reason:
            _console.print(f"[bold]{escape(report.source)}[/bold]: not dubbed: {escape(report.reason)}")
            continue
        steps = f"{sum(report.made.values())} steps made, {sum(report.kept.values())} stood"
        written = report.film or "no film written"
        _console.print(f"[bold]{escape(report.source)}[/bold] -> {escape(written)}  ({steps})")
        for flag in report.flags:
            _console.print(f"  {escape(flag)}")
        for one in report.languages:
            done = f"{one.spoken} of {one.lines} lines" if one.ok else f"not dubbed: {one.reason}"
            _console.print(f"  {display_name(one.language)}: {escape(done)}")
            for flag, lines in _flagged(one.flags).items():
                _console.print(f"    {escape(flag)}: {escape(_some(lines))}")


def _flagged(flags: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Lines by flag."""
    lines: dict[str, list[str]] = {}
    for line, flag in flags:
        lines.setdefault(flag, []).append(line)
    return lines


def _some(lines: Sequence[str], most: int = 8) -> str:
    more = f" and {len(lines) - most} more" if len(lines) > most else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(lines[:most])}{more}"

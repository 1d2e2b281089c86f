"""What a run folder's `metrics.jsonl` says: losses, measures on held-out titles, and how the run went."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeGuard

from lssd.pretraining.held_out.measures import Measure, measures_in
from lssd.pretraining.metrics import read_metrics as read_lines
from lssd.reporting.charts import Curve, Mark, curve_chart, legend
from lssd.reporting.markup import paragraph, percent, table, text
from lssd.reporting.study import Arm, groups_of, series_of

# The terms of the objective in the order of their charts, with what each compares.
_TERMS = (
    ("cross", "Cross-modal", "a clip's picture against its sound"),
    ("video", "Within picture", "two windows of a clip, picture only"),
    ("audio", "Within sound", "two windows of a clip, sound only"),
)


# Of the measures on held-out titles, those charted over training; the others are only in the table.
_CHARTED = (
    "video_to_audio@1",
    "audio_to_video@1",
    "audio_to_dub@1",
    "knn_",
    "alignment",
    "dub_",
    "uniformity_",
)


_MOST = 1e15  # larger numbers are no measurement
_SHARE = re.compile(r".+@\d+|knn_.+|data_wait_share")  # keys whose values lie within 0 and 1


@dataclass(frozen=True)
class Metrics:
    """The lines of a run: those of training steps, and those of evaluations; every number in them is finite
    and no share is above 1. `faults` names what was left out because it cannot be true."""

    steps: tuple[dict[str, Any], ...]
    evaluations: tuple[dict[str, Any], ...]
    faults: tuple[str, ...] = ()

    def curve(self, key: str) -> tuple[list[float], list[float]]:
        """Steps and finite values of one quantity of training."""
        return _pairs(self.steps, key)

    def held_out(self, key: str) -> tuple[list[float], list[float]]:
        """Steps and finite values of one measure on held-out titles."""
        return _pairs(self.evaluations, key)

    @property
    def last(self) -> dict[str, Any]:
        """The last measures on held-out titles; empty when there are none."""
        return self.evaluations[-1] if self.evaluations else {}


class _Column(NamedTuple):
    """Of the table of how runs went: a key of the metrics, and how its values become one, in words."""

    head: str
    key: str
    condense: Callable[[Sequence[float]], float]
    show: Callable[[float], str]


_LAST: Callable[[Sequence[float]], float] = operator.itemgetter(-1)
_COLUMNS = (
    _Column("Instances a second", "instances_per_s", median, "{:.3g}".format),
    _Column("Utilisation", "mfu", median, percent),
    _Column("Waiting for data", "data_wait_share", _LAST, percent),
    _Column("Clips replaced", "replaced", _LAST, "{:.0f}".format),
    _Column("Updates left out", "skipped", _LAST, "{:.0f}".format),
)


def read_metrics(run_folder: Path | None) -> Metrics:
    """The metrics of a run folder; empty when there are none."""
    try:
        lines: list[Any] = read_lines(run_folder) if run_folder is not None else []
    except (ValueError, RecursionError):
        return Metrics((), (), ("the file is not JSON lines of sensible size",))
    steps: list[dict[str, Any]] = []
    evaluations: list[dict[str, Any]] = []
    faults: list[str] = []
    for number, line in enumerate(lines, start=1):
        step = line.get("step") if isinstance(line, dict) else None
        values = line.get("eval", line) if isinstance(line, dict) else None
        if not isinstance(values, dict) or not _finite(step) or float(step) < 0:
            faults.append(f"line {number} is not of a step")
            continue
        wrong = [key for key, value in values.items() if not _believable(key, value)]
        faults += [f"{key} in line {number} cannot be" for key in wrong]
        kept = {key: value for key, value in values.items() if key not in wrong}
        (evaluations if "eval" in line else steps).append(kept | {"step": step})
    return Metrics(tuple(steps), tuple(evaluations), tuple(faults))


def loss_curves(arms: Sequence[Arm]) -> str:
    """One chart a term of the objective, all arms in each."""
    metrics = [read_metrics(arm.run_folder) for arm in arms]
    parts = [
        _missing([arm for arm, found in zip(arms, metrics, strict=True) if not found.steps], "training steps")
    ]
    charts = []
    for key, name, meaning in _TERMS:
        curves = [
            Curve(arm.name, *found.curve(key), series)
            for series, arm, found in zip(series_of(arms), arms, metrics, strict=True)
        ]
        chart = curve_chart(f"{name} loss", curves)
        if chart:
            caption = f'<figcaption>{name} loss <span class="more">{text(meaning)}</span></figcaption>'
            charts.append(f"<figure>{caption}{chart}</figure>")
    if charts:
        parts.append(legend(_key(arms)))
        parts.append(f'<div class="charts three">{"".join(charts)}</div>')
    return "\n".join(parts)


def retrieval(arms: Sequence[Arm]) -> str:
    """Held-out recall@1 of every arm beside chance, as a table with a sentence an arm."""
    rows, without = [], []
    sentences = []
    for arm in arms:
        lines = [line for line in read_metrics(arm.run_folder).evaluations if _finite(line.get("recall@1"))]
        if not lines:
            without.append(arm)
            continue
        last = lines[-1]
        recall = float(last["recall@1"])
        chance = float(last["chance@1"]) if _finite(last.get("chance@1")) else 0.0
        times = f"{recall / chance:.1f} ×" if chance > 0 else "–"
        shown = percent(chance) if chance > 0 else "–"
        rows.append([text(arm.name), percent(recall), shown, times, text(f"{last['step']:g}")])
        if times != "–":
            words = (
                f"{arm.name}: among the held-out clips, picture and sound find each other first in "
                f"{percent(recall)} of cases, {times} chance."
            )
            sentences.append(paragraph(words))
    parts = [_missing(without, "held-out retrieval"), *sentences]
    if rows:
        head = ["Arm", "Recall@1", "Chance", "Times chance", "At step"]
        parts.append(
            table(
                "Retrieval on held-out titles, mean of picture to sound and sound to picture",
                head,
                rows,
                (1, 2, 3, 4),
                compact=True,
            )
        )
    return "\n".join(parts)


def held_out(arms: Sequence[Arm]) -> str:
    """Measures on held-out titles: the last ones of every arm in a table, and how they came about.

    Empty when no arm has any but the retrieval above.
    """
    metrics = [read_metrics(arm.run_folder) for arm in arms]
    known = {key: value for found in metrics for key, value in found.last.items() if _finite(value)}
    measures = measures_in(known)
    if not measures:
        return ""
    charts = [chart for measure in measures if (chart := _measure_chart(measure, arms, metrics, known))]
    parts = []
    if charts:
        parts.append(legend([*_key(arms), ("mark", "Chance")]))
        parts.append(f'<div class="charts three">{"".join(charts)}</div>')
    rows = []
    for measure in measures:
        values = [_shown(found.last.get(measure.key), measure) for found in metrics]
        rows.append([text(measure.name), *values, _shown(known.get(measure.chance or ""), measure)])
    head = ["Measure", *(arm.name for arm in arms), "Chance"]
    caption = "Measures on held-out titles at the last step"
    return "\n".join([*parts, table(caption, head, rows, range(1, len(head)), compact=True)])


def health(arms: Sequence[Arm]) -> str:
    """How the runs went: warnings of collapse, speed, waiting, and what could not be read."""
    metrics = [read_metrics(arm.run_folder) for arm in arms]
    warnings = [
        _collapse_warning(arm, found)
        for arm, found in zip(arms, metrics, strict=True)
        if any(line.get("collapsed") for line in found.evaluations)
    ]
    warnings += [
        paragraph(
            f"{arm.name}: {len(found.faults)} entries of metrics.jsonl are left out; the first: "
            f"{found.faults[0]}.",
            "warning",
        )
        for arm, found in zip(arms, metrics, strict=True)
        if found.faults
    ]
    there = [column for column in _COLUMNS if any(found.curve(column.key)[1] for found in metrics)]
    rows = []
    for arm, found in zip(arms, metrics, strict=True):
        series = [found.curve(column.key)[1] for column in there]
        cells = [
            column.show(column.condense(values)) if values else "–"
            for column, values in zip(there, series, strict=True)
        ]
        if any(series):
            rows.append([text(arm.name), *map(text, cells)])
    if not rows:
        return "\n".join(warnings)
    head = ["Arm", *(column.head for column in there)]
    caption = "How the runs went: speed and utilisation are medians over the logged steps"
    return "\n".join([*warnings, table(caption, head, rows, range(1, len(head)), compact=True)])


def _key(arms: Sequence[Arm]) -> list[tuple[str, str]]:
    return [(f"s{series}", name) for series, name in enumerate(dict.fromkeys(groups_of(arms)))]


def _measure_chart(
    measure: Measure, arms: Sequence[Arm], metrics: Sequence[Metrics], known: dict[str, Any]
) -> str:
    """One measure over training, all arms; empty when there are not two points of any."""
    if not measure.key.startswith(_CHARTED):
        return ""
    scale, unit = (100.0, "%") if measure.share else (1.0, "")
    curves = []
    for series, arm, found in zip(series_of(arms), arms, metrics, strict=True):
        steps, values = found.held_out(measure.key)
        if len(steps) > 1:
            curves.append(Curve(arm.name, steps, [scale * value for value in values], series))
    chance = known.get(measure.chance or "")
    marks = [] if chance is None else [Mark("chance", scale * chance)]
    chart = curve_chart(measure.name, curves, unit, marks)
    return f"<figure><figcaption>{text(measure.name)}</figcaption>{chart}</figure>" if chart else ""


def _collapse_warning(arm: Arm, metrics: Metrics) -> str:
    steps = [line["step"] for line in metrics.evaluations if line.get("collapsed")]
    until = "at the end" if metrics.last.get("collapsed") else "but not at the end"
    words = (
        f"{arm.name}: the embeddings of distinct held-out clips were nearly equal at step {steps[0]:g}, "
        f"{until}. A collapsed encoder tells clips apart no better than chance."
    )
    return paragraph(words, "warning")


def _shown(value: object, measure: Measure) -> str:
    if not _finite(value):
        return "–"
    number = float(value)
    return percent(number) if measure.share else f"{number:.3g}"


def _pairs(lines: Sequence[dict[str, Any]], key: str) -> tuple[list[float], list[float]]:
    pairs = [(float(line["step"]), float(line[key])) for line in lines if _finite(line.get(key))]
    return [step for step, _ in pairs], [value for _, value in pairs]


def _missing(arms: Sequence[Arm], what: str) -> str:
    if not arms:
        return ""
    names = ", ".join(arm.name for arm in arms)
    return paragraph(
        f"No {what} recorded for {names}: the run folder has no such line in metrics.jsonl.", "note"
    )


def _finite(value: object) -> TypeGuard[float]:
    """Whether it is a number that a run can have: neither NaN nor beyond all measure."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -_MOST <= value <= _MOST


def _believable(key: str, value: object) -> bool:
    """Whether a run may have written it. Null stands for what was not finite; groups hold numbers."""
    if value is None or isinstance(value, bool | dict):
        return True
    return _finite(value) and (0 <= value <= 1 or not _SHARE.fullmatch(key))

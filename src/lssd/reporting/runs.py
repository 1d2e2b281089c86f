"""What a run folder's `metrics.jsonl` says: loss curves and held-out retrieval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lssd.pretraining.metrics import read_metrics as read_lines
from lssd.reporting.charts import Curve, curve_chart, legend
from lssd.reporting.markup import paragraph, percent, table, text
from lssd.reporting.study import Arm

# The terms of the objective in the order they are drawn, with what each compares.
_TERMS = (
    ("cross", "Cross-modal", "a clip's picture against its sound"),
    ("video", "Within picture", "two windows of a clip, picture only"),
    ("audio", "Within sound", "two windows of a clip, sound only"),
)


@dataclass(frozen=True)
class Metrics:
    """The lines of a run: those of training steps, and those of evaluations."""

    steps: tuple[dict[str, Any], ...]
    evaluations: tuple[dict[str, Any], ...]

    def curve(self, key: str) -> tuple[list[float], list[float]]:
        """Steps and finite values of one quantity."""
        pairs = [(float(line["step"]), line[key]) for line in self.steps if _finite(line.get(key))]
        return [step for step, _ in pairs], [float(value) for _, value in pairs]


def read_metrics(run_folder: Path | None) -> Metrics:
    """The metrics of a run folder; empty when there are none."""
    lines = read_lines(run_folder) if run_folder is not None else []
    return Metrics(
        tuple(line for line in lines if "eval" not in line),
        tuple({"step": line["step"], **line["eval"]} for line in lines if "eval" in line),
    )


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
            for series, (arm, found) in enumerate(zip(arms, metrics, strict=True))
        ]
        drawn = curve_chart(f"{name} loss", curves)
        if drawn:
            caption = f'<figcaption>{name} loss <span class="more">{text(meaning)}</span></figcaption>'
            charts.append(f"<figure>{caption}{drawn}</figure>")
    if charts:
        parts.append(legend([(f"s{series}", arm.name) for series, arm in enumerate(arms)]))
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


def _missing(arms: Sequence[Arm], what: str) -> str:
    if not arms:
        return ""
    names = ", ".join(arm.name for arm in arms)
    return paragraph(
        f"No {what} recorded for {names}: the run folder has no such line in metrics.jsonl.", "note"
    )


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

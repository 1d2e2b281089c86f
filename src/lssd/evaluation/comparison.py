"""`compare`: does one model do better than another on the same items, and what could have been seen?"""

from dataclasses import dataclass

import numpy as np

from lssd.errors import InputError
from lssd.evaluation.intervals import LEVEL, paired_interval
from lssd.evaluation.results import Result


@dataclass(frozen=True)
class Comparison:
    """Model b against model a on one task. Differences are b - a in points (0..100 of the metric).

    `low`, `high`: the interval at `level` of the difference, items (or their groups) resampled in
    pairs; `minimum_detectable`: the smallest true difference that a test of this size would find
    with 80% power; `mcnemar_p`: the exact McNemar test's, which takes items as independent;
    `gained`, `lost`: items that only b, and only a, has right. `verdict` says it in words.
    """

    task: str
    metric: str
    model_a: str
    model_b: str
    difference: float
    low: float
    high: float
    level: float
    minimum_detectable: float
    mcnemar_p: float
    gained: int
    lost: int
    n: int
    interval: str

    @property
    def significant(self) -> bool:
        """Whether the interval leaves zero out, and the exact test agrees (a guard on the smallest sets)."""
        return (self.low > 0 or self.high < 0) and self.mcnemar_p < 1 - self.level

    @property
    def verdict(self) -> str:
        """One phrase: the difference with its interval, or the smallest that could have been detected."""
        if not self.significant:
            return f"no difference detectable (minimum {self.minimum_detectable:.1f} points)"
        interval = f"{100 * self.level:g}% interval {self.low:+.1f} to {self.high:+.1f}"
        return f"{self.difference:+.1f} points ({interval})"


def compare(a: Result, b: Result) -> Comparison:
    """Compare two results on one task, item by item.

    InputError when the results are of different tasks, protocols or items: a difference between
    different test sets says nothing.
    """
    if (a.task, a.primary_metric) != (b.task, b.primary_metric):
        ours, theirs = f"{a.primary_metric} on {a.task}", f"{b.primary_metric} on {b.task}"
        raise InputError(f"cannot compare {ours} with {theirs}; compare results of one task")
    if a.protocol != b.protocol or a.modality != b.modality:
        raise InputError(
            f"the results on {a.task} follow different protocols; evaluate both with one version"
        )
    rows_a, rows_b = _by_item(a), _by_item(b)
    if rows_a.keys() != rows_b.keys():
        alone = sorted(rows_a.keys() ^ rows_b.keys())
        raise InputError(
            f"{a.model.name} and {b.model.name} were judged on different items of {a.task}: {len(alone)} are "
            f"in one alone, {alone[0]} the first; evaluate both on the same data"
        )
    items = sorted(rows_a)
    changed = next((item for item in items if rows_a[item]["label"] != rows_b[item]["label"]), None)
    if changed is not None:
        raise InputError(
            f"{changed} of {a.task} has another label in each result; evaluate both on the same data"
        )
    right_a = np.array([rows_a[item]["correct"] for item in items], dtype=bool)
    right_b = np.array([rows_b[item]["correct"] for item in items], dtype=bool)
    groups = [rows_a[item]["group"] for item in items] if a.groups else None
    found = paired_interval(right_a, right_b, groups)
    return Comparison(
        task=a.task,
        metric=a.primary_metric,
        model_a=a.model.name,
        model_b=b.model.name,
        difference=100 * found.difference,
        low=100 * found.low,
        high=100 * found.high,
        level=LEVEL,
        minimum_detectable=100 * found.minimum_detectable,
        mcnemar_p=found.mcnemar_p,
        gained=int((right_b & ~right_a).sum()),
        lost=int((right_a & ~right_b).sum()),
        n=len(items),
        interval=found.method,
    )


def _by_item(result: Result) -> dict[str, dict]:
    rows = result.read_predictions()
    by_item = {row["item"]: row for row in rows}
    if len(by_item) < len(rows):
        raise InputError(f"{result.predictions} names an item twice; run lssd evaluate again")
    return by_item

"""`compare`: does one model do better than another on the same items, and what could have been seen?
`compare_seeds`: does one way of training do better than another, by pairs of networks, one pair a seed?

Tests that belong together form a family, named before the results are seen; within it p-values are
Holm's, so that testing many tasks does not find differences by itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lssd.errors import InputError
from lssd.evaluation.metrics import METRICS
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.results import Result
from lssd.evaluation.statistics.intervals import LEVEL, PairedInterval, paired_interval, seeds_interval
from lssd.measures import holm
from lssd.text import counted

ALL_TASKS = "all tasks compared"


@dataclass(frozen=True)
class Comparison:
    """Model b against model a on one task. Differences are b - a in points, 0..100 of the metric (d' as is).

    `low`, `high`: the interval at `level` of the difference, over items (or their groups), seeds of the
    probe and, of `compare_seeds`, training seeds; `minimum_detectable`: the smallest true difference that a
    test of this size would find with 80% power, were it the hardest of its family; `p`: of no difference;
    `p_adjusted`: Holm's within `family`, of `family_size` tests; `mcnemar_p`: the exact McNemar test's, which
    takes items as independent; `gained`, `lost`: items whose highest score only b, and only a, has right (of
    several seeds: more often right); `n`: items; `interval`: the method.
    With a declared `margin`: `equivalence_low` and `equivalence_high`, the interval at 2 `level` - 1 that
    must lie within it, and `equivalence_p`, Holm's. `paired`: all of it in units of the metric.
    `by_seed`: the difference of each pair of training seeds, of `compare_seeds`.
    `notes`: what else a reader of the verdict must know. `verdict` says it in words.
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
    p: float
    p_adjusted: float
    family: str
    paired: PairedInterval = field(repr=False)
    family_size: int = 1
    margin: float | None = None
    equivalence_low: float | None = None
    equivalence_high: float | None = None
    equivalence_p: float | None = None
    by_seed: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def significant(self) -> bool:
        """Whether there is a difference, by the family's adjusted p. The interval then leaves zero out."""
        return self.p_adjusted < 1 - self.level

    @property
    def equivalent(self) -> bool | None:
        """Whether the difference is shown to lie within the margin; None when none was declared."""
        return None if self.equivalence_p is None else self.equivalence_p < 1 - self.level

    @property
    def unit(self) -> str:
        """What differences, their interval and the margin are in."""
        return "points" if METRICS[self.metric].bounded else "of d'"

    @property
    def verdict(self) -> str:
        """One phrase: the difference or that none is seen, what could have been, and the margin's outcome."""
        least = f"{self.minimum_detectable:{self._form}}"
        words = f"no difference detectable (minimum {least} {self.unit})"
        if self.significant:
            interval = f"{100 * self.level:g}% interval {self._range(self.low, self.high)}"
            words = f"{self.difference:+{self._form}} {self.unit} ({interval}; minimum detectable {least})"
        shown = () if self.equivalent is None else (self._equivalence,)
        return "; ".join((words, *shown, *self.notes))

    @property
    def _equivalence(self) -> str:
        assert self.equivalence_low is not None and self.equivalence_high is not None
        shown = "within" if self.equivalent else "not shown to be within"
        interval = self._range(self.equivalence_low, self.equivalence_high)
        adjusted = f"; p {self.equivalence_p:.2g} among {self.family_size}" if self.family_size > 1 else ""
        level = 100 * (2 * self.level - 1)
        return f"{shown} the margin of {self.margin:g} {self.unit} ({level:g}% interval {interval}{adjusted})"

    @property
    def _form(self) -> str:
        return ".1f" if METRICS[self.metric].bounded else ".2f"

    def _range(self, low: float, high: float) -> str:
        return f"{low:+{self._form}} to {high:+{self._form}}"


def compare(a: Result, b: Result, margin: float | None = None) -> Comparison:
    """Compare two results on one task, item by item: a family of one test.

    `margin`, in points of the metric, declares which difference would be too small to matter: the
    comparison then also says whether the difference is shown to be smaller. d' is not in points, so that
    no margin is applied to it.

    InputError when the results are of different tasks, protocols, items or media, or their predictions are
    missing or damaged: a difference between different test sets says nothing.
    """
    check_margin(margin)
    return _comparison(a, b, paired_interval(*_aligned(a, b), a.primary_metric), margin)


def compare_seeds(
    a: Sequence[Result],
    b: Sequence[Result],
    margin: float | None = None,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """Compare two ways of training on one task: a[s] and b[s] are of the pair that training seed s made.

    An untrained twin a seed does for either side: then the question is what training gives. The interval,
    `p` and `minimum_detectable` speak of other training seeds as well as other items (`seeds_interval`).
    `names`: of the two ways; by default those of the first results.

    InputError for fewer than 2 pairs, and where `compare` raises it: all results must be of the same items.
    """
    check_margin(margin)
    if len(a) == len(b) < 2:
        raise InputError(
            f"{counted(len(a), 'pair')} of training seeds says nothing of other seeds: give results of the "
            "same seeds on both sides, at least 2"
        )
    if len(a) != len(b):
        raise InputError(
            f"{len(a)} training seeds cannot be paired with {len(b)}: give results of the same seeds on both "
            "sides, at least 2"
        )
    pairs = [_aligned(one, other) for one, other in zip(a, b, strict=True)]
    for one in a[1:]:
        _aligned(a[0], one)  # the pairs are of the same items too
    of_a, of_b = zip(*pairs, strict=True)
    found = _comparison(a[0], b[0], seeds_interval(of_a, of_b, a[0].primary_metric), margin)
    notes = [note for one, other in zip(a, b, strict=True) for note in _notes(one, other, margin)]
    model_a, model_b = names or (found.model_a, found.model_b)
    return replace(found, model_a=model_a, model_b=model_b, notes=tuple(dict.fromkeys(notes)))


def _comparison(a: Result, b: Result, found: PairedInterval, margin: float | None) -> Comparison:
    notes = _notes(a, b, margin)
    margin = margin if METRICS[a.primary_metric].bounded else None
    scale = _scale(a.primary_metric)
    low, high = found.interval(LEVEL)
    equal_low, equal_high = found.interval(2 * LEVEL - 1)
    return Comparison(
        task=a.task,
        metric=a.primary_metric,
        model_a=a.model.name,
        model_b=b.model.name,
        difference=scale * found.difference,
        low=scale * low,
        high=scale * high,
        level=LEVEL,
        minimum_detectable=scale * found.minimum_detectable(LEVEL),
        mcnemar_p=found.mcnemar_p,
        gained=found.gained,
        lost=found.lost,
        n=found.n,
        interval=found.method,
        p=found.p,
        p_adjusted=found.p,
        family=a.task,
        margin=margin,
        equivalence_low=None if margin is None else scale * equal_low,
        equivalence_high=None if margin is None else scale * equal_high,
        equivalence_p=None if margin is None else found.equivalence_p(margin / scale),
        paired=found,
        by_seed=tuple(scale * one for one in found.by_seed),
        notes=notes,
    )


def check_margin(margin: float | None) -> None:
    """InputError for a margin that is none."""
    if margin is not None and not 0 < margin < float("inf"):
        raise InputError(
            f"the margin must be above 0 points, not {margin:g}; it is the largest that is no loss"
        )


def _notes(a: Result, b: Result, margin: float | None) -> tuple[str, ...]:
    notes = []
    if a.missing != b.missing:
        notes.append(f"{a.model.name} lacks {a.missing} items, {b.model.name} {b.missing}")
    if a.rate != b.rate:
        notes.append(f"{a.model.name} had its sounds at {a.rate} Hz, {b.model.name} at {b.rate} Hz")
    if margin is not None and not METRICS[a.primary_metric].bounded:
        notes.append("no margin: it is in points, and d' is not")
    return tuple(notes)


def compare_models(
    results_a: Sequence[Result],
    results_b: Sequence[Result],
    margin: float | None = None,
    family: Mapping[str, Sequence[str]] | None = None,
) -> list[Comparison]:
    """Compare two models task by task, in the order of the first's results.

    `family` names groups of tasks, declared before the results are seen; by default all tasks are one.
    InputError when a task compared is in no group or in several, when a task of a group has no result, when
    a model lacks a task or has one twice, and where `compare` raises it.
    """
    by_task_a, by_task_b = _by_task(results_a), _by_task(results_b)
    for mine, other in ((by_task_a, by_task_b), (by_task_b, by_task_a)):
        alone = next((result for task, result in mine.items() if task not in other), None)
        if alone is not None:
            raise InputError(
                f"only {alone.model.name} has a result on {alone.task}; evaluate the other model on it too"
            )
    families = {ALL_TASKS: list(by_task_a)} if family is None else family
    _check_families(families, list(by_task_a))
    found = {task: compare(result, by_task_b[task], margin) for task, result in by_task_a.items()}
    for name, tasks in families.items():
        adjusted = adjust_family([found[task] for task in tasks], name)
        found.update(zip(tasks, adjusted, strict=True))
    return list(found.values())


def adjust_family(comparisons: Sequence[Comparison], family: str) -> list[Comparison]:
    """These comparisons as one family of tests, whatever they were before.

    p-values become Holm's, those of differences and those of equivalence each; `minimum_detectable` that
    of the family's hardest test. For comparisons of `compare`, fresh or adjusted already.
    """
    size = len(comparisons)
    differ = holm([one.p for one in comparisons])
    equal = [
        1.0 if one.margin is None else one.paired.equivalence_p(one.margin / _scale(one.metric))
        for one in comparisons
    ]
    level = 1 - (1 - LEVEL) / max(size, 1)
    return [
        replace(
            one,
            p_adjusted=float(p),
            family=family,
            family_size=size,
            minimum_detectable=_scale(one.metric) * one.paired.minimum_detectable(level),
            equivalence_p=None if one.margin is None else float(equal_p),
        )
        for one, p, equal_p in zip(comparisons, differ, holm(equal), strict=True)
    ]


def _scale(metric: str) -> float:
    """What a unit of the metric is in what people read: points, but d' as it is."""
    return 100.0 if METRICS[metric].bounded else 1.0


def _by_task(results: Sequence[Result]) -> dict[str, Result]:
    by_task = {result.task: result for result in results}
    if len(by_task) < len(results):
        counts = Counter(result.task for result in results)
        task, count = counts.most_common(1)[0]
        raise InputError(f"{count} results of {by_task[task].model.name} on {task}; give one a task")
    if not by_task:
        raise InputError("no results to compare; name the results of two models")
    return by_task


def _check_families(families: Mapping[str, Sequence[str]], compared: Sequence[str]) -> None:
    declared = Counter(task for tasks in families.values() for task in tasks)
    for task in compared:
        if declared[task] != 1:
            raise InputError(f"task {task} is in {declared[task]} families; declare each task in one")
    absent = [task for task in declared if task not in compared]
    if absent:
        raise InputError(
            f"the families declare {', '.join(absent)}, which no result is of; evaluate both models on it, "
            "since a family cannot shrink after the fact"
        )


def _aligned(a: Result, b: Result) -> tuple[Predictions, Predictions]:
    """Both predictions with items in one order. InputError unless they are of the same data.

    Which items were left out for want of a readable file may differ among those that no score is of.
    """
    if (a.task, a.primary_metric) != (b.task, b.primary_metric):
        ours, theirs = (f"{METRICS[one.primary_metric].title} on {one.task}" for one in (a, b))
        raise InputError(f"cannot compare {ours} with {theirs}; compare results of one task")
    if (a.protocol, a.method, a.modality) != (b.protocol, b.method, b.modality):
        raise InputError(
            f"the results on {a.task} follow different protocols; evaluate both with one version"
        )
    of_a, of_b = a.read_predictions(), b.read_predictions()
    alone = sorted(set(of_a.items) ^ set(of_b.items))
    if alone:
        raise InputError(
            f"{a.model.name} and {b.model.name} were judged on different items of {a.task}: {len(alone)} are "
            f"in one alone, {alone[0]} the first; evaluate both on the same data"
        )
    of_a, of_b = of_a.select(np.argsort(of_a.items)), of_b.select(np.argsort(of_b.items))
    if of_a.labels != of_b.labels or of_a.groups != of_b.groups:
        what = "classes" if of_a.labels != of_b.labels else "groups"
        raise InputError(f"the results on {a.task} are of other {what} each; evaluate both on the same data")
    label_N = (of_a.targets_NC != of_b.targets_NC).any(axis=1)
    split_N = np.array(of_a.splits) != np.array(of_b.splits)
    for differs_N, what in ((label_N, "label"), (split_N, "split")):
        if differs_N.any():
            item = of_a.items[int(differs_N.argmax())]
            raise InputError(
                f"{item} of {a.task} has another {what} in each result; evaluate both on the same data"
            )
    # One task's sounds at two rates are other files of the same items.
    if a.rate == b.rate and a.data_sha256 != b.data_sha256:
        raise InputError(
            f"the results on {a.task} are of other data: its media or its training items differ; evaluate "
            "both on the same data"
        )
    return of_a, of_b

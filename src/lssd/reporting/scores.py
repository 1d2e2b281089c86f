"""Results side by side: verdicts, charts and the table. Shared by `report` and the page of a study."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lssd.errors import InputError
from lssd.evaluation import RANDOM_INIT, Comparison, Result, adjust_family, compare
from lssd.measures import BOUNDED
from lssd.reporting.charts import Dot, Mark, dot_chart, legend
from lssd.reporting.markup import paragraph, percent, table, text

SEED_LIMIT = (
    "The intervals cover the held-out test items and the seeds of the probe, and each model is ONE training "
    "run with one seed. They do not speak about what another training seed would give. What one model is "
    "compared with on several tasks is one family of tests: its p-values are Holm's."
)


@dataclass(frozen=True)
class TaskScores:
    """The results of one task: one a model in the order of `models` (None where it has none)."""

    task: str
    title: str
    models: tuple[str, ...]
    results: tuple[Result | None, ...]
    random_init: Result | None
    # Each model with the first; a text says why it cannot be.
    comparisons: tuple[Comparison | str | None, ...]

    @property
    def any(self) -> Result:
        """A result of the task, for what is the same in all: chance, classes, number of items."""
        present = [*(result for result in self.results if result is not None), self.random_init]
        return next(result for result in present if result is not None)


def gather(
    results: Sequence[Result],
    models: Sequence[str] = (),
    random_init: Sequence[Result] = (),
    margin: float | None = None,
) -> list[TaskScores]:
    """Group results by task and protocol, in order of appearance; every model is compared with the first.

    `margin`, in points, declares which difference would be too small to matter.

    InputError when one model has two results on a task.
    """
    trained = [result for result in results if result.model.name != RANDOM_INIT]
    untrained = [*random_init, *(result for result in results if result.model.name == RANDOM_INIT)]
    names = tuple(dict.fromkeys([*models, *(result.model.name for result in trained)]))
    asked = dict.fromkeys(_question(result) for result in [*trained, *untrained])
    several = len({protocol for _, protocol in asked}) > 1
    tasks = [_gather_task(one, names, trained, untrained, several) for one in asked]
    columns = [
        _as_family([_compare(scores.results[0], scores.results[index], margin) for scores in tasks], name)
        if index
        else [None] * len(tasks)
        for index, name in enumerate(names)
    ]
    return [
        replace(scores, comparisons=tuple(column[row] for column in columns))
        for row, scores in enumerate(tasks)
    ]


def _question(result: Result) -> tuple[str, str]:
    """What was asked of a model: results under one protocol alone are set side by side."""
    return result.task, result.protocol


def _gather_task(
    asked: tuple[str, str],
    names: tuple[str, ...],
    trained: Sequence[Result],
    untrained: Sequence[Result],
    several: bool,
) -> TaskScores:
    found: dict[str, Result] = {}
    task, protocol = asked
    for result in trained:
        if _question(result) != asked:
            continue
        if result.model.name in found:
            raise InputError(
                f"two results of {result.model.name} on {task}; give one, or evaluate with another name"
            )
        found[result.model.name] = result
    random_init = next((result for result in untrained if _question(result) == asked), None)
    row = tuple(found.get(name) for name in names)
    title = next(result.task_title for result in [*found.values(), *untrained] if result.task == task)
    title = f"{title} ({protocol})" if several else title
    return TaskScores(task, title, names, row, random_init, ())


_Compared = Comparison | str | None


def _as_family(found: Sequence[_Compared], name: str) -> list[_Compared]:
    """One model's comparisons on all tasks: p-values of a family, for those that could be made."""
    made = [one for one in found if isinstance(one, Comparison)]
    adjusted = iter(adjust_family(made, f"{name} on all tasks"))
    return [next(adjusted) if isinstance(one, Comparison) else one for one in found]


def _compare(first: Result | None, other: Result | None, margin: float | None = None) -> _Compared:
    if first is None or other is None:
        return None
    try:
        return compare(first, other, margin)
    except InputError as error:
        return f"cannot be compared: {error}"


def summary(tasks: Sequence[TaskScores]) -> str:
    """One sentence a model: on how many tasks it is above, below, or not told apart from the first."""
    sentences = []
    for index, name in enumerate(tasks[0].models if tasks else ()):
        found = [scores.comparisons[index] for scores in tasks]
        compared = [comparison for comparison in found if isinstance(comparison, Comparison)]
        if not compared:
            continue
        above = sum(comparison.significant and comparison.difference > 0 for comparison in compared)
        below = sum(comparison.significant and comparison.difference < 0 for comparison in compared)
        sentences.append(
            f"Against {tasks[0].models[0]}, {name} scores higher on {above} of {len(compared)} tasks and "
            f"lower on {below}; on {len(compared) - above - below} no difference is detectable."
        )
    return "".join(paragraph(sentence) for sentence in sentences)


def verdicts(tasks: Sequence[TaskScores]) -> str:
    """A line a task and pair: the verdict in words, then the values behind it."""
    lines = []
    for scores in tasks:
        first = scores.results[0] if scores.results else None
        for name, result, comparison in zip(scores.models, scores.results, scores.comparisons, strict=True):
            if first is None or result is None or comparison is None:
                continue
            if isinstance(comparison, str):
                words, kind = comparison, "none"
            else:
                words, kind = comparison.verdict, "found" if comparison.significant else "none"
            ours, theirs, chance = (
                shown(result, value) for value in (result.primary.value, first.primary.value, result.chance)
            )
            values = (
                f"{result.primary_metric}: {name} {ours} against {scores.models[0]} {theirs}, {result.n} "
                f"test items; chance {chance}"
            )
            if isinstance(comparison, Comparison):
                values += f"; p {comparison.p_adjusted:.2g}"
                if comparison.family_size > 1:
                    values += f" of {comparison.family_size} tests"
            if at_chance(first) and at_chance(result):
                values += "; neither is above chance, so this task cannot tell them apart"
            lines.append(
                f'<li><span class="task">{text(scores.title)}</span>'
                f'<span class="words {kind}">{text(words)}</span>'
                f'<span class="values">{text(values)}</span></li>'
            )
    if not lines:
        return paragraph("Nothing to compare: no task has results of two models.", "note")
    return f'<ul class="verdicts">{"".join(lines)}</ul>'


def shown(result: Result, value: float) -> str:
    """A value of the primary metric in words: percent, but d' as it is."""
    return percent(value) if result.primary_metric in BOUNDED else f"{value:.2f}"


def at_chance(result: Result) -> bool:
    """Whether a score's interval reaches down to chance."""
    return result.primary.low <= result.chance


def against_untrained(tasks: Sequence[TaskScores]) -> str:
    """A sentence a task: how each model compares with the same network before any training."""
    models = tasks[0].models if tasks else ()
    columns = [
        _as_family([_compare(scores.random_init, scores.results[index]) for scores in tasks], name)
        for index, name in enumerate(models)
    ]
    sentences = []
    for row, scores in enumerate(tasks):
        compared = ((name, column[row]) for name, column in zip(models, columns, strict=True))
        found = [f"{name} {one.verdict}" for name, one in compared if isinstance(one, Comparison)]
        if found:
            sentences.append(f"{scores.title}, against the untrained network: {'; '.join(found)}.")
    return "".join(paragraph(sentence) for sentence in sentences)


def charts(tasks: Sequence[TaskScores]) -> str:
    """A dot-and-interval chart a task, with its key."""
    if not tasks:
        return ""
    models = tasks[0].models
    key = [(f"s{series}", name) for series, name in enumerate(models)]
    if any(scores.random_init for scores in tasks):
        key.append(("random", "random init"))
    key.append(("mark", "chance"))
    figures = []
    for scores in tasks:
        if scores.any.primary_metric not in BOUNDED:
            continue  # no scale from chance to all right
        dots = [
            _dot(result, series, name)
            for series, (name, result) in enumerate(zip(models, scores.results, strict=True))
            if result
        ]
        if scores.random_init:
            dots.append(_dot(scores.random_init, -1, "random init"))
        drawn = dot_chart(scores.title, dots, [Mark("chance", scores.any.chance)])
        detail = f"{scores.any.primary_metric}, {scores.any.classes} classes, {scores.any.n} test items"
        caption = f'<figcaption>{text(scores.title)} <span class="more">{detail}</span></figcaption>'
        figures.append(f"<figure>{caption}{drawn}</figure>")
    return legend(key) + f'<div class="charts">{"".join(figures)}</div>'


def score_table(tasks: Sequence[TaskScores], caption: str) -> str:
    """The numbers: a row a task; models side by side, each with its interval; then the reference rows."""
    if not tasks:
        return paragraph("No results.", "note")
    models = tasks[0].models
    head = ["Task", "Metric", *models, "Random init", "Majority", "Chance", "Items"]
    rows = []
    for scores in tasks:
        any_result = scores.any
        items = str(any_result.n) + (
            f'<span class="range">{any_result.missing} missing</span>' if any_result.missing else ""
        )
        cells = [_cell(result) for result in (*scores.results, scores.random_init)]
        references = [shown(any_result, value) for value in (any_result.majority, any_result.chance)]
        rows.append([text(scores.title), text(any_result.primary_metric), *cells, *references, items])
    return table(caption, head, rows, numeric=range(2, len(head)))


def footnotes(tasks: Sequence[TaskScores]) -> str:
    """How the numbers were made and what they cover, each statement once; what is missing, by name."""
    results = [result for scores in tasks for result in (*scores.results, scores.random_init) if result]
    covers = dict.fromkeys(
        f"{100 * result.primary.level:g}% intervals: {result.primary.interval}, over {result.covers}."
        for result in results
    )
    parts = [paragraph(words, "note") for words in covers]
    parts += [
        paragraph(f"Protocol {words}.", "note")
        for words in dict.fromkeys(
            f"{result.protocol}: {result.embedding}; {result.method}" for result in results
        )
    ]
    without = [scores.title for scores in tasks if scores.random_init is None]
    if without:
        words = (
            f"No random-init result was given for {', '.join(without)}; without it one cannot tell "
            "what the untrained network gives already."
        )
        parts.append(paragraph(words, "note"))
    for result in results:
        parts += [
            paragraph(f"{result.model.name} on {result.task_title}: {words}.", "note")
            for words in result.notes
        ]
    return "\n".join(parts)


def _dot(result: Result, series: int, label: str) -> Dot:
    score = result.primary
    return Dot(label, score.value, score.low, score.high, series)


def _cell(result: Result | None) -> str:
    if result is None:
        return "–"
    score = result.primary
    low, high = (shown(result, bound).rstrip("%") for bound in (score.low, score.high))
    return f'{shown(result, score.value)}<span class="range">{low} to {high}</span>'

"""Results side by side: verdicts, charts and the table. Shared by `report` and the page of a study."""

from collections.abc import Sequence
from dataclasses import dataclass

from lssd.errors import InputError
from lssd.evaluation import RANDOM_INIT, Comparison, Result, compare
from lssd.reporting.charts import Dot, Mark, dot_chart, legend
from lssd.reporting.markup import paragraph, percent, table, text

SEED_LIMIT = (
    "The intervals cover the held-out test items only, and each model is ONE training run with one seed. "
    "They do not speak about what another seed would give."
)


@dataclass(frozen=True)
class TaskScores:
    """The results of one task: one a model in the order of `models` (None where it has none)."""

    task: str
    title: str
    models: tuple[str, ...]
    results: tuple[Result | None, ...]
    random_init: Result | None
    comparisons: tuple[
        Comparison | str | None, ...
    ]  # each model with the first; a text says why it cannot be

    @property
    def any(self) -> Result:
        """A result of the task, for what is the same in all: chance, classes, number of items."""
        present = [*(result for result in self.results if result is not None), self.random_init]
        return next(result for result in present if result is not None)


def gather(
    results: Sequence[Result], models: Sequence[str] = (), random_init: Sequence[Result] = ()
) -> list[TaskScores]:
    """Group results by task, tasks in order of appearance; every model is compared with the first.

    InputError when one model has two results on a task.
    """
    trained = [result for result in results if result.model.name != RANDOM_INIT]
    untrained = [*random_init, *(result for result in results if result.model.name == RANDOM_INIT)]
    names = tuple(dict.fromkeys([*models, *(result.model.name for result in trained)]))
    tasks = dict.fromkeys(result.task for result in [*trained, *untrained])
    return [_gather_task(task, names, trained, untrained) for task in tasks]


def _gather_task(
    task: str, names: tuple[str, ...], trained: Sequence[Result], untrained: Sequence[Result]
) -> TaskScores:
    found: dict[str, Result] = {}
    for result in trained:
        if result.task != task:
            continue
        if result.model.name in found:
            raise InputError(
                f"two results of {result.model.name} on {task}; give one, or evaluate with another name"
            )
        found[result.model.name] = result
    random_init = next((result for result in untrained if result.task == task), None)
    row = tuple(found.get(name) for name in names)
    title = next(result.task_title for result in [*found.values(), *untrained] if result.task == task)
    comparisons = tuple(None if index == 0 else _compare(row[0], other) for index, other in enumerate(row))
    return TaskScores(task, title, names, row, random_init, comparisons)


def _compare(first: Result | None, other: Result | None) -> Comparison | str | None:
    if first is None or other is None:
        return None
    try:
        return compare(first, other)
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
            values = (
                f"{name} {percent(result.primary.value)} against {scores.models[0]} "
                f"{percent(first.primary.value)}, {result.n} test items; chance {percent(result.chance)}"
            )
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


def at_chance(result: Result) -> bool:
    """Whether a score's interval reaches down to chance."""
    return result.primary.low <= result.chance


def against_untrained(tasks: Sequence[TaskScores]) -> str:
    """A sentence a task: how each model compares with the same network before any training."""
    sentences = []
    for scores in tasks:
        found = []
        for name, result in zip(scores.models, scores.results, strict=True):
            comparison = _compare(scores.random_init, result)
            if isinstance(comparison, Comparison):
                found.append(f"{name} {comparison.verdict}")
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
        dots = [
            _dot(result, series, name)
            for series, (name, result) in enumerate(zip(models, scores.results, strict=True))
            if result
        ]
        if scores.random_init:
            dots.append(_dot(scores.random_init, -1, "random init"))
        drawn = dot_chart(scores.title, dots, [Mark("chance", scores.any.chance)])
        detail = f"{scores.any.classes} classes, {scores.any.n} test items"
        caption = f'<figcaption>{text(scores.title)} <span class="more">{detail}</span></figcaption>'
        figures.append(f"<figure>{caption}{drawn}</figure>")
    return legend(key) + f'<div class="charts">{"".join(figures)}</div>'


def score_table(tasks: Sequence[TaskScores], caption: str) -> str:
    """The numbers: a row a task; models side by side, each with its interval; then the reference rows."""
    if not tasks:
        return paragraph("No results.", "note")
    models = tasks[0].models
    head = ["Task", *models, "Random init", "Majority", "Chance", "Items"]
    rows = []
    for scores in tasks:
        any_result = scores.any
        items = str(any_result.n) + (
            f'<span class="range">{any_result.missing} missing</span>' if any_result.missing else ""
        )
        cells = [_cell(result) for result in (*scores.results, scores.random_init)]
        rows.append(
            [text(scores.title), *cells, percent(any_result.majority), percent(any_result.chance), items]
        )
    return table(caption, head, rows, numeric=range(1, len(head)))


def footnotes(tasks: Sequence[TaskScores]) -> str:
    """How the numbers were made and what they cover, each statement once; what is missing, by name."""
    results = [result for scores in tasks for result in (*scores.results, scores.random_init) if result]
    covers = dict.fromkeys(
        f"{100 * result.primary.level:g}% intervals: {result.primary.interval}, over {result.covers}."
        for result in results
    )
    parts = [paragraph(words, "note") for words in covers]
    parts += [
        paragraph(f"Protocol: {words}.", "note")
        for words in dict.fromkeys(result.protocol for result in results)
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
    return f'{percent(score.value)}<span class="range">{100 * score.low:.1f} to {100 * score.high:.1f}</span>'

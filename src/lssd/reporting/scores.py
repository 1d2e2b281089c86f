"""Results side by side: verdicts, charts and the table. Shared by `report` and the page of a study."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lssd.errors import InputError
from lssd.evaluation import RANDOM_INIT, Comparison, Result, adjust_family, compare
from lssd.evaluation.metrics import METRICS
from lssd.evaluation.statistics.comparison import check_margin
from lssd.reporting.charts import Dot, Mark, dot_chart, legend
from lssd.reporting.markup import paragraph, percent, table, text
from lssd.text import listed

_NAMED = 3  # tasks that a sentence names; of more it says how many


@dataclass(frozen=True)
class TaskScores:
    """The results of one task: one a model in the order of `models` (None where it has none).

    `random_init`: those of untrained networks; `twins`: of these, each model's own, or that of another model
    of its architecture. `comparisons`: each model with the first; a text says why it cannot be.
    """

    task: str
    title: str
    models: tuple[str, ...]
    results: tuple[Result | None, ...]
    random_init: tuple[Result, ...]
    twins: tuple[Result | None, ...]
    comparisons: tuple[Comparison | str | None, ...] = ()

    @property
    def any(self) -> Result:
        """A result of the task, for what is the same in all: chance, classes, number of items."""
        return next(result for result in (*self.results, *self.random_init) if result is not None)

    @property
    def untrained(self) -> list[tuple[str, Result]]:
        """What each untrained network's row is called, and its result."""
        if len(self.random_init) == 1:
            return [("random init", self.random_init[0])]
        named = []
        for result in self.random_init:
            of = [name for name, twin in zip(self.models, self.twins, strict=True) if twin is result]
            named.append((f"random init of {', '.join(of)}" if of else "random init", result))
        return named


def gather(
    results: Sequence[Result],
    models: Sequence[str] = (),
    random_init: Sequence[Result] = (),
    margin: float | None = None,
) -> list[TaskScores]:
    """Group results by task and protocol, in order of appearance; every model is compared with the first.

    `margin`, in points, declares which difference would be too small to matter.

    InputError when one model has two results on a task, and for a margin that is none.
    """
    check_margin(margin)
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
    by_weights = {
        (result.model.weights_sha256, result.model.settings_sha256): result
        for result in reversed(untrained)
        if _question(result) == asked
    }
    random_init = tuple(reversed(by_weights.values()))
    row = tuple(found.get(name) for name in names)
    title = next(result.task_title for result in [*found.values(), *untrained] if result.task == task)
    title = f"{title} ({protocol})" if several else title
    return TaskScores(task, title, names, row, random_init, tuple(_twin(one, random_init) for one in row))


def _twin(result: Result | None, untrained: Sequence[Result]) -> Result | None:
    """The model's own untrained twin, else one of its architecture and preprocessing; None without any."""
    if result is None or not result.model.settings_sha256:
        return None
    alike = [one for one in untrained if one.model.settings_sha256 == result.model.settings_sha256]
    return next((one for one in alike if _is_own(one, result)), alike[0] if alike else None)


def _is_own(twin: Result, result: Result) -> bool:
    return twin.model.weights_sha256 == result.model.untrained_sha256


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


def limits(tasks: Sequence[TaskScores]) -> list[str]:
    """What the intervals and tests of these results speak of, and what they do not."""
    results = [result for scores in tasks for result in (*scores.results, *scores.random_init) if result]
    if not results:
        return []
    seeds = " and the seeds of the probe" if any(len(result.seeds) > 1 for result in results) else ""
    words = (
        f"The intervals cover the held-out test items{seeds}, and each model is ONE training run with one "
        "seed. They do not speak about what another training seed would give."
    )
    return [words, *how_found(tasks)]


def how_found(tasks: Sequence[TaskScores]) -> list[str]:
    """What the least detectable differences among the verdicts are, in a sentence; none without verdicts."""
    made = [one for scores in tasks for one in scores.comparisons if isinstance(one, Comparison)]
    if not made:
        return []
    size = max(one.family_size for one in made)
    corrected = f", with Holm's correction for {size} tasks" if size > 1 else ""
    return [
        f"The minimum is the least true difference that these tests would find four times in five{corrected}."
    ]


def summary(tasks: Sequence[TaskScores]) -> str:
    """One plain sentence a model: on which tasks it is above, below, or not told apart from the first."""
    sentences = []
    for index, name in enumerate(tasks[0].models if tasks else ()):
        compared = [
            (scores.title, one)
            for scores in tasks
            if isinstance(one := scores.comparisons[index], Comparison)
        ]
        found: dict[str, list[str]] = {"higher": [], "lower": [], "open": []}
        for title, one in compared:
            kind = "open" if not one.significant else "higher" if one.difference > 0 else "lower"
            found[kind].append(title)
        first = tasks[0].models[0]
        told = [
            f"scores {kind} than {first} {_on(found[kind], len(compared))}"
            for kind in ("higher", "lower")
            if found[kind]
        ]
        if told and found["open"]:
            told.append(f"is not told apart from it {_on(found['open'], len(compared))}")
        if told:
            sentences.append(f"{name} {listed(told)}.")
        elif compared:
            where = "the one task" if len(compared) == 1 else f"any of the {len(compared)} tasks"
            sentences.append(f"No difference between {name} and {first} was found on {where}.")
    return "".join(map(paragraph, sentences))


def _on(titles: Sequence[str], of: int) -> str:
    if len(titles) > _NAMED:
        return f"on {len(titles)} of {of} tasks"
    return f"on {listed(titles)}"


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
                f"{METRICS[result.primary_metric].title}: {name} {ours} against {scores.models[0]} "
                f"{theirs}, {result.n} test items; chance {chance}"
            )
            if isinstance(comparison, Comparison):
                values += f"; p = {comparison.p_adjusted:.2g}"
                if comparison.family_size > 1:
                    values += f", corrected for {comparison.family_size} tasks"
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


def verdict_lines(tasks: Sequence[TaskScores]) -> list[str]:
    """The same without values: what became of each comparison, or why there is none."""
    return [
        f"{scores.title}, {name} against {scores.models[0]}: {one if isinstance(one, str) else one.verdict}"
        for scores in tasks
        for name, one in zip(scores.models, scores.comparisons, strict=True)
        if one is not None
    ]


def shown(result: Result, value: float) -> str:
    """A value of the primary metric in words: percent, but d' as it is."""
    return percent(value) if METRICS[result.primary_metric].bounded else f"{value:.2f}"


def at_chance(result: Result) -> bool:
    """Whether a score's interval reaches down to chance."""
    return result.primary.low <= result.chance


def against_untrained(tasks: Sequence[TaskScores]) -> list[str]:
    """A sentence a task: how each model compares with the same network before any training."""
    models = tasks[0].models if tasks else ()
    columns = [
        _as_family([_compare(scores.twins[index], scores.results[index]) for scores in tasks], name)
        for index, name in enumerate(models)
    ]
    sentences = []
    for row, scores in enumerate(tasks):
        compared = ((name, column[row]) for name, column in zip(models, columns, strict=True))
        found = [f"{name} {one.verdict}" for name, one in compared if isinstance(one, Comparison)]
        if found:
            sentences.append(f"{scores.title}, against the untrained network: {'; '.join(found)}.")
    return sentences


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
        if not METRICS[scores.any.primary_metric].bounded:
            continue  # no scale from chance to all right
        dots = [
            _dot(result, series, name)
            for series, (name, result) in enumerate(zip(models, scores.results, strict=True))
            if result
        ]
        dots += [_dot(result, -1, label) for label, result in scores.untrained]
        chart = dot_chart(scores.title, dots, [Mark("chance", scores.any.chance)])
        metric = METRICS[scores.any.primary_metric].title
        detail = f"{metric}, {scores.any.classes} classes, {scores.any.n} test items"
        caption = f'<figcaption>{text(scores.title)} <span class="more">{text(detail)}</span></figcaption>'
        figures.append(f"<figure>{caption}{chart}</figure>")
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
        cells = [_cell(result) for result in scores.results]
        untrained = "".join(
            _cell(result) + (f'<span class="range">{text(label)}</span>' if len(scores.untrained) > 1 else "")
            for label, result in scores.untrained
        )
        references = [shown(any_result, value) for value in (any_result.majority, any_result.chance)]
        cells += [untrained or "–", *references, _items(scores)]
        rows.append([text(scores.title), text(METRICS[any_result.primary_metric].title), *cells])
    return table(caption, head, rows, numeric=range(2, len(head)))


def footnotes(tasks: Sequence[TaskScores]) -> str:
    """How the numbers were made and what they cover, each statement once; what is missing, by name."""
    results = [result for scores in tasks for result in (*scores.results, *scores.random_init) if result]
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
    without = [scores.title for scores in tasks if not scores.random_init]
    if without:
        words = (
            f"No random-init result was given for {', '.join(without)}; without it one cannot tell "
            "what the untrained network gives already."
        )
        parts.append(paragraph(words, "note"))
    borrowed = dict.fromkeys(
        result.model.name
        for scores in tasks
        for result, twin in zip(scores.results, scores.twins, strict=True)
        if result and twin and not _is_own(twin, result)
    )
    if borrowed:
        words = (
            f"{', '.join(borrowed)}: set against the untrained network of another model of the same "
            "architecture, whose stems keep that model's statistics."
        )
        parts.append(paragraph(words, "note"))
    noted: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for words in dict.fromkeys(result.notes):
            noted.setdefault((result.task_title, words), []).append(result.model.name)
    for (title, words), names in noted.items():
        who = ", ".join(dict.fromkeys(names))
        parts.append(paragraph(f"{who} on {title}: {words}.", "note"))
    return "\n".join(parts)


def _dot(result: Result, series: int, label: str) -> Dot:
    score = result.primary
    return Dot(label, score.value, score.low, score.high, series)


def _items(scores: TaskScores) -> str:
    """The numbers of test items and of missing items; by model where they differ."""
    present = [one for one in scores.results if one is not None]
    named = [(one.model.name, one) for one in present] + scores.untrained
    counted: dict[tuple[int, int], list[str]] = {}
    for name, result in named:
        counted.setdefault((result.n, result.missing), []).append(name)
    lines = []
    for (n, missing), names in counted.items():
        detail = [f"{missing} missing"] if missing else []
        detail += [", ".join(names)] if len(counted) > 1 else []
        lines.append(text(n) + (f'<span class="range">{text("; ".join(detail))}</span>' if detail else ""))
    return "".join(lines)


def _cell(result: Result | None) -> str:
    if result is None:
        return "–"
    score = result.primary
    low, high = (shown(result, bound).rstrip("%") for bound in (score.low, score.high))
    return f'{text(shown(result, score.value))}<span class="range">{text(f"{low} to {high}")}</span>'

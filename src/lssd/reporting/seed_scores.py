"""Results of several training seeds an arm: arms compared by pairs of seeds, and with untrained twins."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import fmean

from lssd.errors import InputError
from lssd.evaluation import RANDOM_INIT, Comparison, Result, adjust_family, compare_seeds
from lssd.evaluation.metrics import METRICS
from lssd.reporting.markup import paragraph, table, text
from lssd.reporting.scores import shown

_Compared = Comparison | str | None


@dataclass(frozen=True)
class ArmScores:
    """One arm on one task: its results by training seed, and those of their untrained twins.

    against_first: with the task's first arm, over the seeds that both have; against_untrained: with the
    twins; against_reference: with the one result of something that is not trained at all, `reference`. A
    text says why a comparison cannot be; None where there is nothing to compare.
    """

    task: str
    title: str
    arm: str
    results: dict[int, Result]
    twins: dict[int, Result]
    against_first: _Compared = None
    against_untrained: _Compared = None
    reference: Result | None = None
    against_reference: _Compared = None

    @property
    def mean(self) -> float:
        """The primary metric, mean over seeds."""
        return fmean(result.primary.value for result in self.results.values())


def split(results: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """The results of networks that stand alone, and those of arms of several seeds with their twins."""
    of_arms = [result for result in results if result.model.arm]
    wanted = {(result.model.untrained_sha256, result.model.settings_sha256) for result in of_arms}
    alone = [result for result in results if not result.model.arm]
    twins = [result for result in alone if _is_twin(result) and _weights(result) in wanted]
    own = {result.model.untrained_sha256 for result in alone}
    return [one for one in alone if one not in twins or one.model.weights_sha256 in own], of_arms + twins


def gather(
    results: Sequence[Result], margin: float | None = None, references: Sequence[Result] = ()
) -> list[ArmScores]:
    """Arms by task and protocol in order of appearance; each compared with the task's first.

    references: results of something that is not trained, at most one a task and protocol, such as plain
    statistics of the sound. InputError when an arm has two results of one seed on a task.
    """
    asked = dict.fromkeys((result.task, result.protocol) for result in results if result.model.arm)
    several = len({protocol for _, protocol in asked}) > 1
    found = []
    for task, protocol in asked:
        here = [result for result in results if (result.task, result.protocol) == (task, protocol)]
        twins = {_weights(result): result for result in here if _is_twin(result)}
        reference = next((one for one in references if (one.task, one.protocol) == (task, protocol)), None)
        first: ArmScores | None = None
        for arm in dict.fromkeys(result.model.arm for result in here if result.model.arm):
            one = _arm([result for result in here if result.model.arm == arm], twins, several)
            first = first or one
            untrained = _compare(one.twins, one.results, ("untrained", arm), None)
            between = None if one is first else _compare(first.results, one.results, (first.arm, arm), margin)
            plain = {} if reference is None else dict.fromkeys(one.results, reference)
            names = ("" if reference is None else reference.model.name, arm)
            found.append(
                replace(
                    one,
                    against_first=between,
                    against_untrained=untrained,
                    reference=reference,
                    against_reference=_compare(plain, one.results, names, None),
                )
            )
    return _adjusted(found)


def _arm(results: Sequence[Result], twins: dict[tuple[str, str], Result], several: bool) -> ArmScores:
    by_seed: dict[int, Result] = {}
    for result in sorted(results, key=lambda one: one.model.training_seed or 0):
        seed = result.model.training_seed or 0
        if seed in by_seed:
            raise InputError(f"two results of {result.model.name} on {result.task}; give one a seed")
        by_seed[seed] = result
    any_result = results[0]
    own = {
        seed: twins.get((one.model.untrained_sha256, one.model.settings_sha256))
        for seed, one in by_seed.items()
    }
    title = f"{any_result.task_title} ({any_result.protocol})" if several else any_result.task_title
    return ArmScores(
        any_result.task,
        title,
        any_result.model.arm,
        by_seed,
        {seed: twin for seed, twin in own.items() if twin is not None},
    )


def _compare(
    a: dict[int, Result], b: dict[int, Result], names: tuple[str, str], margin: float | None
) -> _Compared:
    """Over the seeds that both have; where either has more, a note says which they are."""
    seeds = [seed for seed in a if seed in b]
    if not a or not b:
        return None
    try:
        found = compare_seeds([a[seed] for seed in seeds], [b[seed] for seed in seeds], margin, names)
    except InputError as error:
        return f"cannot be compared: {error}"
    if a.keys() == b.keys():
        return found
    return replace(found, notes=(*found.notes, f"of the pairs of seeds {_listed(seeds)} alone"))


def _adjusted(found: Sequence[ArmScores]) -> list[ArmScores]:
    """Each arm's comparisons on all tasks as families of tests: with the first arm, with twins, with the
    reference."""
    first = _families([(one.arm, one.against_first) for one in found])
    untrained = _families([(one.arm, one.against_untrained) for one in found])
    plain = _families([(one.arm, one.against_reference) for one in found])
    return [
        replace(one, against_first=between, against_untrained=trained, against_reference=other)
        for one, between, trained, other in zip(found, first, untrained, plain, strict=True)
    ]


def _families(found: Sequence[tuple[str, _Compared]]) -> list[_Compared]:
    compared = [comparison for _, comparison in found]
    for arm in dict.fromkeys(arm for arm, _ in found):
        made = {
            row: one for row, (name, one) in enumerate(found) if name == arm and isinstance(one, Comparison)
        }
        adjusted = adjust_family(list(made.values()), f"{arm} on all tasks")
        for row, comparison in zip(made, adjusted, strict=True):
            compared[row] = comparison
    return compared


def lines(scores: Sequence[ArmScores]) -> list[str]:
    """What became of each comparison, a line each: of the arms with each other first."""
    return [f"{what}: {_words(found)}" for what, found in _comparisons(scores)]


def _comparisons(scores: Sequence[ArmScores]) -> Iterator[tuple[str, Comparison | str]]:
    """What is compared with what, in words, and what was found."""
    firsts = {one.task: one.arm for one in reversed(scores)}
    kinds: list[list[tuple[ArmScores, str, _Compared]]] = [
        [(one, firsts[one.task], one.against_first) for one in scores],
        [(one, "their untrained twins", one.against_untrained) for one in scores],
        [(one, one.reference.model.name, one.against_reference) for one in scores if one.reference],
    ]
    for one, other, found in chain.from_iterable(kinds):
        if found is not None:
            yield f"{one.title}, {_named(one)} against {other}", found


def show(scores: Sequence[ArmScores]) -> str:
    """The verdicts, then a table: an arm's mean on each task with each seed's score."""
    verdicts = "".join(
        f'<li><span class="task">{text(what)}</span>'
        f'<span class="words {"found" if isinstance(found, Comparison) and found.significant else "none"}">'
        f"{text(_words(found))}</span></li>"
        for what, found in _comparisons(scores)
    )
    plain = next((one.reference.model.name for one in scores if one.reference is not None), None)
    rows = []
    for one in scores:
        any_result = next(iter(one.results.values()))
        seeds = ", ".join(f"{seed}: {shown(r, r.primary.value)}" for seed, r in one.results.items())
        twins = "–"
        if one.twins:
            twins = shown(any_result, fmean(twin.primary.value for twin in one.twins.values()))
        rows.append(
            [
                text(one.title),
                text(one.arm),
                text(METRICS[any_result.primary_metric].title),
                text(shown(any_result, one.mean)) + f'<span class="range">{text(seeds)}</span>',
                text(twins),
                *([] if plain is None else [_reference_cell(one.reference)]),
                text(shown(any_result, any_result.chance)),
            ]
        )
    others = [] if plain is None else [text(plain)]
    head = ["Task", "Arm", "Metric", "Mean over seeds", "Untrained", *others, "Chance"]
    words = (
        "Arms are compared by pairs of networks that one seed trained; untrained twins are drawn with the "
        "seed of their network. The intervals, and the least detectable differences, speak of other training "
        "seeds as well as other test items."
    )
    numbers = table("Each arm's mean with its seeds beneath", head, rows, range(3, len(head)))
    return "\n".join([f'<ul class="verdicts">{verdicts}</ul>', numbers, paragraph(words, "note")])


def _reference_cell(reference: Result | None) -> str:
    return "–" if reference is None else text(shown(reference, reference.primary.value))


def _named(one: ArmScores) -> str:
    return f"{one.arm} ({'seed' if len(one.results) == 1 else 'seeds'} {_listed(one.results)})"


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))


def _words(found: Comparison | str) -> str:
    return found if isinstance(found, str) else found.verdict


def _is_twin(result: Result) -> bool:
    return result.model.name == RANDOM_INIT


def _weights(result: Result) -> tuple[str, str]:
    return result.model.weights_sha256, result.model.settings_sha256

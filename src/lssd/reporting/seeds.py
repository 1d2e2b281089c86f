"""Several training seeds an arm: their held-out measures, and arms compared by pairs of seeds."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lssd.pretraining.held_out.measures import KNOWING, Measure, measures_in
from lssd.pretraining.seeds import SeedMeasure, SeedsDescription, paired_differences
from lssd.reporting.markup import paragraph, percent, table, text
from lssd.text import counted

_Show = Callable[[float, Measure], str]
_RETRIEVAL = Measure("recall@1", "Recall@1, both ways", "chance@1")


def by_name(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders by their names, or by their paths where two have one name."""
    names = [folder.resolve().name for folder in folders]
    shown = names if len(set(names)) == len(names) else [str(folder) for folder in folders]
    return dict(zip(shown, folders, strict=True))


def held_out(arms: dict[str, SeedsDescription]) -> str:
    """A table of measures on held-out titles: each arm's mean over seeds, and its paired difference from the
    first arm's; then what its intervals speak of."""
    first, *others = arms
    known = {key: found for one in arms.values() for key, found in one.measures.items()}
    measures = _shown_measures(known)
    if not measures:
        return paragraph("No seed has measures on held-out titles.", "note")
    differences = {name: paired_differences(arms[first], arms[name]) for name in others}
    head = ["Measure", *arms, *(f"{name} less {first}" for name in others), "Chance"]
    rows = []
    for measure in measures:
        cells = [_cell(one.measures.get(measure.key), measure, _value) for one in arms.values()]
        cells += [_cell(found.get(measure.key), measure, _difference) for found in differences.values()]
        chance = known.get(measure.chance or "")
        rows.append([text(measure.name), *cells, "–" if chance is None else _value(chance.mean, measure)])
    caption = "Measures on held-out titles at the last step, mean over training seeds"
    words = (
        "Below each mean stands its 95% interval over training seeds (Student's t), then the lowest and the "
        "highest seed. Differences are of pairs that one seed trained. These intervals speak of other "
        "training seeds, not of other held-out clips."
    )
    seeds = [f"{name}: {_seeds(one)}." for name, one in arms.items()]
    numbers = table(caption, head, rows, range(1, len(head)), compact=True)
    return "\n".join([*map(paragraph, seeds), numbers, paragraph(words, "note")])


def lines(arms: dict[str, SeedsDescription]) -> list[str]:
    """What held-out titles tell of each arm, and of its pairs with the first, a line each."""
    first, *others = arms
    told = [f"{name}, {_seeds(one)}: {_retrieval(one)}" for name, one in arms.items()]
    for name in others:
        found = paired_differences(arms[first], arms[name]).get(_RETRIEVAL.key)
        if found is not None:
            told.append(
                f"held-out recall@1, {name} less {first}: {_difference(found.mean, _RETRIEVAL)}"
                f"{_interval(found, _RETRIEVAL, _difference)}, {counted(len(found.values), 'pair')} of seeds"
            )
    return told


def measure_rows(description: SeedsDescription) -> list[tuple[str, str, str, str, str]]:
    """Name, mean, interval, range and chance of every measure that people read, in words."""
    return [
        (
            measure.name,
            _value(found.mean, measure),
            _interval(found, measure, _value).strip(" ()").removeprefix("95% interval ") or "–",
            f"{_value(found.least, measure)} to {_value(found.most, measure)}",
            _value(chance.mean, measure)
            if (chance := description.measures.get(measure.chance or "")) is not None
            else "–",
        )
        for measure in _shown_measures(description.measures)
        if (found := description.measures[measure.key])
    ]


def _shown_measures(known: dict[str, SeedMeasure]) -> list[Measure]:
    return [*([_RETRIEVAL] if _RETRIEVAL.key in known else []), *measures_in(known)]


def _retrieval(one: SeedsDescription) -> str:
    found, chance = one.measures.get("recall@1"), one.measures.get("chance@1")
    if found is None or chance is None or not chance.mean:
        return "nothing was measured on held-out titles"
    words = (
        f"held-out recall@1 {_value(found.mean, _RETRIEVAL)}{_interval(found, _RETRIEVAL, _value)}, "
        f"{found.least / chance.mean:.1f} to {found.most / chance.mean:.1f} x chance"
    )
    if (clips := one.measures.get("clips")) is not None:
        words += f" among {clips.least:.0f} clips"
    ceilings = {
        key.removeprefix(KNOWING): known.mean
        for key, known in one.measures.items()
        if key.startswith(KNOWING)
    }
    if ceilings:  # of several labels the finest
        name = max(ceilings, key=lambda name: ceilings[name])
        words += f"; {percent(found.mean / ceilings[name])} of what knowing every {name} alone would give"
    return words


def _seeds(one: SeedsDescription) -> str:
    finished = f"{'seed' if len(one.seeds) == 1 else 'seeds'} {', '.join(map(str, one.seeds)) or 'none'}"
    return finished + (f"; not finished: {', '.join(map(str, one.unfinished))}" if one.unfinished else "")


def _value(value: float, measure: Measure) -> str:
    return percent(value) if measure.share else f"{value:.3g}"


def _difference(value: float, measure: Measure) -> str:
    return f"{100 * value:+.1f} points" if measure.share else f"{value:+.3g}"


def _interval(found: SeedMeasure, measure: Measure, show: _Show) -> str:
    if found.low is None or found.high is None:
        return ""
    return f" (95% interval {show(found.low, measure)} to {show(found.high, measure)})"


def _cell(found: SeedMeasure | None, measure: Measure, show: _Show) -> str:
    if found is None:
        return "–"
    below = [f"{show(low, measure)} to {show(high, measure)}" for low, high in _ranges(found)]
    ranges = "".join(f'<span class="range">{text(one)}</span>' for one in below)
    return text(show(found.mean, measure)) + ranges


def _ranges(found: SeedMeasure) -> list[tuple[float, float]]:
    ranges = [(found.least, found.most)]
    return ranges if found.low is None or found.high is None else [(found.low, found.high), *ranges]

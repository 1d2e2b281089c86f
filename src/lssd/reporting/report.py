"""`report` and `report_study`: one page that opens from disk, without a network."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from lssd.engine import Progress
from lssd.errors import InputError
from lssd.evaluation import RANDOM_INIT, Result
from lssd.evaluation.statistics.intervals import check_scores
from lssd.models.seed_folders import seed_folders
from lssd.pretraining.metrics import FILE as METRICS_FILE
from lssd.pretraining.seeds import describe_seeds
from lssd.reporting import runs, scores, seed_scores, seeds
from lssd.reporting.markup import (
    commands,
    duration,
    page,
    paragraph,
    percent,
    section,
    size,
    table,
    text,
)
from lssd.reporting.scene import scene_figure
from lssd.reporting.study import Arm, Cost, Study
from lssd.store import write_bytes
from lssd.text import counted

PAGE = "index.html"

_GLOSSARY = (
    ("Title", "A film or an episode."),
    ("Track", "One sound track of a title: its original, or a dub in another language."),
    ("Clip", "A shot of 3 to 12 s, stored with its picture and every track."),
    ("Window", "3 s of a clip; what an encoder sees at a time."),
    ("Dub", "A track in another language: the same scene with other words."),
    ("Arm", "One pretraining run of a study; arms differ in one thing only."),
    (
        "Linear probe",
        "A small classifier on the frozen encoder's output; its accuracy tells what the output holds.",
    ),
    ("Random init", "The same network before any training, probed in the same way."),
    ("Chance", "What guessing scores: one over the number of classes."),
    ("Majority", "What always naming the commonest class of the training items scores."),
    (
        "Interval",
        "How far chance in the test items may have moved the score; 95 of 100 such intervals hold the truth.",
    ),
    (
        "Least detectable difference",
        "The smallest true difference that the tests, corrected for their number, would find four times in "
        "five.",
    ),
    (
        "Recall@1",
        "How often a held-out clip's own sound comes first when its picture ranks all sounds, and its own "
        "picture when its sound ranks all pictures: the mean of both.",
    ),
    (
        "By neighbours",
        "How often the nearest held-out clips of other titles name a clip's label. For the scene high is "
        "good; for the language it tells how much of it the encoder still holds.",
    ),
    ("Alignment", "Mean squared distance of what belongs together, from 0 (equal) to 4."),
    ("Uniformity", "How evenly clips spread over the sphere: 0 when all are equal, lower is better."),
    ("Effective rank", "Over how many dimensions clips spread."),
    ("Spread", "1 - the mean cosine of distinct clips: 0 when all are equal, about 1 when random."),
    ("Utilisation", "The share of the device's fastest arithmetic that training used."),
    ("Cross-modal loss", "How badly picture and sound of a clip find each other among the batch's others."),
    ("Within-modal loss", "The same between two windows of one clip: of its picture, or of its sound."),
    ("Log-mel", "A picture of sound: time across, pitch upwards, bright is loud."),
)
# Words of the glossary that only measures on held-out titles need, and those that only training does.
_HELD_OUT_WORDS = {"By neighbours", "Alignment", "Uniformity", "Effective rank", "Spread"}
_RUN_WORDS = {"Recall@1", "Utilisation", "Cross-modal loss", "Within-modal loss"} | _HELD_OUT_WORDS


def report(
    results: Sequence[Result | str | Path],
    out: str | Path,
    *,
    title: str = "Evaluation results",
    margin: float | None = None,
    tell: Callable[[str], None] = lambda line: None,
    progress: Progress | None = None,
) -> Path:
    """Write `out/index.html`: models side by side on every task, each compared with the first.

    `results` are results, their JSON files, folders of these, or run folders, whose training is shown, also
    folders of several training seeds, which are compared with the first such folder by pairs of seeds.
    Results named `random-init` are the reference row. `margin`, in points, declares which difference would be
    too small to matter: it is then said which are shown to be smaller. `tell` is given the verdict on every
    pair of models, a line each. Every score is computed again from its predictions, however it was written.
    Returns the page's path. InputError when there is no result and no run to show, for a margin that is none,
    and for a result whose predictions give other scores.
    """
    of_seeds = seeds.by_name([folder for folder in map(_as_seeds, results) if folder is not None])
    several = {name: describe_seeds(folder) for name, folder in of_seeds.items()}
    runs_alone = seeds.by_name([path for path in map(_as_run, results) if path is not None])
    arms = [Arm(name, run_folder=folder) for name, folder in runs_alone.items()]
    arms += [arm for name, one in several.items() for arm in _seed_arms(name, one.path)]
    others = [result for result in results if _as_run(result) is None and _as_seeds(result) is None]
    found = read_results(others) if others or not arms else []
    if progress is not None:
        progress.phase("checking scores", len(found), "results")
    for result in found:
        check_scores(result)
        if progress is not None:
            progress.advance()
    alone, arms_of_seeds = seed_scores.split(found)
    tasks = scores.gather(alone, margin=margin)
    paired = seed_scores.gather(arms_of_seeds, margin)
    counts = [counted(len(tasks[0].models), "model") + " on " + counted(len(tasks), "task")] if tasks else []
    counts += [counted(len(arms), "run")] if arms else []
    compared = max((len(task.models) for task in tasks), default=0) > 1
    counts += [counted(len(paired), "task") + " over training seeds"] if paired else []
    told = [*seed_scores.lines(paired), *(seeds.lines(several) if several else [])]
    for line in [*scores.verdict_lines(tasks), *scores.how_found(tasks), *told]:
        tell(line)
    parts = [_verdict_section("Verdict", tasks)] if compared else []
    if paired:
        parts.append(section("seed-scores", "Ways of training, over their seeds", seed_scores.show(paired)))
    parts += [section("seeds", "Over training seeds", seeds.held_out(several))] if several else []
    parts += [_score_section(tasks)] if tasks else []
    parts += _run_sections(arms) if arms else []
    parts.append(_glossary({"Log-mel"} | _unused(arms) | (set() if arms else {"Arm", "Clip"})))
    return _write(page(title, f"{', '.join(counts)}.", parts), out)


def _run_sections(arms: Sequence[Arm]) -> list[str]:
    measures = runs.held_out(arms)
    return [
        section("retrieval", "Picture and sound find each other", runs.retrieval(arms)),
        section("held-out", "What held-out titles tell", measures) if measures else "",
        section("training", "Training", runs.loss_curves(arms), runs.health(arms)),
    ]


def _as_run(result: Result | str | Path) -> Path | None:
    """The path of a run folder; None for what else there is."""
    if isinstance(result, Result) or not (Path(result) / METRICS_FILE).is_file():
        return None
    return Path(result)


def _as_seeds(result: Result | str | Path) -> Path | None:
    """The path of a folder of runs of several training seeds; None for what else there is."""
    if isinstance(result, Result) or not seed_folders(result):
        return None
    return Path(result)


def _seed_arms(name: str, folder: str) -> list[Arm]:
    runs = seed_folders(folder).items()
    return [Arm(f"{name}, seed {seed}", run_folder=run, group=name) for seed, run in runs]


def report_study(study: Study, out: str | Path, tell: Callable[[str], None] = lambda line: None) -> Path:
    """Write `out/index.html`, the page of a study: the verdict first, then all it rests on.

    What a study lacks (metrics, a random-init row, a corpus) is said in a sentence where it would
    be. `tell` is given the verdicts that the page shows, a line each. Returns the page's path. InputError
    when the study has no arm, and when two have one name.
    """
    if not study.arms:
        raise InputError("a study needs at least one arm")
    if len({arm.name for arm in study.arms}) < len(study.arms):
        raise InputError("the arms of a study need names of their own")
    several = {
        arm.name: describe_seeds(arm.run_folder)
        for arm in study.arms
        if arm.run_folder is not None and seed_folders(arm.run_folder)
    }
    # The page speaks of arms, whatever their models' folders are called.
    results = [
        result
        if result.model.arm
        else dataclasses.replace(result, model=dataclasses.replace(result.model, name=arm.name))
        for arm in study.arms
        for result in arm.results
    ]
    alone, of_seeds = seed_scores.split([*results, *study.random_init])
    paired = seed_scores.gather(of_seeds, references=study.references)
    names = [arm.name for arm in study.arms if arm.name not in {one.arm for one in paired}]
    trained = [result for result in alone if result.model.name != RANDOM_INIT]
    untrained = [result for result in alone if result.model.name == RANDOM_INIT]
    tasks = scores.gather([*trained, *([] if paired else study.references)], names, untrained)
    rows = [[text(arm.name), text(arm.description or "–")] for arm in study.arms]
    arms = table("All arms are compared with the first", ["Arm", "What it is"], rows)
    for line in [
        *(seeds.lines(several) if several else []),
        *seed_scores.lines(paired),
        *scores.verdict_lines(tasks),
        *scores.against_untrained(tasks),
        *scores.how_found(tasks),
    ]:
        tell(line)
    shown = [
        one
        for arm in study.arms
        for one in (_seed_arms(arm.name, several[arm.name].path) if arm.name in several else [arm])
    ]
    parts = [
        section("verdict", "Verdict", seed_scores.show(paired))
        if paired
        else _verdict_section("Verdict", tasks),
        section("arms", "The arms", arms),
        *([section("seeds", "Over training seeds", seeds.held_out(several))] if several else []),
        *([_score_section(tasks)] if tasks or not paired else []),
        *_run_sections(shown),
        section("scene", "One clip in all its languages", _scene(study)),
        section("cost", "What was run, and how long it took", _stages(study), _cost(study.cost)),
        section("reproduce", "How to reproduce it", _reproduce(study)),
        _glossary(_unused(shown)),
    ]
    return _write(page(study.title, study.summary, parts), out)


def read_results(results: Sequence[Result | str | Path]) -> list[Result]:
    """Results, their files, or folders of these, as results. InputError when there is none."""
    found: list[Result] = []
    for result in results:
        if isinstance(result, Result):
            found.append(result)
        elif Path(result).is_dir():
            found += [Result.read(path) for path in sorted(Path(result).glob("*.json"))]
        else:
            found.append(Result.read(result))
    if not found:
        raise InputError("no result to report; make some: lssd evaluate")
    return found


def _write(markup: str, out: str | Path) -> Path:
    path = Path(out) / PAGE
    write_bytes(path, markup.encode("utf-8"))
    return path


def _verdict_section(title: str, tasks: list[scores.TaskScores]) -> str:
    limits = (paragraph(words, "note") for words in scores.limits(tasks))
    return section("verdict", title, scores.summary(tasks), scores.verdicts(tasks), *limits)


def _score_section(tasks: list[scores.TaskScores]) -> str:
    caption = "Each task's metric with its interval beneath"
    return section(
        "scores",
        "Task by task",
        scores.charts(tasks),
        *map(paragraph, scores.against_untrained(tasks)),
        scores.score_table(tasks, caption),
        scores.footnotes(tasks),
    )


def _scene(study: Study) -> str:
    if study.corpus is None:
        return paragraph("No corpus was given, so no clip is shown.", "note")
    words = (
        "The same picture and the same place, other words. Where a difference panel is pale, the dub "
        "sounds as the original does; red is louder, blue is quieter."
    )
    return paragraph(words) + scene_figure(study.corpus)


def _stages(study: Study) -> str:
    if not study.stages:
        return paragraph("No stage was recorded.", "note")
    rows = [[text(stage.name), duration(stage.seconds), text(stage.detail)] for stage in study.stages]
    rows.append(["All stages", duration(sum(stage.seconds for stage in study.stages)), ""])
    return table("Stages in the order they ran", ["Stage", "Time", "Result"], rows, (1,), compact=True)


def _cost(cost: Cost) -> str:
    rows = []
    if cost.seconds is not None:
        rows.append(["Time in all", duration(cost.seconds)])
    if cost.memory_peak_bytes is not None:
        rows.append(["Peak memory", size(cost.memory_peak_bytes)])
    if cost.wait_share is not None:
        rows.append(["Training's wait for data", percent(cost.wait_share)])
    if cost.machine:
        rows.append(["Machine", text(cost.machine)])
    return table("Cost", ["Quantity", "Value"], rows, compact=True) if rows else ""


def _reproduce(study: Study) -> str:
    parts = [commands(study.commands)] if study.commands else [paragraph("No command was recorded.", "note")]
    for caption, values in (("Seeds", study.seeds), ("Versions", study.versions)):
        if values:
            rows = [[text(name), text(value)] for name, value in values.items()]
            parts.append(table(caption, ["Name", "Value"], rows, compact=True))
    return "\n".join(parts)


def _unused(arms: Sequence[Arm]) -> set[str]:
    """Words of the glossary that nothing on a page of these runs uses."""
    if not arms:
        return _RUN_WORDS
    return set() if runs.held_out(arms) else _HELD_OUT_WORDS


def _glossary(left_out: set[str]) -> str:
    entries = "".join(
        f"<dt>{word}</dt><dd>{meaning}</dd>" for word, meaning in _GLOSSARY if word not in left_out
    )
    return section("words", "Words", f"<dl>{entries}</dl>")

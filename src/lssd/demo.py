"""The main job end to end, at small size: films, corpus, two arms of pretraining, evaluation, page."""

import os
import platform
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import TracebackType

import psutil

from lssd import evaluation
from lssd.corpus import Catalog, ClipSettings, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.engine import Progress, run_stage
from lssd.errors import InputError, LssdError
from lssd.evaluation.evaluate import evaluate
from lssd.evaluation.models import as_file_name
from lssd.models.seed_folders import seed_folder
from lssd.pretraining import Run, SeedRuns, load_recipe
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.pretrain import pretrain
from lssd.pretraining.seeds import write_seeds
from lssd.reporting import Arm, Cost, Stage, Study
from lssd.reporting.report import report_study
from lssd.store import lock, read_json, write_json

ARMS = ("demo-mono", "demo")
PRETRAINING = "pretrain both arms"
REFERENCE = "log-mel statistics"
TASKS = ("filmset_scene_speech", "filmset_language")
_DESCRIPTIONS = {
    "demo-mono": "without dubs: both windows of a clip keep the original sound",
    "demo": "with dubs: the second window is heard in another language where there is one",
}


@dataclass(frozen=True)
class DemoSettings:
    """The size of the demo, and the bounds that `lssd demo --check` holds it to.

    titles, seconds, held_out: of the rendered films, each, and the share kept for retrieval.
    seed: of films, tasks and, the first of `seeds` in a row, of both arms' pretraining.
    items_per_class: sounds a class in each probe task. settings: changes of both arms' recipes.
    """

    titles: int = 120
    seconds: float = 40.0
    held_out: float = 0.25
    seed: int = 1
    seeds: int = 3
    items_per_class: int = 30
    settings: tuple[str, ...] = ()
    longest_s: float = 600.0
    largest_bytes: float = 6e9
    largest_wait_share: float = 0.15


@dataclass(frozen=True)
class DemoOutcome:
    """What the demo measured of itself."""

    page: Path
    seconds: float
    memory_bytes: int
    wait_share: float
    verdicts: tuple[str, ...]
    settings: DemoSettings

    @property
    def within_bounds(self) -> bool:
        return all(held for _, held in self._bounds())

    def _bounds(self) -> list[tuple[str, bool]]:
        limits = self.settings
        return [
            (
                f"time {self.seconds / 60:.1f} min (bound {limits.longest_s / 60:.0f})",
                self.seconds <= limits.longest_s,
            ),
            (
                f"memory {self.memory_bytes / 1e9:.1f} GB (bound {limits.largest_bytes / 1e9:.0f})",
                self.memory_bytes <= limits.largest_bytes,
            ),
            (
                f"waiting for data {self.wait_share:.1%} of training (bound {limits.largest_wait_share:.0%})",
                self.wait_share <= limits.largest_wait_share,
            ),
        ]

    def summary(self) -> list[str]:
        """The verdicts, the bounds and where the page is: lines for a terminal."""
        bounds = [text if held else f"{text}  BEYOND ITS BOUND" for text, held in self._bounds()]
        return [*self.verdicts, *bounds, f"the page: {self.page}"]


def demo(out: str | Path, settings: DemoSettings | None = None, *, quiet: bool = False) -> DemoOutcome:
    """Render films, ingest them, pretrain without and with dubs, evaluate, and write the page.

    Everything lies below `out` and each stage resumes: killed at any moment and run again, the demo
    does only what is missing, and its time counts all sessions. Raises InputError when `out` cannot be
    written or holds a demo of other settings.
    """
    settings = settings or DemoSettings()
    root = Path(out).resolve()
    with lock(root), Ledger(root / "demo.json", settings) as ledger:
        films = _make_films(root, settings, ledger, quiet)
        corpus = _make_corpus(root, ledger, quiet)
        runs = _pretrain(root, settings, ledger, quiet)
        results = _evaluate(root, ledger, quiet)
        with ledger.stage("report"):
            # Written below with all times known; measured here so that its own time is among them.
            _report(root, settings, ledger, (films, corpus), runs, results)
        verdicts: list[str] = []
        page = _report(root, settings, ledger, (films, corpus), runs, results, verdicts.append)
    wait_share = _wait_share(runs)
    return DemoOutcome(page, ledger.seconds, ledger.memory_bytes, wait_share, tuple(verdicts), settings)


@dataclass
class Ledger:
    """Seconds a stage and the peak of memory, over all sessions; a context manager.

    A thread looks once a second and writes every few, so a kill loses little.
    """

    path: Path
    settings: DemoSettings
    stages: dict[str, float] = field(default_factory=dict)
    memory_bytes: int = 0

    def __enter__(self) -> "Ledger":
        if self.path.exists():
            standing = read_json(self.path)
            if standing["settings"] != repr(self.settings):
                raise InputError(f"{self.path.parent} holds a demo of other settings; choose another --out")
            self.stages, self.memory_bytes = standing["stages"], standing["memory_bytes"]
        self._running: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._save()

    @property
    def seconds(self) -> float:
        return sum(self.stages.values())

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside as a stage's, on top of what it has."""
        before, begun = self.stages.get(name, 0.0), time.monotonic()
        self._running, self._before, self._begun = name, before, begun
        try:
            yield
        finally:
            self._running = None
            self.stages[name] = before + time.monotonic() - begun

    def _watch(self) -> None:
        looks = 0
        while not self._stop.wait(1.0):
            self.memory_bytes = max(self.memory_bytes, _memory_of_tree())
            name = self._running
            if name is not None:
                self.stages[name] = self._before + time.monotonic() - self._begun
            looks += 1
            if looks % 5 == 0:
                self._save()

    def _save(self) -> None:
        standing = {"settings": repr(self.settings), "stages": dict(self.stages)}
        write_json(self.path, {**standing, "memory_bytes": self.memory_bytes})


def _memory_of_tree() -> int:
    """Proportional memory of this process and its children: shared pages count once."""
    own = psutil.Process()
    total = 0
    for process in [own, *own.children(recursive=True)]:
        try:
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # it ended between being listed and being asked
    return total


def _make_films(root: Path, settings: DemoSettings, ledger: Ledger, quiet: bool) -> str:
    import filmset
    from filmset.render import render

    with ledger.stage("render films"), Progress("render films", unit="titles", quiet=quiet) as progress:
        films = render(
            root / "films",
            settings.titles,
            filmset.Settings(
                seed=settings.seed,
                seconds=settings.seconds,
                # As much variety as ten minutes can render: many short shots, each with a scene and speech of
                # its own, in pictures hardly larger than what the encoders see.
                sizes=("96x64",),
                fps=("10",),
                shots_s=(3.1, 4.0),
                gradual=0.0,
                flashes=0.0,
                recaps=0.0,
                silent=0.0,
                dubs_per_title=1,
                held_out=settings.held_out,
            ),
            workers=2,
            progress=progress,
        )
    with ledger.stage("render tasks"), Progress("render tasks", unit="folds", quiet=quiet) as progress:
        filmset.write_tasks(
            root / "tasks",
            settings.seed,
            settings.items_per_class,
            tasks=TASKS,
            workers=2,
            progress=progress,
        )
    return f"{len(films.titles)} titles of {settings.seconds:.0f} s"


def _make_corpus(root: Path, ledger: Ledger, quiet: bool) -> str:
    settings = IngestSettings(
        clips=ClipSettings(short_side=64),
        titles=str(root / "films" / "titles.csv"),
        labels=str(root / "films" / "labels.csv"),
        workers=2,
    )
    with ledger.stage("ingest"):
        catalog = ingest([root / "films"], root / "corpus", settings, quiet=quiet)
    assert isinstance(catalog, Catalog)  # only a dry run returns a plan
    return f"{catalog.clips.num_rows} clips of {catalog.titles.num_rows} titles"


@dataclass(frozen=True)
class _RunTask:
    root: str
    arm: str
    seed: int
    settings: tuple[str, ...]


def _run(task: _RunTask) -> Run:
    root = Path(task.root)
    run = pretrain(
        task.arm,
        root / "corpus",
        seed_folder(root / "runs" / task.arm, task.seed),
        settings=(*task.settings, f"seed={task.seed}"),
        cache_folder=root / "cache",
        quiet=True,
    )
    assert isinstance(run, Run)  # neither a dry run nor several seeds
    return run


def _pretrain(root: Path, settings: DemoSettings, ledger: Ledger, quiet: bool) -> dict[str, SeedRuns]:
    """Two runs at once, one thread each: on two cores that beats two threads for one after the other."""
    tasks = [
        _RunTask(str(root), arm, settings.seed + number, settings.settings)
        for number in range(settings.seeds)
        for arm in ARMS
    ]
    runs: dict[str, list[Run]] = {arm: [] for arm in ARMS}
    with ledger.stage(PRETRAINING), _watch_runs(root, settings, tasks, quiet):
        for outcome in run_stage(_run, tasks, workers=2):
            task = outcome.item
            if outcome.value is None:
                raise LssdError(f"pretraining {task.arm} with seed {task.seed} failed: {outcome.reason}")
            runs[task.arm].append(outcome.value)
        return {arm: write_seeds(root / "runs" / arm, found) for arm, found in runs.items()}


@contextmanager
def _watch_runs(root: Path, settings: DemoSettings, tasks: Sequence[_RunTask], quiet: bool) -> Iterator[None]:
    """A progress line over all runs, read off their metrics."""
    steps = load_recipe(ARMS[0], settings.settings).schedule.steps or 0
    folders = [seed_folder(root / "runs" / task.arm, task.seed) for task in tasks]
    stop = threading.Event()

    def watch(progress: Progress) -> None:
        while not stop.wait(1.0):
            lines = [found for folder in folders if (found := read_metrics(folder))]
            losses = [next((x["loss"] for x in reversed(found) if "loss" in x), None) for found in lines]
            note = ", ".join(f"{x:.2f}" for x in losses if x is not None)
            progress.update(sum(found[-1]["step"] for found in lines), note=f"loss {note}" if note else None)

    with Progress(PRETRAINING, len(tasks) * steps, "steps", quiet) as progress:
        thread = threading.Thread(target=watch, args=(progress,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _wait_share(runs: dict[str, SeedRuns]) -> float:
    """Of all runs together: the first ones fill the cache of clips that the others read."""
    finished = [run for arm in runs.values() for run in arm.runs]
    return sum(run.wait_share * run.seconds for run in finished) / sum(run.seconds for run in finished)


Results = dict[str, list[evaluation.Result]]  # by arm, RANDOM_INIT or REFERENCE


@dataclass(frozen=True)
class _JudgeTask:
    root: str
    name: str
    model: str


def _judge(task: _JudgeTask) -> evaluation.Evaluation:
    root = Path(task.root)
    return evaluate(
        task.model,
        sorted(path.parent for path in (root / "tasks").glob("*/task_metadata.json")),
        root / "tasks",
        root / "results",
        protocol="logistic",  # the grid of hear-fixed would take the demo's whole time
        name=task.name,
        cache=root / "cache" / "embeddings" / as_file_name(task.name),
    )


def _evaluate(root: Path, ledger: Ledger, quiet: bool) -> Results:
    """The results of both arms' networks, at once, of their untrained twins, and of plain statistics."""
    tasks = [_JudgeTask(str(root), arm, str(root / "runs" / arm)) for arm in ARMS]
    tasks.append(_JudgeTask(str(root), REFERENCE, "hear:lssd.evaluation.log_mel_statistics"))
    results: Results = {}
    with ledger.stage("evaluate"), Progress("evaluate", len(tasks), "models", quiet) as progress:
        for outcome in run_stage(_judge, tasks, workers=2):
            judged, name = outcome.value, outcome.item.name
            if judged is None:
                raise LssdError(f"{name} could not be judged: {outcome.reason}")
            if judged.unjudged:
                reasons = (f"{one.model} on {one.task}: {one.reason}" for one in judged.unjudged)
                raise LssdError(f"the demo's tasks could not all be judged: {'; '.join(reasons)}")
            for result in judged.results:
                results.setdefault(result.model.arm or result.model.name, []).append(result)
            progress.advance()
    return results


def _report(
    root: Path,
    settings: DemoSettings,
    ledger: Ledger,
    details: tuple[str, str],
    runs: dict[str, SeedRuns],
    results: Results,
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    films, corpus = details
    finished = [run for arm in runs.values() for run in arm.runs]
    steps = f"{len(finished)} runs of {finished[0].steps} steps: {settings.seeds} seeds an arm"
    explained = {"render films": films, "ingest": corpus, PRETRAINING: steps}
    study = Study(
        title="What dubs change",
        arms=[Arm(name, _DESCRIPTIONS[name], runs[name].folder, results[name]) for name in ARMS],
        random_init=results[evaluation.RANDOM_INIT],
        references=results[REFERENCE],
        corpus=root / "corpus",
        stages=[Stage(name, seconds, explained.get(name, "")) for name, seconds in ledger.stages.items()],
        cost=Cost(
            ledger.seconds,
            ledger.memory_bytes,
            _wait_share(runs),
            f"{platform.machine()}, {os.cpu_count()} cores",
        ),
        commands=_commands(root, settings),
        seeds={
            "films and tasks": settings.seed,
            "pretraining, first": settings.seed,
            "pretraining, last": settings.seed + settings.seeds - 1,
        },
        versions={name: metadata.version(name) for name in ("lssd", "torch", "numpy", "av")},
    )
    return report_study(study, root, tell)


def _commands(root: Path, settings: DemoSettings) -> list[str]:
    """Lines for a shell: the demo, and each arm anew on its corpus, in a folder of its own."""
    changed = [word for setting in settings.settings for word in ("--set", setting)]
    changed += ["--set", f"seed={settings.seed}", "--seeds", str(settings.seeds)]
    arms = [
        ("pretrain", name, "--corpus", str(root / "corpus"), "--out", str(root / "again" / name), *changed)
        for name in ARMS
    ]
    whole = ("demo", "--out", str(root), "--seed", str(settings.seed))
    return [shlex.join(("lssd", *words)) for words in (whole, *arms)]

"""Probe tasks from the films' world: labelled sounds of unseen titles, voices and lines.

Folders follow the layout of the HEAR benchmark (Turian et al., 2022): `task_metadata.json`,
`labelvocabulary.csv` (idx,label), one JSON a fold (`{"item.wav": ["label"]}`) and the sounds under
`48000/<fold>/`. Beside them `groups.csv` (item,group) names what items of a fold have in common, so
that intervals can be clustered. Both tasks have five folds that share no title, voice or timbre.

- `filmset_scene_speech`: which of the eight kinds of scene is heard under speech, 5-11 dB louder, in
  any language. Groups are titles.
- `filmset_language`: which of the seven languages is spoken, 15-25 dB over any scene. Groups are voices.
  Each fold has lines of its own, and every language the same voices, so neither gives the answer away.
"""

import csv
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lssd.engine import run_stage
from lssd.errors import InputError, LssdError
from lssd.filmset.casting import FOLDS, held_out_variants
from lssd.filmset.dialogue import gain_for, speak_at
from lssd.filmset.lines import LANGUAGES, LINES, line_numbers
from lssd.filmset.scenes import KINDS, draw_scene
from lssd.filmset.sounds import background
from lssd.media import encode_sound
from lssd.speech import Synthesiser, Voice, check_installed, voices
from lssd.store import atomic_folder, hash_json, write_json

SAMPLE_RATE = 48000
DURATION_S = 3.0
VERSION = "v1.0.0"
_TITLES_A_FOLD = 5
_PURPOSE = 61  # of a task's generator


@dataclass(frozen=True)
class _Task:
    """A task: its classes, what its groups are, and how far speech lies above the background in dB."""

    name: str
    title: str
    labels: tuple[str, ...]
    groups: str
    speech_over_background_db: tuple[float, float]


_TASKS = (
    _Task("filmset_scene_speech", "Scene heard under speech", KINDS, "title", (5.0, 11.0)),
    _Task("filmset_language", "Language spoken", LANGUAGES, "voice", (15.0, 25.0)),
)


@dataclass(frozen=True)
class _Item:
    """What is heard in one sound. `tilt_db` is its title's colour."""

    name: str
    label: str
    group: str
    kind: str
    language: str
    voice: Voice
    lines: tuple[int, ...]
    tilt_db: float
    seed: int


@dataclass(frozen=True)
class _Fold:
    task: _Task
    number: int
    seed: int
    items_a_class: int

    @property
    def name(self) -> str:
        return f"fold{self.number:02d}"


def write_tasks(
    out: str | Path,
    seed: int,
    items_per_class: int = 50,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write the probe tasks and return their folders. Sounds are 3 s, 48 kHz, mono, 16 bits.

    The same seed and number of items make the same samples. A whole task that is already there is
    kept. items_per_class: over all five folds, a multiple of 5; progress: called with (folds done,
    folds) after each.

    Raises InputError for a bad number, a folder that cannot be written or holds tasks of other settings;
    MissingExtraError without espeak-ng.
    """
    if items_per_class < FOLDS or items_per_class % FOLDS:
        raise InputError(f"items per class must be a positive multiple of {FOLDS}, not {items_per_class}")
    if seed < 0:
        raise InputError(f"the seed must not be negative: {seed}")
    check_installed()
    todo = {}
    for task in _TASKS:
        folder = _folder(Path(out), task)
        if not folder.exists():
            todo[folder] = [_Fold(task, number, seed, items_per_class // FOLDS) for number in range(FOLDS)]
        elif not (folder / _mark(task, seed, items_per_class)).is_file():
            raise InputError(f"{folder} holds a task of other settings; choose another folder")
    done, total = FOLDS * (len(_TASKS) - len(todo)), FOLDS * len(_TASKS)
    with ExitStack() as commits:
        partials = {folder: commits.enter_context(atomic_folder(folder)) for folder in todo}
        jobs = [(partials[folder], fold) for folder, folds in todo.items() for fold in folds]
        for outcome in run_stage(_write_fold, jobs, workers):
            if not outcome.ok:
                fold = outcome.item[1]
                raise LssdError(f"{fold.name} of {fold.task.name} failed: {outcome.reason}")
            done += 1
            if progress:
                progress(done, total)
        for folder, folds in todo.items():
            _describe(partials[folder], folds)
            (partials[folder] / _mark(folds[0].task, seed, items_per_class)).touch()
    return [_folder(Path(out), task) for task in _TASKS]


def _folder(out: Path, task: _Task) -> Path:
    return out / f"{task.name}-{VERSION}-full"


def _mark(task: _Task, seed: int, items_per_class: int) -> str:
    """The name of an empty file that tells which settings a task was made from."""
    return f".made-{hash_json([task.name, VERSION, seed, items_per_class], 16)}"


def _describe(folder: Path, folds: Sequence[_Fold]) -> None:
    """Write everything but the sounds."""
    task = folds[0].task
    metadata = {
        "task_name": task.name,
        "version": VERSION,
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "presplit_kfold",
        "nfolds": FOLDS,
        "sample_duration": DURATION_S,
        "evaluation": ["top1_acc"],
        "splits": [fold.name for fold in folds],
        "mode": "full",
        "title": task.title,
        "group": task.groups,
    }
    write_json(folder / "task_metadata.json", metadata)
    _write_csv(folder / "labelvocabulary.csv", ("idx", "label"), enumerate(task.labels))
    items = {fold.name: _plan(fold) for fold in folds}
    for name, planned in items.items():
        write_json(folder / f"{name}.json", {item.name: [item.label] for item in planned})
    rows = ((item.name, item.group) for planned in items.values() for item in planned)
    _write_csv(folder / "groups.csv", ("item", "group"), rows)


def _write_csv(path: Path, header: tuple[str, str], rows: object) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)  # type: ignore[arg-type]


def _write_fold(job: tuple[Path, _Fold]) -> None:
    """Synthesise and write one fold's sounds into a task's folder."""
    folder, fold = job
    place = folder / str(SAMPLE_RATE) / fold.name
    place.mkdir(parents=True)
    with Synthesiser() as synthesiser:
        for item in _plan(fold):
            sound = _sound(item, fold.task.speech_over_background_db, synthesiser)
            (place / item.name).write_bytes(encode_sound(sound[None], SAMPLE_RATE, "wav"))


def _plan(fold: _Fold) -> list[_Item]:
    """The items of a fold. What is not asked for is spread evenly over the classes.

    Item k of every class has the same voice; languages (or scenes) go round in an order that is drawn
    anew for each class.
    """
    task = fold.task
    rng = np.random.default_rng([fold.seed, _PURPOSE, _TASKS.index(task), fold.number])
    held_lines = line_numbers(held_out=True)[fold.number :: FOLDS]
    people = [voice for voice in voices("en") if voice.variant in held_out_variants()[fold.number]]
    order = rng.permutation(len(people))
    tilts = rng.uniform(-2.0, 2.0, _TITLES_A_FOLD)
    others = LANGUAGES if task.labels == KINDS else KINDS
    items: list[_Item] = []
    for label in task.labels:
        spread = rng.permutation(len(others))
        for number in range(fold.items_a_class):
            voice = people[order[number % len(people)]]
            title = number % _TITLES_A_FOLD
            other = others[spread[number % len(others)]]
            name = f"item-{fold.number}{len(items):04d}.wav"
            by_scene = task.labels == KINDS
            items.append(
                _Item(
                    name=name,
                    label=label,
                    group=f"title-{fold.number}{title:02d}" if by_scene else voice.name.partition("-")[2],
                    kind=label if by_scene else other,
                    language=other if by_scene else label,
                    voice=voice,
                    lines=tuple(rng.permutation(held_lines).tolist()),
                    tilt_db=float(tilts[title]),
                    seed=int(rng.integers(2**31)),
                )
            )
    return items


def _sound(item: _Item, over_db: tuple[float, float], synthesiser: Synthesiser) -> np.ndarray:
    """The samples of one item, float32 (S,)."""
    rng = np.random.default_rng([item.seed, _PURPOSE])
    samples = round(DURATION_S * SAMPLE_RATE)
    scene = draw_scene(item.kind, rng)
    level_db = -36.0 + 5.0 * scene.activity + rng.uniform(-3.0, 3.0)
    sound = background(scene, samples, SAMPLE_RATE, level_db, item.tilt_db)
    speech = np.zeros(samples, dtype=np.float32)
    now = rng.uniform(-1.0, 0.4)  # some sounds begin within a line
    for number in item.lines:
        first = round(now * SAMPLE_RATE)
        if first >= samples:
            break
        _, voice = speak_at(synthesiser, LINES[number][item.language], item.language, item.voice, SAMPLE_RATE)
        heard = voice[max(0, -first) : samples - first]
        speech[max(0, first) : max(0, first) + len(heard)] += heard
        now += len(voice) / SAMPLE_RATE + rng.uniform(0.15, 0.5)
    active = speech[np.abs(speech) > 0]
    gain_db = gain_for(active, level_db + rng.uniform(*over_db), 0.97 - float(np.abs(sound).max()))
    return sound + np.float32(10 ** (gain_db / 20)) * speech

"""Train a probe on the vectors of a task's items, and have it score every test item."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lssd.engine import Progress
from lssd.errors import InputError
from lssd.evaluation import probes
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.tasks import Item, Partition, Task
from lssd.media import spelled
from lssd.store import atomic_path, digest


@dataclass(frozen=True)
class ProbeResult:
    """A probe's scores of a task's test items, and those of a baseline.

    predictions   the probe's, one set of scores a seed
    prior         the baseline's: every item's scores are the class frequencies of the training items
    chosen        the hyperparameters chosen in each division, at the first seed
    """

    predictions: Predictions
    prior: Predictions
    chosen: tuple[Mapping[str, Any], ...]


def run_probe(
    task: Task,
    vectors: Mapping[str, np.ndarray],
    probe: str,
    seeds: Sequence[int],
    device: str | None = None,
    progress: Progress | None = None,
    resume_folder: Path | None = None,
) -> ProbeResult:
    """Train a probe on every partition of a task, once a seed, and score the test items.

    Args:
        vectors: (D,) by path, as `lssd.media.spelled` writes it; items without one take no part.
        probe: of `lssd.evaluation.probes.PROBES`.
        progress: told which seed is being trained.
        resume_folder: where the scores of each finished seed are kept, if there are several, so that a run
            that was killed goes on; the caller removes it.

    InputError, naming the split or the division, when a split is left without items, or with too few for the
    probe or its metric.
    """
    items = [item for item in task.items if spelled(item.path) in vectors]
    splits = [_split(task, partition, items) for partition in task.partitions()]
    divisions = [
        probes.Division(
            _stack(train, vectors),
            _labels(train, task),
            _stack(valid, vectors),
            _labels(valid, task),
            _stack(test, vectors),
        )
        for train, valid, test in splits
    ]
    outputs = []
    for number, seed in enumerate(seeds, start=1):
        if progress is not None:
            folds = f", {len(divisions)} folds" if len(divisions) > 1 else ""
            progress.phase(f"{task.name}: {probe} {number} of {len(seeds)}{folds}")
        train_and_score = partial(
            probes.judge,
            probe,
            divisions,
            len(task.labels),
            multilabel=task.multilabel,
            metric=task.first_metric,
            seed=seed,
            device=device,
        )
        try:
            if resume_folder is None or len(seeds) == 1:
                outputs.append(train_and_score())
                continue
            about = (probes.describe(probe), task.multilabel, task.first_metric, len(task.labels), seed)
            path = resume_folder / f"{_output_key(about, divisions)}.npz"
            outputs.append(_read_or_compute(path, train_and_score))
        except probes.DivisionError as error:
            raise InputError(f"{task.folder}: {error}") from error
    frequencies = [
        np.broadcast_to(_targets(train, task).mean(axis=0), (len(test), len(task.labels)))
        for train, _, test in splits
    ]
    tested = [item for _, _, test in splits for item in test]
    predictions = Predictions(
        items=tuple(item.name for item in tested),
        groups=tuple(item.group or item.name for item in tested) if task.group_name else None,
        splits=tuple(item.split for item in tested),
        labels=task.labels,
        targets_NC=_targets(tested, task),
        scores_SNC=np.stack([np.concatenate(output.scores) for output in outputs]),
        seeds=tuple(seeds),
    )
    prior = replace(predictions, scores_SNC=np.concatenate(frequencies).astype(np.float32)[None], seeds=(0,))
    return ProbeResult(predictions, prior, outputs[0].chosen)


def _split(
    task: Task, partition: Partition, items: Sequence[Item]
) -> tuple[list[Item], list[Item], list[Item]]:
    """The training, validation and test items of a partition. InputError when one of these has none."""
    found = []
    for names in (partition.train, (partition.valid,), (partition.test,)):
        found.append([item for item in items if item.split in names])
        if not found[-1]:
            raise InputError(f"{task.folder}: no item of split {' + '.join(names)} could be read")
    return found[0], found[1], found[2]


def _stack(items: Sequence[Item], vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([vectors[spelled(item.path)] for item in items]).astype(np.float32)


def _labels(items: Sequence[Item], task: Task) -> np.ndarray:
    """As a probe takes them: class numbers, or bool (N, C) where an item may have any number of labels."""
    targets_NC = _targets(items, task)
    return targets_NC if task.multilabel else targets_NC.argmax(axis=1)


def _targets(items: Sequence[Item], task: Task) -> np.ndarray:
    number = {label: index for index, label in enumerate(task.labels)}
    targets_NC = np.zeros((len(items), len(task.labels)), dtype=bool)
    for row, item in enumerate(items):
        targets_NC[row, [number[label] for label in item.labels]] = True
    return targets_NC


def _output_key(about: Sequence[object], divisions: Sequence[probes.Division]) -> str:
    """A hash of all that a probe's output depends on: the probe itself (`about`), its vectors and labels."""

    def blocks() -> Iterator[bytes]:
        yield json.dumps(about).encode()
        for division in divisions:
            for array in vars(division).values():
                yield f"{array.dtype}{array.shape}".encode()
                yield np.ascontiguousarray(array).tobytes()

    return digest(blocks(), 32)


def _read_or_compute(path: Path, compute: Callable[[], probes.ProbeOutput]) -> probes.ProbeOutput:
    """The output kept in a file; computed and written there when the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            scores = tuple(file[f"scores{number}"] for number in range(len(about["chosen"])))
        return probes.ProbeOutput(scores, tuple(about["validation"]), tuple(about["chosen"]))
    except Exception:  # noqa: BLE001 - a damaged file raises errors of many kinds
        output = compute()
    about = json.dumps({"validation": output.validation, "chosen": output.chosen})
    with atomic_path(path) as partial_path, partial_path.open("wb") as file:
        scores_by_name = {f"scores{number}": scores_KC for number, scores_KC in enumerate(output.scores)}
        np.savez(file, about=np.array(about), **scores_by_name)  # type: ignore[arg-type]
    return output

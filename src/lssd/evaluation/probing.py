"""A task's vectors and a probe -> what it answers on every test item."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lssd.errors import InputError
from lssd.evaluation import probes
from lssd.evaluation.kept_probes import kept_or_trained, probe_key
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.tasks import Item, Task
from lssd.media import spelled


@dataclass(frozen=True)
class Answers:
    """What a probe answered, and beside it what the training items' class frequencies would have.

    chosen: the probe's settings in each division, at the first seed.
    """

    predictions: Predictions
    frequencies: Predictions
    chosen: tuple[Mapping[str, Any], ...]


def answer(
    task: Task,
    vectors: Mapping[str, np.ndarray],
    probe: str,
    seeds: Sequence[int],
    device: str | None = None,
    say: Callable[[str], None] = lambda note: None,
    kept: Path | None = None,
) -> Answers:
    """Train a probe in every division of a task, once a seed, and ask it for the test items.

    `say` is told what is being trained; `kept` is a folder for the answers of one seed of many until the
    caller removes it. `vectors` (D,) by path: items without one take no part. InputError,
    naming division and split, when that leaves a split without an item, or too few for the probe or its
    metric.
    """
    items = [item for item in task.items if spelled(item.path) in vectors]
    parts = [_split(task, items, number) for number in range(len(task.divisions()))]
    divisions = [
        probes.Division(
            _stack(train, vectors),
            _labels(train, task),
            _stack(valid, vectors),
            _labels(valid, task),
            _stack(test, vectors),
        )
        for train, valid, test in parts
    ]
    judged = []
    for number, seed in enumerate(seeds, start=1):
        folds = f", {len(divisions)} folds" if len(divisions) > 1 else ""
        say(f"{task.name}: {probe} {number} of {len(seeds)}{folds}")
        train = partial(_judge, probe, divisions, task, seed, device)
        if kept is None or len(seeds) == 1:
            judged.append(train())
            continue
        about = (probes.describe(probe), task.multilabel, task.first_metric, len(task.labels), seed)
        judged.append(kept_or_trained(kept, probe_key(about, divisions), train))
    frequencies = [
        np.broadcast_to(_targets(train, task).mean(axis=0), (len(test), len(task.labels)))
        for train, _, test in parts
    ]
    tests = [item for _, _, test in parts for item in test]
    scores_SNC = np.stack([np.concatenate(found.scores) for found in judged])
    predictions = Predictions(
        items=tuple(item.name for item in tests),
        groups=tuple(item.group or item.name for item in tests) if task.group_name else None,
        splits=tuple(item.split for item in tests),
        labels=task.labels,
        targets_NC=_targets(tests, task),
        scores_SNC=scores_SNC,
        seeds=tuple(seeds),
    )
    reference = replace(
        predictions, scores_SNC=np.concatenate(frequencies).astype(np.float32)[None], seeds=(0,)
    )
    return Answers(predictions, reference, judged[0].chosen)


def _judge(
    probe: str, divisions: Sequence[probes.Division], task: Task, seed: int, device: str | None
) -> probes.Judged:
    try:
        return probes.judge(
            probe,
            divisions,
            len(task.labels),
            multilabel=task.multilabel,
            metric=task.first_metric,
            seed=seed,
            device=device,
        )
    except probes.DivisionError as error:
        raise InputError(f"{task.folder}: {error}") from error


def _split(task: Task, items: Sequence[Item], number: int) -> tuple[list[Item], list[Item], list[Item]]:
    division = task.divisions()[number]
    found = [
        [item for item in items if item.split in splits]
        for splits in (division.train, (division.valid,), (division.test,))
    ]
    for part, splits in zip(found, (division.train, (division.valid,), (division.test,)), strict=True):
        if not part:
            raise InputError(f"{task.folder}: no item of split {' + '.join(splits)} could be read")
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

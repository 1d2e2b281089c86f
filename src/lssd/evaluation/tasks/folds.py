"""Balanced folds that keep groups whole, the same on every machine and in any order of the items."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lssd.errors import InputError
from lssd.evaluation.tasks.task import Task

FOLDS = 5
FEWEST = 3  # train, valid and test


def assign_folds(labels: Mapping[str, Sequence[str]], units: Mapping[str, str], folds: int) -> dict[str, int]:
    """The fold of every item: classes spread evenly, whole units together.

    `labels`: of each item by name; `units`: the unit of each item, its group or the item itself. Large
    units go first, then those of rare classes, then in the order of a hash of their names; each goes where
    its classes are fewest.
    """
    content: dict[str, Counter[str]] = defaultdict(Counter)
    size: Counter[str] = Counter()
    for item, unit in units.items():
        content[unit].update(labels[item])
        size[unit] += 1
    total = sum(content.values(), Counter())
    held: list[Counter[str]] = [Counter() for _ in range(folds)]
    filled = [0] * folds
    placed: dict[str, int] = {}

    def turn(unit: str) -> tuple[int, int, str]:
        return -size[unit], min((total[label] for label in content[unit]), default=0), _hash(unit)

    for unit in sorted(content, key=turn):

        def burden(fold: int, unit: str = unit) -> tuple[float, int, int]:
            classes = content[unit].items()
            crowd = sum(count * held[fold][label] / total[label] ** 2 for label, count in classes)
            return crowd, filled[fold], fold

        fold = min(range(folds), key=burden)
        held[fold].update(content[unit])
        filled[fold] += size[unit]
        placed[unit] = fold
    return {item: placed[unit] for item, unit in units.items()}


def rarest(labels: Mapping[str, Sequence[str]], units: Mapping[str, str]) -> tuple[str, int]:
    """The class in the fewest units, and how many these are."""
    holders: dict[str, set[str]] = defaultdict(set)
    for item, unit in units.items():
        for label in labels[item]:
            holders[label].add(unit)
    label = min(holders, key=lambda label: (len(holders[label]), label), default="")
    return label, len(holders[label])


def fold_count(labels: Mapping[str, Sequence[str]], units: Mapping[str, str], where: str, kind: str) -> int:
    """5 folds, or 3 where a class has fewer units (`kind`: "item" or what groups are); else InputError."""
    label, count = rarest(labels, units)
    if count < FEWEST:
        raise InputError(
            f"{where}: class {label!r} has {count} {kind}{'s' if count != 1 else ''}; folds need at least "
            f"{FEWEST} a class: add some, leave the class out, or give splits"
        )
    return FOLDS if count >= FOLDS else FEWEST


def fold_names(folds: int) -> tuple[str, ...]:
    return tuple(f"fold{fold:02d}" for fold in range(folds))


def by_group(task: Task) -> Task:
    """The task in new folds, none of which shares a group. InputError when its items have no groups."""
    kind = task.group_name
    if kind is None:
        raise InputError(f"{task.folder} tells no groups; name them in its groups.csv (item,group)")
    labels = {item.name: item.labels for item in task.items}
    units = {item.name: item.group or item.name for item in task.items}
    count = fold_count(labels, units, str(task.folder), kind)
    splits = fold_names(count)
    folds = assign_folds(labels, units, count)
    items = sorted(
        (replace(item, split=splits[folds[item.name]]) for item in task.items), key=lambda item: item.split
    )
    return replace(
        task,
        name=f"{task.name}-{kind}s",
        title=f"{task.title} (new {kind}s)",
        split_mode="new_split_kfold",
        splits=splits,
        items=tuple(items),
        notes=(*task.notes, f"{count} folds made here of whole {kind}s"),
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

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
    """The fold of every item: classes are spread evenly, and units stay whole.

    `labels`: of each item by name; `units`: the unit of each item, which is its group or the item itself.
    Large units are placed first, then those of rare classes, then in the order of a hash of their names; each
    goes into the fold where its classes are fewest.
    """
    classes_of: dict[str, Counter[str]] = defaultdict(Counter)
    size: Counter[str] = Counter()
    for item, unit in units.items():
        classes_of[unit].update(labels[item])
        size[unit] += 1
    total = sum(classes_of.values(), Counter())
    classes_in: list[Counter[str]] = [Counter() for _ in range(folds)]
    items_in = [0] * folds
    fold_of: dict[str, int] = {}

    def priority(unit: str) -> tuple[int, int, str]:
        name_hash = hashlib.sha256(unit.encode("utf-8", "surrogateescape")).hexdigest()
        return -size[unit], min((total[label] for label in classes_of[unit]), default=0), name_hash

    for unit in sorted(classes_of, key=priority):

        def cost(fold: int, unit: str = unit) -> tuple[float, int, int]:
            counts = classes_of[unit].items()
            overlap = sum(count * classes_in[fold][label] / total[label] ** 2 for label, count in counts)
            return overlap, items_in[fold], fold

        fold = min(range(folds), key=cost)
        classes_in[fold].update(classes_of[unit])
        items_in[fold] += size[unit]
        fold_of[unit] = fold
    return {item: fold_of[unit] for item, unit in units.items()}


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

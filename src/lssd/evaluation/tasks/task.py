"""What a task is, and the checks that all of them pass."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lssd.errors import InputError

MODALITIES = ("audio", "picture", "audiovisual")
PREDICTION_TYPES = ("multiclass", "multilabel")
TRAIN_VALID_TEST = ("train", "valid", "test")


@dataclass(frozen=True)
class Item:
    """One sound or film of a task. A multiclass item has one label, a multilabel item any number."""

    name: str
    path: Path
    split: str
    labels: tuple[str, ...]
    group: str | None

    @property
    def label(self) -> str:
        """The label of a multiclass item."""
        (label,) = self.labels
        return label


@dataclass(frozen=True)
class Partition:
    """The splits of one training of a probe: those it learns from, chooses on, and is tested on."""

    train: tuple[str, ...]
    valid: str
    test: str


@dataclass(frozen=True)
class Task:
    """A task as its folder or table describes it.

    folder           where it was read from: a folder, or a CSV
    split_mode       trainvaltest, new_split_kfold or presplit_kfold
    splits           in the order of its metadata
    labels           the classes that have an item, in vocabulary order
    items            in the order of its lists, split by split
    missing          names of items whose file is not there
    group_name       what the groups are ("title", "speaker"), None when items have none
    metrics          of `lssd.evaluation.metrics`; the first is the one that its authors judge by
    prediction_type  multiclass or multilabel
    modality         of MODALITIES: what of its items is judged
    rate             of the folder of sounds that its items are in, None where there is but one set of media
    notes            what a reader of its scores should know, a line each
    """

    name: str
    title: str
    folder: Path
    split_mode: str
    splits: tuple[str, ...]
    labels: tuple[str, ...]
    items: tuple[Item, ...]
    missing: tuple[str, ...]
    group_name: str | None
    metrics: tuple[str, ...]
    prediction_type: str = "multiclass"
    modality: str = "audio"
    rate: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def first_metric(self) -> str:
        return self.metrics[0]

    @property
    def multilabel(self) -> bool:
        return self.prediction_type == "multilabel"

    def partitions(self) -> tuple[Partition, ...]:
        """The trainings that give every test item one prediction.

        Folds: test = i, valid = i + 1, train = the rest. Otherwise: train, valid, test.
        """
        if self.split_mode == "trainvaltest":
            return (Partition(("train",), "valid", "test"),)
        splits, count = self.splits, len(self.splits)
        return tuple(
            Partition(
                tuple(splits[other] for other in range(count) if other not in (fold, (fold + 1) % count)),
                splits[(fold + 1) % count],
                splits[fold],
            )
            for fold in range(count)
        )


@dataclass(frozen=True)
class Reader:
    """One kind of task: how it is told from the others, and how it is read.

    kind         what messages call it, such as "a CSV"
    matches      whether a path is a task of this kind
    read         (path, modality, rate) -> Task, as for `lssd.evaluation.tasks.read_task`
    names_below  the tasks of this kind in a data folder by path, with all their names; None where the path
                 is the name
    """

    kind: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, str | None, int | None], Task]
    names_below: Callable[[Path], Mapping[Path, tuple[str, ...]]] | None = None


def checked(task: Task) -> Task:
    """The same task, with notes on what its splits share or lack.

    InputError for a split without items; for fewer than two classes, in all or among the test items, since
    always naming the only class would be right; and for a class that is tested in some partition but learnt
    in none of those.
    """
    if not task.items:
        raise InputError(f"{task.folder}: none of its {len(task.missing)} items is there")
    if len(task.labels) < 2 and not task.multilabel:
        raise InputError(f"{task.folder} has one class, {task.labels[0]!r}; there is nothing to tell apart")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    sizes = Counter(item.split for item in task.items)
    for item in task.items:
        counts[item.split].update(item.labels)
    for split in task.splits:
        if not sizes[split]:
            raise InputError(f"{task.folder}: split {split} has no item")
    tested = {label for partition in task.partitions() for label in counts[partition.test]}
    if len(tested) < 2 and not task.multilabel:
        raise InputError(
            f"{task.folder}: its test items are all of the class {tested.pop()!r}; there is nothing to tell "
            "apart"
        )
    absent = absent_classes(task.labels, in_order(task.labels, task.items))
    notes = [*absent, *_unlearnt(task, counts), *_shared_groups(task)]
    return replace(task, notes=(*task.notes, *notes))


def _unlearnt(task: Task, counts: Mapping[str, Counter[str]]) -> list[str]:
    """Notes on classes that a partition tests and does not learn; InputError where none learns them.

    HEAR draws folds without regard to classes, so a rare class may be missing from some.
    """
    lacking: dict[str, list[Partition]] = defaultdict(list)
    tested: Counter[str] = Counter()
    for partition in task.partitions():
        learnt = {label for split in partition.train for label in counts[split]}
        for label in counts[partition.test]:
            tested[label] += 1
            if label not in learnt:
                lacking[label].append(partition)
    for label, partitions in lacking.items():
        if len(partitions) == tested[label]:
            first = partitions[0]
            raise InputError(
                f"{task.folder}: class {label!r} of {first.test} has no item in {' + '.join(first.train)}"
            )
    return [
        f"class {label!r} is tested in {partition.test} ({counts[partition.test][label]} of its items) but "
        f"not learnt for it: {' + '.join(partition.train)} hold none"
        for label, partitions in lacking.items()
        for partition in partitions
    ]


def _shared_groups(task: Task) -> list[str]:
    """A note when groups span training and test."""
    splits: dict[str, set[str]] = defaultdict(set)
    for item in task.items:
        if item.group is not None:
            splits[item.group].add(item.split)
    folds = task.split_mode != "trainvaltest"
    spanning = [
        group for group, used in splits.items() if len(used) > 1 and (folds or {"train", "test"} <= used)
    ]
    if not spanning:
        return []
    kind = task.group_name or "group"
    return [
        f"{len(spanning)} of {len(splits)} {kind}s, such as {spanning[0]}, are in training and test alike: "
        f"scores say little about new {kind}s"
    ]


def in_order(labels: Iterable[str], items: Iterable[Item]) -> tuple[str, ...]:
    """The labels that occur among the items, in the given order."""
    present = {label for item in items for label in item.labels}
    return tuple(label for label in labels if label in present)


def absent_classes(labels: Iterable[str], present: Sequence[str]) -> list[str]:
    """A note that lists the classes without an item; an empty list where every class has one."""
    known = set(present)
    absent = [label for label in labels if label not in known]
    count = f"{len(absent)} of {len(absent) + len(known)} classes"
    return [f"{count} have no item and are not judged: {', '.join(absent)}"] if absent else []

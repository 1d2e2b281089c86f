"""`Predictions`: what a probe answered on every test item, kept whole, so that any metric can be asked later.

Shapes: S seeds of the probe, N test items, C classes, F folds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lssd.errors import InputError
from lssd.evaluation.metrics import METRICS, Scorer
from lssd.store import atomic_path, hash_file

_COLUMNS = {
    "item": pa.string(),
    "group": pa.string(),
    "split": pa.string(),
    "label": pa.list_(pa.string()),
    "scores": pa.list_(pa.list_(pa.float32())),  # a list a seed, a number a class
}
_MOST_VALUES = 1 << 30  # a file of a few bytes may claim any number of equal ones
_ABOUT = b"lssd.predictions"  # schema metadata: labels and seeds


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers of one model's probe on one task's test items.

    items, groups, splits: name, group (film, speaker, recording; None when items stand alone) and split of
    each item, which is the fold that it was judged in. labels: names of the classes. targets_NC: bool.
    scores_SNC: float32, higher is likelier. seeds: of the probe, one each.

    InputError names the first item at fault: twice there, or with a score that is NaN.
    """

    items: tuple[str, ...]
    groups: tuple[str, ...] | None
    splits: tuple[str, ...]
    labels: tuple[str, ...]
    targets_NC: np.ndarray
    scores_SNC: np.ndarray
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets_NC", np.asarray(self.targets_NC, dtype=bool))
        object.__setattr__(self, "scores_SNC", np.asarray(self.scores_SNC, dtype=np.float32))
        shape = (len(self.seeds), len(self.items), len(self.labels))
        lengths = {len(self.items), len(self.splits), len(self.groups or self.splits)}
        if self.scores_SNC.shape != shape or self.targets_NC.shape != shape[1:] or len(lengths) > 1:
            raise ValueError(
                f"targets {self.targets_NC.shape} and scores {self.scores_SNC.shape} do not fit {shape[0]} "
                f"seeds, {shape[1]} items and {shape[2]} classes, or groups and splits do not"
            )
        if 0 in shape:
            raise InputError(f"no predictions: {shape[0]} seeds, {shape[1]} items, {shape[2]} classes")
        names, counts = np.unique(self.items, return_counts=True)
        if counts.max() > 1:
            raise InputError(f"item {names[counts.argmax()]} is judged {counts.max()} times; name it once")
        spoilt_N = np.isnan(self.scores_SNC).any(axis=(0, 2))
        if spoilt_N.any():
            first = self.items[int(spoilt_N.argmax())]
            raise InputError(
                f"the scores of {int(spoilt_N.sum())} items are not numbers, {first} the first; "
                "leave out items whose embedding holds NaN"
            )

    @property
    def folds(self) -> tuple[str, ...]:
        """The splits with a test item, in order of appearance."""
        return tuple(dict.fromkeys(self.splits))

    @property
    def group_codes(self) -> np.ndarray | None:
        """The number of each item's group, by first appearance; None when items stand alone."""
        return None if self.groups is None else _codes(self.groups)

    @property
    def correct_SN(self) -> np.ndarray:  # noqa: N802
        """Whether the class of the highest score is one of the item's, bool."""
        best_SN = self.scores_SNC.argmax(axis=2)
        return self.targets_NC[np.arange(len(self.items)), best_SN]

    @property
    def fold_rows(self) -> list[np.ndarray]:
        """The positions of each fold's items, in order."""
        fold_N = _codes(self.splits)
        return [np.flatnonzero(fold_N == fold) for fold in range(fold_N.max() + 1)]

    def scorers(self, metric: str) -> list[list[Scorer]]:
        """The metric prepared for each seed and fold, over the items of `fold_rows`. InputError: unknown."""
        if metric not in METRICS:
            raise InputError(f"unknown metric {metric!r}; known: {', '.join(METRICS)}")
        parts = self.fold_rows
        return [
            [METRICS[metric].scorer(self.targets_NC[part], scores_NC[part]) for part in parts]
            for scores_NC in self.scores_SNC
        ]

    def fold_values(self, metric: str, weights_N: np.ndarray | None = None) -> np.ndarray:
        """The metric of each seed in each fold, (S, F); NaN where a fold has nothing to judge it by."""
        weights_N = np.ones(len(self.items)) if weights_N is None else np.asarray(weights_N, dtype=float)
        parts = [weights_N[None, rows] for rows in self.fold_rows]
        return np.array(
            [
                [scorer(weights_1N)[0] for scorer, weights_1N in zip(row, parts, strict=True)]
                for row in self.scorers(metric)
            ]
        )

    def measure(self, metric: str, weights_N: np.ndarray | None = None) -> float:
        """The metric's mean over folds (HEAR's convention), then over seeds.

        `weights_N` counts items several times or not at all. Folds that cannot be judged are left out;
        NaN when none can.
        """
        return float(mean_over_folds(self.fold_values(metric, weights_N)).mean())

    def fold_means(self, metric: str) -> tuple[float | None, ...]:
        """The metric of each fold, the mean over seeds; None where a fold has nothing to judge it by."""
        values_F = self.fold_values(metric).mean(axis=0)
        return tuple(None if np.isnan(value) else float(value) for value in values_F)

    def chance(self, metric: str) -> float:
        """What scores that mean nothing reach on average.

        Labels an item / classes for top-1 (1 / classes where an item has one); for what ranks, all items
        tied: mAP is then the classes' mean share of the items.
        """
        if METRICS[metric].per_item:
            labels_N = self.targets_NC.sum(axis=1)
            folds = [labels_N[rows].mean() for rows in self.fold_rows]
            return float(np.mean(folds) / len(self.labels))
        tied_SNC = np.zeros_like(self.scores_SNC[:1])
        return replace(self, scores_SNC=tied_SNC, seeds=(0,)).measure(metric)

    def select(self, order_M: np.ndarray) -> "Predictions":
        """These items alone, in this order."""
        pick = np.asarray(order_M).tolist()
        return replace(
            self,
            items=tuple(self.items[index] for index in pick),
            groups=None if self.groups is None else tuple(self.groups[index] for index in pick),
            splits=tuple(self.splits[index] for index in pick),
            targets_NC=self.targets_NC[pick],
            scores_SNC=self.scores_SNC[:, pick],
        )

    def write(self, path: str | Path) -> str:
        """Write a Parquet file atomically, a row an item; returns its SHA-256.

        Columns item, group, split, label (a list), scores (a list a seed of a number a class); the schema's
        metadata holds labels and seeds.
        """
        seeds, items, classes = self.scores_SNC.shape
        scores = np.ascontiguousarray(self.scores_SNC.transpose(1, 0, 2), dtype=np.float32)
        row_L, class_L = np.nonzero(self.targets_NC)
        names = pa.array(self.labels, pa.string()).take(pa.array(class_L))
        ends = np.concatenate([[0], np.cumsum(np.bincount(row_L, minlength=items))])
        columns = [
            pa.array(self.items, pa.string()),
            pa.array(self.groups or [None] * items, pa.string()),
            pa.array(self.splits, pa.string()),
            pa.ListArray.from_arrays(ends.astype(np.int32), names),
            _nested(_nested(pa.array(scores.ravel()), classes), seeds),
        ]
        about = json.dumps({"labels": self.labels, "seeds": self.seeds}, ensure_ascii=False)
        schema = pa.schema(list(_COLUMNS.items()), metadata={_ABOUT: about.encode()})
        with atomic_path(path) as partial:
            pq.write_table(pa.Table.from_arrays(columns, schema=schema), partial)
        return hash_file(path)

    @classmethod
    def read(cls, path: str | Path) -> "Predictions":
        """Read what `write` wrote. InputError when the file is missing, damaged, or another kind of table."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"missing {path}; make it: lssd evaluate")
        try:
            with pq.ParquetFile(path) as file:
                groups, columns = range(file.metadata.num_row_groups), range(file.metadata.num_columns)
                values = sum(
                    file.metadata.row_group(group).column(column).num_values
                    for group in groups
                    for column in columns
                )
                table = file.read() if values <= _MOST_VALUES else None
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path} is no readable Parquet file: {reason}") from error
        if table is None:
            raise InputError(f"{path} claims {values} values; predictions have {_MOST_VALUES} at most")
        try:
            return cls._from_table(table)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} holds no whole predictions; make them again: lssd evaluate") from error

    @classmethod
    def _from_table(cls, table: pa.Table) -> "Predictions":
        about = json.loads((table.schema.metadata or {})[_ABOUT])
        labels, seeds = tuple(about["labels"]), tuple(about["seeds"])
        if {name: table.schema.field(name).type for name in _COLUMNS} != _COLUMNS:
            raise TypeError("columns of other types")
        if not all(type(label) is str for label in labels) or not all(type(seed) is int for seed in seeds):
            raise TypeError("labels are text, seeds are whole numbers")
        columns = {name: table.column(name).combine_chunks() for name in _COLUMNS}
        scores = columns["scores"].flatten().flatten().to_numpy()
        groups = columns["group"].to_pylist()
        return cls(
            items=tuple(columns["item"].to_pylist()),
            groups=None if None in groups else tuple(groups),
            splits=tuple(columns["split"].to_pylist()),
            labels=labels,
            targets_NC=_targets(columns["label"], labels),
            scores_SNC=scores.reshape(len(table), len(seeds), len(labels)).transpose(1, 0, 2).copy(),
            seeds=seeds,
        )


def mean_over_folds(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    sums, counts = np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1)
    return np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)


def _codes(names: Sequence[str]) -> np.ndarray:
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.fromiter(map(number.__getitem__, names), dtype=np.int64, count=len(names))


def _nested(values: pa.Array, length: int) -> pa.Array:
    """Lists of so many values each."""
    ends = np.arange(0, len(values) + 1, length, dtype=np.int32)
    return pa.ListArray.from_arrays(ends, values)


def _targets(label: pa.ListArray, labels: tuple[str, ...]) -> np.ndarray:
    targets_NC = np.zeros((len(label), len(labels)), dtype=bool)
    number = {name: index for index, name in enumerate(labels)}
    row_L = np.repeat(np.arange(len(label)), np.diff(label.offsets.to_numpy()))
    targets_NC[row_L, [number[name] for name in label.flatten().to_pylist()]] = True
    return targets_NC

"""`Result`: what one model scored on one task, one JSON file, with its uncertainty and its predictions."""

import dataclasses
import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lssd.errors import InputError
from lssd.evaluation.metrics import METRICS
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.tasks.task import MODALITIES, PREDICTION_TYPES
from lssd.store import hash_file, write_json

FORMAT = 2
RANDOM_INIT = "random-init"
_TOLERANCE = 1e-6  # of scores computed again, maybe on another machine
_SHOWN = 60  # characters of a value that is refused
_AGAIN = "make it again: lssd evaluate"


@dataclass(frozen=True)
class ModelReference:
    """Which model: a name for people, where it was read from, and what it is by content.

    `settings_sha256` is over architecture and preprocessing of the encoders that were judged;
    `untrained_sha256` over the weights of its untrained twin, "" where it has none: modules, and twins.
    `arm`, `training_seed`: of one of several networks that one recipe trained, what they are called together
    and the seed of this one; "" and None where a network stands alone.
    """

    name: str
    path: str
    weights_sha256: str
    settings_sha256: str = ""
    untrained_sha256: str = ""
    arm: str = ""
    training_seed: int | None = None


@dataclass(frozen=True)
class Score:
    """A value, in the metric's units, with its interval at `level`; `interval` names the method."""

    value: float
    low: float
    high: float
    level: float
    interval: str


@dataclass(frozen=True)
class Result:
    """One model on one task. Scores, `chance` and `majority` are in the metric's units: 0..1, but for d'.

    `modality`: "audio", "picture" or "audiovisual"; `prediction_type`: "multiclass" or "multilabel";
    `protocol`: the probe's name; `embedding`: how an item became a vector; `method`: how vectors became a
    score, all of it in a line.
    `n`: test items judged; `missing`: items left out for want of a readable file. `chance`: what scores
    that mean nothing reach on average; `majority`: what the training items' class frequencies reach, both
    in the primary metric. `groups`: what the interval's clusters are, None when items stand alone;
    `covers`: which uncertainty the intervals speak of. `seeds`: of the probe; `folds`: the primary metric
    of each fold, the mean over seeds (one value without folds, None for a fold that cannot be judged);
    `chosen`: the probe's settings in each fold, at the first seed. `seconds`: time by step; `predictions`:
    the Parquet's name, in the JSON's folder. `rate`: of HEAR's folders of sounds, the one that was read.
    `retry`: items were left out for reasons that may pass, such as want of memory; evaluated again, the
    result is made again.
    """

    model: ModelReference
    modality: str
    task: str
    task_title: str
    protocol: str
    embedding: str
    method: str
    prediction_type: str
    primary_metric: str
    scores: Mapping[str, Score]
    n: int
    missing: int
    classes: int
    chance: float
    majority: float
    groups: str | None
    covers: str
    seconds: Mapping[str, float]
    predictions: str
    predictions_sha256: str = ""
    data_sha256: str = ""
    seeds: tuple[int, ...] = (0,)
    folds: tuple[float | None, ...] = ()
    chosen: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    rate: int | None = None
    retry: bool = False
    format: int = FORMAT
    source: Path | None = field(default=None, compare=False)  # the JSON this was read from or written to

    @property
    def primary(self) -> Score:
        """The score of the primary metric."""
        return self.scores[self.primary_metric]

    @classmethod
    def read(cls, path: str | Path) -> "Result":
        """Read a result's JSON file.

        InputError when it is missing, not one, or has a field of another type or range than a result's. That
        its scores are those of its predictions is checked when these are read.
        """
        path = Path(path)
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path} is not a readable result: {error}; make one: lssd evaluate") from error
        if not isinstance(value, dict) or value.get("format") != FORMAT or "scores" not in value:
            raise InputError(f"{path} is no result of format {FORMAT}; make one: lssd evaluate")
        fields = _checked(path, cls, _FIELDS, value)
        fields["model"] = ModelReference(**_checked(path, ModelReference, _MODEL, fields["model"], "model."))
        if fields["primary_metric"] not in fields["scores"]:
            raise InputError(f"{path} has no score {fields['primary_metric']}; {_AGAIN}")
        scores = {}
        for name, score in fields["scores"].items():
            unit = _unit(name)
            kinds = {"value": unit, "low": unit, "high": unit, "level": _LEVEL, "interval": _TEXT}
            one = scores[name] = Score(**_checked(path, Score, kinds, score, f"scores.{name}."))
            if not one.low - _TOLERANCE <= one.value <= one.high + _TOLERANCE:
                raise InputError(f"{path}: scores.{name}.value lies outside of its interval; {_AGAIN}")
        fields["scores"] = scores
        for name in ("chance", "majority"):
            _check(path, name, fields[name], _unit(fields["primary_metric"]))
        return cls(**fields, source=path)

    def write(self, path: str | Path) -> "Result":
        """Write the JSON file atomically; returns the result as reading it back would."""
        value = dataclasses.asdict(self)
        del value["source"]
        write_json(path, value)
        return dataclasses.replace(self, source=Path(path))

    def read_predictions(self) -> Predictions:
        """What the probe answered on each test item.

        All that follows from them is computed again: every score, `folds`, `chance`, and what was counted.
        InputError when the file is missing, is not the one this result was made with, or tells other scores.
        """
        if self.source is None:
            raise InputError(
                f"the result of {self.model.name} on {self.task} was never written, so it has no predictions"
            )
        path = self.source.parent / self.predictions
        if not path.is_file():
            raise InputError(f"missing {path}, the predictions of {self.source.name}; keep the two together")
        if self.predictions_sha256 and hash_file(path) != self.predictions_sha256:
            raise InputError(f"{path} does not belong to {self.source.name}; run lssd evaluate again")
        predictions = Predictions.read(path)
        self._check_agreement(predictions)
        return predictions

    def _check_agreement(self, predictions: Predictions) -> None:
        """InputError names the first field that says other than the predictions do."""
        facts: dict[str, tuple[Any, Any]] = {
            "n": (self.n, len(predictions.items)),
            "classes": (self.classes, len(predictions.labels)),
            "seeds": (self.seeds, predictions.seeds),
            "chance": (self.chance, predictions.chance(self.primary_metric)),
        }
        for name, score in self.scores.items():
            facts[f"scores.{name}.value"] = score.value, predictions.measure(name)
        if self.folds:  # earlier results have none
            facts["folds"] = self.folds, predictions.fold_means(self.primary_metric)
        for name, (said, found) in facts.items():
            if not agree(said, found):
                words = f"{name} is {_short(said)}, but {self.predictions} gives {_short(found)}"
                raise InputError(f"{self.source}: {words}; {_AGAIN}")


def agree(said: Any, found: Any) -> bool:
    """Whether a value of a result is what was computed again: floats to rounding, all else exactly."""
    if isinstance(said, tuple) and isinstance(found, tuple):
        return len(said) == len(found) and all(map(agree, said, found))
    if isinstance(said, float) or isinstance(found, float):
        return None not in (said, found) and math.isclose(said, found, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(said == found)


@dataclass(frozen=True)
class _Kind:
    """What a field may hold, in words and as a test."""

    words: str
    fits: Callable[[Any], bool]


def _one_of(names: Collection[str]) -> _Kind:
    return _Kind(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names)


def _number(lowest: float, highest: float) -> _Kind:
    """A number within bounds; NaN is in none."""
    words = f"a number from {lowest:g} to {highest:g}"
    return _Kind(words, lambda value: type(value) in (int, float) and lowest <= value <= highest)


def _whole(lowest: int) -> _Kind:
    return _Kind(
        f"a whole number from {lowest} to 2^63",
        lambda value: type(value) is int and lowest <= value <= 2**63,
    )


def _list_of(kind: _Kind) -> _Kind:
    return _Kind(
        f"a list, each {kind.words}", lambda value: isinstance(value, list) and all(map(kind.fits, value))
    )


def _object_of(kind: _Kind) -> _Kind:
    return _Kind(
        f"an object, each {kind.words}",
        lambda value: isinstance(value, dict) and all(map(kind.fits, value.values())),
    )


def _or_null(kind: _Kind) -> _Kind:
    return _Kind(f"{kind.words}, or null", lambda value: value is None or kind.fits(value))


def _is_file_name(value: Any) -> bool:
    """Whether it is a name in the result's own folder, on any system."""
    return isinstance(value, str) and value not in ("", ".", "..") and not set(value) & set("/\\:\0")


_TEXT = _Kind("text", lambda value: isinstance(value, str))
_NAME = _Kind("text that is not empty", lambda value: isinstance(value, str) and bool(value.strip()))
_HASH = _Kind(
    'a SHA-256 in hexadecimal, or ""',
    lambda value: isinstance(value, str) and re.fullmatch("(?:[0-9a-f]{64})?", value) is not None,
)
_OBJECT = _Kind("an object", lambda value: isinstance(value, dict))
_YES_OR_NO = _Kind("true or false", lambda value: isinstance(value, bool))
_SHARE = _number(0, 1)
_LEVEL = _Kind("a number between 0 and 1", lambda value: isinstance(value, float) and 0 < value < 1)
_MEASURE = _number(-1e6, 1e6)  # of a metric without bounds

_FIELDS = {
    "model": _OBJECT,
    "modality": _one_of(MODALITIES),
    "task": _NAME,
    "task_title": _TEXT,
    "protocol": _NAME,
    "embedding": _TEXT,
    "method": _TEXT,
    "prediction_type": _one_of(PREDICTION_TYPES),
    "primary_metric": _one_of(METRICS),
    "scores": _Kind(
        f"an object of scores by metric ({', '.join(METRICS)})",
        lambda value: isinstance(value, dict) and set(value) <= set(METRICS),
    ),
    "n": _whole(1),
    "missing": _whole(0),
    "classes": _whole(1),
    "chance": _MEASURE,
    "majority": _MEASURE,
    "groups": _or_null(_NAME),
    "covers": _TEXT,
    "seconds": _object_of(_number(0, 1e9)),
    "predictions": _Kind("the name of a file beside it", _is_file_name),
    "predictions_sha256": _HASH,
    "data_sha256": _TEXT,
    "seeds": _list_of(_whole(0)),
    "folds": _list_of(_or_null(_MEASURE)),
    "chosen": _list_of(_OBJECT),
    "notes": _list_of(_TEXT),
    "rate": _or_null(_whole(1)),
    "retry": _YES_OR_NO,
    "format": _whole(FORMAT),
}
_MODEL = {
    "name": _NAME,
    "path": _TEXT,
    "weights_sha256": _TEXT,
    "settings_sha256": _TEXT,
    "untrained_sha256": _TEXT,
    "arm": _TEXT,
    "training_seed": _or_null(_whole(0)),
}


def _unit(metric: str) -> _Kind:
    return _SHARE if METRICS[metric].bounded else _MEASURE


def _checked(
    path: Path, cls: type, kinds: Mapping[str, _Kind], value: Any, within: str = ""
) -> dict[str, Any]:
    """The fields of a dataclass in a JSON object, lists as tuples; others are left out.

    InputError names the file and the first field that is lacking, or not of its kind.
    """
    _check(path, within.removesuffix("."), value, _OBJECT)
    fields = {}
    for item in dataclasses.fields(cls):
        if item.name not in kinds:
            continue
        if item.name in value:
            _check(path, within + item.name, value[item.name], kinds[item.name])
            found = value[item.name]
            fields[item.name] = tuple(found) if isinstance(found, list) else found
        elif item.default is dataclasses.MISSING:
            raise InputError(f"{path} is an incomplete result: it has no {within}{item.name}; {_AGAIN}")
    return fields


def _check(path: Path, name: str, value: Any, kind: _Kind) -> None:
    if not kind.fits(value):
        raise InputError(f"{path}: {name} is {_short(value)}, not {kind.words}; {_AGAIN}")


def _short(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."

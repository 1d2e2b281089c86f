"""`Result`: what one model scored on one task, one JSON file, with its uncertainty and its predictions."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lssd.errors import InputError
from lssd.evaluation.predictions import Predictions
from lssd.store import hash_file, write_json

FORMAT = 2
RANDOM_INIT = "random-init"


@dataclass(frozen=True)
class ModelReference:
    """Which model: a name for people, where it was read from, and what it is by content.

    `settings_sha256` is over architecture and preprocessing of the encoders that were judged;
    `untrained_sha256` over the weights of its untrained twin, "" where it has none: modules, and twins.
    """

    name: str
    path: str
    weights_sha256: str
    settings_sha256: str = ""
    untrained_sha256: str = ""


@dataclass(frozen=True)
class Score:
    """A value in 0..1 with its interval; `interval` names the method."""

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
    of each fold, the mean over seeds (one value without folds); `chosen`: the probe's settings in each
    fold, at the first seed. `seconds`: time by step; `predictions`: the Parquet's name, relative to the
    JSON. `rate`: of HEAR's folders of sounds, the one that was read. `retry`: items were left out for reasons
    that may pass, such as want of memory; evaluated again, the result is made again.
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
    folds: tuple[float, ...] = ()
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
        """Read a result's JSON file. InputError when it is missing or not one."""
        path = Path(path)
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is not a readable result: {error}; make one: lssd evaluate") from error
        if not isinstance(value, dict) or value.get("format") != FORMAT or "scores" not in value:
            raise InputError(f"{path} is no result of format {FORMAT}; make one: lssd evaluate")
        known = {item.name for item in dataclasses.fields(cls)} - {"source"}
        try:
            fields = {key: item for key, item in value.items() if key in known}
            fields["model"] = ModelReference(**value["model"])
            fields["scores"] = {name: Score(**score) for name, score in value["scores"].items()}
            for name in ("seeds", "folds", "chosen", "notes"):
                fields[name] = tuple(value.get(name, ()))
            result = cls(**fields, source=path)
        except (TypeError, KeyError) as error:
            raise InputError(
                f"{path} is an incomplete result: {error}; make it again: lssd evaluate"
            ) from error
        if result.primary_metric not in result.scores:
            raise InputError(f"{path} has no score {result.primary_metric}; make it again: lssd evaluate")
        return result

    def write(self, path: str | Path) -> "Result":
        """Write the JSON file atomically; returns the result as reading it back would."""
        value = dataclasses.asdict(self)
        del value["source"]
        write_json(path, value)
        return dataclasses.replace(self, source=Path(path))

    def read_predictions(self) -> Predictions:
        """What the probe answered on each test item.

        InputError when the file is missing, or is not the one this result was made with.
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
        return Predictions.read(path)

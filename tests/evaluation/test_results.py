import dataclasses

import numpy as np
import pytest

from lssd.errors import InputError
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.results import ModelReference, Result
from lssd.evaluation.statistics.comparison import compare
from lssd.evaluation.statistics.intervals import score_interval


def planted(folder, name, right, **changes) -> Result:
    """A written result with these items right."""
    right = np.asarray(right, dtype=bool)
    predictions = Predictions(
        items=tuple(f"{index:05d}.wav" for index in range(len(right))),
        groups=None,
        splits=("test",) * len(right),
        labels=("yes", "no"),
        targets_NC=np.tile([True, False], (len(right), 1)),
        scores_SNC=np.stack([right, ~right], axis=1)[None].astype(np.float32),
        seeds=(0,),
    )
    result = Result(
        model=ModelReference(name, "", name),
        modality="audio",
        task="scene",
        task_title="Scene",
        protocol="linear",
        embedding="planted",
        method="a linear probe",
        prediction_type="multiclass",
        primary_metric="top1_acc",
        scores={"top1_acc": score_interval(predictions, "top1_acc")},
        n=len(right),
        missing=0,
        classes=2,
        chance=0.5,
        majority=0.5,
        groups=None,
        covers="test items; one training seed",
        seconds={},
        predictions=f"scene.{name}.parquet",
        predictions_sha256=predictions.write(folder / f"scene.{name}.parquet"),
    )
    return dataclasses.replace(result, **changes).write(folder / f"scene.{name}.json")


def test_written_results_are_compared(tmp_path):
    a = planted(tmp_path, "a", np.arange(200) < 100)
    planted(tmp_path, "b", np.arange(200) < 150)
    found = compare(a, Result.read(tmp_path / "scene.b.json"))
    assert found.difference == pytest.approx(25) and found.significant


def test_predictions_must_belong_to_their_result(tmp_path):
    a, b = planted(tmp_path, "a", [True, False]), planted(tmp_path, "b", [True, True])
    (tmp_path / "scene.b.parquet").write_bytes((tmp_path / "scene.a.parquet").read_bytes())
    with pytest.raises(InputError, match=r"does not belong to scene.b.json"):
        compare(a, b)
    (tmp_path / "scene.b.parquet").unlink()
    with pytest.raises(InputError, match=r"missing .*scene.b.parquet"):
        compare(a, b)


def test_a_result_reads_back_as_it_was_written(tmp_path):
    a = planted(tmp_path, "a", [True, False], folds=(0.5, 0.25), notes=("left out: x.wav",), seeds=(0, 1))
    assert Result.read(tmp_path / "scene.a.json") == a
    for text, words in (
        ('{"format": 2, "scores": {}}', "incomplete result"),
        ('{"format": 1, "scores": {}}', "no result of format 2"),
        ("{", "not a readable result"),
    ):
        (tmp_path / "scene.a.json").write_text(text)
        with pytest.raises(InputError, match=words):
            Result.read(tmp_path / "scene.a.json")
    with pytest.raises(InputError, match="not a readable result"):
        Result.read(tmp_path / "none.json")

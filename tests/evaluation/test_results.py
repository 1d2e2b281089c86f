import dataclasses
import json
import math

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


def _change(path, trail, value):
    """Put a value into a JSON file; `trail` is its keys with points between."""
    whole = json.loads(path.read_text())
    *outer, last = trail.split(".")
    group = whole
    for key in outer:
        group = group[key]
    group[last] = value
    path.write_text(json.dumps(whole))


HOSTILE = {
    "n": ["<script>", 0, -1, 1.5, True, None, [1], 10**400],
    "missing": ["1", -1, math.nan],
    "classes": ["<b>2</b>", 0, 2.0],
    "chance": ["0.5", math.nan, math.inf, -0.1, 1.1, None, {}],
    "majority": ["high", math.nan, 2],
    "scores.top1_acc.value": ["0.99", math.nan, -1, 1.5, None, [0.5]],
    "scores.top1_acc.low": [math.nan, 0.9, "0"],
    "scores.top1_acc.high": [-math.inf, 0.1, {}],
    "scores.top1_acc.level": [0.0, 1.0, 95, "0.95", math.nan],
    "scores.top1_acc.interval": [1, None],
    "scores.top1_acc": [0.5, None, "x", {}],
    "scores": [[], "top1_acc", {"no_metric": {}}, {}],
    "model": ["a", None, {}, {"name": 3, "path": "", "weights_sha256": ""}],
    "modality": ["smell", 1],
    "prediction_type": ["guess", None],
    "primary_metric": ["luck", "mAP", 0],
    "predictions": ["/etc/passwd", "../a.parquet", "b/c.parquet", "C:\\x", "..", "", None, "a\0b"],
    "predictions_sha256": ["short", "Z" * 64, 7],
    "seeds": [["0"], 0, [-1], [True]],
    "folds": [["a"], [math.nan], 0.5],
    "seconds": [{"embed": "long"}, {"embed": math.inf}, {"embed": -1}, []],
    "notes": ["text", [1]],
    "chosen": [[1], {}],
    "rate": ["16000", 0, 1.5],
    "retry": ["no", 1],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in HOSTILE.items() for value in values], ids=repr
)
def test_a_field_of_another_type_or_range_is_named(tmp_path, field, value):
    planted(tmp_path, "a", [True, False, True, False])
    path = tmp_path / "scene.a.json"
    _change(path, field, value)
    with pytest.raises(InputError) as caught:
        Result.read(path)
    words = str(caught.value)
    assert str(path) in words and words.isprintable() and len(words) < 700
    assert any(key in words for key in field.split(".")) or "has no score" in words


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 5),
        ("classes", 3),
        ("chance", 0.25),
        ("seeds", [1]),
        ("seeds", [0, 1]),
        ("folds", [0.75]),
        ("folds", [0.5, 0.5]),
        ("scores.top1_acc.value", 0.6),
        ("predictions_sha256", "0" * 64),
    ],
)
def test_what_the_predictions_do_not_give_is_refused(tmp_path, field, value):
    planted(tmp_path, "a", [True, False, True, False], folds=(0.5,))
    assert Result.read(tmp_path / "scene.a.json").read_predictions().measure("top1_acc") == 0.5
    _change(tmp_path / "scene.a.json", field, value)
    with pytest.raises(InputError, match=r"scene\.a\.(json|parquet)"):
        Result.read(tmp_path / "scene.a.json").read_predictions()


def test_json_that_is_nested_too_deep_is_one_line(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(InputError, match=r"deep\.json is not a readable result"):
        Result.read(path)

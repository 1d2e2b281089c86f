import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from lssd.engine import Progress
from lssd.errors import CheckpointError, InputError
from lssd.evaluation import Result, evaluate
from lssd.models import save_model, weights_hash


def test_a_task_that_can_be_heard_is_solved(model, tones, tmp_path):
    with Progress("Embed", 1, quiet=True) as progress:
        (result,) = evaluate(model, ["tones"], tones.parent, tmp_path / "out", name="tiny", progress=progress)
    assert (progress.done, progress.total) == (24, 24)
    assert result.primary.value == 1.0 and result.primary.low < 1.0
    assert (result.n, result.missing, result.classes, result.chance, result.majority) == (8, 0, 2, 0.5, 0.5)
    assert result.groups == "group" and result.covers == "test items (by group); one training seed"
    assert result.protocol.startswith("linear-probe 1") and result.model.name == "tiny"
    assert Result.read(tmp_path / "out" / "tones.tiny.json") == result
    rows = pq.read_table(tmp_path / "out" / "tones.tiny.parquet").to_pylist()
    assert sorted(row["item"] for row in rows) == [f"test-{index}.wav" for index in range(8)]
    assert rows[0] == {
        "item": "test-0.wav",
        "group": "test-film0",
        "split": "test",
        "label": "low",
        "predicted": "low",
        "correct": True,
    }


def test_every_item_of_every_fold_is_judged_once(model, folds, tmp_path):
    (result,) = evaluate(model, [folds], folds.parent, tmp_path / "out", name="tiny")
    rows = result.read_predictions()
    assert len({row["item"] for row in rows}) == len(rows) == result.n == 24
    assert {row["split"] for row in rows} == {"fold00", "fold01", "fold02"} and len(result.folds) == 3
    assert result.primary.value == pytest.approx(np.mean([row["correct"] for row in rows]))


def test_labels_without_a_sound_of_their_own_score_near_chance(model, tones, tmp_path):
    """The probe must not see the test labels: shuffled labels give no accuracy."""
    rng = np.random.default_rng(0)
    scores = []
    for trial in range(4):
        for split in ("train", "valid", "test"):
            names = list(json.loads((tones / f"{split}.json").read_text()))
            labels = rng.permutation(["low", "high"] * 4)
            path = tones / f"{split}.json"
            path.write_text(json.dumps({name: [label] for name, label in zip(names, labels, strict=True)}))
        (result,) = evaluate(model, [tones], "", tmp_path / "out", name=f"t{trial}", cache=tmp_path / "cache")
        scores.append(result.primary.value)
    assert np.mean(scores) < 0.85


def test_a_standing_result_is_kept_and_a_changed_question_asked_again(
    model, new_model, tones, tmp_path, calls
):
    out, data = tmp_path / "out", tones.parent

    def run(model=model):
        calls.clear()
        (result,) = evaluate(model, ["tones"], data, out, name="tiny")
        return result, bool(calls)

    first, ran = run()
    assert ran
    again, ran = run()
    assert again == first and not ran
    (out / "tones.tiny.parquet").write_bytes(b"damaged")
    assert run()[1], "damaged predictions"
    assert not run()[1]
    _, ran = run(new_model(seed=1))
    assert ran, "other weights under the same name"
    run()
    labels = json.loads((tones / "train.json").read_text())
    (tones / "train.json").write_text(
        json.dumps({name: ["low"] if name == "train-1.wav" else label for name, label in labels.items()})
    )
    assert run()[1], "another label"
    soundfile.write(tones / "48000" / "test" / "test-0.wav", np.zeros(8000, dtype=np.float32), 16000)
    assert run()[1], "another sound"
    assert not run()[1]


def test_missing_and_broken_sounds_are_counted(model, tones, tmp_path):
    sounds = tones / "48000" / "test"
    (sounds / "test-0.wav").unlink()
    (sounds / "test-1.wav").write_text("not a sound")
    (result,) = evaluate(model, [tones], "", tmp_path / "out", name="tiny")
    assert (result.missing, result.n) == (2, 6)
    assert any("test-1.wav" in note for note in result.notes)


def test_a_model_is_named_after_its_run(model, tones, tmp_path):
    save_model(model, tmp_path / "dubs v1" / "model")
    (result,) = evaluate(tmp_path / "dubs v1" / "model", [tones], "", tmp_path / "out")
    assert result.model.name == "dubs v1" and (tmp_path / "out" / "tones.dubs-v1.json").is_file()
    with pytest.raises(CheckpointError, match="no model at"):
        evaluate(tmp_path / "nothing", [tones], "", tmp_path / "out")


def test_faults_of_the_request_come_before_any_work(model, tones, folds, tmp_path, calls):
    with pytest.raises(InputError, match="no task bells"):
        evaluate(model, [folds, "bells"], tones.parent, tmp_path / "out")
    with pytest.raises(InputError, match="named twice"):
        evaluate(model, [tones, "tones"], tones.parent, tmp_path / "out")
    with pytest.raises(InputError, match="no audio encoder"):
        evaluate(type(model)(video=model.video), [tones], "", tmp_path / "out", name="pictures")
    assert not calls and not (tmp_path / "out").exists()


def test_the_metric_of_the_authors_is_named_when_it_is_another(model, tones, tmp_path):
    path = tones / "task_metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"evaluation": ["mAP", "top1_acc"]}))
    (result,) = evaluate(model, [tones], "", tmp_path / "out")
    assert result.notes == ("the task's authors judge by mAP; this is accuracy",)


def test_the_untrained_twin_is_judged_beside_the_model(new_model, tones, tmp_path, calls):
    model = new_model(seed=1)  # the twin draws from seed 0
    results = evaluate(model, [tones], "", tmp_path / "out", name="tiny", random_init=True)
    assert [result.model.name for result in results] == ["tiny", "random-init"]
    assert results[0].model.weights_sha256 == weights_hash(model) != results[1].model.weights_sha256
    assert results[0].model.settings_sha256 == results[1].model.settings_sha256
    assert (tmp_path / "out" / "tones.random-init.json").is_file()
    calls.clear()
    assert evaluate(model, [tones], "", tmp_path / "out", name="tiny", random_init=True) == results
    assert not calls

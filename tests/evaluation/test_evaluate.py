import json
import tempfile

import numpy as np
import pytest
import soundfile
from tests.evaluation.conftest import write_tone

from lssd.engine import Progress
from lssd.errors import CheckpointError, InputError
from lssd.evaluation import Result, compare
from lssd.evaluation.evaluate import evaluate as evaluate_with_twin
from lssd.evaluation.probes import PROBES
from lssd.models import save_model, weights_hash


def evaluate(*arguments, random_init=False, **settings):
    """The results alone, without the twin's unless it is asked for; nothing may stay unjudged."""
    evaluation = evaluate_with_twin(*arguments, random_init=random_init, **settings)
    assert evaluation.unjudged == ()
    return list(evaluation.results)


def test_a_task_that_can_be_heard_is_solved(model, tones, tmp_path):
    counts = []

    class Counting(Progress):
        def update(self, done, total=None, note=None):
            super().update(done, total, note)
            counts.append((self.done, self.total))

    with Counting("evaluate", quiet=True) as progress:
        (result,) = evaluate(
            model,
            ["tones"],
            tones.parent,
            tmp_path / "out",
            protocol="logistic",
            name="tiny",
            progress=progress,
        )
    assert counts[-1] == (24, 24)
    assert result.primary.value == 1.0 and result.primary.low < 1.0
    assert (result.n, result.missing, result.classes, result.chance, result.majority) == (8, 0, 2, 0.5, 0.5)
    assert result.groups == "group" and result.covers == "test items (by group); one training seed"
    assert result.protocol == "logistic" and result.model.name == "tiny"
    assert result.primary_metric == "top1_acc"
    assert set(result.scores) == {"top1_acc", "mAP", "d_prime", "aucroc"}
    assert Result.read(tmp_path / "out" / "tones.logistic.tiny.json") == result
    found = result.read_predictions()
    assert found.items == tuple(f"test-{index}.wav" for index in range(8))
    assert (found.labels, found.groups[0], found.splits[0]) == (("low", "high"), "test-film0", "test")
    assert found.correct_SN.all() and found.targets_NC[0].tolist() == [True, False]


def test_every_item_of_every_fold_is_judged_once(model, folds, tmp_path):
    (result,) = evaluate(model, [folds], folds.parent, tmp_path / "out", name="tiny")
    found = result.read_predictions()
    assert len(set(found.items)) == len(found.items) == result.n == 24
    assert found.folds == ("fold00", "fold01", "fold02") and len(result.folds) == 3
    assert result.primary.value == pytest.approx(np.mean(result.folds))
    assert result.primary.value == pytest.approx(found.correct_SN.mean()), "equal folds"


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_standing_result_is_kept_and_a_changed_question_asked_again(
    model, new_model, tones, tmp_path, calls
):
    out, data, place = tmp_path / "out", tones.parent, tmp_path / "tiny"
    save_model(model, place)

    def run():
        calls.clear()
        cache = tempfile.mkdtemp(dir=tmp_path)  # a new one: what stands is to be kept by itself
        (result,) = evaluate(place, ["tones"], data, out, cache=cache)
        return result, bool(calls)

    first, ran = run()
    assert ran
    again, ran = run()
    assert again == first and not ran
    (out / "tones.hear-fixed.tiny.parquet").write_bytes(b"damaged")
    assert run()[1], "damaged predictions"
    assert not run()[1]
    save_model(new_model(seed=1), place)
    assert run()[1], "other weights in the same place"
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
    assert result.model.name == "dubs v1" and (tmp_path / "out" / "tones.hear-fixed.dubs-v1.json").is_file()
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


def test_the_metric_of_the_authors_comes_first(model, tones, tmp_path):
    path = tones / "task_metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"evaluation": ["mAP", "top1_acc"]}))
    (result,) = evaluate(model, [tones], "", tmp_path / "out", protocol="knn")
    assert result.primary_metric == "mAP" and list(result.scores)[:2] == ["mAP", "top1_acc"]
    assert result.chance == result.majority == 0.5, "the classes' share of the items"


@pytest.mark.parametrize("protocol", PROBES)
@pytest.mark.slow
def test_every_protocol_hears_what_can_be_heard(model, tones, tmp_path, protocol):
    (result,) = evaluate(model, [tones], "", tmp_path / "out", protocol=protocol, seeds=2)
    drawing = protocol in ("hear-fixed", "hear-strict", "linear")
    assert result.seeds == ((0, 1) if drawing else (0,)) and result.read_predictions().seeds == result.seeds
    # A linear layer on vectors as they are, which hardly differ in an untrained network, gets little done.
    assert result.primary.value > (0.6 if protocol == "linear" else 0.9)
    assert ";" in result.method and len(result.chosen) == 1


def test_items_with_any_number_of_labels_are_judged_by_ranking(model, tones, tmp_path):
    """Multilabel: each tone also lasts, so that one label is everywhere; a sound may have none."""
    path = tones / "task_metadata.json"
    kinds = {"prediction_type": "multilabel", "evaluation": ["mAP", "aucroc"]}
    path.write_text(json.dumps(json.loads(path.read_text()) | kinds))
    for split in ("train", "valid", "test"):
        names = json.loads((tones / f"{split}.json").read_text())
        labels = {name: [] if label == ["low"] else [*label, "long"] for name, label in names.items()}
        (tones / f"{split}.json").write_text(json.dumps(labels))
    (tones / "labelvocabulary.csv").write_text("idx,label\n0,low\n1,high\n2,long\n")
    (result,) = evaluate(model, [tones], "", tmp_path / "out", protocol="ridge")
    assert (result.prediction_type, result.primary_metric, result.classes) == ("multilabel", "mAP", 2)
    assert result.primary.value == 1.0 and result.chance == 0.5 and "top1_acc" not in result.scores
    assert result.read_predictions().targets_NC.sum() == 8


def test_a_class_that_only_broken_files_could_teach_is_named(model, tones, tmp_path):
    for index in range(0, 8, 2):
        (tones / f"48000/train/train-{index}.wav").write_text("no sound")
    with pytest.raises(InputError, match="class 'low' of test has no item in train"):
        evaluate(model, [tones], "", tmp_path / "out")


def test_validation_items_that_the_metric_cannot_judge_are_one_line(model, tones, tmp_path):
    path = tones / "task_metadata.json"
    kinds = {"prediction_type": "multilabel", "evaluation": ["mAP"]}
    path.write_text(json.dumps(json.loads(path.read_text()) | kinds))
    names = json.loads((tones / "valid.json").read_text())
    (tones / "valid.json").write_text(json.dumps({name: [] for name in names}))
    with pytest.raises(InputError, match="tones: division 0, valid: mAP has no class there"):
        evaluate(model, [tones], "", tmp_path / "out", protocol="ridge")


def test_any_folder_of_class_folders_is_a_task(model, tmp_path):
    for label, hertz in (("low", 300.0), ("high", 3000.0)):
        for index in range(10):
            write_tone(tmp_path / "mine" / label / f"{index}.wav", hertz, 0.5, seed=index)
    (result,) = evaluate(model, [tmp_path / "mine"], "", tmp_path / "out", protocol="logistic")
    assert (result.task, result.n, len(result.folds)) == ("mine", 20, 5)
    assert result.primary.value >= 0.9 and result.notes


def test_a_module_of_hears_api_is_judged_like_a_model_of_ours(model, tones, tmp_path):
    save_model(model, tmp_path / "tiny")
    named = f"hear:lssd.evaluation.hear@{tmp_path / 'tiny'}"
    (ours,) = evaluate(tmp_path / "tiny", [tones], "", tmp_path / "out", protocol="ridge")
    (theirs,) = evaluate(named, [tones], "", tmp_path / "out", protocol="ridge", random_init=True)
    assert theirs.model.path == named and theirs.model.weights_sha256 != ours.model.weights_sha256
    assert ours.embedding != theirs.embedding and ours.method == theirs.method
    assert compare(ours, theirs).difference == 0.0
    scores = [result.read_predictions().scores_SNC for result in (ours, theirs)]
    np.testing.assert_allclose(*scores, atol=1e-3)


def test_wrong_protocols_and_seeds_are_refused(model, tones, tmp_path):
    with pytest.raises(InputError, match="no protocol svm; there are hear-fixed"):
        evaluate(model, [tones], "", tmp_path / "out", protocol="svm")
    with pytest.raises(InputError, match="seeds must be at least 1"):
        evaluate(model, [tones], "", tmp_path / "out", seeds=0)


def test_the_untrained_twin_is_judged_beside_the_model(new_model, tones, tmp_path, calls):
    model = new_model(seed=1)  # the twin draws from seed 0
    results = evaluate(model, [tones], "", tmp_path / "out", name="tiny", random_init=True)
    assert [result.model.name for result in results] == ["tiny", "random-init"]
    assert results[0].model.weights_sha256 == weights_hash(model) != results[1].model.weights_sha256
    assert results[0].model.settings_sha256 == results[1].model.settings_sha256
    assert len(list((tmp_path / "out").glob("tones.hear-fixed.random-init-????????.json"))) == 1
    calls.clear()
    assert evaluate(model, [tones], "", tmp_path / "out", name="tiny", random_init=True) == results
    assert not calls


def test_python_judges_the_twin_and_keeps_embeddings_as_the_command_line_does(model, tones, tmp_path, calls):
    results = evaluate_with_twin(model, [tones], "", tmp_path / "out", protocol="ridge", name="tiny").results
    assert [result.model.name for result in results] == ["tiny", "random-init"]
    assert (tmp_path / "out" / "cache").is_dir()
    calls.clear()
    evaluate(model, [tones], "", tmp_path / "out", protocol="knn", name="tiny")
    assert not calls, "the second protocol takes the embeddings of the first"

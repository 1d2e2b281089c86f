"""Several models, several tasks: whose result is whose, and what one failure costs the others."""

import json
import os
import shutil

import numpy as np
import pytest
import soundfile
import torch
from tests.evaluation.conftest import write_task, write_tone
from tests.evaluation.foreign.test_load import STRANGER

from lssd.cli import main
from lssd.embedding import Failure, file_hashes
from lssd.engine import Progress
from lssd.errors import InputError, StorageError
from lssd.evaluation import Result, probes
from lssd.evaluation.evaluate import evaluate as evaluate_with_twin
from lssd.evaluation.foreign.load import load_any
from lssd.evaluation.models import item_vectors, untrained_twin
from lssd.models import Model, save_model, weights_hash


def evaluate(*arguments, random_init=False, **settings):
    """The results alone, without the twin's unless it is asked for; nothing may stay unjudged."""
    evaluation = evaluate_with_twin(*arguments, random_init=random_init, **settings)
    assert evaluation.unjudged == ()
    return list(evaluation.results)


def run(model, tasks, out, **changes):
    return evaluate(model, tasks, "", out, protocol="ridge", **({"name": "tiny"} | changes))


def test_every_model_has_a_twin_of_its_own(new_model, tones, tmp_path):
    """Of another architecture, preprocessing, or statistics of the stems: none replaces another's."""
    models = {"a": new_model(1), "b": new_model(2), "c": new_model(1, hop=500), "d": new_model(1)}
    for buffer in models["d"].audio.front.buffers():
        buffer.data += 1
    found = {}
    for name, model in models.items():
        mine, twin = run(model, [tones], tmp_path / "out", name=name, random_init=True)
        assert mine.model.untrained_sha256 == twin.model.weights_sha256 == weights_hash(untrained_twin(model))
        assert (twin.model.name, twin.model.untrained_sha256) == ("random-init", "")
        found[name] = twin.source.name
    assert found["a"] == found["b"] and len(set(found.values())) == 3
    assert len(list((tmp_path / "out").glob("*.json"))) == 4 + 3


def test_another_models_result_is_not_written_over(model, new_model, tones, tmp_path):
    out = tmp_path / "out"
    for owner, seed in (("mine", 0), ("theirs", 1)):
        save_model(new_model(seed), tmp_path / owner / "exp" / "model")
    (first,) = run(tmp_path / "mine" / "exp" / "model", [tones], out, name=None)
    assert first.model.name == "exp" and first.model.path == str(tmp_path / "mine" / "exp" / "model")
    other = tmp_path / "theirs" / "exp" / "model"
    with pytest.raises(
        InputError, match=r"tones.ridge.exp.json is the result of another model, exp \(.*mine"
    ):
        run(other, [tones], out, name=None)
    with pytest.raises(InputError, match=r"another model, exp .* another name"):
        run(new_model(2), [tones], out, name="exp")
    with pytest.raises(InputError, match=r"another model, e:x"):
        run(model, [tones], out, name="e:x"), run(model, [tones], out, name="e x")
    assert Result.read(first.source) == first
    (second,) = run(other, [tones], out, name="exp2")
    assert second.model.weights_sha256 != first.model.weights_sha256
    save_model(new_model(3), tmp_path / "mine" / "exp" / "model")
    (again,) = run(tmp_path / "mine" / "exp" / "model", [tones], out, name=None)
    assert again.model.weights_sha256 not in (first.model.weights_sha256, second.model.weights_sha256)
    for name in ("random-init", "random init 2"):
        with pytest.raises(InputError, match="is kept for untrained twins"):
            run(model, [tones], out, name=name)


def test_one_bad_task_costs_itself_alone(model, tones, folds, tmp_path, capsys):
    bad = write_task(tmp_path / "tasks", "bad")
    for sound in (bad / "48000" / "train").iterdir():
        sound.write_text("no sound")
    settings = {"protocol": "ridge", "name": "tiny", "random_init": False}
    evaluation = evaluate_with_twin(model, [bad, tones, folds], "", tmp_path / "out", **settings)
    assert [result.task for result in evaluation.results] == ["tones", "folds"]
    (lost,) = evaluation.unjudged
    assert (lost.model, lost.task) == ("tiny", "bad") and "train" in lost.reason
    with pytest.raises(InputError, match=r"^[^;]*train"):
        run(model, [bad], tmp_path / "out")
    save_model(model, tmp_path / "tiny")
    words = ["--out", tmp_path / "cli", "--no-random-init", "--protocol", "knn", "--quiet", "--tasks"]
    command = [str(word) for word in ["evaluate", tmp_path / "tiny", *words, bad]]
    assert main([*command, str(tones)]) == 0
    said = capsys.readouterr().err
    assert "not judged: tiny on bad: " in said and "1 result stands, 1 could not be made" in said
    assert main(command) == 2


def test_when_nothing_can_be_judged_every_reason_is_told(model, tmp_path):
    for name, split in (("deaf", "train"), ("mute", "test")):
        for sound in (write_task(tmp_path / "tasks", name) / "48000" / split).iterdir():
            sound.write_text("no sound")
    with pytest.raises(
        InputError, match=r"nothing could be judged: tiny on deaf: .*train.*; tiny on mute: .*test"
    ):
        run(model, [tmp_path / "tasks" / "deaf", tmp_path / "tasks" / "mute"], tmp_path / "out")


def test_a_full_disk_ends_the_run(model, tones, folds, tmp_path, monkeypatch):
    asked = []

    def full(self, path):
        asked.append(path)
        raise StorageError(f"no space left for {path}")

    monkeypatch.setattr(Result, "write", full)
    with pytest.raises(StorageError, match="no space left"):
        run(model, [tones, folds], tmp_path / "out")
    assert len(asked) == 1


def test_media_are_hashed_once_and_what_cannot_be_read_is_named(model, tones, tmp_path, monkeypatch):
    monkeypatch.setattr(file_hashes, "_RECENT_NS", 0)  # as if the files had lain there for long
    cache, out = tmp_path / "cache", tmp_path / "out"
    (first,) = run(model, [tones], out, cache=cache)
    hashed = []
    for place in ("embedding.file_hashes", "embedding.reading.worker"):
        monkeypatch.setattr(f"lssd.{place}.hash_file", lambda path: hashed.append(path) or "")
    assert run(model, [tones], out, cache=cache) == [first] and not hashed
    monkeypatch.undo()
    real = file_hashes.hash_file

    def failing(path):
        if path.name == "test-0.wav":
            raise OSError(5, "Input/output error", str(path))
        return real(path)

    for place in ("embedding.file_hashes", "embedding.reading.worker"):
        monkeypatch.setattr(f"lssd.{place}.hash_file", failing)
    (broken,) = run(model, [tones], tmp_path / "other", cache=tmp_path / "fresh")
    assert broken.missing == 1 and broken.data_sha256 != first.data_sha256
    assert any("test-0.wav" in note and "Input/output error" in note for note in broken.notes)


def test_a_result_that_lacks_items_for_want_of_memory_is_made_again(model, tones, tmp_path, monkeypatch):
    reasons = ["MemoryError: std::bad_alloc"]

    def forgetful(model, task, *args, **kwargs):
        vectors, _ = item_vectors(model, task, *args, **kwargs)
        lost = [str(task.items[-1].path)] if reasons else []
        kept = {path: vector for path, vector in vectors.items() if path not in lost}
        return kept, tuple(Failure(path, reasons[0]) for path in lost)

    monkeypatch.setattr("lssd.evaluation.models.item_vectors", forgetful)
    (short,) = run(model, [tones], tmp_path / "out")
    assert short.retry and (short.n, short.missing) == (7, 1)
    reasons.clear()
    (whole,) = run(model, [tones], tmp_path / "out")
    assert not whole.retry and (whole.n, whole.missing) == (8, 0)


def test_classes_that_leave_a_mean_are_noted(model, tmp_path):
    """The third class is in one fold alone: no other can judge it."""
    folder = write_task(
        tmp_path / "tasks", "folds", ("fold00", "fold01", "fold02"), 8, evaluation=["mAP", "aucroc"]
    )
    with (folder / "labelvocabulary.csv").open("a") as file:
        file.write("2,rare\n")
    path = folder / "fold00.json"
    path.write_text(path.read_text().replace('"fold00-0.wav": ["low"]', '"fold00-0.wav": ["rare"]'))
    path = folder / "fold02.json"
    path.write_text(path.read_text().replace('"fold02-0.wav": ["low"]', '"fold02-0.wav": ["rare"]'))
    (result,) = run(model, [folder], tmp_path / "out")
    assert (
        "mean average precision leaves out classes without a positive item: 1 of 3 in fold01" in result.notes
    )
    assert (
        "area under the ROC curve leaves out classes without items of both kinds: 1 of 3 in fold01"
        in result.notes
    )
    assert not any(note.startswith("accuracy leaves") for note in result.notes)


def test_a_class_that_only_broken_items_have_is_noted(model, tmp_path):
    for label, hertz in (("low", 300.0), ("high", 3000.0)):
        for index in range(6):
            write_tone(tmp_path / "mine" / label / f"{index}.wav", hertz, 0.5, seed=index)
    (tmp_path / "mine" / "dull").mkdir()
    for index in range(6):
        (tmp_path / "mine" / "dull" / f"{index}.wav").write_text("no sound")
    shutil.copy(tmp_path / "mine" / "low" / "0.wav", tmp_path / "mine" / "low" / os.fsdecode(b"caf\xe9.wav"))
    (result,) = run(model, [tmp_path / "mine"], tmp_path / "out")
    assert (result.n, result.missing, result.classes) == (12, 7, 2)
    assert "1 of 3 classes have no item and are not judged: dull" in result.notes
    assert any(r"low/caf\udce9.wav" in note for note in Result.read(result.source).notes)


def test_progress_names_the_probe_that_is_trained(model, folds, tmp_path):
    notes = []

    class Listening(Progress):
        def phase(self, name, total=0, unit=None):
            notes.append(name)
            super().phase(name, total, unit)

    with Listening("evaluate", 0, quiet=True) as progress:
        evaluate(model, [folds], "", tmp_path / "out", protocol="linear", seeds=2, progress=progress)
    probes = [note for note in notes if ": linear " in note]
    assert probes == ["folds: linear 1 of 2, 3 folds", "folds: linear 2 of 2, 3 folds"]
    assert "checking folds" in notes and "model on folds" in notes


def test_a_run_of_many_seeds_goes_on_after_a_kill(model, folds, tmp_path, monkeypatch):
    def judge(out, seeds):
        (result,) = evaluate(model, [folds], "", tmp_path / out, protocol="linear", seeds=seeds)
        return result

    whole, trained, real = judge("whole", 3), [], probes.judge

    def dying(*args, seed, **kwargs):
        trained.append(seed)
        if trained == [0, 1, 2]:
            raise KeyboardInterrupt
        return real(*args, seed=seed, **kwargs)

    monkeypatch.setattr(probes, "judge", dying)
    with pytest.raises(KeyboardInterrupt):
        judge("out", 3)
    assert not list((tmp_path / "out").glob("*.json"))
    (damaged, *_) = (tmp_path / "out").rglob("*.npz")
    damaged.write_bytes(damaged.read_bytes()[:100])
    again = judge("out", 3)
    assert len(trained) == 5, "the damaged one, and the one that was cut short"
    np.testing.assert_array_equal(again.read_predictions().scores_SNC, whole.read_predictions().scores_SNC)
    assert again.scores == whole.scores and again.chosen == whole.chosen
    assert not list((tmp_path / "out").glob(".*")), "nothing is left beside the result"


def test_a_model_is_put_where_the_work_is_done(model, tones, tmp_path, monkeypatch):
    save_model(model, tmp_path / "tiny")
    assert next(load_any(tmp_path / "tiny", "meta").parameters()).device.type == "meta"
    asked, real = [], Model.to
    monkeypatch.setattr(Model, "to", lambda self, place: asked.append(str(place)) or real(self, "cpu"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    load_any(tmp_path / "tiny")
    assert asked == ["cuda"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run(tmp_path / "tiny", [tones], tmp_path / "out", random_init=True, device="cpu")
    assert asked == ["cuda", "cpu", "cpu"], "the model, and its twin beside it"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_models_and_twins_run_on_the_gpu(new_model, tones, tmp_path, monkeypatch):
    save_model(new_model(1), tmp_path / "tiny")
    places, real = [], Model.embed_audio

    def noting(self, *args, **kwargs):
        places.append(next(self.parameters()).device.type)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Model, "embed_audio", noting)
    assert len(run(tmp_path / "tiny", [tones], tmp_path / "out", random_init=True)) == 2
    assert set(places) == {"cuda"}


def test_a_module_takes_no_cluster_and_reads_its_own_rate(tones, tmp_path, capsys):
    (tmp_path / "stranger.py").write_text(STRANGER)
    named = f"hear:{tmp_path / 'stranger.py'}"
    with pytest.raises(InputError, match="modules run on this machine alone; leave out the engine ray"):
        run(named, [tones], tmp_path / "out", engine="ray")
    shutil.copytree(tones / "48000", tones / "16000")
    (result,) = run(named, [tones], tmp_path / "out")
    assert result.rate == 16000 and Result.read(result.source) == result
    command = ["embed", named, str(tmp_path), "--out", str(tmp_path / "rows.npz"), "--quiet"]
    assert main(command) == 2
    assert "lssd evaluate judges modules" in capsys.readouterr().err


def test_chance_of_several_labels_an_item(model, tones, tmp_path):
    """Random scores name one of an item's labels as often as it has labels among the classes."""
    (result,) = run(model, [tones], tmp_path / "out")
    two = result.read_predictions()
    assert two.chance("top1_acc") == 0.5
    rng = np.random.default_rng(0)
    targets_NC = rng.random((8, 10)) < 0.4
    fields = {"labels": tuple("abcdefghij"), "targets_NC": targets_NC, "scores_SNC": rng.random((1, 8, 10))}
    several = type(two)(**(vars(two) | fields))
    assert several.chance("top1_acc") == pytest.approx(targets_NC.sum(axis=1).mean() / 10)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_class_of_which_nothing_can_be_read_is_not_a_choice(model, tmp_path, classes):
    """Its label would make chance look lower: of two classes one is left, which is always named."""
    folder = tmp_path / "kinds"
    for number, label in enumerate(("broken", "high", "low")[:classes]):
        for index in range(6):
            path = write_tone(folder / label / f"{index}.wav", 300.0 * 10**number, 0.5, seed=index)
            if label == "broken":
                soundfile.write(path, np.zeros(0, dtype=np.float32), 16000)
    if classes == 2:
        with pytest.raises(InputError, match="no item of broken could be read"):
            run(model, [folder], tmp_path / "out")
        return
    (result,) = run(model, [folder], tmp_path / "out")
    assert (result.classes, result.chance, result.n, result.missing) == (2, 0.5, 12, 6)
    assert result.read_predictions().labels == ("high", "low")
    assert "1 of 3 classes have no item and are not judged: broken" in result.notes


def test_test_items_of_one_class_tell_nothing(model, tones, tmp_path):
    for index in range(0, 8, 2):
        (tones / "48000" / "test" / f"test-{index}.wav").write_text("no sound")
    with pytest.raises(InputError, match="its test items are all of the class 'high'"):
        run(model, [tones], tmp_path / "out")


def test_a_label_that_is_lost_leaves_the_others_of_several(model, tmp_path):
    """Items of several labels need no second one: each is judged against the items without it."""
    kinds = {"prediction_type": "multilabel", "evaluation": ["mAP"]}
    folder = write_task(tmp_path / "tasks", "labels", **kinds)
    for split in ("train", "valid", "test"):
        for index in range(1, 8, 2):
            (folder / "48000" / split / f"{split}-{index}.wav").write_text("no sound")
        listed = json.loads((folder / f"{split}.json").read_text())
        listed[f"{split}-0.wav"] = []
        (folder / f"{split}.json").write_text(json.dumps(listed))
    (result,) = run(model, [folder], tmp_path / "out")
    assert (result.classes, result.chance, result.n) == (1, 0.75, 4)
    assert result.read_predictions().labels == ("low",)

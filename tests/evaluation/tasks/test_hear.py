"""HEAR's task folders: what is read of them, noted and refused."""

import csv
import json
import os
import shutil

import pytest

from lssd.errors import InputError
from lssd.evaluation.tasks import read_task


def edit(folder, **changes):
    path = folder / "task_metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_reads_splits_labels_and_groups(tones):
    task = read_task(tones)
    assert (task.name, task.splits, task.labels) == ("tones", ("train", "valid", "test"), ("low", "high"))
    assert len(task.items) == 24 and not task.missing
    item = next(item for item in task.items if item.name == "test-3.wav")
    assert (item.split, item.label, item.group) == ("test", "high", "test-film1")
    assert item.path.is_file()
    assert [(d.train, d.valid, d.test) for d in task.partitions()] == [(("train",), "valid", "test")]


@pytest.mark.parametrize("mode", ["new_split_kfold", "presplit_kfold"])
def test_folds_turn_as_hear_has_them(tones, mode):
    for old, new in (("train", "fold00"), ("valid", "fold01"), ("test", "fold02")):
        (tones / f"{old}.json").rename(tones / f"{new}.json")
        (tones / "48000" / old).rename(tones / "48000" / new)
    edit(tones, split_mode=mode, splits=[], nfolds=3)
    found = [(d.test, d.valid, d.train) for d in read_task(tones).partitions()]
    assert found == [
        ("fold00", "fold01", ("fold02",)),
        ("fold01", "fold02", ("fold00",)),
        ("fold02", "fold00", ("fold01",)),
    ]


def test_missing_sounds_are_counted_not_fatal(tones):
    (tones / "48000" / "test" / "test-0.wav").unlink()
    task = read_task(tones)
    assert task.missing == ("test-0.wav",) and len(task.items) == 23
    shutil.rmtree(tones / "48000" / "test")
    with pytest.raises(InputError, match="split test has no item"):
        read_task(tones)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split_mode": "leave_one_out"}, "split_mode 'leave_one_out' is not supported; trainvaltest"),
        ({"prediction_type": "regression"}, "'regression' is not supported; multiclass, multilabel are"),
        ({"embedding_type": "event"}, "tones is a task of events in time; only scene tasks"),
        ({"evaluation": ["chroma_acc"]}, "chroma_acc holds none of top1_acc, mAP"),
        ({"evaluation": "mAP"}, "evaluation must be a list"),
        ({"splits": ["train", "test", "dev"]}, "are not train, valid and test"),
        ({"split_mode": "presplit_kfold", "splits": ["train", "test"]}, "at least 3 splits"),
        ({"split_mode": "presplit_kfold", "splits": ["train", "valid", "fold9"]}, "missing .*fold9.json"),
    ],
)
def test_a_kind_that_is_not_supported_says_so(tones, changes, message):
    edit(tones, **changes)
    with pytest.raises(InputError, match=message):
        read_task(tones)


@pytest.mark.parametrize("name", ["task_metadata.json", "labelvocabulary.csv", "valid.json"])
def test_a_missing_file_is_named(tones, name):
    (tones / name).unlink()
    with pytest.raises(InputError, match=f"missing .*{name}"):
        read_task(tones)


def change_split(tones, split, change):
    path = tones / f"{split}.json"
    labels = json.loads(path.read_text())
    change(labels)
    path.write_text(json.dumps(labels))


def test_metrics_keep_hears_names_and_the_first_decides(tones):
    edit(tones, evaluation=["mAP", "d_prime", "aucroc", "accuracy"])
    assert read_task(tones).metrics == ("mAP", "d_prime", "aucroc", "top1_acc")
    edit(tones, evaluation=["onset_f1", "top1_acc"])
    task = read_task(tones)
    assert task.first_metric == "top1_acc" and "judge by onset_f1" in task.notes[0]


def test_nsynths_pitch_accuracy_is_that_of_classes(tones):
    edit(tones, evaluation=["pitch_acc", "chroma_acc"])
    task = read_task(tones)
    assert task.metrics == ("top1_acc",) and task.notes == ("not computed: chroma_acc",)


def test_the_models_own_rate_is_read_where_it_is_there(tones):
    shutil.copytree(tones / "48000", tones / "16000")
    for rate, folder in ((None, 48000), (48000, 48000), (16000, 16000), (22050, 48000)):
        task = read_task(tones, rate=rate)
        assert task.rate == folder and task.items[0].path.parent.parent.name == str(folder)
    shutil.rmtree(tones / "16000" / "test")
    assert read_task(tones, rate=16000).rate == 48000, "a folder that lacks a split is the worse one"


def test_what_takes_no_part_is_counted(tones):
    (tones / "48000" / "test" / "extra.wav").touch()
    (tones / "48000" / "train" / "notes.txt").touch()
    (tones / "unlabelled.json").write_text("{}")
    with (tones / "labelvocabulary.csv").open("a") as file:
        file.write("2,never\n3,nowhere\n")
    assert read_task(tones).notes == (
        "2 of 4 classes have no item and are not judged: never, nowhere",
        "1 files in 48000 that no list names are left out",
        "lists of no split are left out: unlabelled.json",
    )


def test_names_that_are_not_utf_8_are_counted_as_missing(tones):
    """JSON can escape what UTF-8 has no bytes for."""
    name = os.fsdecode(b"caf\xe9.wav")
    shutil.copy(tones / "48000" / "test" / "test-0.wav", tones / "48000" / "test" / name)
    change_split(tones, "test", lambda labels: labels.update({name: ["low"]}))
    task = read_task(tones)
    assert task.missing == (r"caf\udce9.wav",) and len(task.items) == 24


def test_faulty_lists_are_refused(tones):
    change_split(tones, "train", lambda labels: labels.update({k: ["low"] for k in labels}))
    with pytest.raises(InputError, match="class 'high' of test has no item in train"):
        read_task(tones)
    change_split(tones, "train", lambda labels: labels.update({"train-0.wav": ["low", "high"]}))
    with pytest.raises(InputError, match="one label in a list"):
        read_task(tones)
    change_split(tones, "train", lambda labels: labels.update({"train-0.wav": []}))
    with pytest.raises(InputError, match="one label in a list"):
        read_task(tones)
    change_split(tones, "train", lambda labels: labels.update({"train-0.wav": "low"}))
    with pytest.raises(
        InputError, match=r"train.json: train-0.wav must have its labels in a list, not 'low'"
    ):
        read_task(tones)
    change_split(tones, "train", lambda labels: labels.update({"train-0.wav": ["middle"]}))
    with pytest.raises(InputError, match=r"'middle' of train-0.wav is not in labelvocabulary"):
        read_task(tones)


def test_an_item_in_two_splits_is_a_leak(tones):
    change_split(tones, "test", lambda labels: labels.update({"train-0.wav": ["low"]}))
    with pytest.raises(InputError, match=r"train-0.wav is in the splits train and test"):
        read_task(tones)


def test_an_item_listed_twice_in_one_file_is_refused(tones):
    path = tones / "test.json"
    path.write_text(path.read_text().replace("test-1.wav", "test-0.wav"))
    with pytest.raises(InputError, match=r"test.json names test-0.wav twice"):
        read_task(tones)


def test_an_item_outside_of_the_folder_is_refused(tones):
    change_split(tones, "test", lambda labels: labels.update({"../../../elsewhere.wav": ["low"]}))
    with pytest.raises(InputError, match=r"elsewhere.wav lies outside of the task's folder"):
        read_task(tones)


def test_groups_that_span_training_and_test_are_noted(tones):
    assert read_task(tones).notes == ()
    groups = tones / "groups.csv"
    groups.write_text(groups.read_text().replace("train-film0", "test-film3"))
    (note,) = read_task(tones).notes
    assert note.startswith("1 of 11 groups, such as test-film3, are in training and test alike")


def test_a_class_that_one_fold_lacks_is_noted_and_one_that_no_fold_learns_refused(folds):
    vocabulary = folds / "labelvocabulary.csv"
    vocabulary.write_text(vocabulary.read_text() + "2,rare\n")
    rare = {"fold00": 2, "fold01": 1}
    for fold, count in rare.items():
        change = {f"{fold}-{index}.wav": ["rare"] for index in range(count)}
        change_split(folds, fold, lambda labels, change=change: labels.update(change))
    # Three folds: fold00 is learnt from fold02 alone, fold01 from fold00.
    (note,) = read_task(folds).notes
    assert note == "class 'rare' is tested in fold00 (2 of its items) but not learnt for it: fold02 hold none"
    change_split(folds, "fold01", lambda labels: labels.update({"fold01-0.wav": ["low"]}))
    with pytest.raises(InputError, match="class 'rare' of fold00 has no item in fold02"):
        read_task(folds)


def test_one_class_is_no_task(tones):
    for split in ("train", "valid", "test"):
        change_split(tones, split, lambda labels: labels.update({name: ["low"] for name in labels}))
    with pytest.raises(InputError, match="has one class, 'low'"):
        read_task(tones)


def test_groups_must_cover_all_items_and_may_be_absent(tones):
    with (tones / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("item", "group"), ("train-0.wav", "a")])
    with pytest.raises(InputError, match=r"groups.csv has no row for train-1.wav"):
        read_task(tones)
    (tones / "groups.csv").write_text("item,group\ntrain-0.wav,a\ntrain-1.wav,\n")
    with pytest.raises(InputError, match=r"groups.csv, line 3: no group"):
        read_task(tones)
    (tones / "groups.csv").write_text("item,group\ntrain-0.wav,a\ntrain-0.wav,b\n")
    with pytest.raises(InputError, match=r"line 3: train-0.wav is in the groups a and b"):
        read_task(tones)
    (tones / "groups.csv").unlink()
    task = read_task(tones)
    assert task.group_name is None and task.items[0].group is None

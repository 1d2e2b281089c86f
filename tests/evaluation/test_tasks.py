import csv
import json
import shutil

import pytest

from lssd.errors import InputError
from lssd.evaluation.tasks import find_tasks, read_task


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
    assert [(d.train, d.valid, d.test) for d in task.divisions()] == [(("train",), "valid", "test")]


@pytest.mark.parametrize("mode", ["new_split_kfold", "presplit_kfold"])
def test_folds_turn_as_hear_has_them(tones, mode):
    for old, new in (("train", "fold00"), ("valid", "fold01"), ("test", "fold02")):
        (tones / f"{old}.json").rename(tones / f"{new}.json")
        (tones / "48000" / old).rename(tones / "48000" / new)
    edit(tones, split_mode=mode, splits=[], nfolds=3)
    found = [(d.test, d.valid, d.train) for d in read_task(tones).divisions()]
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
        ({"split_mode": "leave_one_out"}, "split_mode 'leave_one_out' is none of"),
        ({"prediction_type": "multilabel"}, "'multilabel' is not supported; multiclass"),
        ({"embedding_type": "event"}, "'event' is not supported; scene"),
        ({"evaluation": ["mAP"]}, "no top1_acc"),
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


def test_faulty_lists_are_refused(tones):
    change_split(tones, "train", lambda labels: labels.update({k: ["low"] for k in labels}))
    with pytest.raises(InputError, match="class 'high' of test has no item in train"):
        read_task(tones)
    change_split(tones, "train", lambda labels: labels.update({"train-0.wav": ["low", "high"]}))
    with pytest.raises(InputError, match="one label in a list"):
        read_task(tones)
    change_split(tones, "train", lambda labels: labels.update({"train-0.wav": ["middle"]}))
    with pytest.raises(InputError, match=r"'middle' of train-0.wav is not in labelvocabulary"):
        read_task(tones)


def test_an_item_in_two_splits_is_a_leak(tones):
    change_split(tones, "test", lambda labels: labels.update({"train-0.wav": ["low"]}))
    with pytest.raises(InputError, match=r"train-0.wav is in the splits train and test"):
        read_task(tones)


def test_groups_must_cover_all_items_and_may_be_absent(tones):
    with (tones / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("item", "group"), ("train-0.wav", "a")])
    with pytest.raises(InputError, match=r"groups.csv has no row for train-1.wav"):
        read_task(tones)
    (tones / "groups.csv").unlink()
    task = read_task(tones)
    assert task.group_name is None and task.items[0].group is None


def test_tasks_are_found_by_path_folder_and_name(tones):
    data = tones.parent
    renamed = tones.rename(data / "tones-v1-full")
    assert (
        find_tasks(["tones"], data) == find_tasks(["tones-v1-full"], data) == find_tasks([renamed], "nowhere")
    )
    assert find_tasks(["tones"], data.parent) == [renamed], "a root with its tasks in tasks/"
    with pytest.raises(InputError, match=r"no task bells in .*; tasks there: tones"):
        find_tasks(["bells"], data)
    shutil.copytree(renamed, data / "tones-v2-full")
    with pytest.raises(InputError, match="2 folders hold task tones"):
        find_tasks(["tones"], data)
    with pytest.raises(InputError, match="no data folder"):
        find_tasks(["tones"], data / "none")

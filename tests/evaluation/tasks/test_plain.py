"""Any folder, any table: classes, splits made and given, and bad input in one line."""

import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold
from tests.conftest import REAL

from lssd.errors import InputError
from lssd.evaluation.tasks import csv_task, find_tasks, folder_task, read_task
from lssd.evaluation.tasks.folds import assign_folds


def clip(path: Path) -> Path:
    """An empty file: reading a task opens no media."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def classes(root: Path, *, suffix: str = ".wav", **counts: int) -> Path:
    for label, count in counts.items():
        for place in range(count):
            clip(root / label / f"{place}{suffix}")
    return root


def table(path: Path, text: str) -> Path:
    """The table, and the files that its first column names."""
    path.write_text(text, encoding="utf-8")
    for line in text.splitlines()[1:]:
        if line.strip() and not line.startswith((",", "gone")):
            clip(path.parent / line.split(",")[0])
    return path


def spread(task) -> dict[str, Counter]:
    counts: dict[str, Counter] = defaultdict(Counter)
    for item in task.items:
        counts[item.split].update(item.labels)
    return counts


def test_class_folders_get_five_balanced_folds(tmp_path):
    task = folder_task(classes(tmp_path / "pets", cat=12, dog=7, owl=5))
    assert (task.name, task.modality, task.prediction_type) == ("pets", "audio", "multiclass")
    assert task.labels == ("cat", "dog", "owl") and len(task.items) == 24 and len(task.partitions()) == 5
    for label, least in (("cat", 2), ("dog", 1), ("owl", 1)):
        assert {counts[label] for counts in spread(task).values()} <= {least, least + 1}
    assert task.first_metric == "top1_acc" and task.group_name is None
    assert any("folds may share recordings" in note for note in task.notes)


def test_what_takes_no_part_is_counted(tmp_path):
    folder = classes(tmp_path / "pets", cat=9, dog=9)
    clip(folder / "cat" / "notes.txt"), clip(folder / "dog" / "a.xyz"), clip(folder / "dog" / ".hidden")
    (folder / "bird").mkdir(), clip(folder / "fish" / "readme")
    clip(folder / "cat" / os.fsdecode(b"caf\xe9.wav"))
    task = folder_task(folder)
    assert "2 class folders without sound or film: bird, fish" in task.notes
    assert "3 files in class folders are neither sound nor film: .txt, .xyz, readme" in task.notes
    assert task.missing == (r"cat/caf\udce9.wav (its name is not UTF-8; rename it)",)
    assert len(task.items) == 18


def test_a_row_of_too_many_cells_is_refused(tmp_path):
    rows = "".join(f"{label}{n}.wav,{label}\n" for label in "xy" for n in range(3))
    split_name = table(tmp_path / "a.csv", f"path,label\n{rows}Rover, barking.wav,x\n")
    with pytest.raises(InputError, match=r"a.csv, line 8: more cells than columns"):
        csv_task(split_name)
    trailing = table(tmp_path / "b.csv", f"path,label\n{rows}z.wav,x,,\n")
    assert len(csv_task(trailing).items) == 7, "empty ones say nothing"


def test_a_class_without_a_file_is_noted(tmp_path):
    rows = "".join(f"{label}{n}.wav,{label}\n" for label in "xy" for n in range(3))
    task = csv_task(table(tmp_path / "a.csv", f"path,label\n{rows}gone.wav,z\n"))
    assert task.labels == ("x", "y") and task.missing == ("gone.wav",)
    assert "1 of 3 classes have no item and are not judged: z" in task.notes


def test_folds_depend_on_names_alone(tmp_path):
    """Where the folder lies and in which order the disk lists it change nothing."""
    first = folder_task(classes(tmp_path / "a" / "pets", cat=9, dog=9))
    second = folder_task(classes(tmp_path / "b" / "pets", dog=9, cat=9))
    assert [(i.name, i.split) for i in first.items] == [(i.name, i.split) for i in second.items]


def test_few_items_give_three_folds_and_fewer_none(tmp_path):
    task = folder_task(classes(tmp_path / "few", cat=9, dog=3))
    assert task.splits == ("fold00", "fold01", "fold02")
    assert all(counts["dog"] == 1 for counts in spread(task).values())
    with pytest.raises(InputError, match=r"class 'dog' has 2 items; folds need at least 3 a class"):
        folder_task(classes(tmp_path / "fewer", cat=9, dog=2))


def test_groups_stay_whole(tmp_path):
    folder = tmp_path / "pets"
    rows = ["item,group"]
    for place in range(60):
        name = f"{('cat', 'dog')[place % 2]}/{place}.wav"
        clip(folder / name)
        rows.append(f"{name},kennel{place // 6}")
    (folder / "groups.csv").write_text("\n".join(rows))
    task = folder_task(folder)
    homes = defaultdict(set)
    for item in task.items:
        homes[item.group].add(item.split)
    assert len(homes) == 10 and all(len(folds) == 1 for folds in homes.values())
    assert all(counts == {"cat": 6, "dog": 6} for counts in spread(task).values())
    assert task.group_name == "group" and not any("share" in note for note in task.notes)
    (folder / "groups.csv").write_text("item,group\ncat/0.wav,a\n")
    with pytest.raises(InputError, match=r"groups.csv has no row for cat/10.wav"):
        folder_task(folder)


def unevenness(folds, labels):
    """How much the share of a class that a fold holds differs between folds, (5,) folds of 6 classes."""
    counts = np.array([np.bincount(labels[folds == fold], minlength=6) for fold in range(5)])
    return float((counts / counts.sum(axis=0)).std(axis=0).mean())


def test_folds_are_as_balanced_as_scikit_learns():
    """Speakers of unequal numbers of items and unequal classes, on the mean of several drawings."""
    ours, theirs = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(40), rng.integers(2, 30, 40))
        labels = rng.choice(6, len(groups), p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
        named = {f"item{place}": (str(label),) for place, label in enumerate(labels)}
        folds = assign_folds(named, {name: f"speaker{g}" for name, g in zip(named, groups, strict=True)}, 5)
        mine = np.array([folds[name] for name in named])
        assert all(len(set(mine[groups == group])) == 1 for group in range(40))
        other = np.empty(len(groups), dtype=int)
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for fold, (_, test) in enumerate(splitter.split(labels, labels, groups)):
            other[test] = fold
        ours.append(unevenness(mine, labels))
        theirs.append(unevenness(other, labels))
    assert np.mean(ours) <= np.mean(theirs), "random speakers would be four times as uneven"


@pytest.mark.parametrize("valid", ["valid", "val", "validation"])
def test_given_splits_are_used(tmp_path, valid):
    for split, count in (("train", 4), (valid, 2), ("test", 3)):
        classes(tmp_path / "pets" / split, cat=count, dog=count)
    task = folder_task(tmp_path / "pets")
    assert task.split_mode == "trainvaltest" and task.splits == ("train", "valid", "test")
    assert {split: counts["cat"] for split, counts in spread(task).items()} == {
        "train": 4,
        "valid": 2,
        "test": 3,
    }
    assert task.labels == ("cat", "dog") and task.items[0].name == "train/cat/0.wav" and task.notes == ()


def test_train_and_test_alone_hold_a_validation_part_out_of_train(tmp_path):
    classes(tmp_path / "pets" / "train", cat=10, dog=10)
    classes(tmp_path / "pets" / "test", cat=3, dog=3)
    task = folder_task(tmp_path / "pets")
    assert {split: dict(counts) for split, counts in spread(task).items()} == {
        "train": {"cat": 8, "dog": 8},
        "valid": {"cat": 2, "dog": 2},
        "test": {"cat": 3, "dog": 3},
    }
    assert all(item.name.startswith("test/") == (item.split == "test") for item in task.items)
    assert any("one part in 5 of train is held out" in note for note in task.notes)
    classes(tmp_path / "one" / "train", cat=10, dog=1)
    classes(tmp_path / "one" / "test", cat=3, dog=3)
    with pytest.raises(InputError, match="class 'dog' with one item in train cannot give one"):
        folder_task(tmp_path / "one")


def test_split_folders_that_lack_something_are_refused(tmp_path):
    classes(tmp_path / "a" / "train", cat=3, dog=3)
    classes(tmp_path / "a" / "valid", cat=3, dog=3)
    with pytest.raises(InputError, match="holds train and valid but no folder test"):
        folder_task(tmp_path / "a")
    for split in ("train", "test", "extra"):
        classes(tmp_path / "b" / split, cat=3, dog=3)
    with pytest.raises(InputError, match="holds extra beside train and test"):
        folder_task(tmp_path / "b")
    classes(tmp_path / "c" / "train", cat=3, dog=3)
    classes(tmp_path / "c" / "test", cat=3, emu=3)
    classes(tmp_path / "c" / "val", cat=3)
    with pytest.raises(InputError, match="class 'emu' of test has no item in train"):
        folder_task(tmp_path / "c")
    assert folder_task(classes(tmp_path / "d", train=5, plane=5)).labels == ("plane", "train"), "of traffic"


def test_what_is_no_class_folder(tmp_path):
    with pytest.raises(InputError, match="holds no class folders"):
        folder_task(tmp_path)
    clip(tmp_path / "pets" / "loose.wav")
    with pytest.raises(InputError, match="holds no class folders"):
        folder_task(tmp_path / "pets")
    classes(tmp_path / "pets", cat=5, dog=5)
    clip(tmp_path / "pets" / "cat" / "deeper" / "down.FLAC")
    clip(tmp_path / "pets" / ".git" / "x.wav")
    clip(tmp_path / "pets" / "notes" / "readme.txt")
    task = folder_task(tmp_path / "pets")
    assert len(task.items) == 11 and task.labels == ("cat", "dog")
    assert task.notes[0] == "1 files that lie in no class folder are left out"
    with pytest.raises(InputError, match="has one class, 'cat'"):
        folder_task(classes(tmp_path / "alone", cat=5))


def test_class_folders_may_be_links(tmp_path):
    store = classes(tmp_path / "store", cat=5, dog=5)
    (tmp_path / "pets").mkdir()
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).symlink_to(store / label, target_is_directory=True)
    (tmp_path / "pets" / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    task = folder_task(tmp_path / "pets")
    assert len(task.items) == 10 and task.name == "pets"


def test_modality_is_that_of_the_files_or_as_asked(tmp_path):
    films = classes(tmp_path / "films", suffix=".mp4", cat=5, dog=5)
    assert folder_task(films).modality == "picture"
    heard = folder_task(films, modality="audio")
    assert (heard.modality, heard.name, heard.title) == ("audio", "films-audio", "films (audio)")
    assert folder_task(films, modality="audiovisual").name == "films-audiovisual"
    assert folder_task(films, modality="picture").name == "films"
    classes(films, owl=5)
    with pytest.raises(InputError, match=r"mixes films \(cat/0.mp4\) and sounds \(owl/0.wav\)"):
        folder_task(films)
    assert folder_task(films, modality="audio").name == "films"
    with pytest.raises(InputError, match=r"owl/0.wav is a sound; the task cannot be judged as picture"):
        folder_task(films, modality="picture")
    with pytest.raises(InputError, match="modality 'video' is none of audio, picture, audiovisual"):
        read_task(films, modality="video")


def test_a_table_with_splits(tmp_path):
    text = "path,label,split,group\n"
    for split in ("train", "val", "test"):
        for place in range(4):
            text += f"clips/{split} {place}.wav,{('low', 'high')[place % 2]},{split.upper()},film{place}\n"
    task = csv_task(table(tmp_path / "pitch.csv", text))
    assert task.name == "pitch" and task.folder == tmp_path / "pitch.csv" and task.labels == ("high", "low")
    assert [item.split for item in task.items] == ["train"] * 4 + ["valid"] * 4 + ["test"] * 4
    assert task.group_name == "group" and task.items[1].group == "film1"
    (note,) = task.notes
    assert note.startswith("4 of 4 groups, such as film0, are in training and test alike")


def test_a_table_with_folds_by_number(tmp_path):
    rows = [f"{n}.wav,{'ab'[n % 2]},{split}" for n, split in enumerate(["1", "2", "10"] * 4)]
    task = csv_task(table(tmp_path / "t.csv", "\n".join(["path,label,split", *rows])))
    assert task.splits == ("fold01", "fold02", "fold10") and task.split_mode == "presplit_kfold"
    named = [row.rpartition(",")[0] + f",Fold {row.rpartition(',')[2]}" for row in rows]
    again = csv_task(table(tmp_path / "t.csv", "\n".join(["path,label,split", *named])))
    assert again.splits == task.splits
    with pytest.raises(InputError, match="2 folds; at least 3"):
        csv_task(table(tmp_path / "t.csv", "path,label,split\n1.wav,a,1\n2.wav,b,2\n"))


def test_a_table_without_splits_and_with_several_labels(tmp_path):
    rows = [f"{n}.wav,{('rain;wind', 'rain', ' wind ; thunder')[n % 3]}" for n in range(30)]
    task = csv_task(table(tmp_path / "weather.csv", "\n".join(["path,label", *rows])))
    assert task.multilabel and task.first_metric == "mAP" and task.labels == ("rain", "thunder", "wind")
    assert {item.name: item.labels for item in task.items}["2.wav"] == ("wind", "thunder")
    assert all(counts == {"rain": 4, "wind": 4, "thunder": 2} for counts in spread(task).values())


def test_a_table_from_a_spreadsheet(tmp_path):
    """A byte order mark, CRLF, spaces, extra columns, quotes, absolute paths, no end of the last line."""
    elsewhere = [clip(tmp_path / "other" / f"{n}.wav") for n in range(3)]
    rows = ["label , path,who", *(f'"loud, rough",{path},me' for path in elsewhere)]
    rows += [f"soft,here/{n}.wav" for n in range(3)]
    for n in range(3):
        clip(tmp_path / "here" / f"{n}.wav")
    path = tmp_path / "sheet.csv"
    path.write_bytes(("\ufeff" + "\r\n".join(rows)).encode())
    task = csv_task(path)
    assert task.labels == ("loud, rough", "soft") and not task.missing and len(task.splits) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label,split\n", r"holds no row"),
        ("", r"needs the columns path,label"),
        ("file,label\na.wav,x\n", r"needs the columns path,label"),
        ("path,label\na.wav,x\nb.wav,\n", r"t.csv, line 3: no label"),
        ("path,label\na.wav,x\nb.wav\n", r"t.csv, line 3: no label"),
        ("path,label\n,x\n", r"t.csv, line 2: no path"),
        ("path,label\na.wav,x;\n", r"t.csv, line 2: an empty label in 'x;'"),
        ("path,label,split\na.wav,x,train\nb.wav,y,\n", r"t.csv, line 3: no split"),
        ("path,label,split\na.wav,x,train\nb.wav,y,trian\n", r"t.csv, line 3: unknown split 'trian'"),
        ("path,label,split\na.wav,x,train\nb.wav,y,2\n", r"t.csv, line 3: unknown split '2'"),
        ("path,label,split\na.wav,x,train\nb.wav,y,val\n", r"no row is in the split test"),
        ("path,label,group\na.wav,x,\n", r"t.csv, line 2: no group"),
        ("path,label\na.wav,x\nb.wav,y\n./a.wav,x\n", r"line 4: ./a.wav is twice, first in line 2; several"),
        (
            "path,label,split\na.wav,x,train\nb.wav,y,test\na.wav,x,test\n",
            r"t.csv, line 4: a.wav is in the splits train and test, first in line 2",
        ),
        ("path,label\ngone1.wav,x\ngone2.wav,y\n", r"none of its 2 files is there; the first is gone1.wav"),
        (
            "path,label,split\na.wav,x,train\nb.wav,x,val\nc.wav,x,test\nd.wav,y,test\n",
            r"class 'y' of test has no item in train",
        ),
        ("path,label\na.wav,x\nb.wav,x\nc.wav,x\nd.wav,y\n", r"class 'y' has 1 item; folds need at least 3"),
    ],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        csv_task(table(tmp_path / "t.csv", text))
    assert "\n" not in str(caught.value)


def test_a_table_that_is_none(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"path,label\n\xff\xfe.wav,x\n")
    with pytest.raises(InputError, match=r"t.csv is no CSV in UTF-8"):
        csv_task(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes(b"path,label\n" + b'"' + b"x" * 200_000 + b'",a\n')
    with pytest.raises(InputError, match=r"t.csv is no CSV in UTF-8: field larger"):
        csv_task(tmp_path / "t.csv")


def test_files_that_are_not_there_are_counted(tmp_path):
    rows = [f"{'gone' if n < 2 else ''}{n}.wav,{'ab'[n % 2]}" for n in range(14)]
    task = csv_task(table(tmp_path / "t.csv", "\n".join(["path,label", *rows])))
    assert task.missing == ("gone0.wav", "gone1.wav") and len(task.items) == 12


@pytest.mark.parametrize("lost", ["train", "valid", "test", "3"])
def test_a_split_of_which_no_file_is_there_is_named(tmp_path, lost):
    splits = ("train", "valid", "test") if lost != "3" else ("1", "2", "3", "4")
    rows = [
        f"{'gone' if split == lost else ''}{split}{n}.wav,{'ab'[n % 2]},{split}"
        for split in splits
        for n in range(4)
    ]
    with pytest.raises(InputError, match=rf"split (fold0)?{lost} has no item"):
        csv_task(table(tmp_path / "t.csv", "\n".join(["path,label,split", *rows])))


def test_tasks_of_all_kinds_are_found(tmp_path):
    pets = classes(tmp_path / "data" / "pets", cat=5, dog=5)
    text = "\n".join(["path,label", *(f"{n}.wav,{'ab'[n % 2]}" for n in range(12))])
    sheet = table(tmp_path / "data" / "sheet.csv", text)
    found = find_tasks(["pets", "sheet.csv", pets, str(sheet)], tmp_path / "data")
    assert found == [pets, sheet, pets, sheet]
    assert [read_task(path).name for path in found] == ["pets", "sheet", "pets", "sheet"]
    with pytest.raises(InputError, match=r"no task birds in .*; tasks there: none"):
        find_tasks(["birds"], tmp_path / "data")
    with pytest.raises(
        InputError, match=r"0.wav is no task: a task is .*, a CSV, or a folder of class folders"
    ):
        read_task(pets / "cat" / "0.wav")
    with pytest.raises(InputError, match=r"no task at .*birds"):
        read_task(tmp_path / "birds")


@pytest.mark.skipif(not (REAL / "digits").is_dir(), reason="real digits are not here")
def test_real_digits_by_speaker(tmp_path):
    """Names DIGIT_SPEAKER_TAKE.wav: a table made of them gives folds of whole speakers."""
    paths = sorted((REAL / "digits").glob("*_*_*.wav"))
    rows = [f"{path},{path.stem.split('_')[0]},{path.stem.split('_')[1]}" for path in paths]
    (tmp_path / "digits.csv").write_text("\n".join(["path,label,group", *rows]))
    task = csv_task(tmp_path / "digits.csv")
    speakers = {path.stem.split("_")[1] for path in paths}
    assert len(task.items) == len(paths) and len(task.labels) == len({row.split(",")[1] for row in rows})
    assert len(task.splits) == (5 if len(speakers) >= 5 else 3)
    assert not any("alike" in note for note in task.notes)

"""The nine tasks of the paper in the layout in which HEAR published them, with its names and its oddities."""

import csv
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import soundfile

from lssd.errors import InputError
from lssd.evaluation.tasks import find_tasks, read_task
from lssd.evaluation.tasks.published import PUBLISHED_TASKS

ACCURACY_FIRST = ["top1_acc", "mAP", "d_prime", "aucroc"]
MAP_FIRST = ["mAP", "d_prime", "aucroc", "top1_acc"]
# As hearpreprocess configures them; other keys of its metadata (URLs, durations) are left to one test.
PUBLISHED = {
    "esc50": ("v2.0.0", "full", "presplit_kfold", 5, ACCURACY_FIRST),
    "fsd50k": ("v1.0", "full", "trainvaltest", None, MAP_FIRST),
    "vocal_imitation": ("v1.1.3", "full", "new_split_kfold", 3, MAP_FIRST),
    "tfds_crema_d": ("1.0.0", "full", "new_split_kfold", 5, ACCURACY_FIRST),
    "tfds_gtzan_music_speech": ("1.0.0", "full", "new_split_kfold", 10, ACCURACY_FIRST),
    "libricount": ("v1.0.0-hear2021", "full", "new_split_kfold", 5, ACCURACY_FIRST),
    "speech_commands": ("v0.0.2", "5h", "trainvaltest", None, ["top1_acc"]),
    "vox_lingua_top10": ("hear2021", "full", "new_split_kfold", 5, ACCURACY_FIRST),
}


def publish(root: Path, task: str, items: dict[str, dict[str, list]], rate: int = 48000, **changes) -> Path:
    """Write a task folder of `items` (labels by name by split) as hearpreprocess' last step leaves it."""
    version, mode, split_mode, folds, metrics = PUBLISHED[task]
    metadata = {
        "task_name": task,
        "version": version,
        "embedding_type": "scene",
        "prediction_type": "multilabel" if task == "fsd50k" else "multiclass",
        "sample_duration": None if task == "fsd50k" else 0.01,
        "split_mode": split_mode,
        "evaluation": metrics,
        "default_mode": "full",
        "download_urls": [{"split": "train", "url": "http://127.0.0.1/none.zip", "md5": "0" * 32}],
        "tmp_dir": "_workdir",
        "mode": mode,
        "splits": list(items),
        **({"nfolds": folds} if folds else {}),
        **changes,
    }
    folder = root / f"{task}-{version}-{metadata['mode']}"
    for split, labels in items.items():
        for name in labels:
            path = folder / str(rate) / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, [0.0, 0.1, -0.1], rate, subtype="PCM_16")
        (folder / f"{split}.json").write_text(json.dumps(labels, indent=1))
    (folder / "task_metadata.json").write_text(json.dumps(metadata, indent=1))
    vocabulary = sorted({label for labels in items.values() for named in labels.values() for label in named})
    with (folder / "labelvocabulary.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("idx", "label"), *enumerate(vocabulary)])
    return folder


def folds_of(names: dict[str, list], count: int) -> dict[str, dict[str, list]]:
    """Items dealt to folds in turn."""
    folds: dict[str, dict[str, list]] = {f"fold{fold:02d}": {} for fold in range(count)}
    for place, (name, labels) in enumerate(names.items()):
        folds[f"fold{place % count:02d}"][name] = labels
    return folds


def test_esc50(tmp_path):
    """The two takes of a Freesound clip lie in one fold and are one group."""
    items = {
        f"fold{fold:02d}": {
            f"{fold + 1}-{100000 + 10 * fold + clip}-{take}-{target}.wav": [label]
            for clip in range(2)
            for take in "AB"
            for target, label in ((0, "dog"), (36, "vacuum_cleaner"))
        }
        for fold in range(5)
    }
    folder = publish(tmp_path / "tasks", "esc50", items)
    task = read_task(*find_tasks(["esc50"], tmp_path))
    assert task.folder == folder and (task.name, task.title) == ("esc50", "ESC-50")
    assert task.metrics == ("top1_acc", "mAP", "d_prime", "aucroc") and task.group_name == "recording"
    item = next(item for item in task.items if item.name == "1-100000-A-0.wav")
    assert (item.group, item.split, item.label) == ("100000", "fold00", "dog")
    assert len({item.group for item in task.items}) == 10
    (note,) = task.notes  # no group spans folds, so this is the only one
    assert note.startswith("40 items of 2 classes, where the published task has 2000 of 50")


def test_fsd50k_has_any_number_of_labels_an_item_and_no_sample_duration(tmp_path):
    items = {
        "train": {"100.wav": ["Bark", "Animal"], "101.wav": ["Water"]},
        "test": {"300.wav": ["Animal"], "301.wav": ["Bark", "Water", "Animal"]},
        "valid": {"200.wav": ["Water"], "201.wav": ["Bark"]},
    }
    task = read_task(publish(tmp_path, "fsd50k", items))
    assert task.multilabel and task.first_metric == "mAP" and task.group_name is None
    assert task.splits == ("train", "test", "valid"), (
        "in the metadata's order, which the published kit shuffles in"
    )
    assert [item.name for item in task.items] == [name for labels in items.values() for name in labels]
    assert task.items[0].labels == ("Bark", "Animal") and task.labels == ("Animal", "Bark", "Water")
    (partition,) = task.partitions()
    assert (partition.train, partition.valid, partition.test) == (("train",), "valid", "test")
    with pytest.raises(ValueError):
        _ = task.items[0].label


def test_vocal_imitations_labels_are_file_names_with_commas(tmp_path):
    labels = ["009Animal_Domestic animals, pets_Cat_Meow.wav", "012Human_Whistling ünd “Summen”.wav"]
    names = {f"{n:04d}_{labels[n // 2 % 2][:8]}.v1.2.wav": [labels[n // 2 % 2]] for n in range(12)}
    task = read_task(publish(tmp_path, "vocal_imitation", folds_of(names, 3)))
    assert task.labels == tuple(labels) and len(task.items) == 12 and not task.missing
    assert task.first_metric == "mAP" and task.group_name is None and len(task.partitions()) == 3


def test_gtzan_has_ten_folds(tmp_path):
    names = {
        f"tfds_id_gtzan-music-speech-train-tfrecord-00000-of-00002-{n}.wav": [
            ("music", "speech")[n // 10 % 2]
        ]
        for n in range(40)
    }
    task = read_task(publish(tmp_path, "tfds_gtzan_music_speech", folds_of(names, 10)))
    assert task.title == "GTZAN Music/Speech" and len(task.partitions()) == 10
    assert task.partitions()[9].valid == "fold00" and task.group_name is None


def test_libricounts_labels_are_numbers_in_its_lists(tmp_path):
    names = {f"{n // 5 % 11}_{n}.wav": [n // 5 % 11] for n in range(110)}
    folder = publish(tmp_path, "libricount", folds_of(names, 5))
    task = read_task(folder)
    assert task.labels == tuple(map(str, range(11))), "in the order of idx, not of text"
    assert {item.label for item in task.items if item.name.startswith("10_")} == {"10"}


def test_the_vocabularys_idx_orders_labels_whatever_the_order_of_its_lines(tmp_path):
    folder = publish(tmp_path, "libricount", folds_of({f"{n % 3}_{n}.wav": [n % 3] for n in range(30)}, 5))
    (folder / "labelvocabulary.csv").write_text("idx,label\n2,0\n0,1\n1,2\n")
    assert read_task(folder).labels == ("1", "2", "0")
    (folder / "labelvocabulary.csv").write_text("idx,label\n2,0\n0,1\n1,1\n")
    with pytest.raises(InputError, match=r"labelvocabulary.csv, line 4: the label '1' is there twice"):
        read_task(folder)


def speech_commands(root, mode):
    items = {
        split: {
            f"yes_{speaker}_nohash_0.wav": ["yes"],
            f"_unknown__bed_{speaker}_nohash_1.wav": ["_unknown_"],
            f"_silence__{noise}-8000.wav": ["_silence_"],
        }
        for split, speaker, noise in (
            ("train", "0a7c2a8d", "doing_the_dishes"),
            ("valid", "1b4c9b89", "running_tap"),
            ("test", "ffd2ba2f", "pink_noise"),
        )
    }
    return publish(root, "speech_commands", items, mode=mode)


def test_speech_commands_in_two_modes(tmp_path):
    short, full = (speech_commands(tmp_path, mode) for mode in ("5h", "full"))
    assert find_tasks(["speech_commands-5h", "speech_commands-full"], tmp_path) == [short, full]
    assert find_tasks([short.name], tmp_path) == [short]
    tasks = [read_task(short), read_task(full)]
    assert [task.name for task in tasks] == ["speech_commands-5h", "speech_commands"]
    assert [task.title for task in tasks] == ["Speech Commands (5 h)", "Speech Commands"]
    assert "22890" in tasks[0].notes[0] and "100503" in tasks[1].notes[0]
    groups = {item.name: item.group for item in tasks[0].items}
    assert groups["yes_0a7c2a8d_nohash_0.wav"] == groups["_unknown__bed_0a7c2a8d_nohash_1.wav"] == "0a7c2a8d"
    assert groups["_silence__running_tap-8000.wav"] == "running_tap" and tasks[0].group_name == "speaker"


def test_vox_linguas_names_hold_dots_and_the_video_is_the_group(tmp_path):
    names = {
        f"{'-_'[n % 2]}Ab{n // 4:02d}__xyz---0{n:03d}.530-0{n + 9:03d}.120.wav": [("en", "zh-CN")[n // 4 % 2]]
        for n in range(40)
    }
    task = read_task(publish(tmp_path, "vox_lingua_top10", folds_of(names, 5)))
    assert not task.missing and len(task.items) == 40 and task.group_name == "video"
    assert {item.group for item in task.items if item.name.startswith("-Ab00")} == {"-Ab00__xyz"}
    assert any("videos, such as" in note and "in training and test alike" in note for note in task.notes)


def crema_d(root, names):
    labels = {name: [("ANG", "DIS", "FEA")[place % 3]] for place, name in enumerate(names)}
    return publish(root, "tfds_crema_d", folds_of(labels, 5))


def spoken(speakers=11, takes=6):
    return [
        f"{1001 + speaker}_IE{chr(65 + take)}_ANG_XX.wav"
        for speaker in range(speakers)
        for take in range(takes)
    ]


def test_crema_d_by_speaker_where_names_tell(tmp_path):
    crema_d(tmp_path, spoken())
    mixed, apart = (
        read_task(path) for path in find_tasks(["tfds_crema_d", "tfds_crema_d/speakers"], tmp_path)
    )
    assert mixed.group_name == apart.group_name == "speaker"
    assert any(note.startswith("11 of 11 speakers, such as 1001, are in training") for note in mixed.notes)
    assert (apart.name, apart.title) == ("tfds_crema_d-speakers", "CREMA-D (new speakers)")
    assert apart.splits == tuple(f"fold{fold:02d}" for fold in range(5)) and len(apart.partitions()) == 5
    folds = defaultdict(set)
    for item in apart.items:
        folds[item.group].add(item.split)
    assert all(len(used) == 1 for used in folds.values())
    sizes = Counter(item.split for item in apart.items)
    assert sorted(sizes.values()) == [12, 12, 12, 12, 18], "11 speakers of 6 takes, as even as whole ones go"
    assert {item.path for item in apart.items} == {item.path for item in mixed.items}, "the same files"
    assert not any("alike" in note for note in apart.notes)
    again = read_task(find_tasks(["tfds_crema_d/speakers"], tmp_path)[0])
    assert again.items == apart.items


def test_crema_d_by_speaker_does_not_depend_on_the_order_of_items(tmp_path):
    one = read_task(crema_d(tmp_path / "a", spoken()) / "speakers")
    other = read_task(crema_d(tmp_path / "b", spoken()[::-1]) / "speakers")
    assert {item.name: item.split for item in one.items} == {item.name: item.split for item in other.items}


def test_crema_d_as_published_goes_by_tfds_parts(tmp_path):
    """Its names are TFDS's, which tell no speaker, but which part of TFDS's speaker-disjoint split."""
    parts = [*["train"] * 18, *["validation"] * 6, *["test"] * 6]
    names = [f"tfds_id_crema-d-{part}-tfrecord-00000-of-00002-{n}.wav" for n, part in enumerate(parts)]
    folder = crema_d(tmp_path, names)
    mixed = read_task(folder)
    assert mixed.group_name is None
    assert any("do not tell speakers: intervals take items as independent" in note for note in mixed.notes)
    task = read_task(folder / "speakers")
    assert (task.name, task.split_mode) == ("tfds_crema_d-speakers", "trainvaltest")
    assert Counter(item.split for item in task.items) == {"train": 18, "valid": 6, "test": 6}
    assert all(("validation" in item.name) == (item.split == "valid") for item in task.items)
    assert any("share no speaker; a groups.csv" in note for note in task.notes)
    with (folder / "groups.csv").open("w", newline="") as file:
        rows = [(name, f"{1001 + n // 3}") for n, name in enumerate(names)]
        csv.writer(file).writerows([("item", "group"), *rows])
    told = read_task(folder / "speakers")
    assert told.group_name == "speaker" and len(told.splits) == 5


def test_speakers_of_a_task_that_does_not_tell_them(tmp_path):
    names = {f"{n % 3}_{n}.wav": [n % 3] for n in range(30)}
    folder = publish(tmp_path, "libricount", folds_of(names, 5))
    with pytest.raises(InputError, match=r"nothing tells its speakers; name them in .*groups.csv"):
        read_task(folder / "speakers")


def test_the_highest_rate_that_is_whole_is_read(tmp_path):
    items = folds_of({f"{n % 3}_{n}.wav": [n % 3] for n in range(30)}, 5)
    folder = publish(tmp_path, "libricount", items, rate=16000)
    publish(tmp_path, "libricount", items, rate=44100)
    assert {item.path.parts[-3] for item in read_task(folder).items} == {"44100"}
    (folder / "48000" / "fold00").mkdir(parents=True)  # an unpacking that was cut short
    assert {item.path.parts[-3] for item in read_task(folder).items} == {"44100"}


def test_names_in_subfolders_and_accents_are_found(tmp_path):
    composed, decomposed = "caf\u00e9/\u00e9.wav", "cafe\u0301/e\u0301.wav"
    assert composed != decomposed
    names = {f"{n % 2}/{n}.wav": [n % 2] for n in range(10)} | {composed: [0], "日本語 の.wav": [1]}
    folder = publish(tmp_path, "libricount", folds_of(names, 5))
    for fold in range(5):  # the lists as another system spelled them
        listing = folder / f"fold{fold:02d}.json"
        written = json.loads(listing.read_text())
        listing.write_text(json.dumps({name.replace(composed, decomposed): v for name, v in written.items()}))
    task = read_task(folder)
    assert not task.missing and len(task.items) == 12


def test_every_task_of_the_paper_is_known():
    sizes = {
        (name, mode): size for name, task in PUBLISHED_TASKS.items() for mode, size in task.sizes.items()
    }
    assert sizes == {
        ("esc50", "full"): 2000,
        ("fsd50k", "full"): 51185,
        ("vocal_imitation", "full"): 5601,
        ("tfds_crema_d", "full"): 7438,
        ("tfds_gtzan_music_speech", "full"): 128,
        ("libricount", "full"): 5720,
        ("speech_commands", "5h"): 22890,
        ("speech_commands", "full"): 100503,
        ("vox_lingua_top10", "full"): 972,
    }
    classes = [task.classes for task in PUBLISHED_TASKS.values()]
    assert classes == [50, 200, 302, 6, 2, 11, 12, 10]


def test_a_task_of_events_in_time_is_named(tmp_path):
    items = {"train": {"a.wav": []}, "valid": {"b.wav": []}, "test": {"c.wav": []}}
    metadata = {"task_name": "dcase2016_task2", "embedding_type": "event", "prediction_type": "multilabel"}
    folder = publish(tmp_path, "fsd50k", items, **metadata)
    with pytest.raises(InputError, match=r"dcase2016_task2 is a task of events in time"):
        read_task(folder)

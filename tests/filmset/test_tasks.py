"""Probe tasks: read as a stranger would who knows only HEAR's layout, and checked for leaks."""

import csv
import json
from collections import Counter

import numpy as np
import pytest
import soundfile

from lssd.errors import InputError
from lssd.filmset import KINDS, LANGUAGES, write_tasks
from lssd.filmset.casting import held_out_variants, voices_for
from lssd.filmset.tasks import _TASKS, _Fold, _plan


def read_task(folder):
    """A literal reader of the layout: metadata, vocabulary, and per fold {file: (label, samples, rate)}."""
    metadata = json.loads((folder / "task_metadata.json").read_text())
    with (folder / "labelvocabulary.csv").open(newline="") as file:
        vocabulary = {row["label"]: int(row["idx"]) for row in csv.DictReader(file)}
    folds = {}
    for split in metadata["splits"]:
        labels = json.loads((folder / f"{split}.json").read_text())
        assert {path.name for path in (folder / "48000" / split).iterdir()} == set(labels)
        folds[split] = {
            name: (label, *soundfile.read(folder / "48000" / split / name, dtype="int16"))
            for name, (label,) in labels.items()
        }
    return metadata, vocabulary, folds


@pytest.mark.parametrize(
    ("number", "name", "labels"),
    [(0, "filmset_scene_speech", KINDS), (1, "filmset_language", LANGUAGES)],
)
def test_folder_reads_as_a_hear_task(task_folders, number, name, labels):
    metadata, vocabulary, folds = read_task(task_folders[number])
    assert metadata["task_name"] == name
    assert metadata["embedding_type"] == "scene" and metadata["prediction_type"] == "multiclass"
    assert metadata["split_mode"] == "presplit_kfold" and metadata["nfolds"] == len(folds) == 5
    assert vocabulary == {label: index for index, label in enumerate(labels)}
    for items in folds.values():
        assert Counter(label for label, _, _ in items.values()) == dict.fromkeys(labels, 1)
        for _, samples, rate in items.values():
            assert rate == 48000 and samples.shape == (int(metadata["sample_duration"] * rate),)
            assert 300 < np.abs(samples.astype(int)).max() < 32767
    names = [name for items in folds.values() for name in items]
    assert len(names) == len(set(names)) == 5 * len(labels)


@pytest.mark.parametrize("number", [0, 1])
def test_no_group_spans_folds(task_folders, number):
    _, _, folds = read_task(task_folders[number])
    with (task_folders[number] / "groups.csv").open(newline="") as file:
        groups = {row["item"]: row["group"] for row in csv.DictReader(file)}
    assert set(groups) == {name for items in folds.values() for name in items}
    by_fold = [{groups[name] for name in items} for items in folds.values()]
    assert len(set().union(*by_fold)) == sum(map(len, by_fold))


@pytest.mark.parametrize("task", _TASKS, ids=lambda task: task.name)
def test_folds_share_neither_timbre_nor_line_and_training_hears_none(task):
    plans = [_plan(_Fold(task, number, 3, 10)) for number in range(5)]
    timbres = [{item.voice.variant for item in plan} for plan in plans]
    lines = [{line for item in plan for line in item.lines} for plan in plans]
    for sets in (timbres, lines):
        assert len(set().union(*sets)) == sum(map(len, sets))
    kept = {variant for pair in held_out_variants() for variant in pair}
    assert set().union(*timbres) == kept and len(kept) == 10
    for language in LANGUAGES:
        assert not kept & {voice.variant for voice in voices_for(language, held_out=False)}
        assert kept == {voice.variant for voice in voices_for(language, held_out=True)}


def test_voices_and_scenes_do_not_give_the_language_away():
    for number in range(5):
        plan = _plan(_Fold(_TASKS[1], number, 3, 16))
        heard = {language: Counter() for language in LANGUAGES}
        seen = {language: Counter() for language in LANGUAGES}
        for item in plan:
            voice = item.voice
            heard[item.label][(voice.variant, voice.pitch, voice.pitch_range, voice.rate)] += 1
            seen[item.label][item.kind] += 1
        assert all(heard[language] == heard["en"] for language in LANGUAGES)
        assert all(set(seen[language].values()) == {2} for language in LANGUAGES)


def test_languages_do_not_give_the_scene_away():
    for number in range(5):
        plan = _plan(_Fold(_TASKS[0], number, 3, 14))
        for kind in KINDS:
            spoken = Counter(item.language for item in plan if item.label == kind)
            assert set(spoken) == set(LANGUAGES) and set(spoken.values()) == {2}


def test_groups_are_several_a_fold():
    for task in _TASKS:
        assert len({item.group for item in _plan(_Fold(task, 0, 3, 10))}) >= 5


def test_same_seed_same_sounds_in_one_process_or_two(task_folders, tmp_path):
    calls = []
    again = write_tasks(tmp_path, 3, 5, workers=2, progress=lambda *call: calls.append(call))
    assert calls == [(done, 10) for done in range(1, 11)]
    for one, other in zip(task_folders, again, strict=True):
        files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
        assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
        differing = [file for file in files if (one / file).read_bytes() != (other / file).read_bytes()]
        assert not differing


def test_whole_tasks_are_kept_and_others_not_overwritten(task_folders):
    out = task_folders[0].parent
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert write_tasks(out, seed=3, items_per_class=5) == task_folders
    with pytest.raises(InputError, match="other settings"):
        write_tasks(out, seed=4, items_per_class=5)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.parametrize(
    ("items", "seed", "message"), [(0, 0, "multiple of 5"), (7, 0, "7"), (5, -1, "seed")]
)
def test_bad_requests_are_refused(tmp_path, items, seed, message):
    with pytest.raises(InputError, match=message):
        write_tasks(tmp_path, seed=seed, items_per_class=items)
    assert not list(tmp_path.iterdir())

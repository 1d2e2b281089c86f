"""Probe tasks: read as a stranger would who knows only HEAR's layout, and checked for leaks."""

import csv
import itertools
import json
from collections import Counter, defaultdict
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from filmset.directors import DIRECTORS, director_style
from filmset.scenes import KINDS
from filmset.settings import LANGUAGES, STYLES
from filmset.tasks import TASKS, check_tasks, write_tasks
from filmset.tasks import folders as task_folders
from filmset.tasks.speech import fold_sentences
from filmset.tasks.task import FOLDS, Fold, Sources
from filmset.words.timbres import held_out_variants
from lssd.errors import InputError, MissingExtraError
from lssd.evaluation import read_task
from lssd.media import probe, read_frames, read_sound
from lssd.speech import voices

pytestmark = pytest.mark.slow

RENDERED = ("filmset_prosody", "filmset_events", "filmset_picture_speaker", "filmset_av_sync")
ITEMS = 5


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Some tasks as files, by name."""
    made = write_tasks(tmp_path_factory.mktemp("probes"), 3, ITEMS, RENDERED)
    return dict(zip(RENDERED, made, strict=True))


@pytest.fixture(scope="session")
def plans():
    """Every task's plan: its items by fold, 10 a class and fold."""
    with Sources() as sources:
        return {
            name: [task.plan(Fold(name, number, 3, 10), sources) for number in range(FOLDS)]
            for name, task in TASKS.items()
        }


def stranger(folder):
    """A literal reader of the layout: metadata, vocabulary, and per fold {file: labels}."""
    metadata = json.loads((folder / "task_metadata.json").read_text())
    with (folder / "labelvocabulary.csv").open(newline="") as file:
        vocabulary = {row["label"]: int(row["idx"]) for row in csv.DictReader(file)}
    media = folder / ("48000" if metadata["modality"] == "audio" else "films")
    folds = {}
    for split in metadata["splits"]:
        folds[split] = json.loads((folder / f"{split}.json").read_text())
        assert {path.name for path in (media / split).iterdir()} == set(folds[split])
    return metadata, vocabulary, media, folds


def seen_in(film):
    """Frames (T, H, W) in 0..255, in grey."""
    info = probe(film).video
    times_s = (np.arange(round(info.duration_s * 12)) + 0.5) / 12
    return read_frames(film, times_s.tolist()).mean(-1)


@pytest.mark.parametrize("name", RENDERED)
def test_folder_reads_as_a_hear_task(folders, name):
    metadata, vocabulary, media, folds = stranger(folders[name])
    assert metadata["task_name"] == name and metadata["embedding_type"] == "scene"
    assert metadata["split_mode"] == "presplit_kfold" and metadata["nfolds"] == len(folds) == 5
    assert vocabulary == {label: index for index, label in enumerate(TASKS[name].labels)}
    for split, items in folds.items():
        counts = Counter(label for labels in items.values() for label in labels)
        if metadata["prediction_type"] == "multiclass":
            assert counts == dict.fromkeys(vocabulary, 1)
        for item in items:
            path = media / split / item
            if metadata["modality"] == "audio":
                samples, rate = soundfile.read(path, dtype="int16")
                assert rate == 48000 and samples.shape == (int(metadata["sample_duration"] * rate),)
                assert 300 < np.abs(samples.astype(int)).max() < 32767
            else:
                info = probe(path)
                assert info.video.duration_s == pytest.approx(metadata["sample_duration"], abs=0.05)
                assert len(info.tracks) == (metadata["modality"] == "audiovisual")
    names = [item for items in folds.values() for item in items]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", RENDERED)
def test_evaluation_reads_every_item(folders, name):
    task = read_task(folders[name])
    many = TASKS[name].many
    assert len(task.items) == ITEMS * len(TASKS[name].labels) // (2 if many else 1) and not task.missing
    assert task.multilabel == many and task.first_metric == ("mAP" if many else "top1_acc")
    assert task.modality == TASKS[name].modality and task.labels == TASKS[name].labels
    assert task.group_name == TASKS[name].groups


@pytest.mark.parametrize("name", RENDERED)
def test_no_group_spans_folds(folders, name):
    _, _, _, folds = stranger(folders[name])
    with (folders[name] / "groups.csv").open(newline="") as file:
        groups = {row["item"]: row["group"] for row in csv.DictReader(file)}
    assert set(groups) == {item for items in folds.values() for item in items}
    by_fold = [{groups[item] for item in items} for items in folds.values()]
    assert len(set().union(*by_fold)) == sum(map(len, by_fold))


def talks_of(content):
    """What is said in an item, heard or only seen to be said."""
    sound = content if not hasattr(content, "talks") or not hasattr(content, "people") else content.sound
    seen = [talk for _, talk in content.talks] if hasattr(content, "people") else []
    return [*seen, *(sound.talks if sound is not None else ())]


@pytest.mark.parametrize("name", TASKS)
def test_folds_share_no_title_voice_sentence_or_scene(plans, name):
    parts = defaultdict(list)
    for items in plans[name]:
        talks = [talk for item in items for talk in talks_of(item.content)]
        parts["groups"].append({item.group for item in items})
        parts["scenes"].append({item.content.scene.seed for item in items})
        parts["timbres"].append({talk.voice.variant for talk in talks})
        if name != "filmset_keyword":  # a word is the same word in every fold
            said = {sentence.key.partition(":")[0] for talk in talks for sentence in talk.sentences}
            parts["sentences"].append(said)
        if hasattr(items[0].content, "look"):
            parts["looks"].append({str(item.content.look) for item in items})
    for what, sets in parts.items():
        assert len(set().union(*sets)) == sum(map(len, sets)), what
    kept = {variant for pair in held_out_variants() for variant in pair}
    assert set().union(*parts["timbres"]) in (set(), kept)


@pytest.mark.parametrize("name", TASKS)
def test_classes_are_balanced_and_groups_several_a_fold(plans, name):
    for items in plans[name]:
        counts = Counter(label for item in items for label in item.labels)
        assert set(counts) == set(TASKS[name].labels)
        spread = max(counts.values()) - min(counts.values())
        assert spread <= (1 if TASKS[name].many else 0)
        assert len({item.group for item in items}) >= 5


def without_answer(name, item):
    """All that an item is made of but what its class changes."""
    content = item.content
    if hasattr(content, "people"):
        hidden = {
            "filmset_picture_scene": {"scene": None},
            "filmset_picture_event": {"events": ()},
            "filmset_picture_speaker": {"talks": ()},
            "filmset_picture_style": {"director": None, "look": None},
            "filmset_av_sync": {"sound_from_s": 0.0},
            "filmset_av_style": {"director": None, "look": None, "sound": None},
        }[name]
        sound = content.sound
        rest = None if sound is None or name == "filmset_av_sync" else replace(sound, tilt_db=0.0)
        return replace(content, **hidden), rest
    talks = tuple(replace(talk, style="", language="") for talk in content.talks)
    return {
        "filmset_scene": replace(content, scene=None),
        "filmset_scene_speech": replace(content, scene=None),
        "filmset_event": replace(content, events=()),
        "filmset_speaker_count": replace(content, talks=()),
        "filmset_prosody": replace(content, talks=talks),
        "filmset_keyword": replace(content, talks=tuple(replace(talk, sentences=()) for talk in talks)),
        "filmset_language": replace(content, talks=talks),
    }[name]


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if not task.many])
def test_nothing_but_the_answer_differs_between_classes(plans, name):
    for items in plans[name]:
        rest = {label: Counter() for label in TASKS[name].labels}
        for item in items:
            rest[item.labels[0]][str(without_answer(name, item))] += 1
        first = next(iter(rest.values()))
        assert all(found == first for found in rest.values())


def test_what_is_not_asked_for_goes_round_evenly(plans):
    for items in plans["filmset_scene_speech"]:
        heard = [item.content.talks[0] for item in items if item.labels == (KINDS[0],)]
        spoken = Counter(talk.language for talk in heard)
        assert set(spoken) == set(LANGUAGES) and max(spoken.values()) <= 2
        assert max(Counter(talk.voice.name for talk in heard).values()) <= 2
    for items in plans["filmset_picture_style"]:
        assert len({item.content.scene.kind for item in items}) == 10


def test_every_kind_of_answer_is_asked_for():
    assert TASKS["filmset_scene"].labels == TASKS["filmset_picture_scene"].labels == KINDS
    assert TASKS["filmset_language"].labels == LANGUAGES and TASKS["filmset_prosody"].labels == STYLES
    assert TASKS["filmset_picture_style"].labels == TASKS["filmset_av_style"].labels == DIRECTORS
    assert {task.modality for task in TASKS.values()} == {"audio", "picture", "audiovisual"}
    assert [name for name, task in TASKS.items() if task.many] == ["filmset_events"]


def test_speakers_are_as_many_as_the_label_says(plans):
    numbers = {"one": 1, "two": 2, "three": 3, "four": 4}
    for items in plans["filmset_speaker_count"]:
        for item in items:
            talks = item.content.talks
            assert len({talk.voice.name for talk in talks}) == len(talks) == numbers[item.labels[0]]
            for talk, following in itertools.pairwise(talks):
                assert following.start_s < talk.end_s, "somebody always speaks"


def test_events_are_the_labels_kinds(plans):
    counts = Counter()
    for items in plans["filmset_events"]:
        for item in items:
            assert {event.kind for event in item.content.events} == set(item.labels)
            counts[len(item.labels)] += 1
            hits = [hit for event in item.content.events for hit in event.hits_s]
            assert all(0.2 <= hit < item.content.seconds - 0.2 for hit in hits)
    assert set(counts) == {0, 1, 2, 3} and max(counts.values()) <= min(counts.values()) + FOLDS


def test_looks_of_a_directors_titles_vary_around_the_directors_own(plans):
    looks = {director: {} for director in DIRECTORS}
    for items in plans["filmset_picture_style"]:
        for item in items:
            looks[item.labels[0]][item.group] = item.content.look.tint
    nearest = 0
    middles = np.array([director_style(director).look.tint for director in DIRECTORS])
    for number, director in enumerate(DIRECTORS):
        tints = np.array(list(looks[director].values()))
        assert len(tints) == 25 and tints.std(axis=0).max() > 0.02
        distance = ((tints[:, None] - middles) ** 2).sum(-1)
        nearest += int((distance.argmin(1) == number).sum())
    assert 0.3 < nearest / 200 < 0.9


def test_a_shifted_sound_is_the_matched_one_moved(folders):
    _, _, media, folds = stranger(folders["filmset_av_sync"])
    for split, labels in folds.items():
        by_label = {label: media / split / name for name, (label,) in labels.items()}
        here, there = (
            read_sound(by_label[label], sample_rate=8000, channels=1)[0] for label in ("matched", "shifted")
        )
        likeness = np.correlate(here, there, "full") / np.sqrt((here**2).sum() * (there**2).sum())
        best = int(np.abs(likeness).argmax()) - (len(there) - 1)
        assert 0.49 < abs(best) / 8000 < 1.51 and likeness[best + len(there) - 1] > 0.3
        frames = [seen_in(by_label[label]) for label in ("matched", "shifted")]
        np.testing.assert_array_equal(*frames)


def test_who_speaks_moves_and_nobody_else(plans):
    task = TASKS["filmset_picture_speaker"]
    items = [item for item in plans[task.name][0] if item.group == plans[task.name][0][0].group]
    with Sources() as sources:
        seen = {item.labels[0]: np.stack(list(task.make(item.content, sources).frames)) for item in items}
    middle = seen["left"].shape[2] // 2

    def halves(label):
        """Whether anything in the left and in the right half differs from when nobody speaks."""
        moved = (seen[label] != seen["nobody"]).any(axis=(0, 1, 3))
        return bool(moved[:middle].any()), bool(moved[middle:].any())

    assert [halves(label) for label in task.labels] == [(1, 0), (0, 1), (1, 1), (0, 0)]


def test_same_seed_same_items_in_one_process_or_two_whatever_else_is_asked_for(folders, tmp_path):
    calls = []
    names = ("filmset_av_sync", "filmset_events")
    again = write_tasks(
        tmp_path,
        3,
        ITEMS,
        names,
        workers=2,
        progress=SimpleNamespace(update=lambda *call: calls.append(call)),
    )
    assert calls == [(done, 10) for done in range(11)]
    for name, other in zip(names, again, strict=True):
        one = folders[name]
        files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
        assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
        assert not [file for file in files if (one / file).read_bytes() != (other / file).read_bytes()]


def test_whole_tasks_are_kept_and_others_not_overwritten(folders):
    out = folders["filmset_events"].parent
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert write_tasks(out, 3, ITEMS, RENDERED) == list(folders.values())
    check_tasks(out, 3, ITEMS, RENDERED)
    for refuse in (check_tasks, write_tasks):
        with pytest.raises(InputError, match="other settings"):
            refuse(out, 4, ITEMS, RENDERED)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_call_that_fails_keeps_what_was_whole(tmp_path, monkeypatch):
    def broken(content, sources):
        raise InputError("the set burnt down")

    monkeypatch.setitem(TASKS, "filmset_event", replace(TASKS["filmset_event"], make=broken))
    with pytest.raises(InputError, match="burnt down"):
        write_tasks(tmp_path, 3, ITEMS, ["filmset_events", "filmset_event"])
    assert [path.name for path in tmp_path.iterdir()] == ["filmset_events-v2.0.0-full"]


@pytest.mark.parametrize(
    ("items", "seed", "tasks", "message"),
    [
        (0, 0, None, "multiple of 5"),
        (7, 0, None, "7"),
        (5, -1, None, "seed"),
        (5, 0, ["filmset_scene", "filmset_smell"], "filmset_smell is no probe task; choose of filmset_scene"),
        (5, 0, ["filmset_scene", "filmset_scene"], "distinct"),
        (5, 0, [], "distinct"),
    ],
)
def test_bad_requests_are_refused(tmp_path, items, seed, tasks, message):
    for refuse in (check_tasks, write_tasks):
        with pytest.raises(InputError, match=message):
            refuse(tmp_path, seed, items, tasks)
    assert not list(tmp_path.iterdir())


def test_what_can_be_written_is_checked_without_writing(tmp_path, monkeypatch):
    check_tasks(tmp_path / "a" / "b", 3, ITEMS)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "tasks"):
        with pytest.raises(InputError, match="file is no folder"):
            check_tasks(out, 3, ITEMS)

    def missing():
        raise MissingExtraError("no espeak-ng")

    monkeypatch.setattr(task_folders, "check_installed", missing)
    with pytest.raises(MissingExtraError):
        check_tasks(tmp_path / "a", 3, ITEMS)


def test_more_sentences_than_a_fold_has_are_refused():
    """The fourth fold has 40; all of them are found, and one more is no endless search."""
    fold = Fold("filmset_prosody", 3, 3, 10)
    with Sources() as sources:
        whole = fold_sentences(fold, sources, np.random.default_rng(0), 40)
        assert len({sentence.key for sentence in whole}) == 40
        with pytest.raises(
            InputError, match=r"too many items a class .* fold03 of .* 41 .* it has 40"
        ) as caught:
            fold_sentences(fold, sources, np.random.default_rng(0), 41)
    assert "\n" not in str(caught.value)


def test_voices_of_all_languages_share_their_timbres():
    """Language items are spoken by voices listed for English; the others' lists hold the same people."""
    for language in LANGUAGES:
        assert [voice.variant for voice in voices(language)] == [voice.variant for voice in voices("en")]

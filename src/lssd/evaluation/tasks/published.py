"""What is published of HEAR's tasks that the paper uses: sizes, and what their file names tell.

Sizes: the configurations of hearpreprocess 2021.0.6 and its published folders. Names of files there are
those of the corpora, except for the two that come by way of TFDS ("tfds_"): these are numbered by shard
and place, so that CREMA-D's speakers cannot be read off them. TFDS's own split can, and no speaker is in
two parts of it (tensorflow_datasets/audio/crema_d.py).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from lssd.evaluation.tasks.task import TRAIN_VALID_TEST, Item, Task

GroupOf = Callable[[str], str | None]


@dataclass(frozen=True)
class PublishedTask:
    """A published task.

    titles, sizes   title and number of items, by mode
    classes         how many
    group_name      what groups are, such as "speaker"; None where items stand alone
    group_of        a file's stem -> its group, None where the stem does not tell it
    """

    titles: Mapping[str, str]
    sizes: Mapping[str, int]
    classes: int
    group_name: str | None = None
    group_of: GroupOf = field(default=lambda stem: None)


def _first(*patterns: str) -> GroupOf:
    """The first group of the first pattern that matches a stem from its beginning."""
    compiled = [re.compile(pattern) for pattern in patterns]

    def group_of(stem: str) -> str | None:
        return next((match[1] for pattern in compiled if (match := pattern.match(stem))), None)

    return group_of


PUBLISHED_TASKS: Mapping[str, PublishedTask] = {
    # FOLD-CLIP-TAKE-CLASS: the takes of one Freesound clip
    "esc50": PublishedTask(
        {"full": "ESC-50"}, {"full": 2000}, 50, "recording", _first(r"\d+-(\d+)-[A-Z]+-\d+$")
    ),
    "fsd50k": PublishedTask({"full": "FSD50K"}, {"full": 51185}, 200),
    "vocal_imitation": PublishedTask({"full": "Vocal Imitations"}, {"full": 5601}, 302),
    # SPEAKER_SENTENCE_EMOTION_LEVEL, where the corpus' own names were kept
    "tfds_crema_d": PublishedTask(
        {"full": "CREMA-D"}, {"full": 7438}, 6, "speaker", _first(r"(\d{4})_[A-Z]{3}_[A-Z]{3}_[A-Z]+$")
    ),
    "tfds_gtzan_music_speech": PublishedTask({"full": "GTZAN Music/Speech"}, {"full": 128}, 2),
    "libricount": PublishedTask({"full": "LibriCount"}, {"full": 5720}, 11),
    # WORD_SPEAKER_nohash_TAKE; silence is cut from recordings of noise: _silence__RECORDING-SAMPLE
    "speech_commands": PublishedTask(
        {"5h": "Speech Commands (5 h)", "full": "Speech Commands"},
        {"5h": 22890, "full": 100503},
        12,
        "speaker",
        _first(r"(?:.*_)?([0-9a-f]+)_nohash_\d+$", r"_silence__(.+)-\d+$"),
    ),
    # VIDEO---START-END
    "vox_lingua_top10": PublishedTask(
        {"full": "VoxLingua107 Top 10"}, {"full": 972}, 10, "video", _first(r"(.+?)---")
    ),
}

_TFDS_SPLITS = {"train": "train", "validation": "valid", "valid": "valid", "test": "test"}
_TFDS_CREMA_D = re.compile(r"tfds_id_crema[-_]d-(\w+?)[-.]tfrecord")


def with_groups(items: list[Item], name: str) -> tuple[list[Item], str | None, list[str]]:
    """The items with the groups that file names tell, what these are, and a note where names should tell.

    None for what they are where no name tells a group. An item whose name tells none is a group by itself.
    """
    published = PUBLISHED_TASKS.get(name)
    if published is None or published.group_name is None:
        return items, None, []
    groups = {item.name: published.group_of(PurePosixPath(item.name).stem) for item in items}
    if not any(groups.values()):
        words = f"its file names do not tell {published.group_name}s"
        return items, None, [f"{words}: intervals take items as independent, unless a groups.csv names them"]
    return [replace(item, group=groups[item.name] or item.name) for item in items], published.group_name, []


def size_notes(name: str, mode: str, items: int, classes: int) -> list[str]:
    """A note when a task is not of the published size; none for tasks and modes that are not listed."""
    published = PUBLISHED_TASKS.get(name)
    if (
        published is None
        or mode not in published.sizes
        or (items, classes) == (published.sizes[mode], published.classes)
    ):
        return []
    return [
        f"{items} items of {classes} classes, where the published task has {published.sizes[mode]} of "
        f"{published.classes}: scores do not compare with published ones"
    ]


def crema_d_by_tfds(task: Task) -> Task | None:
    """CREMA-D in TFDS's own parts, which share no speaker; None where file names do not tell these."""
    parts = {}
    for item in task.items:
        match = _TFDS_CREMA_D.match(item.name)
        part = _TFDS_SPLITS.get(match[1]) if match else None
        if part is None:
            return None
        parts[item.name] = part
    items = [replace(item, split=parts[item.name]) for item in task.items]
    return replace(
        task,
        name=f"{task.name}-speakers",
        title=f"{task.title} (new speakers)",
        split_mode="trainvaltest",
        splits=TRAIN_VALID_TEST,
        items=tuple(sorted(items, key=lambda item: TRAIN_VALID_TEST.index(item.split))),
        notes=(
            *task.notes,
            "its file names do not tell speakers: TFDS's train, validation and test instead of folds, which "
            "share no speaker; a groups.csv (item,group) gives folds and intervals by speaker",
        ),
    )

"""Names and paths become tasks; a new kind of task is one reader more."""

import json
import shutil
from pathlib import Path

import pytest

from lssd.errors import InputError
from lssd.evaluation.tasks import Item, Reader, Task, find_tasks, read_task, registry
from lssd.evaluation.tasks.task import TRAIN_VALID_TEST, checked


def edit(folder, **changes):
    path = folder / "task_metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


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


def test_modes_of_one_task_are_told_apart(tones):
    data = tones.parent
    edit(tones, mode="5h")
    assert read_task(tones).name == "tones-5h"
    assert find_tasks(["tones"], data) == [tones], "the only one there is"
    full = shutil.copytree(tones, data / "tones-v1-full")
    edit(full, mode="full")
    tones.rename(data / "tones-v1-5h")
    assert read_task(full).name == "tones"
    with pytest.raises(InputError, match="2 folders hold task tones"):
        find_tasks(["tones"], data)
    assert find_tasks(["tones-5h", "tones-full"], data) == [data / "tones-v1-5h", full]


def test_a_damaged_task_folder_is_not_taken_for_class_folders(tones):
    (tones / "task_metadata.json").unlink()
    with pytest.raises(InputError, match=r"missing .*task_metadata.json"):
        read_task(find_tasks([tones], tones.parent)[0])
    with pytest.raises(InputError, match="holds task folders; name one of them, such as b"):
        shutil.copytree(tones, tones.parent / "b")
        (tones.parent / "b" / "task_metadata.json").write_text("{}")
        read_task(tones.parent)


def test_speakers_are_found_by_every_name_of_their_task_and_are_not_listed(tones):
    data = tones.parent
    renamed = tones.rename(data / "tones-v1-full")
    for name in ("tones/speakers", "tones-full/speakers", "tones-v1-full/speakers"):
        assert find_tasks([name], data) == [renamed / "speakers"]
    with pytest.raises(InputError, match=r"no task bells/speakers in .*; tasks there: tones$"):
        find_tasks(["bells/speakers"], data)


def test_a_dataset_is_added_by_one_reader(tmp_path, monkeypatch):
    """A layout of its own: `NAME.list`, a line an item."""

    def read(path: Path, modality: str | None, rate: int | None) -> Task:
        rows = [line.split() for line in path.read_text().splitlines()]
        items = tuple(Item(name, path.parent / name, split, (label,), None) for split, label, name in rows)
        about = {"folder": path, "split_mode": "trainvaltest", "splits": TRAIN_VALID_TEST}
        return checked(
            Task(
                "birds",
                "Birds",
                **about,
                labels=("owl", "tit"),
                items=items,
                missing=(),
                group_name=None,
                metrics=("mAP",),
            )
        )

    def names_below(data: Path) -> dict[Path, tuple[str, ...]]:
        return {path: (path.stem, f"{path.stem}-full") for path in data.glob("*.list")}

    lines = [f"{split} {label} {split}-{label}.wav" for split in TRAIN_VALID_TEST for label in ("owl", "tit")]
    (tmp_path / "birds.list").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"no task birds in"):
        find_tasks(["birds"], tmp_path)
    birds = Reader("a list of birds", lambda path: path.suffix == ".list", read, names_below)
    monkeypatch.setattr(registry, "READERS", (birds, *registry.READERS))
    assert find_tasks(["birds", "birds-full"], tmp_path) == [tmp_path / "birds.list"] * 2
    task = read_task(tmp_path / "birds.list")
    assert (task.name, task.first_metric, len(task.items)) == ("birds", "mAP", 6)
    with pytest.raises(InputError, match=r"holds task folders; name one of them, such as birds\.list"):
        read_task(tmp_path)
    with pytest.raises(InputError, match=r"nowhere: a task is a list of birds, HEAR's task folder, TASK/"):
        read_task(tmp_path / "nowhere")

import multiprocessing
import time

import pytest

from lssd.dubbing.workspace import Workspace
from lssd.errors import MediaError


def test_a_step_is_made_once_and_its_key_is_all_it_depends_on(tmp_path):
    workspace = Workspace(tmp_path)
    calls = []

    def make(folder):
        calls.append(folder)
        (folder / "x").write_text("made")

    first = workspace.step("speak", {"text": "hola", "version": 1}, make)
    again = Workspace(tmp_path).step("speak", {"version": 1, "text": "hola"}, make)
    assert first == again and len(calls) == 1 and (first.folder / "x").read_text() == "made"
    others = [
        workspace.step(*step, make)
        for step in (
            ("speak", {"text": "hola", "version": 2}),
            ("speak", {"text": "adios", "version": 1}),
            ("match", {"text": "hola", "version": 1}),
        )
    ]
    assert len({made.key for made in (first, *others)}) == 4 and len(calls) == 4
    assert workspace.made == {"speak": 3, "match": 1} and not workspace.kept
    assert (tmp_path / ".nomedia").exists()


def test_a_failed_step_leaves_nothing_and_is_tried_again(tmp_path):
    workspace = Workspace(tmp_path)

    def fail(folder):
        (folder / "half").write_text("")
        raise MediaError("broken")

    for _ in range(2):
        with pytest.raises(MediaError):
            workspace.step("speak", {"n": 1}, fail)
    assert [path.name for path in tmp_path.rglob("half")] == [] and not workspace.made
    workspace.step("speak", {"n": 1}, lambda folder: (folder / "whole").touch())
    assert workspace.made == {"speak": 1}


def _make_slowly(folder, log):
    def make(partial):
        with log.open("a") as file:
            file.write("made\n")
        time.sleep(0.3)
        (partial / "x").touch()

    Workspace(folder).step("separate", {"n": 1}, make)


def test_processes_that_need_the_same_step_make_it_once(tmp_path):
    context = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    processes = [context.Process(target=_make_slowly, args=(tmp_path / "w", log)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert log.read_text() == "made\n"

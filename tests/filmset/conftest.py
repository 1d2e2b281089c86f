"""One small film set and one small set of probe tasks, shared by this folder's tests."""

import pytest

from lssd.filmset import FilmSet, render, write_tasks

SETTINGS = {"titles": 3, "seed": 7, "seconds": 16.0, "height": 96, "held_out": 0.34}


@pytest.fixture(scope="session")
def film_set(tmp_path_factory) -> FilmSet:
    return render(tmp_path_factory.mktemp("films"), **SETTINGS)


@pytest.fixture(scope="session")
def task_folders(tmp_path_factory):
    return write_tasks(tmp_path_factory.mktemp("tasks"), seed=3, items_per_class=5)

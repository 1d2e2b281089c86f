"""Which folder of weights a path stands for."""

import logging
from pathlib import Path

import pytest

from lssd.errors import CheckpointError
from lssd.models.folders import find_model, list_checkpoints, model_name


def make_run(root: Path, *there: str) -> Path:
    for name in ("recipe.yaml", *there):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


MODEL = "model/config.json"
EARLY, LATE = (f"checkpoints/{step:08d}/config.json" for step in (9, 10))


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ((MODEL, "finished.json", EARLY, LATE), "model"),
        ((MODEL, "finished.json"), "model"),
        ((EARLY, LATE), "checkpoints/00000010"),
        ((MODEL, EARLY, LATE), "checkpoints/00000010"),  # a finished run that goes on
        ((MODEL,), "model"),
    ],
)
def test_a_run_stands_for_its_model_or_its_newest_checkpoint(
    tmp_path: Path, there: tuple[str, ...], taken: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = make_run(tmp_path / "r", *there)
    with caplog.at_level(logging.INFO, "lssd"):
        assert find_model(run) == run / taken
    told = ["is not finished: its checkpoint of step 10 is taken" in line for line in caplog.messages]
    assert told == [True] * (taken != "model")


def test_any_other_folder_is_itself_and_an_empty_run_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        assert find_model(folder) == folder
    with pytest.raises(CheckpointError, match="has no checkpoint yet"):
        find_model(make_run(tmp_path / "r"))


def test_a_model_is_called_after_its_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", MODEL, EARLY)
    names = {run: "r", run / "model": "r", run / "checkpoints/00000009": "r-step-9", tmp_path / "m": "m"}
    assert {folder: model_name(folder) for folder in names} == names


@pytest.mark.parametrize("leftover", [".partial-00000010-77-ab12cd34", "00000010.old", "10 copy", "latest"])
def test_what_else_lies_there_is_no_checkpoint(tmp_path: Path, leftover: str) -> None:
    for name in (leftover, "00000005"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    assert [checkpoint.step for checkpoint in list_checkpoints(tmp_path)] == [5]

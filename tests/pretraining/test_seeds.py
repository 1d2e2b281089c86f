"""One recipe with several seeds: a run each, resumed, reported together, compared by pairs."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lssd.errors import InputError, StoppedError
from lssd.inspect import inspect
from lssd.pretraining import Forecast, SeedRuns, describe_seeds, load_recipe, loop
from lssd.pretraining.folder import read_run
from lssd.pretraining.pretrain import pretrain
from lssd.pretraining.seeds import paired_differences
from lssd.reporting.report import report


@pytest.fixture(scope="module")
def short(small: tuple[str, ...]) -> tuple[str, ...]:
    return (*small, "schedule.steps=2", "seed=4")


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory, short: tuple[str, ...]) -> SeedRuns:
    out = tmp_path_factory.mktemp("seeds") / "dubs"
    found = pretrain("demo", corpus, out, settings=short, seeds=2, quiet=True)
    assert isinstance(found, SeedRuns)
    return found


def contents(folder: Path) -> dict[Path, bytes]:
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_each_seed_is_a_run_as_if_trained_alone(
    trained: SeedRuns, corpus: Path, tmp_path: Path, short: tuple[str, ...]
) -> None:
    assert [run.folder.name for run in trained.runs] == ["seed-4", "seed-5"]
    alone = pretrain("demo", corpus, tmp_path / "r", settings=(*short, "seed=5"), quiet=True)
    weights = [run / "model/model.safetensors" for run in (trained.folder / "seed-5", tmp_path / "r")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert alone == replace(
        trained.runs[1], folder=tmp_path / "r", seconds=alone.seconds, wait_share=alone.wait_share
    )
    assert not list(trained.folder.glob("seed-*/cache")) and (trained.folder / "cache").is_dir()


def test_measures_are_reported_over_seeds(trained: SeedRuns) -> None:
    values = [run.held_out["cross_loss"] for run in trained.runs]
    found = trained.description.measures["cross_loss"]
    peer = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high))
    assert (found.mean, found.least, found.most) == pytest.approx((np.mean(values), min(values), max(values)))
    assert found.values == tuple(values)
    assert json.loads((trained.folder / "seeds.json").read_text()) == json.loads(
        json.dumps(trained.description.to_json())
    )
    assert inspect(trained.folder) == trained.description


def test_what_stands_is_kept_and_what_is_missing_is_made(
    trained: SeedRuns, corpus: Path, tmp_path: Path, short: tuple[str, ...]
) -> None:
    copy = tmp_path / "dubs"
    shutil.copytree(trained.folder, copy)
    before = contents(copy / "seed-4")
    (copy / "seeds.json").unlink()
    (copy / "seed-5/finished.json").unlink()
    shutil.rmtree(copy / "seed-5/model")
    description = describe_seeds(copy)
    assert (description.seeds, description.unfinished) == ((4,), (5,))
    assert description.measures["cross_loss"].low is None
    found = pretrain("demo", corpus, copy, settings=short, seeds=3, quiet=True)
    assert contents(copy / "seed-4") == before
    assert isinstance(found, SeedRuns) and found.description.seeds == (4, 5, 6)
    assert [run.held_out for run in found.runs[:2]] == [run.held_out for run in trained.runs]
    assert read_run(copy / "seed-6") == found.runs[2]


def test_wrong_requests_are_refused_before_anything_is_trained(
    trained: SeedRuns, corpus: Path, tmp_path: Path, short: tuple[str, ...]
) -> None:
    def ask(out: Path, settings: tuple[str, ...] = short, **how: object) -> None:
        pretrain("demo", corpus, out, settings=settings, quiet=True, **how)  # type: ignore[arg-type]

    before = contents(trained.folder)
    with pytest.raises(InputError, match=r"seed-4 holds a run of another recipe .*: its optimiser\.lr is"):
        ask(trained.folder, (*short, "optimiser.lr=0.5"), seeds=2)
    with pytest.raises(InputError, match="holds runs of several seeds; give --seeds"):
        ask(trained.folder)
    with pytest.raises(InputError, match="seed-4 is a run; paired seeds take a folder"):
        ask(trained.folder / "seed-4", seeds=2)
    for count in (0, -1, 10**6):
        with pytest.raises(InputError, match=f"between 1 and 1000, not {count}"):
            ask(tmp_path / "r", seeds=count)
    with pytest.raises(InputError, match="seed 4611686018427387904 is not between"):
        ask(tmp_path / "r", (*short, f"seed={2**62 - 1}"), seeds=2)
    with pytest.raises(InputError, match="not trained in a chain"):
        ask(tmp_path / "r", seeds=2, chain=True)
    assert contents(trained.folder) == before and not (tmp_path / "r").exists()


def test_children_start_from_the_parent_of_their_seed(
    trained: SeedRuns, corpus: Path, tmp_path: Path, short: tuple[str, ...]
) -> None:
    child = tmp_path / "child.yaml"
    child.write_text("extends: demo\nname: child\nparent: demo\n", encoding="utf-8")
    found = pretrain(child, corpus, tmp_path / "r", settings=short, init=trained.folder, seeds=2, quiet=True)
    assert isinstance(found, SeedRuns)
    for run, parent in zip(found.runs, trained.runs, strict=True):
        begun = json.loads((run.folder / "environment.json").read_text())["start"]
        assert Path(begun["place"]).is_relative_to(parent.folder)
    asked = {"settings": short, "init": trained.folder, "quiet": True}
    forecast = pretrain(child, corpus, seeds=2, dry_run=True, **asked)  # type: ignore[arg-type]
    assert isinstance(forecast, Forecast) and "seed-4/checkpoints" in forecast.start
    for dry_run in (False, True):
        with pytest.raises(InputError, match="no run of seed 6 to start from"):
            pretrain(child, corpus, tmp_path / "r", seeds=3, dry_run=dry_run, **asked)  # type: ignore[arg-type]


def test_sigterm_in_the_last_step_of_a_seed_keeps_the_next_from_starting(
    corpus: Path, tmp_path: Path, short: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loop.take_step

    def take(training: loop.Training, *arguments: Any, **options: Any) -> loop.StepResult:
        if training.step + 1 == training.steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(training, *arguments, **options)

    monkeypatch.setattr(loop, "take_step", take)
    with pytest.raises(StoppedError, match=r"stopped by SIGTERM after .*seed-4, which is finished"):
        pretrain("demo", corpus, tmp_path / "r", settings=short, seeds=2, quiet=True)
    assert read_run(tmp_path / "r/seed-4") and not (tmp_path / "r/seed-5").exists()
    found = pretrain("demo", corpus, tmp_path / "r", settings=short, seeds=2, quiet=True)
    assert isinstance(found, SeedRuns)  # nothing follows the last seed: it ends as it is


def test_a_forecast_says_how_many_runs(corpus: Path, short: tuple[str, ...]) -> None:
    found = pretrain("demo", corpus, settings=short, seeds=3, dry_run=True, quiet=True)
    assert isinstance(found, Forecast) and found.runs == 3
    assert ("runs", "3, one a seed; what follows is of one") in found.rows()


def test_two_folders_are_compared_by_pairs(
    trained: SeedRuns, corpus: Path, tmp_path: Path, short: tuple[str, ...]
) -> None:
    mono = pretrain("demo-mono", corpus, tmp_path / "mono", settings=short, seeds=2, quiet=True)
    assert isinstance(mono, SeedRuns)
    pairs = [
        one.held_out["cross_loss"] - other.held_out["cross_loss"]
        for one, other in zip(trained.runs, mono.runs, strict=True)
    ]
    found = paired_differences(mono.description, trained.description)["cross_loss"]
    assert found.values == pytest.approx(pairs)
    peer = stats.ttest_1samp(pairs, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high))
    told: list[str] = []
    page = report([mono.folder, trained.folder], tmp_path / "page", tell=told.append).read_text()
    assert "Over training seeds" in page and "dubs less mono" in page and "mono, seed 5" in page
    assert len(told) == 3 and told[0].startswith("mono, seeds 4, 5: held-out recall@1 ")
    assert told[2].startswith("held-out recall@1, dubs less mono: ") and told[2].endswith(
        ", 2 pairs of seeds"
    )


def test_an_empty_folder_has_no_seeds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lssd pretrain --seeds"):
        describe_seeds(tmp_path)
    (tmp_path / "seed-007").mkdir()
    (tmp_path / "seed-007/recipe.yaml").write_text("name: x")
    with pytest.raises(InputError, match="no run of a seed"):
        describe_seeds(tmp_path)
    assert load_recipe("demo").seed == 0

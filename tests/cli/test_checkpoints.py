"""Runs and their checkpoints where a MODEL is asked for: `inspect`, `embed`, `evaluate`, `average`."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lssd.evaluation.models import load_models_under_test
from lssd.models import load_model, weights_hash
from lssd.models.folders import list_checkpoints
from lssd.pretraining import loop
from lssd.pretraining.pretrain import pretrain


@pytest.fixture(scope="module")
def unfinished(corpus: Path, tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> Path:
    """A run of 9 steps that ended before its seventh, with checkpoints of 3 and 6."""
    run = tmp_path_factory.mktemp("runs") / "broken"
    real = loop.take_step

    def stop(training: loop.Training, batch: loop.Batch, **options: object) -> loop.StepResult:
        if training.step == 6:
            raise KeyboardInterrupt
        return real(training, batch, **options)  # type: ignore[arg-type]

    settings = (*small, "schedule.checkpoint_every=3", "monitor.clips=0")
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(loop, "take_step", stop)
        pretrain("demo", corpus, run, settings=settings, quiet=True)
    assert [checkpoint.step for checkpoint in list_checkpoints(run)] == [3, 6]
    return run


def test_a_run_and_its_checkpoints_are_inspected(lssd, refuse, unfinished: Path, tmp_path: Path) -> None:
    code, out, _ = lssd("inspect", unfinished)
    assert code == 0 and "unfinished, at step 6" in out and "checkpoints of steps 3, 6" in out
    assert json.loads(lssd("inspect", unfinished, "--json")[1])["checkpoints"] == [3, 6]
    first = unfinished / "checkpoints/00000003"
    code, out, _ = lssd("inspect", first)
    assert code == 0 and "a checkpoint after 3 steps" in out and "tdnn" in out
    described = json.loads(lssd("inspect", first, "--json")[1])
    assert described["step"] == 3 and set(described["encoders"]) == {"audio", "video"}
    assert described["weights_sha256"] == weights_hash(load_model(first))
    refuse("inspect", tmp_path, naming=("no corpus", "run or model"))


def test_they_embed_and_are_judged(lssd, unfinished: Path, corpus: Path, tmp_path: Path) -> None:
    film = corpus.parent / "films/t0.mkv"
    code, _, err = lssd("embed", unfinished, film, "--out", tmp_path / "run.parquet")
    assert code == 0
    assert err.splitlines()[0] == f"run {unfinished} is not finished: its checkpoint of step 6 is taken"
    for step in (3, 6):
        place = unfinished / f"checkpoints/{step:08d}"
        assert lssd("embed", place, film, "--out", tmp_path / f"{step}.parquet")[0] == 0
        (judged,) = load_models_under_test(place, None, "cpu", random_init=False)
        assert judged.reference.name == f"broken-step-{step}"
        assert judged.reference.weights_sha256 == weights_hash(load_model(place))
    vectors = {name: pq.read_table(tmp_path / f"{name}.parquet")["vector"] for name in ("run", 3, 6)}
    assert vectors["run"] == vectors[6] != vectors[3]
    (judged,) = load_models_under_test(unfinished, None, "cpu", random_init=False)
    assert judged.reference.name == "broken"


def test_checkpoints_are_averaged_into_a_model(lssd, refuse, unfinished: Path, tmp_path: Path) -> None:
    places = sorted((unfinished / "checkpoints").iterdir())
    code, out, _ = lssd("average", *places, "--out", tmp_path / "mean")
    assert code == 0 and "the mean of 2 models" in out
    assert load_model(tmp_path / "mean").config == load_model(places[0]).config
    refuse("average", *places, "--out", unfinished, naming=("is there already",))
    refuse("average", places[0], tmp_path / "no", "--out", tmp_path / "m", naming=("no model at",))

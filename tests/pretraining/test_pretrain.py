"""Runs: they learn, resume to the bit, and refuse what cannot work."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lssd.corpus import Catalog, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.errors import CheckpointError, CorpusError, InputError
from lssd.models import load_model
from lssd.pretraining import Forecast, Run, describe_run, load_recipe
from lssd.pretraining.checkpoint import list_checkpoints
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.network import Network
from lssd.pretraining.pretrain import pretrain


@pytest.fixture(scope="module")
def finished(corpus: Path, tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> Run:
    run = pretrain("demo", corpus, tmp_path_factory.mktemp("run") / "r", settings=small, quiet=True)
    assert isinstance(run, Run)
    return run


def test_a_run_leaves_a_model_metrics_and_its_recipe(finished: Run, small: tuple[str, ...]) -> None:
    model = load_model(finished.model)
    assert model.embed_audio(torch.zeros(2, 1, 48_000)).shape == (2, model.embedding_size)
    lines = read_metrics(finished.folder)
    steps = [line["step"] for line in lines if "loss" in line]
    assert steps == list(range(1, 10))
    for line in lines:
        if "loss" in line:
            # Both within-modal terms are tracked; lambda_a 0.2 alone is part of the loss.
            assert line["loss"] == pytest.approx(line["cross"] + 0.2 * line["audio"], abs=1e-5)
            assert line["video"] > 0
    assert finished.held_out["clips"] == 3
    assert finished.held_out["chance@1"] == pytest.approx(1 / 3)
    assert load_recipe(finished.folder / "recipe.yaml") == load_recipe("demo", small)
    assert list((finished.folder / "tensorboard").iterdir())
    assert describe_run(finished.folder).state == "finished"


def test_a_finished_run_is_returned_as_it_stands(finished: Run, corpus: Path, small: tuple[str, ...]) -> None:
    before = (finished.folder / "metrics.jsonl").read_bytes()
    again = pretrain("demo", corpus, finished.folder, settings=small, quiet=True)
    assert again == finished
    assert (finished.folder / "metrics.jsonl").read_bytes() == before


def test_a_finished_run_stands_without_its_checkpoints(
    finished: Run, corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    """They are large, and users remove them: nothing is trained again, and no line of metrics lost."""
    copy = tmp_path / "r"
    shutil.copytree(finished.folder, copy)
    shutil.rmtree(copy / "checkpoints")
    before = {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()}
    again = pretrain("demo", corpus, copy, settings=small, quiet=True)
    assert again == replace(finished, folder=copy)
    assert {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()} == before
    assert describe_run(copy).state == "finished"


def test_what_a_kill_left_of_the_export_is_done_again(
    finished: Run, corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    for left in ("model/README.md", "finished.json"):
        copy = tmp_path / left.replace("/", "-")
        shutil.copytree(finished.folder, copy)
        (copy / left).unlink()
        (copy / "finished.json").unlink(missing_ok=True)
        assert describe_run(copy).state == "unfinished, at step 9"
        again = pretrain("demo", corpus, copy, settings=small, quiet=True)
        assert again == replace(finished, folder=copy)
        assert (copy / left).is_file()


def test_seeds_make_other_weights_and_equal_seeds_equal_ones(small: tuple[str, ...]) -> None:
    def first_weights(*settings: str) -> torch.Tensor:
        return next(Network.create(load_recipe("demo", [*small, *settings])).parameters())

    assert torch.equal(first_weights(), first_weights())
    assert not torch.equal(first_weights(), first_weights("seed=1"))
    arms = [Network.create(load_recipe(name, small)).state_dict() for name in ("demo", "demo-mono")]
    assert all(torch.equal(arms[0][name], arms[1][name]) for name in arms[0])


def test_a_run_of_another_recipe_is_refused_but_other_machine_dials_are_not(
    finished: Run, corpus: Path, small: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match=r"another recipe .*: its name is demo, not demo-mono;"):
        pretrain("demo-mono", corpus, finished.folder, settings=small, quiet=True)
    with pytest.raises(InputError, match=r"its views.batch_size is 6, not 5;"):
        pretrain("demo", corpus, finished.folder, settings=(*small, "views.batch_size=5"), quiet=True)
    assert (
        pretrain("demo", corpus, finished.folder, settings=(*small, "machine.workers=1"), quiet=True)
        == finished
    )


@pytest.mark.parametrize("name", ["model.safetensors", "optimiser.pt", "state.json"])
@pytest.mark.slow
def test_a_damaged_checkpoint_is_named(
    corpus: Path, tmp_path: Path, name: str, small: tuple[str, ...]
) -> None:
    settings = (*small, "schedule.steps=4")
    pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)
    shutil.rmtree(tmp_path / "r/model")
    file = list_checkpoints(tmp_path / "r")[-1].folder / name
    for damaged in (file.read_bytes()[: file.stat().st_size // 2], b"", b"{}"):
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="cannot resume from"):
            pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)


def test_a_corpus_is_no_place_for_a_run(corpus: Path, small: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="is a corpus"):
        pretrain("demo", corpus, corpus, settings=small, quiet=True)


def test_a_run_belongs_to_its_clips(finished: Run, tmp_path: Path, make_film, small: tuple[str, ...]) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 4.0, 4.0), ("en", "de"))
    ingest([film], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    with pytest.raises(InputError, match="trained on other clips"):
        pretrain("demo", tmp_path / "c", finished.folder, settings=small, quiet=True)


@pytest.mark.parametrize(
    "wrong", ["schedule.log_every=0", "seed=-1", "optimiser.lr=-1", "machine.workers=-1", "machine.threads=0"]
)
def test_impossible_values_are_refused_before_the_folder_is_claimed(
    corpus: Path, tmp_path: Path, wrong: str, small: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match=r"must|is not between"):
        pretrain("demo", corpus, tmp_path / "r", settings=(*small, wrong), quiet=True)
    with pytest.raises(InputError, match="unknown architecture"):
        pretrain("demo", corpus, tmp_path / "r", settings=(*small, "video.name=nonsense"), quiet=True)
    assert not (tmp_path / "r").exists()


def test_a_corpus_without_dubs_is_refused_by_a_recipe_with_dubs(
    tmp_path: Path, make_film, small: tuple[str, ...]
) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 4.0), ("en",))
    ingest([film], tmp_path / "c", IngestSettings(single_language=True, workers=1), quiet=True)
    with pytest.raises(CorpusError, match="no clip of"):
        pretrain("demo", tmp_path / "c", tmp_path / "r", settings=small, quiet=True)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("views.primary=background",), "data.require_background true"),
        (("monitor.splits=[validation]",), "one of train, valid, test"),
        (("data.splits=[]",), "one of train, valid, test"),
    ],
)
def test_what_the_first_batch_would_find_is_refused_before(
    corpus: Path, tmp_path: Path, small: tuple[str, ...], wrong: tuple[str, ...], words: str, dry_run: bool
) -> None:
    with pytest.raises((InputError, CorpusError), match=words):
        pretrain("demo", corpus, tmp_path / "r", settings=(*small, *wrong), dry_run=dry_run, quiet=True)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("views.secondary=all", "views.secondary_languages=[sv]"), "no clip with a sound in sv"),
        (("views.secondary=round_robin", "views.secondary_languages=[de,sv]"), "no clip with a sound in sv"),
        (("views.primary=background", "data.require_background=true"), "require_background"),
        (("groups=8",), "needs at least 2"),
    ],
)
def test_a_corpus_that_does_not_do_is_refused_before_and_is_the_obstacle_of_a_forecast(
    corpus: Path, tmp_path: Path, small: tuple[str, ...], wrong: tuple[str, ...], words: str
) -> None:
    settings = (*small, *wrong)
    with pytest.raises(CorpusError, match=words):
        pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)
    found = pretrain("demo", corpus, settings=settings, dry_run=True, quiet=True)
    assert isinstance(found, Forecast)
    assert words in found.obstacle
    assert not (tmp_path / "r").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_gpu_that_is_not_there(corpus: Path, tmp_path: Path, small: tuple[str, ...], dry_run: bool) -> None:
    with pytest.raises(InputError, match=r"no GPU here: set machine\.device=cpu"):
        pretrain("demo", corpus, tmp_path / "r", settings=(*small, "machine.device=cuda"), dry_run=dry_run)
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_a_small_corpus_warns_and_trains_in_small_batches(
    tmp_path: Path, make_film, caplog: pytest.LogCaptureFixture, small: tuple[str, ...]
) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 4.0, 3.5), ("en", "de"))
    ingest([film], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    settings = (*small, "schedule.steps=2")
    run = pretrain("demo", tmp_path / "c", tmp_path / "r", settings=settings)
    assert isinstance(run, Run)
    assert run.held_out == {}
    warnings = caplog.messages
    assert len(warnings) == 2
    assert "batches hold 3 instead of 6" in warnings[0]
    assert "no clip in its valid or test titles" in warnings[1]
    assert "column split" in warnings[1] and "lssd ingest --titles" in warnings[1]
    caplog.clear()
    pretrain("demo", tmp_path / "c", tmp_path / "again", settings=settings, quiet=True)
    assert caplog.messages == []


def test_dry_run_counts_and_writes_nothing(corpus: Path, tmp_path: Path, small: tuple[str, ...]) -> None:
    forecast = pretrain("demo", corpus, tmp_path / "r", settings=small, dry_run=True)
    assert isinstance(forecast, Forecast)
    assert (forecast.clips, forecast.dubbed_clips, forecast.batch, forecast.epoch_steps) == (14, 12, 6, 2)
    assert json.dumps([str(value) for _, value in forecast.rows()])
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_the_loss_falls_when_sound_and_picture_go_together(
    corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    run = pretrain(
        "demo",
        corpus,
        tmp_path / "r",
        settings=(*small, "schedule.steps=60", "schedule.checkpoint_every=60", "optimiser.lr=3e-3"),
        quiet=True,
    )
    assert isinstance(run, Run)
    losses = [line["cross"] for line in read_metrics(run.folder) if "cross" in line]
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])
    assert Catalog.open(corpus).titles.num_rows == 6


def test_several_corpora_are_one(
    corpus: Path, tmp_path: Path, make_film: Callable[..., Path], small: tuple[str, ...]
) -> None:
    for seed in (7, 8):
        make_film(tmp_path / f"films/t{seed}.mkv", (3.2, 4.0, 3.6), ("en", "ja"), seed=seed)
    (tmp_path / "titles.csv").write_text("path,split\nfilms/t8.mkv,valid\n", encoding="utf-8")
    ingest(
        [tmp_path / "films"],
        tmp_path / "c",
        IngestSettings(titles=str(tmp_path / "titles.csv"), workers=1),
        quiet=True,
    )
    settings = (*small, "schedule.steps=2", "views.corpus_weights=[1,2]")
    both = [corpus, tmp_path / "c"]
    forecast = pretrain("demo", both, settings=settings, dry_run=True, quiet=True)
    assert isinstance(forecast, Forecast) and (forecast.clips, forecast.titles) == (17, 6)
    assert (
        "corpora",
        f"{corpus} (5 titles, weight 1), {tmp_path / 'c'} (1 title, weight 2)",
    ) in forecast.rows()
    run = pretrain("demo", both, tmp_path / "r", settings=settings, quiet=True)
    assert isinstance(run, Run)
    assert run.held_out["clips"] == 6  # of both
    recorded = json.loads((tmp_path / "r/environment.json").read_text())["corpus"]
    assert recorded == f"{corpus}, {tmp_path / 'c'}"
    assert pretrain("demo", both, tmp_path / "r", settings=settings, quiet=True) == run
    with pytest.raises(InputError, match="2 weights for 1 corpora"):
        pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)
    unweighted = (*small, "schedule.steps=2")
    with pytest.raises(InputError, match=r"its views\.corpus_weights is"):
        pretrain("demo", both, tmp_path / "r", settings=unweighted, quiet=True)
    pretrain("demo", both, tmp_path / "u", settings=unweighted, quiet=True)
    with pytest.raises(InputError, match="was trained on other clips"):
        pretrain("demo", corpus, tmp_path / "u", settings=unweighted, quiet=True)

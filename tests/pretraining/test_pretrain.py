"""Runs: they learn, resume to the bit, and refuse what cannot work."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lssd.corpus import Catalog, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.errors import CheckpointError, CorpusError, InputError
from lssd.models import describe_model, load_model, weights_hash
from lssd.models.folders import list_checkpoints
from lssd.pretraining import Forecast, Run, describe_run, load_recipe, loop
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.network import Network
from lssd.pretraining.optimiser import learning_rate, warmup_steps
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


def test_a_checkpoint_is_a_model(finished: Run) -> None:
    """The last one is the run's own; its heads and its training lie apart."""
    steps = [checkpoint.step for checkpoint in list_checkpoints(finished.folder)]
    assert steps == [8, 9] and describe_run(finished.folder).checkpoints == (8, 9)
    before, last = (load_model(finished.folder / f"checkpoints/{step:08d}") for step in steps)
    whole = load_model(finished.folder)
    assert weights_hash(last) == weights_hash(whole) == weights_hash(load_model(finished.model))
    assert weights_hash(before) != weights_hash(last) and before.config == last.config
    described = describe_model(finished.folder / "checkpoints/00000008")
    assert described.step == 8 and described.weights_sha256 == weights_hash(before)


@pytest.mark.parametrize(
    ("dials", "kept"),
    [
        (("keep=1", "keep_every=3"), [3, 6, 9]),
        (("keep=3",), [6, 8, 9]),
        (("keep_every=4", "checkpoint_every=100"), [4, 8, 9]),
    ],
)
def test_checkpoints_are_kept_as_the_recipe_says(
    corpus: Path, tmp_path: Path, small: tuple[str, ...], dials: tuple[str, ...], kept: list[int]
) -> None:
    settings = (*small, "schedule.checkpoint_every=2", *(f"schedule.{dial}" for dial in dials))
    pretrain("demo", corpus, tmp_path / "r", settings=settings, quiet=True)
    assert [checkpoint.step for checkpoint in list_checkpoints(tmp_path / "r")] == kept


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


def _flip(file: Path) -> None:
    """Change one bit in the middle: the file still reads."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "harm", "reason"),
    [
        ("model.safetensors", _flip, "model.safetensors is cut short or altered"),
        ("heads.safetensors", Path.unlink, "heads.safetensors is missing"),
        ("optimiser.pt", _cut, "optimiser.pt is cut short or altered"),
        ("state.json", _cut, "Unterminated string|Expecting"),
    ],
)
def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(
    finished: Run,
    corpus: Path,
    tmp_path: Path,
    small: tuple[str, ...],
    name: str,
    harm: Callable[[Path], None],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run ends in the same weights to the bit, and a line says what was wrong where."""
    copy = tmp_path / "r"
    shutil.copytree(finished.folder, copy)
    (copy / "finished.json").unlink()
    newest = copy / "checkpoints/00000009"
    harm(newest / name)
    again = pretrain("demo", corpus, copy, settings=small)
    assert isinstance(again, Run) and (again.steps, again.held_out) == (9, finished.held_out)
    (line,) = [message for message in caplog.messages if "damaged" in message]
    assert re.fullmatch(
        rf"checkpoint {newest} is damaged \(.*({reason}).*\): it is now .*/damaged/00000009, .* step 8", line
    )
    # What is averaged, RUN/checkpoints/*, has none that is damaged.
    assert (copy / "damaged/00000009").is_dir()
    assert {folder.name for folder in (copy / "checkpoints").iterdir()} == {"00000008", "00000009"}
    assert [checkpoint.step for checkpoint in list_checkpoints(copy)] == [8, 9]
    assert weights_hash(load_model(copy)) == weights_hash(load_model(finished.folder))


def test_when_all_checkpoints_are_damaged_one_line_says_so(
    finished: Run, corpus: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    copy = tmp_path / "r"
    shutil.copytree(finished.folder, copy)
    (copy / "finished.json").unlink()
    for folder in (copy / "checkpoints").iterdir():
        _cut(folder / "optimiser.pt")
    before = sorted(copy.rglob("*"))
    with pytest.raises(
        CheckpointError, match=r"00000009 \(optimiser\.pt.*no older checkpoint is intact"
    ) as caught:
        pretrain("demo", corpus, copy, settings=small, quiet=True)
    assert "\n" not in str(caught.value)
    assert sorted(copy.rglob("*")) == before


@pytest.fixture
def stop_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], AbstractContextManager[None]]:
    """Within it, a run is interrupted before the step of this number (the first is 0)."""

    @contextmanager
    def stopping(at: int) -> Iterator[None]:
        real = loop.take_step

        def take(training: loop.Training, batch: loop.Batch, **options: Any) -> loop.StepResult:
            if training.step == at:
                raise KeyboardInterrupt
            return real(training, batch, **options)

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(loop, "take_step", take)
            yield

    return stopping


def test_other_intervals_and_workers_change_no_bit_and_are_told(
    finished: Run,
    corpus: Path,
    tmp_path: Path,
    small: tuple[str, ...],
    stop_before: Callable[[int], AbstractContextManager[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = tmp_path / "r"
    with stop_before(6):
        pretrain("demo", corpus, run, settings=small, quiet=True)
    others = ("checkpoint_every=3", "keep=3", "log_every=4")
    settings = (*small, *(f"schedule.{one}" for one in others), "monitor.every=2", "machine.cache_gb=0")
    with caplog.at_level("INFO", "lssd"):
        again = pretrain("demo", corpus, run, settings=settings)
    assert isinstance(again, Run) and again.held_out == finished.held_out
    assert weights_hash(load_model(run)) == weights_hash(load_model(finished.folder))
    assert (
        f"{run} goes on with schedule.checkpoint_every 3 instead of 4, schedule.keep 3 instead of 2, "
        "schedule.log_every 4 instead of 1, monitor.every 2 instead of 0, machine.cache_gb 0.0 instead of 0.1"
    ) in caplog.messages
    lines = read_metrics(run)
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 8, 9]
    assert [line["step"] for line in lines if "eval" in line] == [4, 6, 8, 9]
    assert [checkpoint.step for checkpoint in list_checkpoints(run)] == [4, 6, 9]
    assert load_recipe(run / "recipe.yaml") == load_recipe("demo", settings)


def test_a_finished_run_goes_on_when_it_is_to_be_longer(
    finished: Run, corpus: Path, tmp_path: Path, small: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "r"
    shutil.copytree(finished.folder, run)
    longer = (*small, "schedule.steps=12")
    with caplog.at_level("INFO", "lssd"):
        again = pretrain("demo", corpus, run, settings=longer)
    assert isinstance(again, Run) and again.steps == 12
    recipe = load_recipe("demo", longer)
    # The steps that were done keep their rates; from step 10 on they are those of 12 steps.
    rates = {line["step"]: line["lr"] for line in read_metrics(run) if "lr" in line}
    per_epoch = 2
    for step, rate in rates.items():
        steps = 9 if step <= 9 else 12
        warmup = warmup_steps(recipe.schedule, per_epoch, steps)
        assert rate == pytest.approx(learning_rate(step - 1, recipe.optimiser.lr, warmup, steps)), step
    (line,) = [message for message in caplog.messages if "goes on with" in message]
    assert re.search(
        r"schedule\.steps 12 instead of 9: after step 9 the learning rate follows the schedule of 12 steps, "
        r"[\d.e-]+ where that of 9 had 0$",
        line,
    )
    assert "schedule.steps 12 instead of 9" in (run / "model/README.md").read_text()
    assert read_metrics(run)[-1]["eval"] == again.held_out
    with pytest.raises(InputError, match="has done 12 steps already, and cannot end after 9"):
        pretrain("demo", corpus, run, settings=small, quiet=True)


def test_another_end_before_the_first_checkpoint_is_the_longer_run_to_the_bit(
    corpus: Path,
    tmp_path: Path,
    small: tuple[str, ...],
    stop_before: Callable[[int], AbstractContextManager[None]],
) -> None:
    with stop_before(3):
        pretrain("demo", corpus, tmp_path / "r", settings=small, quiet=True)
    longer = (*small, "schedule.steps=6")
    runs = [pretrain("demo", corpus, tmp_path / name, settings=longer, quiet=True) for name in ("r", "whole")]
    assert runs[0].held_out == runs[1].held_out
    assert len({weights_hash(load_model(tmp_path / name)) for name in ("r", "whole")}) == 1


def test_an_end_at_the_checkpoint_is_measured_and_finished(
    corpus: Path,
    tmp_path: Path,
    small: tuple[str, ...],
    stop_before: Callable[[int], AbstractContextManager[None]],
) -> None:
    with stop_before(6):
        pretrain("demo", corpus, tmp_path / "r", settings=small, quiet=True)
    run = pretrain("demo", corpus, tmp_path / "r", settings=(*small, "schedule.steps=4"), quiet=True)
    assert isinstance(run, Run) and run.steps == 4
    assert read_metrics(run.folder)[-1] == {"step": 4, "eval": run.held_out}
    assert weights_hash(load_model(run.model)) == weights_hash(
        load_model(run.folder / "checkpoints/00000004")
    )


@pytest.mark.parametrize("how", [{}, {"seeds": 2}, {"chain": True}])
def test_a_corpus_is_no_place_for_runs(corpus: Path, small: tuple[str, ...], how: dict[str, Any]) -> None:
    before = sorted(corpus.iterdir())
    with pytest.raises(InputError, match="is a corpus"):
        pretrain("demo", corpus, corpus, settings=small, quiet=True, **how)
    assert sorted(corpus.iterdir()) == before


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
    corpus: Path, tmp_path: Path, small_mvit: tuple[str, ...]
) -> None:
    run = pretrain(
        "demo",
        corpus,
        tmp_path / "r",
        settings=(*small_mvit, "schedule.steps=60", "schedule.checkpoint_every=60", "optimiser.lr=3e-3"),
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

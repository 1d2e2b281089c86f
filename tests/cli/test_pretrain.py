"""`lssd pretrain`: recipes printed, runs forecast, wrong requests refused before anything is trained."""

import sys
from pathlib import Path

import pytest

from lssd.corpus import IngestSettings
from lssd.corpus.ingest import ingest
from lssd.models import build_model, save_model
from lssd.pretraining import load_recipe


def test_it_prints_and_forecasts(lssd, refuse, tmp_path: Path, corpus: Path) -> None:
    code, out, _ = lssd("pretrain", "demo", "--print-recipe", "--set", "seed=5")
    assert code == 0
    assert "seed: 5" in out
    code, out, _ = lssd("pretrain", "demo", "--corpus", corpus, "--out", tmp_path / "r", "--dry-run")
    assert code == 0
    assert "14 of 5 titles, 12 with dubs" in out
    assert not (tmp_path / "r").exists()
    wrong = ("pretrain", "demo", "--print-recipe", "--set", "schedule.stepz=5")
    refuse(*wrong, naming=("schedule.stepz", "did you mean 'schedule.steps'"))
    refuse("pretrain", "nope", "--print-recipe", naming=("no recipe 'nope'", "demo"))
    both = ("--dry-run", "--push-to", "me/films")
    refuse("pretrain", "demo", "--corpus", corpus, *both, naming=("--push-to needs a run",))
    missing = ("--corpus", tmp_path / "no", "--out", tmp_path / "r")
    refuse("pretrain", "demo", *missing, naming=("no such file or folder",))
    refuse("pretrain", "demo", "--corpus", tmp_path, "--out", tmp_path / "r", naming=("not a corpus",))


def test_a_forecast_needs_no_held_out_title(lssd, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 4.0, 3.5), ("en", "de"))
    ingest([film], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    code, out, err = lssd("pretrain", "demo", "--corpus", tmp_path / "c", "--dry-run")
    assert code == 0
    assert "3 of 1 titles" in out and "warning" not in err


def test_a_recipe_of_the_paper_is_forecast_on_any_corpus(lssd, refuse, tmp_path: Path, make_film) -> None:
    film = make_film(tmp_path / "film.mkv", (4.0, 4.0, 3.5), ("en", "de"))
    ingest([film], tmp_path / "c", IngestSettings(workers=1), quiet=True)
    tiny = [f"{part}.dials={{depth: 1, stage_starts: [], width: 8}}" for part in ("video", "audio")]
    small = [word for setting in (*tiny, "views.frames=4", "views.size=32") for word in ("--set", setting)]
    code, out, err = lssd("pretrain", "paper/B.5", "--corpus", tmp_path / "c", "--dry-run", *small)
    assert code == 0 and "warning" not in err
    assert "2048 = 32 groups of 64" in out and "29880" in out and "3 of 1 titles" in out
    assert "cannot be trained: " in out and "3 usable clips" in out and "(32)" in out
    run = ("--corpus", tmp_path / "c", "--out", tmp_path / "r", *small)
    refuse("pretrain", "paper/B.3", *run, naming=("3 usable clips",))


def test_a_push_that_cannot_be_is_refused_before_training(
    refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corpus: Path
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    out = ("--corpus", corpus, "--out", tmp_path / "r", "--push-to", "me/films")
    refuse("pretrain", "demo", *out, naming=("pip install -c constraints.txt -e '.[hub]'",))
    assert not (tmp_path / "r").exists()


def test_several_seeds_are_printed_together(lssd, refuse, tmp_path: Path, corpus: Path, small) -> None:
    words = [word for setting in (*small, "schedule.steps=2") for word in ("--set", setting)]
    run = ("pretrain", "demo", "--corpus", corpus, "--out", tmp_path / "r", "--seeds", "2", *words)
    code, out, _ = lssd(*run)
    assert code == 0
    assert "recipe demo, seeds finished: 0, 1" in out and "Recall@1, both ways" in out
    assert "Held-out measures, over training seeds" in out and str(
        tmp_path / "r/seed-1/model"
    ) in out.replace("\n", "")
    again = lssd("inspect", tmp_path / "r")[1]
    assert again.splitlines()[1:] == out.splitlines()[3:]
    refuse(*run, "--push-to", "me/films", naming=("--push-to takes one model",))
    refuse(*run[:-2], "--set", "optimiser.lr=1", naming=("seed-0 holds a run of another recipe",))


def test_a_start_that_is_none_is_refused_in_one_line(
    refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corpus: Path
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.chdir(tmp_path)
    run = ("pretrain", "demo", "--corpus", corpus, "--out", tmp_path / "r", "--init")
    refuse(*run, "somebody/films", naming=("no model folder somebody/films here", ".[hub]"))
    refuse(*run, corpus, naming=(str(corpus), "neither a run", "nor a model"))
    refuse(*run, tmp_path / "no", naming=("nothing at", "hub id"))
    views = load_recipe("demo").views
    pictures = {"frames": views.frames, "size": views.size}
    settings = {"name": "frame_cnn", "dials": {"widths": [4, 8]}, "preprocessing": pictures}
    save_model(build_model(video=settings), tmp_path / "other")
    refuse(
        *run, tmp_path / "other", naming=("video.dials.widths is ", " in the recipe and [4, 8] in the init")
    )
    refuse("pretrain", "demo", "--print-recipe", "--set", "video.dials.head_width=3", naming=("head_width",))
    assert not (tmp_path / "r").exists()

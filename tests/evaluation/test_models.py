"""Tasks of pictures, and of sound and picture together."""

import csv
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lssd.embedding.embed import embed
from lssd.errors import InputError
from lssd.evaluation import Result
from lssd.evaluation.evaluate import evaluate as evaluate_with_twin
from lssd.evaluation.models import item_vectors, load_models_under_test
from lssd.evaluation.tasks import read_task
from lssd.media import SoundTrack, write_film
from lssd.models import Model, save_model

SPLITS = ("train", "valid", "test")
RATE = 16000


def evaluate(*arguments, random_init=False, **settings):
    """The results alone, without the twin's unless it is asked for; nothing may stay unjudged."""
    evaluation = evaluate_with_twin(*arguments, random_init=random_init, **settings)
    assert evaluation.unjudged == ()
    return list(evaluation.results)


def write_clip(path: Path, grey: int, hertz: float | None, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    frames = rng.integers(grey - 20, grey + 20, (12, 48, 64, 3)).astype(np.uint8)
    time_s = np.arange(RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * (hertz or 0.0) * time_s) + rng.normal(0, 0.01, RATE)
    track = SoundTrack(tone[None].astype(np.float32), RATE, None)
    write_film(path, frames, Fraction(12), [track] if hertz else [])


def write_films(root: Path, modality: str, sound_tells: bool) -> Path:
    """A task of dark and bright films. With sound, it is either high and low as they are, or the same."""
    folder = root / f"shades-{modality}"
    rows = []
    for split_number, split in enumerate(SPLITS):
        labels = {}
        for index in range(8):
            item, label = f"{split}-{index}.mp4", ("dark", "bright")[index % 2]
            hertz = {"dark": 300.0, "bright": 3000.0}[label] if sound_tells else 1000.0
            write_clip(
                folder / "films" / split / item,
                {"dark": 60, "bright": 190}[label] if not sound_tells else 120,
                None if modality == "picture" else hertz,
                100 * split_number + index,
            )
            labels[item] = [label]
            rows.append((item, f"{split}-film{index // 2}"))
        (folder / f"{split}.json").write_text(json.dumps(labels))
    described = {"task_name": folder.name, "split_mode": "trainvaltest", "modality": modality}
    (folder / "task_metadata.json").write_text(json.dumps(described))
    (folder / "labelvocabulary.csv").write_text("idx,label\n0,dark\n1,bright\n")
    with (folder / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("item", "group"), *rows])
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_films(tmp_path_factory.mktemp("pictures"), "picture", sound_tells=False)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return write_films(tmp_path_factory.mktemp("both"), "audiovisual", sound_tells=True)


@pytest.fixture
def video_calls(monkeypatch):
    """Grows by one at every run of a model over pictures."""
    seen = []
    real = Model.embed_video
    monkeypatch.setattr(Model, "embed_video", lambda *a, **k: seen.append(1) or real(*a, **k))
    return seen


def test_pictures_are_judged_by_the_picture_encoder(model, pictures, tmp_path, calls):
    (result,) = evaluate(model, [pictures], "", tmp_path / "out", name="tiny")
    assert result.modality == "picture" and result.n == 8 and result.primary.value == 1.0
    assert not calls, "nothing was listened to"
    deaf = type(model)(video=model.video)
    (again,) = evaluate(deaf, [pictures], "", tmp_path / "deaf", name="tiny")
    assert again.primary == result.primary
    assert Result.read(tmp_path / "out" / "shades-picture.hear-fixed.tiny.json") == result


@pytest.mark.slow
def test_sound_of_a_film_is_judged_beside_its_picture(model, both, tmp_path):
    task = read_task(both)
    vectors, failed = item_vectors(model, task)
    path = task.items[3].path
    sound = embed(model, [path]).vectors[0]
    picture = embed(model, [path], modality="video").vectors[0]
    # Batches of another make-up round differently.
    np.testing.assert_allclose(vectors[str(path)], [*sound, *picture, *(sound * picture)], atol=1e-5)
    assert len(vectors) == 24 and not failed
    (result,) = evaluate(model, [both], "", tmp_path / "out", name="tiny")
    assert result.modality == "audiovisual" and result.primary.value == 1.0
    assert "side by side, with their products" in result.embedding


def test_modality_is_part_of_what_is_kept(model, both, tmp_path, calls, video_calls):
    """One file, asked for by ear and by eye, must not be served from the other's embeddings."""
    task, cache = read_task(both), tmp_path / "cache"
    first, _ = item_vectors(model, task, cache)
    assert calls and video_calls
    calls.clear(), video_calls.clear()
    again, _ = item_vectors(model, task, cache)
    assert not calls and not video_calls
    assert all(np.array_equal(first[path], again[path]) for path in first)
    width = model.embedding_size
    assert all(np.abs(v[:width] - v[width : 2 * width]).max() > 1e-3 for v in first.values())


def test_a_film_that_cannot_be_read_is_left_out_once(model, both, tmp_path):
    broken = read_task(both).items[-1]
    before = broken.path.read_bytes()
    broken.path.write_bytes(b"no film")
    try:
        (result,) = evaluate(model, [both], "", tmp_path / "out", name="tiny")
    finally:
        broken.path.write_bytes(before)
    assert (result.missing, result.n) == (1, 7)
    assert sum(broken.name in note for note in result.notes) == 1


def test_a_missing_encoder_is_named_before_any_work(model, pictures, both, tones, tmp_path, calls):
    blind, deaf = type(model)(audio=model.audio), type(model)(video=model.video)
    for lacking, task, message in (
        (blind, pictures, "tiny has no video encoder, and the task shades-picture is picture"),
        (blind, both, "tiny has no video encoder, and the task shades-audiovisual is audiovisual"),
        (deaf, both, "tiny has no audio encoder, and the task shades-audiovisual is audiovisual"),
    ):
        with pytest.raises(InputError, match=message):
            first = [tones] if lacking is blind else []
            evaluate(lacking, [*first, task], "", tmp_path / "out", name="tiny")
    assert not calls and not (tmp_path / "out").exists()


def test_an_unknown_modality_and_a_folder_without_films_are_refused(pictures, tmp_path):
    lost = write_films(tmp_path, "picture", sound_tells=False)
    (lost / "films").rename(lost / "48000")
    with pytest.raises(InputError, match=r"holds no films; they lie in .*films/SPLIT"):
        read_task(lost)
    described = json.loads((lost / "task_metadata.json").read_text())
    (lost / "task_metadata.json").write_text(json.dumps(described | {"modality": "smell"}))
    with pytest.raises(
        InputError, match="modality 'smell' is not supported; audio, picture, audiovisual are"
    ):
        read_task(lost)


def test_a_folder_of_several_seeds_is_each_of_its_networks(tmp_path, new_model):
    for seed in (10, 2):
        run = tmp_path / "dubs" / f"seed-{seed}"
        save_model(new_model(seed), run / "model")
        (run / "recipe.yaml").write_text("name: x\n")
        (run / "finished.json").write_text("{}")
    found = load_models_under_test(tmp_path / "dubs", None, None, random_init=True)
    assert [one.reference.name for one in found] == [
        "dubs-seed-2",
        "random-init",
        "dubs-seed-10",
        "random-init",
    ]
    assert [(one.reference.arm, one.reference.training_seed) for one in found[::2]] == [
        ("dubs", 2),
        ("dubs", 10),
    ]
    assert [one.reference.untrained_sha256 for one in found[::2]] == [
        one.reference.weights_sha256 for one in found[1::2]
    ]
    assert found[1].reference.weights_sha256 != found[3].reference.weights_sha256
    (tmp_path / "dubs/seed-3").mkdir()
    (tmp_path / "dubs/seed-3/recipe.yaml").write_text("name: x\n")
    with pytest.raises(InputError, match="seed 3 is not finished"):
        load_models_under_test(tmp_path / "dubs", None, None, random_init=True)


def test_views_are_part_of_the_protocols_name(model, pictures, tmp_path):
    """Results of other views stand beside each other, and say how an item became a vector."""
    out = tmp_path / "out"
    judged = {
        views: evaluate(model, [pictures], "", out, name="tiny", protocol="knn", views=views)[0]
        for views in ("all", "1x3", "2")
    }
    assert [result.protocol for result in judged.values()] == ["knn", "knn-1x3", "knn-2"]
    assert [result.embedding for result in judged.values()] == [
        "windows of 3 s end to end, their mean",
        "the middle window of 3 s, 3 squares of each, their mean",
        "2 windows of 3 s spread evenly, their mean",
    ]
    assert all((out / f"shades-picture.{one.protocol}.tiny.json").is_file() for one in judged.values())
    assert all(one.primary.value == 1.0 for one in judged.values())
    with pytest.raises(InputError, match="views are windows"):
        evaluate(model, [pictures], "", out, name="tiny", views="5x2")

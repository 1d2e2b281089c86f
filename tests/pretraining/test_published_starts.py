"""Runs that start from published layouts: random weights through the converters, then trained.

What the owners' code answers to these weights is recorded (`tests/models/converters.json`), so the towers of
the first step are held against it without torchvision and without the authors' code.
"""

import copy
import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.models.test_converters import RECORDED, drawn, item
from torch import Tensor

from lssd.engine import Progress
from lssd.errors import CheckpointError
from lssd.models import Tower, convert, load_model
from lssd.pretraining import Run, load_recipe, loop
from lssd.pretraining import pretrain as room
from lssd.pretraining.loop import Training
from lssd.pretraining.metrics import read_metrics
from lssd.pretraining.network import Network
from lssd.pretraining.pretrain import pretrain
from lssd.pretraining.start import begin_with, load_start, take_up, with_preprocessing
from lssd.store import read_json

STEPS = 20
# Pictures as the recorded networks take them: 4 of 64 x 64.
SMALL = (
    "groups=1",
    "views.batch_size=2",
    "views.title_share=0.5",
    "views.frames=4",
    "views.size=64",
    "views.short_side=[64,72]",
    f"schedule={{steps: {STEPS}, warmup_steps: 2, checkpoint_every: {STEPS}, log_every: 1}}",
    "monitor.clips=0",
    "machine={workers: 0, threads: 1, device: cpu}",
)
SOUND = (
    "audio.dials={depth: 4, stage_starts: [1, 2, 3], patch_kernel: [1, 16, 16], patch_stride: [1, 16, 16], "
    "patch_padding: [0, 0, 0]}"
)
READ_OUT = "video.dials={class_token: true, readout: class}"
# The recorded case: its converter, the recipe, and what of the recipe changes.
CASES = {
    "authors S": ("authors", "released/B.5", ()),
    "torchvision mvit_v1_b": ("torchvision", "paper/B.3", ("video.name=mvit_v1_b", READ_OUT, SOUND)),
    "torchvision mvit_v2_s": ("torchvision", "paper/B.3", (READ_OUT, SOUND)),
}


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The model folder of a case, made once."""

    @cache
    def of(case: str) -> Path:
        place = tmp_path_factory.mktemp("converted")
        state = drawn(json.loads(RECORDED.read_text())["shapes"][case])
        torch.save(state, place / "weights.pth")
        convert(place / "weights.pth", CASES[case][0], place / "model")  # type: ignore[arg-type]
        return place / "model"

    return of


def _answer(tower: Tower, modality: str, case: str) -> np.ndarray:
    """The encoder's answer in float64 to the recorded input, as the peer's network takes it."""
    x = item(modality)
    if case == "authors S":  # their normalisation lies inside the network
        stem = tower.front.stem
        assert isinstance(stem.running_mean, Tensor) and isinstance(stem.running_var, Tensor)
        x = F.batch_norm(x, stem.running_mean.double(), stem.running_var.double())
    encoder = copy.deepcopy(tower.encoder).double().eval()
    with torch.no_grad():
        return np.asarray(encoder(x)[0])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_first_steps_towers_answer_as_their_owners_and_then_train(
    case: str,
    converted: Callable[[str], Path],
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, name, settings = CASES[case]
    answers = json.loads(RECORDED.read_text())["answers"][case]
    model = converted(case)
    checked = []

    def train(training: Training, progress: Progress) -> None:
        assert training.step == 0
        towers = {"video": training.network.video, "audio": training.network.audio}
        for modality, expected in answers.items():
            tower = towers[modality]
            assert tower is not None
            np.testing.assert_allclose(_answer(tower, modality, case), expected, rtol=0, atol=1e-6)
            checked.append(modality)
        loop.train(training, progress)

    monkeypatch.setattr(room, "train", train)
    run = pretrain(name, corpus, tmp_path / "r", settings=(*SMALL, *settings), init=model)
    assert isinstance(run, Run)
    assert sorted(checked) == sorted(answers)
    assert (run.steps, run.skipped) == (STEPS, 0)
    losses = [line["loss"] for line in read_metrics(run.folder) if "loss" in line]
    assert len(losses) == STEPS and all(map(math.isfinite, losses))
    start = read_json(run.folder / "environment.json")["start"]
    heads = ["the pictures' projection head", "the sounds' projection head"]
    assert start["new"] == (heads if case == "authors S" else ["the sound encoder", *heads])
    assert "starting from" in caplog.text
    before, after = load_model(model), load_model(run.model)
    assert before.video is not None and after.video is not None
    assert after.video.front.config.mean == before.video.front.config.mean
    moved = [
        not torch.equal(one, other)
        for one, other in zip(before.video.parameters(), after.video.parameters(), strict=True)
    ]
    assert np.mean(moved) > 0.9


@pytest.mark.parametrize("case", ["authors S", pytest.param("torchvision mvit_v2_s", marks=pytest.mark.slow)])
def test_raw_pictures_and_sound_pass_as_through_the_model(
    case: str, converted: Callable[[str], Path]
) -> None:
    _, name, settings = CASES[case]
    place = converted(case)
    recipe = load_recipe(name, (*SMALL, *settings))
    start = load_start(place, recipe)
    taken_up = take_up(recipe, start)
    network = Network.create(with_preprocessing(recipe, taken_up))
    begin_with(network, start, taken_up)
    source, found = load_model(place), network.to_model()
    frames = torch.from_numpy(np.random.RandomState(3).randint(0, 256, (1, 4, 3, 64, 64), dtype=np.uint8))
    assert torch.equal(found.embed_video(frames), source.embed_video(frames))
    if source.audio is not None:
        sound = torch.from_numpy(np.random.RandomState(4).randn(1, 1, 144_000).astype(np.float32)) * 0.1
        assert torch.equal(found.embed_audio(sound), source.embed_audio(sound))


def test_the_papers_network_is_another_than_the_released_one(converted: Callable[[str], Path]) -> None:
    recipe = load_recipe("paper/B.5", SMALL)
    with pytest.raises(CheckpointError, match=r"does not fit recipe paper/B\.5") as caught:
        take_up(recipe, load_start(converted("authors S"), recipe))
    for words in (
        "video.name is mvit_v2_s in the recipe and mvit_released_s in the init",
        "video.dials.patch_kernel is [3, 7, 7] in the recipe and [3, 9, 9] in the init",
        "video.dials.class_token is false in the recipe and true in the init",
    ):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)

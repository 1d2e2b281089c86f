"""A tiny model, sounds whose class can be heard, and planted results."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from lssd.models import Model, build_model

RATE = 16000


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_model(seed: int = 0, hop: int = 1000) -> Model:
    """Audio and video towers small enough for a test."""
    dials = {"width": 8, "depth": 1, "stage_starts": [], "drop_path": 0.0}
    sound = {"sample_rate": RATE, "n_fft": 512, "hop": hop, "mels": 16}
    audio = {"name": "mvit", "dials": dials | {"patch_kernel": [1, 4, 8], "patch_stride": [1, 4, 8]}}
    video = {"name": "mvit", "dials": dials, "preprocessing": {"frames": 4, "size": 32}}
    return build_model(audio=audio | {"preprocessing": sound}, video=video, seed=seed)


@pytest.fixture(scope="session")
def model() -> Model:
    return make_model()


@pytest.fixture
def new_model():
    """The function that makes such a model, of a seed and a spectrogram hop."""
    return make_model


def write_tone(path: Path, hertz: float, seconds: float, seed: int = 0, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.02, len(time_s))
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * hertz * time_s) + noise).astype(np.float32), rate)
    return path


def write_task(
    root: Path, name: str = "tones", splits=("train", "valid", "test"), per_split: int = 8, **metadata
) -> Path:
    """A task folder: low tones against high tones, 0.5 s each, four groups a split."""
    folder = root / name
    rows, classes = [], {"low": 300.0, "high": 3000.0}
    for number, split in enumerate(splits):
        labels = {}
        for index in range(per_split):
            label = list(classes)[index % 2]
            item = f"{split}-{index}.wav"
            write_tone(folder / "48000" / split / item, classes[label], 0.5, seed=100 * number + index)
            labels[item] = [label]
            rows.append((item, f"{split}-film{index // 2}"))
        (folder / f"{split}.json").write_text(json.dumps(labels))
    mode = "trainvaltest" if splits == ("train", "valid", "test") else "presplit_kfold"
    described = {
        "task_name": name,
        "version": "v1",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": mode,
        "splits": list(splits),
        "evaluation": ["top1_acc"],
        "sample_duration": 0.5,
    }
    (folder / "task_metadata.json").write_text(json.dumps(described | metadata))
    (folder / "labelvocabulary.csv").write_text("idx,label\n0,low\n1,high\n")
    with (folder / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("item", "group"), *rows])
    return folder


@pytest.fixture
def tones(tmp_path):
    return write_task(tmp_path / "tasks")


@pytest.fixture
def folds(tmp_path):
    return write_task(tmp_path / "tasks", "folds", ("fold00", "fold01", "fold02"), per_split=8)


@pytest.fixture
def calls(monkeypatch):
    """Grows by one at every run of a model over sound."""
    seen = []
    real = Model.embed_audio

    def counted(self, *args, **kwargs):
        seen.append(1)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Model, "embed_audio", counted)
    return seen

import numpy as np
import pytest
import torch

from lssd.models import Model, build_model


@pytest.fixture
def settings() -> dict[str, dict]:
    """Settings of a model that embeds in milliseconds, for `build_model(**settings)`; fresh each test."""
    common = {
        "depth": 2,
        "width": 8,
        "stage_starts": [1],
        "patch_padding": [0, 0, 0],
        "pool_kernel": [1, 3, 3],
        "kv_stride": 2,
    }
    audio = {**common, "patch_kernel": [1, 16, 32], "patch_stride": [1, 16, 32]}
    video = {**common, "patch_kernel": [2, 8, 8], "patch_stride": [2, 8, 8]}
    return {
        "audio": {"name": "mvit", "dials": audio},
        "video": {"name": "mvit", "dials": video, "preprocessing": {"frames": 4, "size": 32}},
    }


@pytest.fixture
def model(settings: dict[str, dict]) -> Model:
    """A tiny model whose stems have seen data, in evaluation mode."""
    model = build_model(**settings, seed=3)
    rng = np.random.RandomState(0)
    waveform = torch.from_numpy(rng.randn(2, 1, 144000).astype(np.float32)) * 0.1
    frames = torch.from_numpy(rng.randint(0, 256, (4, 4, 3, 32, 32), dtype=np.uint8))
    for front, data in ((model.audio.front, waveform), (model.video.front, frames)):
        front.stem.momentum = 1.0  # one pass sets the running statistics
        front(data)
    return model.eval()


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

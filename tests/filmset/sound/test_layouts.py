"""Layouts by measures of power and correlation."""

import numpy as np
import pytest
from scipy.signal import welch

from filmset.layouts import pan, position, spread

RATE = 48000


def sounds():
    rng = np.random.default_rng(3)
    t = np.arange(3 * RATE) / RATE
    brown = np.cumsum(rng.standard_normal(len(t)))
    clicks = np.where(rng.uniform(size=len(t)) < 2e-4, 1.0, 0.0)
    return {
        "white": rng.standard_normal(len(t)),
        "brown": brown - np.convolve(brown, np.ones(2001) / 2001, "same"),
        "hum": sum(np.sin(2 * np.pi * 52 * k * t + k) / k for k in range(1, 9)),
        "clicks": np.convolve(clicks, np.exp(-np.arange(400) / 60), "same"),
    }


ENDS = np.clip(np.minimum(np.arange(3 * RATE), np.arange(3 * RATE)[::-1]) / 4800, 0, 1)
SOUNDS = {name: (0.03 * ENDS * sound / sound.std()).astype(np.float32) for name, sound in sounds().items()}


def db(ratio) -> float:
    return float(10 * np.log10(ratio))


def power(sound_CS) -> np.ndarray:
    return np.square(sound_CS, dtype=np.float64).mean(axis=-1)


@pytest.mark.parametrize("channels", [2, 6])
@pytest.mark.parametrize("kind", SOUNDS)
def test_a_background_is_as_loud_in_every_layout_and_wide(kind, channels):
    mono = SOUNDS[kind]
    spread_CS = spread(mono, channels, RATE)
    assert spread_CS.shape == (channels, len(mono)) and spread_CS.dtype == np.float32
    main = np.delete(spread_CS, 3, axis=0) if channels == 6 else spread_CS
    assert abs(db(power(main).sum() / power(mono))) < 0.2
    assert all(abs(db(one * len(main) / power(mono))) < 0.3 for one in power(main))
    assert abs(np.corrcoef(spread_CS[0], spread_CS[1])[0, 1] - 0.4) < 0.05
    if channels == 6 and kind in ("white", "clicks"):  # a rumble is the same a little later
        between = np.corrcoef(main)
        assert np.abs(between[2:4, :2]).max() < 0.5 and np.abs(between[2, 3:]).max() < 0.5
    assert np.abs(spread_CS[:, [0, -1]]).max() == 0.0


@pytest.mark.parametrize("channels", [2, 6])
def test_every_channel_has_the_whole_spectrum(channels):
    mono = SOUNDS["white"]
    spread_CS = spread(mono, channels, RATE)
    hz, density = welch(spread_CS, RATE, nperseg=2048)
    _, wanted = welch(mono, RATE, nperseg=2048)
    for number, row in enumerate(density):
        level = 1 / 2 if channels == 2 else 1 / 5
        if number == 3:
            assert abs(db(row[hz < 80].sum() / (level * wanted[hz < 80].sum()))) < 1.0
            assert db(row[hz > 240].sum() / wanted[hz > 240].sum()) < -40
        else:
            bands = np.array_split(np.arange(8, len(hz)), 16)
            assert all(abs(db(row[b].sum() / (level * wanted[b].sum()))) < 0.5 for b in bands)


def test_mono_stays_as_it_is():
    np.testing.assert_array_equal(spread(SOUNDS["white"], 1, RATE), SOUNDS["white"][None])
    assert pan(0.7, 1).tolist() == [1.0]


@pytest.mark.parametrize("channels", [2, 6])
def test_panning_keeps_the_power(channels):
    gains = [pan(at, channels) for at in (-1, -0.3, 0, 0.6, 1)]
    powers = [float(np.sum(gain.astype(np.float64) ** 2)) for gain in gains]
    assert np.ptp(powers) < 1e-6 and 0.5 < powers[0] <= 1.0
    assert np.all(np.diff([gain[0] for gain in gains]) < 0)
    assert np.all(np.diff([gain[1] for gain in gains]) > 0)
    assert gains[2][0] == pytest.approx(gains[2][1])
    if channels == 6:
        assert all(gain[2] > 1.5 * gain[:2].max() and not gain[3:].any() for gain in gains)


@pytest.mark.parametrize("kind", SOUNDS)
@pytest.mark.parametrize("at", [-1.0, -0.5, 0.0, 1.0])
def test_the_mean_of_stereo_has_the_same_speech_over_background(kind, at):
    mono = SOUNDS[kind]
    voice = np.random.default_rng(8).standard_normal(len(mono)).astype(np.float32)
    over_mono = power(voice) / power(mono)
    stereo_voice, stereo = pan(at, 2)[:, None] * voice, spread(mono, 2, RATE)
    over_mean = power(stereo_voice.mean(axis=0)) / power(stereo.mean(axis=0))
    assert abs(db(over_mean / over_mono)) < 1.0


def test_positions():
    assert position((10, 0, 20, 0), 320) == -1.0
    assert position((10, 150, 20, 170), 320) == 0.0
    assert position((10, 310, 20, 330), 320) == 1.0
    assert position((10, 400, 20, 420), 320) == 1.0

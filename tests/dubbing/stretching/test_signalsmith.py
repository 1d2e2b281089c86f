"""Stretched sound: exact length, the same pitch, onsets where they belong."""

import numpy as np
import pytest
from scipy.signal import chirp, hilbert

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.stretching import BACKENDS, Signalsmith

pytest.importorskip("python_stretch")
RATE = 48_000
RATIOS = (0.8, 0.9, 1.1, 1.25)


def stretched(samples_S: np.ndarray, ratio: float) -> np.ndarray:
    return Signalsmith().stretch(samples_S.astype(np.float32), RATE, round(len(samples_S) * ratio))


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def cents(a: float, b: float) -> float:
    return abs(1200 * np.log2(a / b))


def frequency(samples_S: np.ndarray) -> float:
    """Of one tone: the mean slope of its phase, the edges left out."""
    phase_S = np.unwrap(np.angle(hilbert(samples_S)))[RATE // 10 : -RATE // 10]
    return float((phase_S[-1] - phase_S[0]) / (len(phase_S) - 1) * RATE / 2 / np.pi)


@pytest.mark.parametrize("length", (2, 40, 999, 12_345, 48_000))
@pytest.mark.parametrize("ratio", (0.26, 0.8, 0.999, 1.0001, 1.1, 1.25, 2.0, 4.0))
def test_length_is_exact(length: int, ratio: float) -> None:
    sound = np.random.default_rng(0).standard_normal(length).astype(np.float32) * 0.1
    goal = max(round(length * ratio), 1)
    result = Signalsmith().stretch(sound, RATE, goal)
    assert result.shape == (goal,) and result.dtype == np.float32 and np.isfinite(result).all()


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("hz", (110.0, 233.0, 1000.0, 5000.0))
def test_a_tone_keeps_its_pitch(hz: float, ratio: float) -> None:
    assert cents(frequency(stretched(tone(hz), ratio)), hz) < 5


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_sweep_keeps_its_pitch(ratio: float) -> None:
    """At each share of the sound, the frequency that the sweep has there."""
    seconds, low, high = 2.0, 200.0, 800.0
    times = np.arange(round(seconds * RATE)) / RATE
    result = stretched(0.4 * chirp(times, low, seconds, high), ratio)
    speed = np.diff(np.unwrap(np.angle(hilbert(result)))) * RATE / 2 / np.pi
    share = np.arange(len(speed)) / len(result)
    middle = (share > 0.1) & (share < 0.9)
    off = 1200 * np.log2(np.maximum(speed[middle], 1) / (low + (high - low) * share[middle]))
    assert np.median(np.abs(off)) < 5 and abs(np.median(off)) < 5


@pytest.mark.parametrize("ratio", RATIOS)
def test_speech_keeps_its_pitch_by_another_projects_tracker(ratio: float, spoken: np.ndarray) -> None:
    world = pytest.importorskip("pyworld")
    pitches = []
    for samples, step_ms in ((spoken, 5.0), (stretched(spoken, ratio), 5.0 * ratio)):
        f0_T, times_T = world.dio(samples.astype(float), RATE, frame_period=step_ms)
        pitches.append(world.stonemask(samples.astype(float), f0_T, times_T, RATE))
    count = min(map(len, pitches))
    before_T, after_T = (f0_T[:count] for f0_T in pitches)
    voiced_T = (before_T > 0) & (after_T > 0)
    assert voiced_T.sum() > 0.9 * (before_T > 0).sum()
    assert abs(1200 * np.median(np.log2(after_T[voiced_T] / before_T[voiced_T]))) < 5


@pytest.mark.parametrize("ratio", RATIOS)
def test_onsets_keep_their_place(ratio: float) -> None:
    generator = np.random.default_rng(1)
    sound, starts = np.zeros(2 * RATE), [9_000, 31_000, 52_000, 80_000]
    for start in starts:
        sound[start : start + 4_800] = generator.standard_normal(4_800) * 0.1
    level = np.sqrt(np.convolve(stretched(sound, ratio) ** 2, np.ones(48) / 48, "same"))
    for start in starts:
        expected = round(start * ratio)
        near = level[expected - 2_400 : expected + 2_400]
        assert abs(int(np.argmax(near > 0.05)) - 2_400) / RATE < 0.005


def test_the_end_is_there() -> None:
    result = stretched(tone(300.0), 1.2)
    assert np.sqrt(np.mean(result[-480:] ** 2)) > 0.1


def test_same_length_is_the_same_sound_and_results_repeat() -> None:
    sound = np.random.default_rng(2).standard_normal(RATE).astype(np.float32) * 0.1
    one = Signalsmith()
    assert np.array_equal(one.stretch(sound, RATE, RATE), sound)
    first = one.stretch(sound, RATE, 60_000)
    one.stretch(sound[:5000], RATE, 7_000)
    assert np.array_equal(first, one.stretch(sound, RATE, 60_000))
    assert np.array_equal(first, Signalsmith().stretch(sound, RATE, 60_000))


def test_silence_stays_silent() -> None:
    assert not stretched(np.zeros(RATE), 1.1).any()


@pytest.mark.parametrize(("shape", "length"), (((0,), 10), ((10,), 0), ((2, 10), 5), ((10,), 41), ((9,), 2)))
def test_impossible_requests_are_refused(shape: tuple[int, ...], length: int) -> None:
    with pytest.raises(BackendError):
        Signalsmith().stretch(np.zeros(shape, np.float32), RATE, length)


def test_the_declaration_is_true() -> None:
    assert list(BACKENDS) == [Signalsmith]
    assert not Signalsmith.declaration.missing()
    assert Signalsmith().weights_hash().startswith("python-stretch==")

"""Pitch beside known tones and another project's tracker."""

import numpy as np
import pytest

from lssd.dubbing.speaking import median_pitch

RATE = 22_050


def buzz(hz: float, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    """Twenty harmonics that fall off, as a voice has them."""
    times = np.arange(round(seconds * rate)) / rate
    parts = [np.sin(2 * np.pi * hz * k * times) / k for k in range(1, 21) if hz * k < rate / 2]
    return (0.1 * np.sum(parts, axis=0)).astype(np.float32)


@pytest.mark.parametrize("hz", (70.0, 110.0, 161.8, 233.1, 320.0, 440.0))
@pytest.mark.parametrize("rate", (16_000, 22_050, 48_000))
def test_known_pitch_is_found_within_ten_cents(hz: float, rate: int) -> None:
    found = median_pitch(buzz(hz, rate=rate), rate)
    assert found is not None and abs(1200 * np.log2(found / hz)) < 10


def test_a_weak_fundamental_is_no_octave_error() -> None:
    sound = buzz(150.0) - 0.099 * np.sin(2 * np.pi * 150 * np.arange(RATE // 2) / RATE).astype(np.float32)
    found = median_pitch(sound, RATE)
    assert found is not None and abs(1200 * np.log2(found / 150)) < 10


@pytest.mark.parametrize("kind", ("noise", "silence", "short", "empty"))
def test_without_a_voice_there_is_no_pitch(kind: str) -> None:
    sounds = {
        "noise": np.random.default_rng(0).standard_normal(RATE) * 0.1,
        "silence": np.zeros(RATE),
        "short": buzz(200.0, 0.02),
        "empty": np.zeros(0),
    }
    assert median_pitch(sounds[kind].astype(np.float32), RATE) is None


def test_quiet_stretches_do_not_count() -> None:
    both = np.concatenate([buzz(200.0, 0.4), 0.01 * buzz(100.0, 1.0)])
    found = median_pitch(both, RATE)
    assert found is not None and abs(found - 200) < 2


def test_speech_beside_world() -> None:
    world = pytest.importorskip("pyworld")
    pytest.importorskip("espeakng_loader")
    from lssd.speech import Synthesiser, voices

    with Synthesiser() as synthesiser:
        for voice in voices("it")[::17]:
            samples = synthesiser.speak("Domani andiamo tutti insieme al mare.", "it", voice)
            f0_T, times_T = world.dio(samples.astype(float), synthesiser.sample_rate)
            f0_T = world.stonemask(samples.astype(float), f0_T, times_T, synthesiser.sample_rate)
            theirs = float(np.median(f0_T[f0_T > 0]))
            ours = median_pitch(samples, synthesiser.sample_rate)
            assert ours is not None and abs(1200 * np.log2(ours / theirs)) < 100, voice.name

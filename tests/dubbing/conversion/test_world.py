"""WORLD conversion: pitch and timbre arrive, everything else stays."""

import numpy as np
import pytest

from lssd.dubbing.conversion import BACKENDS, SameVoice, World
from lssd.dubbing.declaration import BackendError
from lssd.dubbing.speaking import median_pitch

pytestmark = pytest.mark.slow

pytest.importorskip("pyworld")
librosa = pytest.importorskip("librosa")
RATE = 48_000


def timbre(samples: np.ndarray) -> np.ndarray:
    """Long-term mel spectrum in dB around its mean, by librosa: of loud frames, 100 Hz to 8 kHz."""
    mel = librosa.feature.melspectrogram(
        y=samples.astype(np.float32), sr=RATE, n_fft=2048, n_mels=24, fmin=100, fmax=8000
    )
    level = mel.sum(axis=0)
    band_db = 10 * np.log10(mel[:, level > level.max() / 1000].mean(axis=1) + 1e-12)
    return band_db - band_db.mean()


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((timbre(a) - timbre(b)) ** 2)))


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def test_the_voice_moves_to_the_speaker(man: np.ndarray, woman: np.ndarray) -> None:
    before, after = 0.0, 0.0
    for line, speaker in ((man, woman), (woman, man)):
        world = World()
        converted = world.convert(line, RATE, world.reference(speaker, RATE))
        goal, found = median_pitch(speaker, RATE), median_pitch(converted, RATE)
        assert goal is not None and found is not None and abs(1200 * np.log2(found / goal)) < 100
        before, after = before + distance(line, speaker), after + distance(converted, speaker)
    assert after < 0.85 * before


def test_length_level_and_range_stay(man: np.ndarray, woman: np.ndarray) -> None:
    world = World()
    reference = world.reference(woman, RATE)
    for length in (len(man), len(man) - 37, 24_000, 9_601):
        converted = world.convert(man[:length], RATE, reference)
        assert converted.shape == (length,) and converted.dtype == np.float32
        assert np.abs(converted).max() <= 0.991
    assert abs(20 * np.log10(rms(world.convert(man, RATE, reference)) / rms(man))) < 0.5
    loud = (man / np.abs(man).max()).astype(np.float32)
    assert np.abs(world.convert(loud, RATE, reference)).max() <= 0.991


def test_timing_stays(man: np.ndarray, woman: np.ndarray) -> None:
    """The energy's curves correlate best without a shift."""
    world = World()
    converted = world.convert(man, RATE, world.reference(woman, RATE))
    curves = [librosa.feature.rms(y=x, frame_length=960, hop_length=240)[0] for x in (man, converted)]
    a, b = (np.log(curve + 1e-4) - np.log(curve + 1e-4).mean() for curve in curves)
    scores = [float(np.dot(a[10:-10], np.roll(b, shift)[10:-10])) for shift in range(-8, 9)]
    assert abs(int(np.argmax(scores)) - 8) <= 1


def test_what_is_unvoiced_stays_the_lines_own(man: np.ndarray, woman: np.ndarray) -> None:
    noise = 0.05 * np.random.default_rng(0).standard_normal(RATE // 2).astype(np.float32)
    line = np.concatenate([noise, man]).astype(np.float32)
    world = World()
    converted = world.convert(line, RATE, world.reference(woman, RATE))[: RATE // 4]
    assert np.corrcoef(converted, line[: RATE // 4])[0, 1] > 0.9999


def test_without_voiced_speech_nothing_changes(man: np.ndarray, woman: np.ndarray) -> None:
    world = World()
    noise = 0.05 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    silence = np.zeros(RATE, np.float32)
    voice = world.reference(woman, RATE)
    assert np.allclose(world.convert(noise, RATE, voice), noise, atol=1e-6)
    assert not world.convert(silence, RATE, voice).any()
    assert np.allclose(world.convert(man, RATE, world.reference(silence, RATE)), man, atol=1e-6)


def test_results_repeat(man: np.ndarray, woman: np.ndarray) -> None:
    world = World()
    reference = world.reference(woman, RATE)
    first = world.convert(man, RATE, reference)
    world.convert(woman, RATE, reference)
    assert np.array_equal(first, World().convert(man, RATE, reference))


def test_changes_are_limited_by_the_dials(man: np.ndarray, woman: np.ndarray) -> None:
    world = World(World.Settings(most_octaves=0.25, most_db=3.0))
    reference = world.reference(woman, RATE)
    ours, found = median_pitch(man, RATE), median_pitch(world.convert(man, RATE, reference), RATE)
    assert ours is not None and found is not None and abs(np.log2(found / ours) - 0.25) < 0.06
    still = World(World.Settings(strength=0.0))
    same = still.convert(man, RATE, still.reference(woman, RATE))
    assert distance(same, man) < 1.5 and abs(np.log2(median_pitch(same, RATE) / ours)) < 0.03


def test_references_of_another_rate_serve_too(man: np.ndarray, woman: np.ndarray) -> None:
    world = World()
    low = librosa.resample(woman, orig_sr=RATE, target_sr=16_000)
    found = median_pitch(world.convert(man, RATE, world.reference(low, 16_000)), RATE)
    goal = median_pitch(woman, RATE)
    assert goal is not None and found is not None and abs(1200 * np.log2(found / goal)) < 100


def test_the_version_is_part_of_the_results_key() -> None:
    assert World().weights_hash().startswith("pyworld==0.")


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(BackendError, match="shape"):
        World().reference(np.zeros((2, 100), np.float32), RATE)


def test_no_conversion_is_a_copy(man: np.ndarray) -> None:
    same = SameVoice()
    result = same.convert(man, RATE, same.reference(man, RATE))
    assert np.array_equal(result, man) and result is not man
    assert BACKENDS[0] is World and SameVoice in BACKENDS

"""Rooms against what acoustics asks of them."""

import numpy as np
import pytest

from filmset.rooms import Room

RATE = 48000


def reverberation_s(impulse: np.ndarray) -> float:
    """RT60 by Schroeder's backward integration, from the decay between -5 and -25 dB after 40 ms."""
    energy = np.cumsum(np.square(impulse[round(0.04 * RATE) :].astype(np.float64))[::-1])[::-1]
    decay_db = 10 * np.log10(energy / energy[0])
    first, last = np.argmax(decay_db < -5), np.argmax(decay_db < -25)
    slope, _ = np.polyfit(np.arange(first, last) / RATE, decay_db[first:last], 1)
    return -60 / slope


@pytest.mark.parametrize("reverb_s", [0.25, 0.5, 1.0, 2.5, 5.0])
@pytest.mark.parametrize("seed", [1, 22, 333])
def test_sound_dies_away_as_long_as_asked(reverb_s, seed):
    assert reverberation_s(Room(seed, reverb_s, RATE).impulse) == pytest.approx(reverb_s, rel=0.15)


@pytest.mark.parametrize("reverb_s", [0.25, 1.0, 5.0])
def test_the_direct_sound_comes_first_and_stays_the_strongest(reverb_s):
    impulse = Room(4, reverb_s, RATE).impulse
    assert impulse[0] == 1.0
    assert not impulse[1 : round(0.004 * RATE)].any()
    early, late = impulse[1 : round(0.05 * RATE)], impulse[round(0.05 * RATE) :]
    assert np.abs(early).max() > 4 * np.abs(late).max()
    assert 0.05 < np.sum(impulse[1:].astype(np.float64) ** 2) < 0.35


def test_heard_is_the_convolution():
    room = Room(9, 0.4, RATE)
    dry = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    expected = np.convolve(dry.astype(np.float64), room.impulse)
    whole = room.reverberate(dry, 10**6)
    assert len(whole) == len(expected) == 5000 + len(room.impulse) - 1
    np.testing.assert_allclose(whole, expected, atol=2e-5)
    np.testing.assert_array_equal(room.reverberate(dry, 7000), whole[:7000])


def test_outdoors_nothing_is_added():
    dry = np.random.default_rng(0).standard_normal(500).astype(np.float32)
    heard = Room(9, 0.0, RATE).reverberate(dry, 10**6)
    np.testing.assert_array_equal(heard, dry)
    assert heard is not dry
    np.testing.assert_array_equal(Room(9, 0.0, RATE).reverberate(dry, 20), dry[:20])


def test_a_seed_is_a_room():
    np.testing.assert_array_equal(Room(3, 0.8, RATE).impulse, Room(3, 0.8, RATE).impulse)
    assert np.abs(Room(3, 0.8, RATE).impulse - Room(4, 0.8, RATE).impulse).max() > 0.05

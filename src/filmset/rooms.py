"""A room's reverberation: the direct sound, its first reflections and a tail that dies away."""

from functools import cached_property

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from filmset.synthesis import band, shaped_noise

_ROOM = 61  # purpose of a room's generator
_REFLECTIONS = 7
_EARLY_S = (0.004, 0.035)
_EARLY_SHARE = 0.4  # of the energy that the room adds


class Room:
    """The reverberation of one scene, generated from its seed.

    reverb_s: seconds in which the sound falls by 60 dB; 0 outdoors, where nothing is added.
    """

    def __init__(self, seed: int, reverb_s: float, sample_rate: int) -> None:
        self.seed, self.reverb_s, self.sample_rate = seed, reverb_s, sample_rate

    @cached_property
    def impulse(self) -> np.ndarray:
        """The impulse response: float32 (L,), its first sample the direct sound, 1."""
        length = max(1, round(self.reverb_s * self.sample_rate))
        impulse = np.zeros(length, dtype=np.float32)
        if length > round(_EARLY_S[1] * self.sample_rate):
            rng = np.random.default_rng([self.seed, _ROOM])
            added = 0.3 * self.reverb_s / (self.reverb_s + 0.8)  # energy, the direct sound having 1
            fall = np.float32(10.0) ** (-3 * np.arange(length, dtype=np.float32) / length)
            tail = fall * shaped_noise(rng, length, self.sample_rate, lambda hz: band(hz, 120, 5000, 0.7))
            onset = round(_EARLY_S[0] * self.sample_rate)
            tail[:onset] = 0.0
            early = np.zeros_like(fall)
            at = np.rint(rng.uniform(*_EARLY_S, _REFLECTIONS) * self.sample_rate).astype(int)
            strength = rng.uniform(0.5, 1.0, _REFLECTIONS) * rng.choice([-1.0, 1.0], _REFLECTIONS)
            np.add.at(early, at, strength * fall[at])
            impulse += _of_energy(tail, (1 - _EARLY_SHARE) * added)
            impulse += _of_energy(early, _EARLY_SHARE * added)
        impulse[0] = 1.0
        return impulse

    def reverberate(self, dry: np.ndarray, longest: int) -> np.ndarray:
        """A sound float32 (S,) with the room's reverberation and its tail, cut to `longest` samples."""
        impulse = self.impulse
        length = min(len(dry) + len(impulse) - 1, longest)
        if len(impulse) == 1:
            return dry[:length].astype(np.float32)
        size = next_fast_len(len(dry) + len(impulse) - 1, real=True)
        answer = rfft(dry.astype(np.float32, copy=False), n=size)
        answer *= rfft(impulse, n=size)
        return irfft(answer, n=size, overwrite_x=True)[:length]


def _of_energy(sound: np.ndarray, energy: float) -> np.ndarray:
    total = float(np.sum(np.square(sound, dtype=np.float64)))
    return sound * np.float32(np.sqrt(energy / max(total, 1e-12)))

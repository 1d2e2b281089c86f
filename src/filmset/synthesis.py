"""Tools to make sounds from nothing: shaped noise, struck and scattered events, envelopes.

Sounds are float32 (S,); `rate` is in Hz. All randomness comes from a generator that the caller gives.
"""

from collections.abc import Callable

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

CONTROL_HZ = 50  # envelopes are computed this often and interpolated


def rms(sound: np.ndarray) -> float:
    """The root of the mean square, above zero even for silence, so that one may divide by it."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) + 1e-12


def faded(sound: np.ndarray, sample_rate: int, seconds: float = 0.005) -> np.ndarray:
    """The sound with its ends ramped over `seconds`, in place, so that a cut does not click."""
    count = min(int(seconds * sample_rate), len(sound) // 2)
    if count:
        ramp = np.linspace(0, 1, count, dtype=np.float32)
        sound[:count] *= ramp
        sound[-count:] *= ramp[::-1]
    return sound


def tilt(hz: np.ndarray, db_an_octave: float) -> np.ndarray:
    """A gain that rises (or falls) by this much an octave, 1 at 1 kHz; below 30 Hz as at 30 Hz."""
    return (np.maximum(hz, 30.0) / 1000.0) ** (db_an_octave / 6.0206)


def band(hz: np.ndarray, low: float, high: float, order: float = 2.0) -> np.ndarray:
    """A smooth band pass: gain about 1 between `low` and `high` Hz, falling 6 dB * order an octave."""
    hz = np.maximum(hz, 1.0)
    return 1.0 / np.sqrt((1 + (low / hz) ** (2 * order)) * (1 + (hz / high) ** (2 * order)))


def shaped_noise(
    rng: np.random.Generator, samples: int, sample_rate: int, gain: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Gaussian noise with the amplitude spectrum `gain(hz)`, unit RMS, sampled in the spectrum."""
    size = next_fast_len(samples, real=True)
    hz = np.fft.rfftfreq(size, 1 / sample_rate).astype(np.float32)
    spectrum = rng.standard_normal((len(hz), 2), dtype=np.float32).view(np.complex64)[:, 0]
    noise = irfft(spectrum * gain(hz).astype(np.float32), n=size)[:samples]
    return noise / rms(noise)


def filtered(sound: np.ndarray, sample_rate: int, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A sound of the same length with its spectrum multiplied by `gain(hz)`: zero phase, circular."""
    size = next_fast_len(len(sound), real=True)
    hz = np.fft.rfftfreq(size, 1 / sample_rate).astype(np.float32)
    return irfft(rfft(sound.astype(np.float32), n=size) * gain(hz).astype(np.float32), n=size)[: len(sound)]


def envelope(samples: int, sample_rate: int, curve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`curve(seconds)` at every sample, interpolated from control points."""
    step = sample_rate // CONTROL_HZ
    knots = np.arange(0, samples + step, step)
    return np.interp(np.arange(samples), knots, curve(knots / sample_rate)).astype(np.float32)


def scatter(
    sound: np.ndarray,
    rng: np.random.Generator,
    sample_rate: int,
    a_second: float,
    make: Callable[[], np.ndarray],
) -> None:
    """Add `a_second` events a second at random times, each made anew."""
    for start in rng.integers(0, len(sound), rng.poisson(a_second * len(sound) / sample_rate)):
        add(sound, int(start), make())


def add(sound: np.ndarray, start: int, event: np.ndarray) -> None:
    """Add an event to a sound in place, from sample `start`; what lies outside the sound is left out."""
    first, last = max(0, start), min(len(sound), start + len(event))
    if last > first:
        sound[first:last] += event[first - start : last - start]


def ring(sample_rate: int, frequencies: np.ndarray, decay_s: float) -> np.ndarray:
    """A struck body: damped sines, peak about 1."""
    t = np.arange(int(5 * decay_s * sample_rate), dtype=np.float32) / sample_rate
    tones = np.sin(2 * np.pi * np.asarray(frequencies, dtype=np.float32)[:, None] * t).mean(0)
    return tones * np.exp(-t / decay_s)

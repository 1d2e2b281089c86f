"""Features of voices without a trained model: pitch and the shape of the mean spectrum.

Sounds are mono float32 (S,) at 16 kHz. T: frames of 32 ms every 10 ms; M: mel bands.
"""

from functools import cache

import numpy as np
from scipy.fft import dct, irfft, rfft

from lssd.dubbing.segmentation.mono import RATE

_FRAME, _HOP = 512, 160
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 420.0
_VOICED = 0.5  # of a frame's normalised autocorrelation at the pitch
_QUIET_DB = 30.0  # under the loud frames: not heard as the voice's
BANDS = 32
# Those below the fourth tell the room and the background from each other rather than the voices.
_FIRST, _LAST = 4, 14
SIZE = 1 + _LAST - _FIRST + 1


def describe(samples: np.ndarray) -> np.ndarray | None:
    """A line's voice (SIZE,): median of log2 pitch, and mean cepstra of the voiced frames.

    None where fewer than five frames are voiced: a whisper, a cough, nothing.
    """
    frames_TN = _frames(samples)
    if not len(frames_TN):
        return None
    power_T = np.mean(np.square(frames_TN, dtype=np.float64), axis=1)
    loud_T = power_T > np.quantile(power_T, 0.9) * 10 ** (-_QUIET_DB / 10) + 1e-10
    pitch_T, clear_T = pitches(frames_TN)
    voiced_T = loud_T & (clear_T > _VOICED)
    if voiced_T.sum() < 5:
        return None
    mean = cepstra(frames_TN[voiced_T]).mean(axis=0)
    return np.array([np.median(np.log2(pitch_T[voiced_T])), *mean])


def pitches(frames_TN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(pitch in Hz (T,), how periodic 0..1 (T,)) by the autocorrelation of windowed frames.

    Divided by the window's own, so that long lags are not disfavoured (Boersma, 1993, equation 9); of
    peaks almost as high the shortest lag wins, against octave errors.
    """
    window = np.hanning(_FRAME)
    size = 2 * _FRAME
    own = irfft(np.abs(rfft(window, size)) ** 2, size)[:_FRAME]
    centred = (frames_TN - frames_TN.mean(axis=1, keepdims=True)) * window
    correlation = irfft(np.abs(rfft(centred, size, axis=1)) ** 2, size, axis=1)[:, :_FRAME]
    correlation /= np.maximum(correlation[:, :1], 1e-12)
    first, last = int(RATE / _HIGHEST_HZ), int(RATE / _LOWEST_HZ)
    curve = correlation[:, first : last + 2] / (own[first : last + 2] / own[0])
    inner = curve[:, 1:-1]
    peak = (inner >= curve[:, :-2]) & (inner >= curve[:, 2:])
    height = np.where(peak, inner, 0.0)
    best = height.max(axis=1)
    place = np.argmax(height >= 0.9 * best[:, None], axis=1)
    return RATE / (first + 1 + place), np.clip(best, 0.0, 1.0)


def cepstra(frames_TN: np.ndarray) -> np.ndarray:
    """Mel cepstra 4 to 14 of frames: (T, 11)."""
    power = np.abs(rfft(frames_TN * np.hanning(_FRAME), axis=1)) ** 2
    bands_TM = power @ _mel_bands().T
    floor = 1e-4 * bands_TM.max(axis=1, keepdims=True) + 1e-12  # what lies 40 dB down is not the voice's
    return dct(np.log(np.maximum(bands_TM, floor)), norm="ortho", axis=1)[:, _FIRST : _LAST + 1]


def _frames(samples: np.ndarray) -> np.ndarray:
    if len(samples) < _FRAME:
        return np.zeros((0, _FRAME))
    return np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP].astype(np.float64)


@cache
def _mel_bands() -> np.ndarray:
    """Triangles (M, frequencies) from 100 Hz to 7 kHz, evenly on the mel scale."""
    low_mel, high_mel = 1127 * np.log1p(100.0 / 700), 1127 * np.log1p(7000.0 / 700)
    edges = np.linspace(low_mel, high_mel, BANDS + 2)
    edges_hz = 700 * np.expm1(edges / 1127)
    hz = np.linspace(0, RATE / 2, _FRAME // 2 + 1)
    low, middle, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    return np.clip(np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)), 0, None)

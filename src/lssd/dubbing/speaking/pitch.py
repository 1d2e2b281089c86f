"""The pitch of a voice."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from lssd.media import resample

_RATE = 16_000  # Hz at which periods are counted
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 500.0
_HOP_S, _WINDOW_S = 0.010, 0.025
_PERIODIC = 0.15  # the difference of a period to the next, at most
_QUIET = 0.05  # of the loudest frame's level: too quiet to count
_LEAST_FRAMES = 10  # voiced, or the pitch is not known
_CHUNK = 1024  # frames at once


def median_pitch(samples_S: np.ndarray, sample_rate: int) -> float | None:
    """The median fundamental frequency in Hz of speech float32 (S,), None where hardly any is voiced.

    YIN (de Cheveigné and Kawahara 2002, steps 1 to 5) at 16 kHz in frames of 25 ms every 10 ms.
    """
    sound = resample(np.asarray(samples_S, np.float32)[None], sample_rate, _RATE)[0].astype(np.float64)
    longest, size = int(_RATE / _LOWEST_HZ) + 2, round(_WINDOW_S * _RATE)
    if sound.size < longest + size:
        return None
    frames_TS = np.lib.stride_tricks.sliding_window_view(sound, longest + size)[:: round(_HOP_S * _RATE)]
    level_T = np.sqrt(np.mean(frames_TS[:, :size] ** 2, axis=1))
    frames_TS = frames_TS[level_T > max(_QUIET * level_T.max(), 1e-5)]
    chunks = (frames_TS[first : first + _CHUNK] for first in range(0, len(frames_TS), _CHUNK))
    periods_T = np.concatenate([np.zeros(0), *(_periods(chunk, size) for chunk in chunks)])
    voiced_T = periods_T[periods_T > 0]
    return float(_RATE / np.median(voiced_T)) if voiced_T.size >= _LEAST_FRAMES else None


def _periods(frames_TS: np.ndarray, size: int) -> np.ndarray:
    """Each frame's period in samples, to a fraction of one; 0 where it has none."""
    lags = frames_TS.shape[1] - size
    length = next_fast_len(frames_TS.shape[1], real=True)  # what wraps around lies beyond these lags
    product_TL = irfft(rfft(frames_TS, length) * rfft(frames_TS[:, :size], length).conj(), length)[:, :lags]
    sums_TS = np.pad(np.cumsum(frames_TS**2, axis=1), ((0, 0), (1, 0)))
    energy_TL = sums_TS[:, size : size + lags] - sums_TS[:, :lags]
    difference_TL = np.maximum(energy_TL[:, :1] + energy_TL - 2 * product_TL, 0)  # eq. 7
    lag_L = np.arange(1, lags)
    mean_TL = np.cumsum(difference_TL[:, 1:], axis=1) / lag_L
    relative_TL = np.pad(difference_TL[:, 1:] / np.maximum(mean_TL, 1e-12), ((0, 0), (1, 0)))  # eq. 8
    shortest = int(_RATE / _HIGHEST_HZ)
    centre_TL = relative_TL[:, shortest : lags - 1]
    is_dip_TL = (centre_TL <= relative_TL[:, shortest - 1 : lags - 2]) & (
        centre_TL <= relative_TL[:, shortest + 1 : lags]
    )
    good_TL = is_dip_TL & (centre_TL < _PERIODIC)
    first_T = shortest + good_TL.argmax(axis=1)
    rows = np.arange(len(frames_TS))
    before_T, at_T, after_T = (relative_TL[rows, first_T + step] for step in (-1, 0, 1))
    bend_T = np.maximum(before_T - 2 * at_T + after_T, 1e-12)
    return np.where(good_TL.any(axis=1), first_T + 0.5 * (before_T - after_T) / bend_T, 0.0)

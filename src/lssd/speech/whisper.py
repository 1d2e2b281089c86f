"""Turns speech into whisper.

The spectral envelope, which the vocal tract shapes, is kept; the excitation is replaced by noise.
"""

import numpy as np
from scipy.fft import irfft, rfft
from scipy.ndimage import maximum_filter1d, uniform_filter1d

_FRAME_S, _HOPS = 0.023, 4  # frames overlap four times
_QUEFRENCY_S = 0.0017  # finer detail of a spectrum than 1 / this is the voice's harmonics
_TILT_DB, _LOW_CUT_HZ = 3.0, 300.0  # whisper has little below its first formant
_SILENCE_DB = -32.0  # under what surrounds it


def whispered(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Speech float32 (S,) as a whisper of the same timbre, timing and length.

    The same samples give the same whisper.
    """
    size = 2 ** round(np.log2(_FRAME_S * sample_rate))
    hop = size // _HOPS
    window = np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)
    padded = np.pad(samples.astype(np.float32), (size, size + hop))
    noise = np.random.default_rng(1).standard_normal(len(padded), dtype=np.float32)
    shape_TF = _envelopes(_frames(padded, size, hop) * window, sample_rate)
    excitation_TF = rfft(_frames(noise, size, hop) * window)
    hz = np.fft.rfftfreq(size, 1 / sample_rate)
    colour_F = (hz.clip(100) / 1000) ** (_TILT_DB / 6.0206) / np.sqrt(1 + (_LOW_CUT_HZ / hz.clip(1)) ** 4)
    pieces_TS = irfft(excitation_TF * shape_TF * colour_F.astype(np.float32), n=size) * window
    sound = np.zeros(len(padded), dtype=np.float32)
    for part in range(_HOPS):  # frames of one part follow each other without a gap
        chosen = pieces_TS[part::_HOPS].reshape(-1)
        sound[part * hop : part * hop + len(chosen)] += chosen
    sound = sound[size : size + len(samples)]
    return sound * _gate(samples, sample_rate)


def _frames(sound: np.ndarray, size: int, hop: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(sound, size)[::hop]


def _envelopes(frames_TS: np.ndarray, sample_rate: int) -> np.ndarray:
    """Magnitude spectra (T, F) without their harmonics, by a cut in the cepstrum."""
    size = frames_TS.shape[1]
    spectrum_TF = np.log(np.abs(rfft(frames_TS)) + np.float32(1e-5))
    cepstrum_TS = irfft(spectrum_TF, n=size)
    keep = max(2, round(_QUEFRENCY_S * sample_rate))
    lifter = np.zeros(size, dtype=np.float32)
    lifter[:keep] = lifter[-keep + 1 :] = 1.0
    lifter[keep // 2 : keep] = np.linspace(1, 0, keep - keep // 2)
    lifter[-keep + 1 :] = lifter[1:keep][::-1]
    return np.exp(rfft(cepstrum_TS * lifter).real)


def _gate(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """0 where the speech is silent for some ms, which the frames would fill, 1 elsewhere."""
    size = np.abs(samples)
    near = maximum_filter1d(size, max(1, round(0.003 * sample_rate)))
    around = maximum_filter1d(size, max(1, round(0.040 * sample_rate)))
    depth_db = 20 * np.log10((near + 1e-7) / (around + 1e-6))
    is_open = np.clip((depth_db - _SILENCE_DB + 8.0) / 8.0, 0, 1) * np.clip(around / 1e-4, 0, 1)
    return uniform_filter1d(is_open, max(1, round(0.001 * sample_rate))).astype(np.float32)

"""Matches a new line's loudness and spectrum to the line that it replaces."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import minimum_filter1d
from scipy.signal import fftconvolve, get_window, lfilter, resample_poly, stft

from lssd.errors import ItemError, MissingExtraError, install_hint

_BLOCK_S, _STEP_S = 0.4, 0.1  # of BS.1770's gate
_SURROUND = 1.41  # weight of the channels at the sides
_WEIGHTS = {  # by number of channels, in FFmpeg's order; the effects channel of 5.1 does not count
    1: (1.0,),
    2: (1.0, 1.0),
    3: (1.0, 1.0, 1.0),
    5: (1.0, 1.0, 1.0, _SURROUND, _SURROUND),
    6: (1.0, 1.0, 1.0, 0.0, _SURROUND, _SURROUND),
}
_POINTS_A_OCTAVE = 12
_HALF_BAND = 2 ** (1 / 6)  # a third of an octave, from its middle to its edge
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 18_000.0
_SPEECH_HZ = (200.0, 4000.0)  # the level here is left to the loudness
_FRAME_S, _FILTER_S = 0.085, 0.040
_ACTIVE_DB, _FLOOR_DB = -30.0, -55.0  # under the loudest frame, under the loudest band
_SILENT_DB = -140.0  # of full scale
_AHEAD_S = 0.005  # by which a peak is seen coming
_MARGIN_DB = 0.05


@dataclass(frozen=True)
class MatchingSettings:
    """How much a line may be changed, and its highest true peak.

    equaliser_db: the most by which the spectrum changes at any frequency; gain_db: the most by which the
    level does; peak_dbtp: in dB of full scale.
    """

    equaliser_db: float = 12.0
    gain_db: float = 40.0
    peak_dbtp: float = -1.0


def loudness(samples_CS: np.ndarray, sample_rate: int) -> float:
    """Loudness in LUFS by ITU-R BS.1770-4, -inf for silence; channels 1, 2, 3, 5 or 6 in FFmpeg's order.

    From 0.4 s on it is gated, by pyloudnorm; a shorter sound has no block to gate and is measured whole.
    """
    if samples_CS.ndim != 2 or len(samples_CS) not in _WEIGHTS or not samples_CS.shape[1]:
        raise ItemError(
            f"cannot measure the loudness of samples {samples_CS.shape}; give 1, 2, 3, 5 or 6 rows"
        )
    weights = np.array(_WEIGHTS[len(samples_CS)])
    counted_CS = np.asarray(samples_CS[weights > 0], np.float64)
    block, step = math.ceil(_BLOCK_S * sample_rate), round(_STEP_S * sample_rate)
    if counted_CS.shape[1] < block:
        power_C = np.mean(k_weighted(counted_CS, sample_rate) ** 2, axis=1)
        power = float(weights[weights > 0] @ power_C)
        return -0.691 + 10 * float(np.log10(power)) if power > 0 else -np.inf
    try:
        import pyloudnorm
    except ImportError as error:
        raise MissingExtraError(f"matching loudness needs pyloudnorm: {install_hint('offline')}") from error
    # Its last block may reach beyond the end, which BS.1770 leaves out: whole blocks alone are given.
    whole = block + (counted_CS.shape[1] - block) // step * step
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the mean of no block, where all are gated away
        return float(pyloudnorm.Meter(sample_rate).integrated_loudness(counted_CS[:, :whole].T))


def k_weighted(samples_CS: np.ndarray, sample_rate: int) -> np.ndarray:
    """BS.1770's weighting (C, S): a high shelf of 4 dB, then a high pass.

    The recommendation tabulates the filters at 48 kHz; at any rate they are bilinear transforms of the
    analogue pair that gives its table there.
    """
    rise, corner = 3.999843853973347, np.tan(np.pi * 1681.974450955533 / sample_rate)
    quality, high = 0.7071752369554196, 10 ** (rise / 20)
    band = high**0.4996667741545416
    scale = 1 + corner / quality + corner**2
    shelf_b = np.array(
        [
            high + band * corner / quality + corner**2,
            2 * (corner**2 - high),
            high - band * corner / quality + corner**2,
        ]
    )
    shelf_a = np.array([scale, 2 * (corner**2 - 1), 1 - corner / quality + corner**2])
    low, quality = np.tan(np.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    scale_low = 1 + low / quality + low**2
    pass_a = np.array([1.0, 2 * (low**2 - 1) / scale_low, (1 - low / quality + low**2) / scale_low])
    shelved_CS = lfilter(shelf_b / scale, shelf_a / scale, samples_CS)
    return lfilter([1.0, -2.0, 1.0], pass_a, shelved_CS)


def true_peak(samples_CS: np.ndarray, sample_rate: int) -> float:
    """The highest peak of samples (C, S) in dBTP, four times oversampled (BS.1770-4, annex 2)."""
    peak = float(_peaks(np.asarray(samples_CS, np.float64)).max(initial=0.0))
    return 20 * float(np.log10(peak)) if peak > 0 else -np.inf


def equaliser(
    new_S: np.ndarray, reference_S: np.ndarray, sample_rate: int, most_db: float = 12.0
) -> np.ndarray:
    """A linear-phase filter (N,), N odd, that gives `new_S` the long-term spectrum of `reference_S`.

    Spectra are those of the loud frames, smoothed over thirds of an octave. Nothing changes by more than
    `most_db`, nor where either has hardly any energy; the level in the speech band stays.
    """
    hz_P = _LOWEST_HZ * 2 ** (
        np.arange(int(_POINTS_A_OCTAVE * np.log2(_HIGHEST_HZ / _LOWEST_HZ)) + 1) / _POINTS_A_OCTAVE
    )
    hz_P = hz_P[hz_P * _HALF_BAND < sample_rate / 2]
    new_P, reference_P = (_smooth_spectrum(x, sample_rate, hz_P) for x in (new_S, reference_S))
    taps = 2 * round(_FILTER_S * sample_rate / 2) + 1
    known_P = _has_energy(new_P) & _has_energy(reference_P)
    middle_P = known_P & (hz_P > _SPEECH_HZ[0]) & (hz_P < _SPEECH_HZ[1])
    change_P = np.zeros(hz_P.size)
    if middle_P.any():
        change_P = np.where(known_P, reference_P - new_P, 0.0)
        change_P = np.where(known_P, change_P - change_P[middle_P].mean(), 0.0)
    size = 8 * 2 ** int(np.ceil(np.log2(taps)))
    hz_F = np.linspace(0, sample_rate / 2, size // 2 + 1)
    change_F = np.interp(np.log2(np.maximum(hz_F, 1.0)), np.log2(hz_P), np.clip(change_P, -most_db, most_db))
    impulse = np.fft.irfft(10 ** (change_F / 20))
    return np.roll(impulse, taps // 2)[:taps] * get_window("hann", taps + 2, fftbins=False)[1:-1]


def match(
    samples_S: np.ndarray,
    sample_rate: int,
    original_S: np.ndarray,
    colour_S: np.ndarray | None = None,
    settings: MatchingSettings | None = None,
) -> np.ndarray:
    """A line float32 (S,) with the original's spectrum and loudness, and true peaks below the ceiling.

    `colour_S`: more of the same speaker, whose spectrum is then matched instead of the one line's.
    Peaks above the ceiling are turned down for some ms. A silent original gives silence.
    """
    settings = settings or MatchingSettings()
    samples_S = np.asarray(samples_S, np.float64)
    target = loudness(original_S[None], sample_rate)
    if not np.isfinite(target) or not samples_S.any():
        return np.zeros(samples_S.size, np.float32)
    colour_S = original_S if colour_S is None else colour_S
    fir = equaliser(samples_S, colour_S, sample_rate, settings.equaliser_db)
    matched_S = fftconvolve(samples_S, fir)[fir.size // 2 :][: samples_S.size]
    for _ in range(2):  # what the ceiling takes is given back once
        missing = target - loudness(matched_S[None], sample_rate)
        gain_db = (
            float(np.clip(missing, -settings.gain_db, settings.gain_db)) if np.isfinite(missing) else 0.0
        )
        matched_S = _limited(matched_S * 10 ** (gain_db / 20), sample_rate, settings.peak_dbtp)
    return matched_S.astype(np.float32)


def _smooth_spectrum(samples_S: np.ndarray, sample_rate: int, hz_P: np.ndarray) -> np.ndarray:
    """Mean power in dB in a third of an octave around each frequency, of the frames that are loud."""
    size = min(2 ** round(np.log2(_FRAME_S * sample_rate)), len(samples_S))
    hz_F, _, spectrum_FT = stft(samples_S, sample_rate, nperseg=size, padded=False, boundary=None)
    power_FT = np.abs(spectrum_FT) ** 2
    level_T = power_FT.sum(axis=0)
    power_F = power_FT[:, level_T >= level_T.max() * 10 ** (_ACTIVE_DB / 10)].mean(axis=1)
    total_F = np.concatenate([[0.0], np.cumsum(power_F)])
    # The integral over a band, by linear interpolation between bins: narrow bands have no gaps.
    edges_F = np.concatenate([[0.0], hz_F + hz_F[1] / 2])
    band_P = np.interp(hz_P * _HALF_BAND, edges_F, total_F) - np.interp(hz_P / _HALF_BAND, edges_F, total_F)
    return 10 * np.log10(np.maximum(band_P, 1e-20))


def _has_energy(level_P: np.ndarray) -> np.ndarray:
    """Where a spectrum in dB is far enough above silence to compare."""
    return level_P > max(level_P.max() + _FLOOR_DB, _SILENT_DB)


def _peaks(samples_CS: np.ndarray) -> np.ndarray:
    """The largest absolute value in the neighbourhood of each sample (S,), over channels."""
    fine_S = np.abs(resample_poly(samples_CS, 4, 1, axis=-1)).max(axis=0)
    return np.lib.stride_tricks.sliding_window_view(np.pad(fine_S, 2), 5)[::4].max(axis=1)


def _limited(samples_S: np.ndarray, sample_rate: int, ceiling_dbtp: float) -> np.ndarray:
    """Samples whose true peak lies below the ceiling: turned down smoothly around what is above it."""
    ceiling = 10 ** ((ceiling_dbtp - _MARGIN_DB) / 20)
    needed_S = ceiling / np.maximum(_peaks(samples_S[None]), ceiling)
    if needed_S.min(initial=1.0) >= 1:
        return samples_S
    reach = max(1, round(_AHEAD_S * sample_rate))
    lowest_S = minimum_filter1d(np.pad(needed_S, reach, constant_values=1.0), 2 * reach + 1)
    window = get_window("hann", 2 * reach + 3, fftbins=False)[1:-1]
    gain_S = fftconvolve(lowest_S, window / window.sum(), mode="valid")
    limited_S = samples_S * gain_S
    return limited_S * min(1.0, ceiling / max(float(_peaks(limited_S[None]).max()), ceiling))

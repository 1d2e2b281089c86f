"""The WORLD vocoder: pitch and timbre moved towards a speaker's by a few statistics, without training.

Speech is analysed into F0, spectral envelope and aperiodicity (Morise et al. 2016). Log F0 gets the
speaker's median and spread; the envelope is multiplied by the quotient of both mean envelopes, which is
smooth and limited. Only voiced speech passes through the vocoder: the rest stays the line's own samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter1d

from lssd.dubbing.conversion.converter import Converter, levelled
from lssd.dubbing.declaration import BackendError, Declaration
from lssd.errors import MissingExtraError, install_hint

_INSTALL = install_hint("offline")
_FRAME_S = 0.005
_BANDS_HZ = 700 * (10 ** (np.linspace(84.0, 3799.0, 64) / 2595) - 1)  # mel, 54 Hz to 19.6 kHz
_SMOOTH_BANDS = 1.0
_FLOOR_DB = -60.0  # under the loudest band: there is nothing to compare
_FADE_S = 0.005  # between voiced and other speech
_LEAST_FRAMES = 20  # voiced, to know a voice by


@dataclass(frozen=True)
class _Speech:
    """WORLD's analysis: F0 in Hz (T,), 0 unvoiced; power envelope and aperiodicity (T, F)."""

    f0_T: np.ndarray
    envelope_TF: np.ndarray
    aperiodicity_TF: np.ndarray


class World(Converter):
    """Voice conversion by `pyworld`."""

    declaration = Declaration(
        step="conversion",
        name="world",
        about="WORLD vocoder: the speaker's pitch, its spread, and mean spectral envelope",
        code_license="MIT",
        weights_license="none",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
        modules=("pyworld",),
        install=_INSTALL,
    )

    @dataclass(frozen=True)
    class Settings:
        """lowest_hz, highest_hz: where F0 is looked for. most_octaves: F0 moves by so much at most.

        most_db: the envelope changes by so much at most. strength: share of both changes, 0..1.
        """

        lowest_hz: float = 65.0
        highest_hz: float = 600.0
        most_octaves: float = 1.5
        most_db: float = 12.0
        strength: float = 1.0

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        try:
            import pyworld
        except ImportError as error:
            raise MissingExtraError(f"voice conversion by WORLD needs pyworld: {_INSTALL}") from error
        self._world = pyworld

    def weights_hash(self) -> str:
        return f"pyworld=={self._world.__version__}"

    def reference(self, samples_S: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
        """log2_f0: median and spread (octaves); bands_db: mean envelope; voiced_s.

        BackendError where there is no sample.
        """
        return self._summary(self._analysed(samples_S, sample_rate), sample_rate)

    def convert(
        self, samples_S: np.ndarray, sample_rate: int, reference: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """The converted line; unchanged where too little of it, or of the reference, is voiced."""
        samples_S = np.asarray(samples_S, np.float32)
        speech = self._analysed(samples_S, sample_rate)
        least = _LEAST_FRAMES * _FRAME_S
        ours = self._summary(speech, sample_rate)
        if ours["voiced_s"] < least or reference["voiced_s"] < least:
            return levelled(samples_S, samples_S)
        is_voiced_T = speech.f0_T > 0
        spoken_S = self._world.synthesize(
            np.where(is_voiced_T, self._pitch(speech.f0_T, ours["log2_f0"], reference["log2_f0"]), 0.0),
            speech.envelope_TF * self._timbre(ours["bands_db"], reference["bands_db"], speech, sample_rate),
            speech.aperiodicity_TF,
            sample_rate,
            1000 * _FRAME_S,
        )
        spoken_S = np.pad(spoken_S, (0, max(0, samples_S.size - spoken_S.size)))[: samples_S.size]
        share_S = _voiced_share(is_voiced_T, samples_S.size, sample_rate)
        spoken_S = levelled(spoken_S * share_S, samples_S * share_S)
        return levelled(spoken_S + samples_S * (1 - share_S), samples_S)

    def _analysed(self, samples_S: np.ndarray, sample_rate: int) -> _Speech:
        sound_S = np.ascontiguousarray(samples_S, np.float64)
        if sound_S.ndim != 1 or not sound_S.size:
            raise BackendError(f"cannot convert sound of shape {sound_S.shape}; it must be (S,)")
        settings, world = self.settings, self._world
        rough_T, times_T = world.dio(
            sound_S,
            sample_rate,
            f0_floor=settings.lowest_hz,
            f0_ceil=settings.highest_hz,
            frame_period=1000 * _FRAME_S,
        )
        f0_T = world.stonemask(sound_S, rough_T, times_T, sample_rate)
        envelope_TF = world.cheaptrick(sound_S, f0_T, times_T, sample_rate, f0_floor=settings.lowest_hz)
        aperiodicity_TF = world.d4c(
            sound_S, f0_T, times_T, sample_rate, fft_size=2 * (envelope_TF.shape[1] - 1)
        )
        return _Speech(f0_T, envelope_TF, aperiodicity_TF)

    def _summary(self, speech: _Speech, sample_rate: int) -> dict[str, np.ndarray]:
        is_voiced_T = speech.f0_T > 0
        voiced_s = np.array(np.count_nonzero(is_voiced_T) * _FRAME_S)
        if not is_voiced_T.any():
            return {
                "log2_f0": np.zeros(2),
                "bands_db": np.full(_BANDS_HZ.size, _FLOOR_DB),
                "voiced_s": voiced_s,
            }
        log2_T = np.log2(speech.f0_T[is_voiced_T])
        median = np.median(log2_T)
        spread = 1.4826 * np.median(np.abs(log2_T - median))  # the standard deviation of most of them
        return {
            "log2_f0": np.array([median, spread]),
            "bands_db": _bands_db(speech.envelope_TF[is_voiced_T], sample_rate),
            "voiced_s": voiced_s,
        }

    def _pitch(self, f0_T: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        settings = self.settings
        move = np.clip(theirs[0] - ours[0], -settings.most_octaves, settings.most_octaves)
        widen = np.clip(theirs[1] / max(ours[1], 0.02), 0.5, 2.0) ** settings.strength
        log2_T = np.log2(np.maximum(f0_T, settings.lowest_hz))
        away_T = np.clip((log2_T - ours[0]) * widen, -1.0, 1.0)
        return 2 ** (ours[0] + settings.strength * move + away_T)

    def _timbre(
        self, ours_B: np.ndarray, theirs_B: np.ndarray, speech: _Speech, sample_rate: int
    ) -> np.ndarray:
        """Factors of the power envelope (F,)."""
        known_B = (ours_B > _FLOOR_DB) & (theirs_B > _FLOOR_DB)
        change_B = np.where(known_B, theirs_B - ours_B, 0.0)
        change_B = gaussian_filter1d(change_B - change_B[known_B].mean(), _SMOOTH_BANDS, mode="nearest")
        share_B = gaussian_filter1d(known_B.astype(float), _SMOOTH_BANDS, mode="nearest")
        most = self.settings.most_db
        change_B = np.clip(self.settings.strength * change_B * share_B, -most, most)
        hz_F = np.linspace(0, sample_rate / 2, speech.envelope_TF.shape[1])
        return 10 ** (np.interp(hz_F, _BANDS_HZ, change_B) / 10)


def _bands_db(envelope_TF: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean power at the bands in dB under the loudest band; the floor beyond what the rate holds."""
    hz_F = np.linspace(0, sample_rate / 2, envelope_TF.shape[1])
    mean_F = 10 * np.log10(np.maximum(envelope_TF.mean(axis=0), 1e-16))
    bands_db = np.interp(_BANDS_HZ, hz_F, mean_F)
    bands_db[np.searchsorted(_BANDS_HZ, 0.45 * sample_rate) :] = -np.inf
    return np.maximum(bands_db - bands_db.max(), _FLOOR_DB)


def _voiced_share(is_voiced_T: np.ndarray, length: int, sample_rate: int) -> np.ndarray:
    """1 in voiced speech, 0 elsewhere, with short fades outwards (S,)."""
    times_T = np.arange(is_voiced_T.size) * _FRAME_S * sample_rate
    wide_T = binary_dilation(is_voiced_T, iterations=max(1, round(_FADE_S / _FRAME_S)))
    return np.interp(np.arange(length), times_T, wide_T.astype(float))

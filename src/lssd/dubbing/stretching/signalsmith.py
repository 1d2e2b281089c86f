"""Signalsmith Stretch: a phase vocoder that keeps each peak's phases together (MIT)."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.stretching.stretcher import Stretcher
from lssd.errors import MissingExtraError, install_hint

_INSTALL = install_hint("offline")
_FARTHEST = 4  # times as long or short
_EDGE_S = 0.12  # silence at both ends: the library's own block, which it needs whole


class Signalsmith(Stretcher):
    """The `python-stretch` package."""

    declaration = Declaration(
        step="stretching",
        name="signalsmith",
        about="Signalsmith Stretch through python-stretch: pitch and onsets stay",
        code_license="MIT",
        weights_license="none",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
        modules=("python_stretch",),
        install=_INSTALL,
    )

    @dataclass(frozen=True)
    class Settings:
        """seed: of the phases that the library draws where a stretch is large."""

        seed: int = 1

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        try:
            import python_stretch
        except ImportError as error:
            raise MissingExtraError(f"stretching needs python-stretch: {_INSTALL}") from error
        self._library = python_stretch.Signalsmith

    def weights_hash(self) -> str:
        return f"python-stretch=={version('python-stretch')}"

    def stretch(self, samples_S: np.ndarray, sample_rate: int, length: int) -> np.ndarray:
        samples_S = np.asarray(samples_S, dtype=np.float32)
        if samples_S.ndim != 1 or not samples_S.size or length <= 0:
            raise BackendError(f"cannot stretch sound of shape {samples_S.shape} to {length} samples")
        if length == samples_S.size:
            return samples_S.copy()
        if not 1 / _FARTHEST <= length / samples_S.size <= _FARTHEST:
            raise BackendError(
                f"cannot stretch {samples_S.size} samples to {length}: beyond {_FARTHEST} times"
            )
        # Edges of whole samples on both sides of the ratio, so that the sound's start lies on a sample.
        edge_out = max(round(_EDGE_S * sample_rate * max(1.0, length / samples_S.size)), 1)
        edge_in = round(edge_out * samples_S.size / length)
        padded_S = np.pad(samples_S, edge_in)
        total = length + 2 * edge_out
        machine = self._library.Stretch(self.settings.seed)
        machine.preset(1, sample_rate)
        machine.setTimeFactor(padded_S.size / (total + 0.5))  # it rounds the length down
        stretched_S = np.asarray(machine.process(padded_S[None]))[0]
        return np.ascontiguousarray(stretched_S[edge_out : edge_out + length], dtype=np.float32)

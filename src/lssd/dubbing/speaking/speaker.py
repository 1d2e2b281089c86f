"""The interface of speech synthesis backends, and what they share."""

import hashlib
from abc import ABC, abstractmethod

import numpy as np

from lssd.dubbing.declaration import Backend
from lssd.dubbing.lines import VoiceChoice

_FLOOR = 0.01  # of the peak: less than this is silence


class Speaker(Backend, ABC):
    """Speaks lines of text."""

    @abstractmethod
    def speak(
        self, text: str, language: str, voice: VoiceChoice, seconds: float, line: str = ""
    ) -> tuple[np.ndarray, int]:
        """A line as float32 samples (S,) in [-1, 1], without silence at its ends, and their rate in Hz.

        `seconds` is the time to fill: a backend that can vary its pace comes as near as sounds natural;
        0 leaves the pace alone. `line` is the line's id, for speech that was recorded before. The same
        arguments give the same samples. BackendError where the line cannot be spoken.
        """


def pace_for(natural_s: float, seconds: float, slowest: float, fastest: float) -> float:
    """The pace, as a multiple of the natural one, at which a line fills `seconds`, within the limits."""
    return 1.0 if seconds <= 0 else min(max(natural_s / seconds, slowest), fastest)


def trimmed(samples_S: np.ndarray) -> np.ndarray:
    """Samples without the silence at both ends; empty where all is silent."""
    size_S = np.abs(samples_S)
    loud = np.flatnonzero(size_S > _FLOOR * size_S.max(initial=0.0))
    return samples_S[loud[0] : loud[-1] + 1] if loud.size else samples_S[:0]


def choice_by_key(key: str, count: int) -> int:
    """A number in 0..count-1 by the hash of the key, so that the same key always gives the same."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count

"""What every speaker does."""

import hashlib
from abc import ABC, abstractmethod

import numpy as np

from lssd.dubbing.declaration import Backend
from lssd.dubbing.lines import VoiceChoice

_FLOOR = 0.01  # of the peak: less than this is silence


class Speaker(Backend, ABC):
    """Speaks lines."""

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
    """How many times as fast as it comes naturally a line is to be spoken to fill `seconds`."""
    return 1.0 if seconds <= 0 else min(max(natural_s / seconds, slowest), fastest)


def trimmed(samples_S: np.ndarray) -> np.ndarray:
    """Without the silence before and after; what has no sound comes back empty."""
    size_S = np.abs(samples_S)
    loud = np.flatnonzero(size_S > _FLOOR * size_S.max(initial=0.0))
    return samples_S[loud[0] : loud[-1] + 1] if loud.size else samples_S[:0]


def draw(key: str, count: int) -> int:
    """A number below `count` that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count

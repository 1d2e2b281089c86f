"""The result of speech synthesis: samples, and words with their times."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Word:
    """One spoken word: its text as written, and when it is heard, in seconds from the first sample.

    clear: whether its onset shows in the sound's energy. Where it does not, since the word follows the
    last one without a pause, the start is the one that the synthesiser reports.
    """

    text: str
    start_s: float
    end_s: float
    clear: bool = False


@dataclass(frozen=True)
class Utterance:
    """A spoken line: float32 mono samples in [-1, 1] of shape (S,), their rate in Hz, and its words.

    In languages written without spaces a "word" is a phrase.
    """

    samples: np.ndarray
    sample_rate: int
    words: tuple[Word, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds, pauses at the ends included."""
        return len(self.samples) / self.sample_rate

    def trimmed(self, floor: float = 0.01) -> "Utterance":
        """Without the silence before and after: what stays below `floor` times the peak is silence.

        Word times move along. An utterance without sound comes back empty.
        """
        loud = np.flatnonzero(np.abs(self.samples) > floor * np.abs(self.samples).max(initial=0.0))
        first, last = (int(loud[0]), int(loud[-1]) + 1) if loud.size else (0, 0)
        length_s = (last - first) / self.sample_rate
        moved = (
            replace(
                word,
                start_s=float(np.clip(word.start_s - first / self.sample_rate, 0.0, length_s)),
                end_s=float(np.clip(word.end_s - first / self.sample_rate, 0.0, length_s)),
            )
            for word in self.words
        )
        return Utterance(self.samples[first:last], self.sample_rate, tuple(moved))

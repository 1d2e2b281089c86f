"""What dialogue needs of speech, whoever speaks: sentences that mean the same, and takes of them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from filmset.settings import SAMPLE_RATE
from lssd.speech import Voice, Word


@dataclass(frozen=True)
class Sentence:
    """One thing to say, in all languages at once.

    key: names the meaning: two sentences of one key are the same. spoken, written: by language, what
    the voice is given and what a subtitle shows (they differ in Japanese: kana and kanji). keywords:
    the concepts of KEYWORDS that it names. question: whether it asks.
    """

    key: str
    spoken: dict[str, str]
    written: dict[str, str]
    keywords: tuple[str, ...]
    question: bool


@dataclass(frozen=True)
class Take:
    """A sentence as spoken: float32 (S,) at 48 kHz in [-1, 1], no silence at the ends, and its words.

    A word's start is where its energy sets in, its end where the next word's does or its own fades.
    """

    samples: np.ndarray
    words: tuple[Word, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE


class SpeechSource(Protocol):
    """Who can speak what: the synthesiser with the grammar, or a folder of recordings."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that can be spoken."""

    def voices(self, language: str, held_out: bool) -> list[Voice]:
        """Voices of a language for titles of this split; the two splits share none where there are enough."""

    def exchange(self, rng: np.random.Generator, held_out: bool, turns: int) -> list[Sentence]:
        """Sentences of a conversation, to be spoken in turn; the two splits share none."""

    def say(
        self, sentence: Sentence, language: str, voice: Voice, style: str, seconds: float | None = None
    ) -> Take:
        """A take of a sentence in a style of STYLES, the same for the same arguments.

        seconds: a length to fit, as near as speaking 0.8 to 1.25 times as fast allows.
        """

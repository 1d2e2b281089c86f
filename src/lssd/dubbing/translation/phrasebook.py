"""Sentences of the right length that are no translation, but speech in another language."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from math import ceil
from typing import ClassVar

from lssd.dubbing.declaration import Backend, BackendError, Declaration
from lssd.dubbing.lines import Request, Translation
from lssd.dubbing.translation.timing import LANGUAGES, seconds_to_say
from lssd.errors import InputError
from lssd.store import digest, hash_json

_NOTE = "not a translation"
_PART_S = 5.5  # of a line that no phrase is near to, each part lasts at most so long


@dataclass(frozen=True)
class _Phrase:
    seconds: float
    text: str


class Phrasebook(Backend):
    """Everyday sentences in seven languages, from one syllable to eight seconds, chosen by length.

    Contrastive pretraining needs no more: the same scene with other words.
    """

    declaration: ClassVar[Declaration] = Declaration(
        step="translation",
        name="phrasebook",
        about="other words of fitting length; not a translation",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=None,
        languages=LANGUAGES,
        device="cpu",
        version=1,
    )

    @dataclass(frozen=True)
    class Settings:
        """near: phrases within this share of the best length count as equally long. least_s: or this close.

        pause_s: between phrases that are joined.
        """

        near: float = 0.06
        least_s: float = 0.06
        pause_s: float = 0.41

        def __post_init__(self) -> None:
            if not 0 <= self.near < 0.5 or self.least_s < 0 or self.pause_s < 0:
                raise InputError("phrasebook: near lies in 0..0.5, least_s and pause_s are not negative")

    def weights_hash(self) -> str:
        return hash_json({language: phrases(language) for language in sorted(LANGUAGES)})

    def translate(self, lines: Sequence[Request], source: str, target: str) -> list[Translation]:
        """A phrase or several for every line, whose estimated time is near the line's seconds.

        The lines of one title are given together: no phrase of a length is used twice before all others of
        that length are. The lines' keys decide the order. BackendError for a target without phrases.
        """
        book = _Book(phrases(target), target, self.settings)
        return [Translation(book.choose(line), False, _NOTE) for line in lines]


def phrases(language: str) -> list[str]:
    """The phrases of a language, as they are read out (Japanese in kana). BackendError where it has none."""
    if language not in LANGUAGES:
        known = ", ".join(sorted(LANGUAGES))
        raise BackendError(f"the phrasebook has no {language}; it has {known}. Other translators may")
    file = resources.files("lssd.dubbing") / "phrases" / f"{language}.txt"
    return file.read_text(encoding="utf-8").splitlines()


class _Book:
    """The phrases of one language, and how often each has been used."""

    def __init__(self, texts: list[str], language: str, settings: Phrasebook.Settings) -> None:
        self.settings = settings
        self.phrases = sorted(
            (_Phrase(seconds_to_say(text, language), text) for text in texts),
            key=lambda phrase: (phrase.seconds, phrase.text),
        )
        self.used: Counter[_Phrase] = Counter()

    def choose(self, line: Request) -> str:
        """One phrase where one fits, else several that share the time evenly."""
        pause_s = self.settings.pause_s
        count = max(1, ceil((line.seconds + pause_s) / (_PART_S + pause_s)))
        if abs(self._best(line.seconds) / line.seconds - 1) <= self.settings.near:
            count = 1
        left_s = line.seconds - (count - 1) * pause_s
        chosen: list[_Phrase] = []
        for number in range(count):
            chosen.append(self._nearest(left_s / (count - number), f"{line.key}/{number}"))
            left_s -= chosen[-1].seconds
        return " ".join(phrase.text for phrase in chosen)

    def _nearest(self, seconds: float, key: str) -> _Phrase:
        """One of the least used phrases of about that length, by the key."""
        best_s = self._best(seconds)
        reach_s = abs(best_s - seconds) + max(self.settings.least_s, self.settings.near * best_s)
        near = [phrase for phrase in self.phrases if abs(phrase.seconds - seconds) <= reach_s]
        rarest = min(self.used[phrase] for phrase in near)
        chosen = min(
            (phrase for phrase in near if self.used[phrase] == rarest),
            key=lambda phrase: digest([key.encode(), b"\0", phrase.text.encode()]),
        )
        self.used[chosen] += 1
        return chosen

    def _best(self, seconds: float) -> float:
        """Seconds of the phrase that is nearest to so many."""
        place = bisect_left(self.phrases, seconds, key=lambda phrase: phrase.seconds)
        beside = self.phrases[max(0, place - 1) : place + 1]
        return min((phrase.seconds for phrase in beside), key=lambda length: abs(length - seconds))

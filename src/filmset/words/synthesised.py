"""Speech by the synthesiser: any sentence of the grammar, in any language, voice and style."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np

from filmset.settings import LANGUAGES
from filmset.words.grammar import sample_exchange
from filmset.words.protocol import Sentence, Take
from filmset.words.takes import FASTEST, SLOWEST, TakeStore, take_of
from filmset.words.timbres import voices_for
from lssd.errors import InputError
from lssd.speech import Synthesiser, Utterance, Voice

_CLOSE = 0.02  # a length this near to the wanted one is not corrected
_CORRECTIONS = 2


class SynthesisedSpeech:
    """A `SpeechSource` by espeak-ng, whose process it owns: use it as a context manager.

    languages: of LANGUAGES. InputError for another one; MissingExtraError without espeak-ng.
    """

    def __init__(self, languages: Sequence[str] = LANGUAGES) -> None:
        unknown = [language for language in languages if language not in LANGUAGES]
        if unknown:
            raise InputError(
                f"no dialogue is written in {', '.join(unknown)}; choose of {', '.join(LANGUAGES)}"
            )
        self._languages = tuple(languages)
        self._takes = TakeStore()
        self._synthesiser = Synthesiser()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._synthesiser.close()

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that can be spoken."""
        return self._languages

    def voices(self, language: str, held_out: bool) -> list[Voice]:
        """Voices of a language; those of held-out titles have timbres that no other title has."""
        return voices_for(language, held_out)

    def exchange(self, rng: np.random.Generator, held_out: bool, turns: int) -> list[Sentence]:
        """See `grammar.sample_exchange`."""
        return sample_exchange(rng, held_out, turns)

    def say(
        self, sentence: Sentence, language: str, voice: Voice, style: str, seconds: float | None = None
    ) -> Take:
        """A take of a sentence, spoken 0.8 to 1.25 times as fast as the style asks for to last `seconds`.

        Takes follow from text, language, voice, style and seconds alone. Their samples are read-only.
        InputError for a language the sentence lacks, an unknown style, or a length that is not positive.
        """
        if language not in sentence.spoken:
            raise InputError(f"sentence {sentence.key} is not written in {language}")
        if seconds is not None and not seconds > 0:
            raise InputError(f"a take must last longer than 0 s, not {seconds:g}")
        text = sentence.spoken[language]
        key = (text, language, voice, style, seconds)
        return self._takes.get(key, lambda: self._fitted(text, language, voice, style, seconds))

    def _fitted(self, text: str, language: str, voice: Voice, style: str, seconds: float | None) -> Take:
        """The take whose length is nearest to the wanted one among those tried."""
        pace = 1.0
        best = self._spoken(text, language, voice, style, pace)
        if seconds is None:
            return take_of(best)
        latest = best
        for _ in range(_CORRECTIONS):
            wanted = float(np.clip(pace * latest.duration_s / seconds, SLOWEST, FASTEST))
            if abs(best.duration_s - seconds) <= _CLOSE * seconds or abs(wanted - pace) < 0.005:
                break
            pace = wanted
            latest = self._spoken(text, language, voice, style, pace)
            if abs(latest.duration_s - seconds) < abs(best.duration_s - seconds):
                best = latest
        return take_of(best)

    def _spoken(self, text: str, language: str, voice: Voice, style: str, pace: float) -> Utterance:
        return self._synthesiser.utter(text, language, voice, style, pace).trimmed()

"""Exchanges: short conversations with slots, in all languages at once, from the files in `texts`.

A slot is {category}, or {category:function}, see `lexicon.Value.form`; a digit after the category makes
another slot of the same category. A slot keeps its value through all turns of an exchange, and no two slots
have the same value. Korean particles are written with both forms (을/를), Japanese as [kanji|kana] with
spaces between phrases. Remarks are written likewise, without slots; every fourth is kept for held-out titles.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from filmset.settings import LANGUAGES
from filmset.words import languages
from filmset.words.lexicon import KEYWORDS, Value, values
from filmset.words.protocol import Sentence
from filmset.words.text_files import Texts, read_exchanges, read_remarks

_SLOT = re.compile(r"(?:(?P<before>[^\W\d_]+) )?\{(?P<name>[a-z]+\d?)(?::(?P<function>[a-z.]+))?\}")
_HELD_OUT_REMARKS = 4  # every fourth
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Turn:
    """One sentence of an exchange with its slots; key: of the exchange and the turn."""

    key: str
    texts: Texts

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of its slots, in the English order."""
        return tuple(dict.fromkeys(found["name"] for found in _SLOT.finditer(self.texts["en"])))

    def sentence(self, filled: Mapping[str, Value]) -> Sentence:
        """The turn with its slots filled."""
        spoken, written = {}, {}
        for language in LANGUAGES:
            text = _fill(language, self.texts[language], filled)
            spoken[language], written[language] = languages.finished(language, text)
        names = [filled[slot].name for slot in self.slots]
        said = set(_WORD.findall(spoken["en"].lower()))
        return Sentence(
            key=":".join([self.key, ",".join(names)]) if names else self.key,
            spoken=spoken,
            written=written,
            keywords=tuple(word for word in KEYWORDS if word in said),
            question=spoken["en"].endswith("?"),
        )


@dataclass(frozen=True)
class Exchange:
    """Turns that follow each other."""

    name: str
    turns: tuple[Turn, ...]

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of all slots, as they first occur."""
        return tuple(dict.fromkeys(slot for turn in self.turns for slot in turn.slots))

    def open_to(self, slot: str, taken: Iterable[Value] = ()) -> list[Value]:
        """Values for a slot: none that a turn names anyway, none like those already taken."""
        closed = {value.name for value in taken}
        for turn in self.turns:
            closed.update(_WORD.findall(_SLOT.sub("", turn.texts["en"]).lower()))
        return [value for value in values(category(slot)) if value.name not in closed]

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence that it can yield, turn by turn."""
        for turn in self.turns:
            for filled in self._fillings(turn.slots, {}):
                yield turn.sentence(filled)

    def _fillings(self, slots: tuple[str, ...], filled: dict[str, Value]) -> Iterator[dict[str, Value]]:
        if len(filled) == len(slots):
            yield filled
            return
        slot = slots[len(filled)]
        for value in self.open_to(slot, filled.values()):
            yield from self._fillings(slots, {**filled, slot: value})


def category(slot: str) -> str:
    """The category of a slot: its name without a digit."""
    return slot.rstrip("0123456789")


def _fill(language: str, text: str, filled: Mapping[str, Value]) -> str:
    def fill(found: re.Match[str]) -> str:
        form = filled[found["name"]].form(language, found["function"] or "")
        before = found["before"]
        return languages.contracted(language, before, form) if before else form

    return _SLOT.sub(fill, text)


@cache
def exchanges(held_out: bool) -> tuple[Exchange, ...]:
    """The exchanges of held-out titles, or of all others."""
    return tuple(
        Exchange(name, tuple(Turn(f"{name}.{number}", texts) for number, texts in enumerate(turns, 1)))
        for name, turns in read_exchanges("held_out" if held_out else "training").items()
    )


@cache
def statements(held_out: bool) -> tuple[Sentence, ...]:
    """Sentences without slots that open a conversation."""
    return _remarks("statement", held_out)


@cache
def replies(held_out: bool) -> tuple[Sentence, ...]:
    """Sentences without slots that may follow any other."""
    return _remarks("reply", held_out)


def _remarks(kind: str, held_out: bool) -> tuple[Sentence, ...]:
    return tuple(
        Turn(f"{kind}.{number}", texts).sentence({})
        for number, texts in enumerate(read_remarks()[kind])
        if (number % _HELD_OUT_REMARKS == _HELD_OUT_REMARKS - 1) == held_out
    )

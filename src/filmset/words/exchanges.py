"""Exchanges: short conversations with slots, in all languages, read from the tables in `texts`.

An exchange begins with `# name`; its turns are blocks of one line a language, divided by a blank line.
A slot is {category}, or {category:function}, see `lexicon.Value.form`; a digit after the category makes
another slot of the same category. Slots of one name have one value in all turns, and no two slots the
same. Korean particles are written 을/를, Japanese [kanji|kana] with spaces between phrases.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from filmset.settings import LANGUAGES
from filmset.words import languages
from filmset.words.lexicon import KEYWORDS, Value, by_language, values
from filmset.words.protocol import Sentence
from filmset.words.texts import journeys, objects, people, remarks

_SLOT = re.compile(r"(?:(?P<before>[^\W\d_]+) )?\{(?P<name>[a-z]+\d?)(?::(?P<function>[a-z.]+))?\}")
_HELD_OUT_REMARKS = 4  # every fourth
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Turn:
    """One sentence of an exchange with its slots; key: of the exchange and the turn."""

    key: str
    texts: dict[str, str]

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
        return Sentence(
            key=":".join([self.key, ",".join(names)]) if names else self.key,
            spoken=spoken,
            written=written,
            keywords=_keywords(spoken["en"]),
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


def _keywords(english: str) -> tuple[str, ...]:
    words = set(_WORD.findall(english.lower()))
    return tuple(word for word in KEYWORDS if word in words)


def _parse(table: str) -> list[Exchange]:
    exchanges = []
    for block in table.strip().split("# ")[1:]:
        name, _, rest = block.partition("\n")
        turns = []
        for number, lines in enumerate(rest.strip().split("\n\n"), 1):
            texts = dict(line.split(" ", 1) for line in lines.splitlines())
            turns.append(Turn(f"{name}.{number}", {language: texts[language] for language in LANGUAGES}))
        exchanges.append(Exchange(name, tuple(turns)))
    return exchanges


@cache
def exchanges(held_out: bool) -> tuple[Exchange, ...]:
    """The exchanges of held-out titles, or of all others."""
    tables = [module.HELD_OUT if held_out else module.EXCHANGES for module in (objects, journeys, people)]
    return tuple(exchange for table in tables for exchange in _parse(table))


@cache
def statements(held_out: bool) -> tuple[Sentence, ...]:
    """Sentences without slots that open a conversation."""
    return _remarks("statement", remarks.STATEMENTS, held_out)


@cache
def replies(held_out: bool) -> tuple[Sentence, ...]:
    """Sentences without slots that may follow any other."""
    return _remarks("reply", remarks.REPLIES, held_out)


def _remarks(kind: str, table: str, held_out: bool) -> tuple[Sentence, ...]:
    rows = enumerate(table.strip().splitlines())
    return tuple(
        Turn(f"{kind}.{number}", by_language(row)).sentence({})
        for number, row in rows
        if (number % _HELD_OUT_REMARKS == _HELD_OUT_REMARKS - 1) == held_out
    )

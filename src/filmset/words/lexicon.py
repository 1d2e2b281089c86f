"""Values of slots: each knows its form in every language for every function that a sentence has for it."""

import re
from dataclasses import dataclass
from functools import cache

from filmset.settings import LANGUAGES
from filmset.words import languages
from filmset.words.texts import slots

KEYWORDS = (
    *("key", "letter", "money", "phone", "photo", "bridge"),
    *("station", "hospital", "doctor", "mother", "train", "car"),
)
_DIVIDER = re.compile(r"\|(?![^\[\]]*\])")
_NOUNS = ("object", "furniture", "ride", "thing")


@dataclass(frozen=True)
class Value:
    """What may fill a slot. name: of the concept; texts: as the tables have it, by language."""

    name: str
    category: str
    texts: dict[str, str]

    def form(self, language: str, function: str) -> str:
        """Its text in a function: "" or "acc", "dat", "a", "a.acc" (with an article), "at", "to"."""
        text = self.texts[language]
        if self.category == "place":
            noun, at, to = (form.strip() for form in (text.split(";") if ";" in text else 3 * [text]))
            return {"at": at, "to": to}.get(function, languages.in_case(language, noun, function))
        article, _, case = function.partition(".")
        if article == "a":
            return languages.indefinite(language, text, case)
        if self.category in _NOUNS:
            text = languages.definite(language, text)
        return languages.in_case(language, text, function)

    def word(self, language: str) -> str:
        """The word alone, without article, for a list of words."""
        return languages.bare_noun(language, self.texts[language].partition(";")[0].strip())


def _cells(row: str) -> list[str]:
    """The cells of a table's row; "|" inside of [kanji|kana] divides none."""
    return [cell.strip() for cell in _DIVIDER.split(row)]


def by_language(row: str) -> dict[str, str]:
    """A row of seven cells as a dict by language."""
    return dict(zip(LANGUAGES, _cells(row), strict=True))


@cache
def values(category: str) -> tuple[Value, ...]:
    """All values of a category, such as "object" or "past"; "thing" is every object, and money."""
    names = ("OBJECT", "SUBSTANCE") if category == "thing" else (category.upper(),)
    rows = [row for name in names for row in getattr(slots, name).strip().splitlines()]
    found = []
    for row in rows:
        name, _, texts = row.partition("|")
        found.append(Value(name.strip(), category, by_language(texts)))
    return tuple(found)


@cache
def keyword_values() -> dict[str, Value]:
    """The value that each keyword is, in the order of KEYWORDS."""
    known = {
        value.name: value for category in ("thing", "place", "who", "ride") for value in values(category)
    }
    known["car"] = Value("car", "ride", by_language(slots.CAR))
    return {name: known[name] for name in KEYWORDS}

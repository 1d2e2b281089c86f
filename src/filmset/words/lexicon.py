"""Values of slots: each knows its form in every language for every function that a sentence has for it.

How `texts/values.tsv` writes them: nouns (object, substance, furniture, ride, keyword) with the article that
shows their gender, indefinite in Spanish, French and Italian, definite in German; a substance is not counted,
so only its definite form is used. Places as `noun; at it; to it` where a language needs all three. Colours as
said of a car: masculine in Spanish, feminine in French and Italian, neuter in German. Food as an unspecified
amount. Japanese as [kanji|kana]. Everything else as it is said. No slot holds a `keyword`; it is said alone.
"""

from dataclasses import dataclass
from functools import cache

from filmset.words import languages
from filmset.words.text_files import read_values

KEYWORDS = (
    *("key", "letter", "money", "phone", "photo", "bridge"),
    *("station", "hospital", "doctor", "mother", "train", "car"),
)
_NOUNS = ("object", "furniture", "ride", "thing")


@dataclass(frozen=True)
class Value:
    """What may fill a slot. name: of the concept; texts: as the table has it, by language."""

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


@cache
def values(category: str) -> tuple[Value, ...]:
    """All values of a category, such as "object" or "past"; "thing" is every object, and money."""
    tables = ("object", "substance") if category == "thing" else (category,)
    return tuple(
        Value(name, category, texts) for table in tables for name, texts in read_values()[table].items()
    )


@cache
def keyword_values() -> dict[str, Value]:
    """The value that each keyword is, in the order of KEYWORDS."""
    categories = ("thing", "place", "who", "ride", "keyword")
    known = {value.name: value for category in categories for value in values(category)}
    return {name: known[name] for name in KEYWORDS}

"""What each language asks of a noun or a sentence: articles, cases, contractions, particles, capitals."""

import re

_DEFINITE = {
    "es": {"un": "el", "una": "la"},
    "fr": {"un": "le", "une": "la"},
    "it": {"un": "il", "uno": "lo", "una": "la"},
}
_ACCUSATIVE = {"der": "den", "ein": "einen", "mein": "meinen", "dein": "deinen"}
_DATIVE = {
    "der": "dem",
    "die": "der",
    "das": "dem",
    "mein": "meinem",
    "meine": "meiner",
    "dein": "deinem",
    "deine": "deiner",
}
_INDEFINITE = {
    "": {"der": "ein", "die": "eine", "das": "ein"},
    "acc": {"der": "einen", "die": "eine", "das": "ein"},
    "dat": {"der": "einem", "die": "einer", "das": "einem"},
}
_CONTRACTIONS = {
    "es": {("de", "el "): "del ", ("a", "el "): "al "},
    "fr": {("de", "le "): "du ", ("à", "le "): "au "},
    "it": {
        (preposition, article): stem + ending
        for preposition, stem in (("di", "de"), ("a", "a"), ("da", "da"), ("in", "ne"), ("su", "su"))
        for article, ending in (("il ", "l "), ("lo ", "llo "), ("la ", "lla "), ("l'", "ll'"))
    },
    "de": {("von", "dem "): "vom "},
}
_FURIGANA = re.compile(r"\[([^|\]]+)\|([^\]]+)\]")
# Korean endings that go by the sound before them: after a consonant, after a vowel.
_PARTICLE = re.compile(
    "([가-힣])(?:(은)/(는)|(이)/(가)|(을)/(를)|(과)/(와)|(이야)/(야)|(이나)/(나)|(이라면)/(라면)|(이겠지)/(겠지))"
)
_SENTENCE_START = re.compile(r"(^|[.?!]\s+)([¿¡]?)(\w)")


def definite(language: str, noun: str) -> str:
    """A noun with its definite article, given as the tables have it: "una llave" becomes "la llave"."""
    if language == "en":
        return noun if noun.startswith("the ") else "the " + noun.partition(" ")[2]
    if language not in _DEFINITE:
        return noun
    article, _, bare = noun.replace("un'", "una ").partition(" ")
    if language in ("fr", "it") and bare[0] in "aeiouéèêhAEIOU":
        return "l'" + bare
    return f"{_DEFINITE[language][article]} {bare}"


def indefinite(language: str, noun: str, case: str) -> str:
    """A noun with its indefinite article: "der Brief" in the accusative ("acc") becomes "einen Brief"."""
    if language != "de":
        return noun
    article, _, bare = noun.partition(" ")
    return f"{_INDEFINITE[case][article]} {bare}"


def in_case(language: str, noun: str, case: str) -> str:
    """A German noun with its determiner in the accusative ("acc") or dative ("dat"); others as they are."""
    table = {"acc": _ACCUSATIVE, "dat": _DATIVE}.get(case)
    if language != "de" or table is None:
        return noun
    article, gap, bare = noun.partition(" ")
    return table.get(article, article) + gap + bare


def bare_noun(language: str, noun: str) -> str:
    """A noun of the tables without its article or possessive."""
    return noun if language in ("ja", "ko") else noun.rpartition(" ")[2].removeprefix("l'")


def contracted(language: str, preposition: str, phrase: str) -> str:
    """A preposition and what follows, as one word where the language asks for it: "de el" becomes "del"."""
    for (word, article), joined in _CONTRACTIONS.get(language, {}).items():
        if preposition == word and phrase.startswith(article):
            return joined + phrase[len(article) :]
    return f"{preposition} {phrase}"


def finished(language: str, text: str) -> tuple[str, str]:
    """(spoken, written) of a sentence whose slots are filled."""
    if language == "ja":
        spoken = _FURIGANA.sub(r"\2", text)
        return spoken, _FURIGANA.sub(r"\1", text).replace(" ", "")
    if language == "ko":
        text = _PARTICLE.sub(_with_particle, text)
    else:
        text = _SENTENCE_START.sub(lambda found: found[1] + found[2] + found[3].upper(), text)
    return text, text


def _with_particle(found: re.Match[str]) -> str:
    """The first of two forms after a syllable with a final consonant, the second after one without."""
    closed = (ord(found[1]) - 0xAC00) % 28 != 0
    after_consonant, after_vowel = (form for form in found.groups()[1:] if form)
    return found[1] + (after_consonant if closed else after_vowel)

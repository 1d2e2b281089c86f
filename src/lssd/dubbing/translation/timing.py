"""Estimates how long a text takes to say from its vowels and consonants, before it is spoken."""

import re
import unicodedata

from lssd.dubbing.declaration import BackendError

# Seconds a vowel (group), a consonant, a pause within, and an offset: least squares over espeak-ng's voices
# saying the phrases of this package. `python benchmarks/phrases.py` prints fit and error anew.
_PACE: dict[str, tuple[float, float, float, float]] = {
    "de": (0.083, 0.057, 0.378, 0.143),
    "en": (0.074, 0.068, 0.431, 0.189),
    "es": (0.084, 0.056, 0.424, 0.118),
    "fr": (0.111, 0.032, 0.371, 0.119),
    "it": (0.078, 0.060, 0.409, 0.113),
    "ja": (0.118, 0.048, 0.403, 0.109),
    "ko": (0.155, 0.064, 0.471, 0.136),
}
LANGUAGES = frozenset(_PACE)
_PAUSE = re.compile(r"[,;:.!?…、。，？！](?=\s*\S)")
_SMALL_KANA = frozenset("ゃゅょぁぃぅぇぉァィゥェォャュョ")  # part of the mora before
_MORAE_A_KANJI = 2
# What is written and not said.
_MUTE = {
    "en": re.compile(r"(?<=[^aeiouy])e\b|(?<=[^aeiouytd])ed\b|gh|(?<=[^aeiouyszxc])es\b"),
    "fr": re.compile(r"(?<=\w\w)(?:es?|(?<=[^m])ent)\b|(?<=[aeiouéèêâîôû])[tdspxz]+\b|(?<=[qg])u"),
    "es": re.compile(r"h|(?<=q)u|(?<=g)u(?=[eié])"),
    "it": re.compile(r"h|(?<=[cg])i(?=[aou])"),
    "de": re.compile(r"(?<=[aeiouäöü])h|(?<=s)ch|(?<=c)h"),
}


def sounds(text: str, language: str) -> tuple[int, int, int]:
    """(vowels, consonants, pauses) of a text, as its spelling tells them.

    Neighbouring vowels count as one but where Spanish and Italian say them apart. Of Japanese morae and
    spaces are counted instead, of Korean blocks of Hangul and those with a final consonant. BackendError for
    a language without a rule.
    """
    if language not in LANGUAGES:
        raise BackendError(f"no rule times speech of '{language}'; rules: {', '.join(sorted(LANGUAGES))}")
    pauses = len(_PAUSE.findall(text))
    if language == "ja":
        kana = [sign for sign in text if "ぁ" <= sign <= "ゖ" or "ァ" <= sign <= "ー"]
        kanji = sum("一" <= sign <= "鿿" for sign in text)
        morae = sum(sign not in _SMALL_KANA for sign in kana) + _MORAE_A_KANJI * kanji
        return morae, text.count(" "), pauses
    if language == "ko":
        blocks = [ord(sign) - 0xAC00 for sign in text if "가" <= sign <= "힣"]
        return len(blocks), sum(block % 28 > 0 for block in blocks), pauses
    written = _MUTE[language].sub("", text.lower())
    letters = "".join(
        sign for sign in unicodedata.normalize("NFD", written) if not unicodedata.combining(sign)
    )
    vowels = re.findall(r"[aeo]|[iuyœæ]+(?![aeo])" if language in ("es", "it") else r"[aeiouyœæ]+", letters)
    return len(vowels), len(re.findall(r"[bcdfghjklmnpqrstvwxzñß]", letters)), pauses


def seconds_to_say(text: str, language: str) -> float:
    """Estimated seconds of speech of a text, without silence at its ends. BackendError as `sounds`."""
    counts = (*sounds(text, language), 1)
    return sum(count * each for count, each in zip(counts, _PACE[language], strict=True))

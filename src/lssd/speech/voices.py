"""Voices: a list for every language, with the same timbres and prosodies in each.

A voice is one of espeak-ng's timbre variants at one of three pitches. The list holds the same people
in every language, so that languages differ by their words and sounds alone.
"""

from dataclasses import dataclass

from lssd.errors import InputError
from lssd.languages import code_of

# Variants that neither clip nor whisper nor play robot at their own pitch (judged by level, peak and
# fundamental frequency of one sentence each).
_MEN = (
    *("Alex", "Denis", "Diogo", "Henrique", "Mike", "Nguyen", "Reed", "david", "edward", "iven4", "m1"),
    *("m2", "m3", "m4", "m5", "m6", "m8", "marcelo", "max", "quincy", "rob", "robert"),
)
_WOMEN = (
    *("Alicia", "Annie", "anika", "aunty", "belinda", "f1", "f2", "f3", "f4", "f5", "grandma"),
    *("linda", "shelby", "steph"),
)
# (name, pitch, pitch range, words a minute); pitch 50 is the variant's own.
_PROSODIES = (("low", 34, 42, 158), ("middle", 50, 55, 172), ("high", 64, 48, 164))

_ESPEAK_NAMES = {"en": "en-us", "zh": "cmn", "no": "nb"}


@dataclass(frozen=True)
class Voice:
    """A person who speaks.

    language: code of the language listed for; name: unique within the list, such as "en-f3-low";
    variant: espeak-ng's timbre; sex: "f" or "m"; pitch and pitch_range: 0..99, 50 being the
    variant's own; rate: words a minute (80..450).
    """

    language: str
    name: str
    variant: str
    sex: str
    pitch: int
    pitch_range: int
    rate: int

    def __post_init__(self) -> None:
        if not (0 <= self.pitch <= 99 and 0 <= self.pitch_range <= 99):
            raise InputError(f"voice {self.name}: pitch and pitch range must lie between 0 and 99")
        if not 80 <= self.rate <= 450:
            raise InputError(f"voice {self.name}: rate must lie between 80 and 450 words a minute")


def voices(language: str) -> list[Voice]:
    """The 108 voices of a language, always in the same order: 36 timbres (22 men, 14 women), 3 pitches.

    Names differ by language, all else is equal. Raises InputError when `language` is no language tag.
    """
    code = code_of(language)
    return [
        Voice(code, f"{code}-{variant}-{prosody}", variant, sex, pitch, pitch_range, rate)
        for sex, variants in (("m", _MEN), ("f", _WOMEN))
        for variant in variants
        for prosody, pitch, pitch_range, rate in _PROSODIES
    ]


def espeak_language(language: str) -> str:
    """espeak-ng's own name of a language."""
    code = code_of(language)
    return _ESPEAK_NAMES.get(code, code)

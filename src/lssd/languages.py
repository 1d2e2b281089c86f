"""Language tags of many styles (ISO 639-1, 639-2 B and T, BCP-47, English names) as one code.

The code is the shortest ISO 639 code of the language: `en`, `fr`, `yue`. Regions and scripts are
dropped, since a track is distinguished by its language and its id, not by its accent.
"""

import re
from pathlib import Path

import langcodes

from lssd.errors import InputError

_UNKNOWN = {"", "und", "mis", "mul", "zxx", "unknown"}
_LOCAL_USE = re.compile(r"q[a-t][a-z]")  # ISO 639-2 reserves qaa to qtz for private meanings


def normalise(tag: str | None) -> str | None:
    """The language code of a tag, or None when the tag is missing, undetermined or no language.

    >>> normalise("eng"), normalise("ger"), normalise("pt-BR"), normalise("und"), normalise("x!")
    ('en', 'de', 'pt', None, None)
    """
    tag = (tag or "").strip().lower().replace("_", "-")
    if tag in _UNKNOWN or _LOCAL_USE.fullmatch(tag):
        return None
    try:
        language = langcodes.Language.get(tag)
    except langcodes.LanguageTagError:
        language = None
    if language is None or not language.is_valid():
        try:
            language = langcodes.find(tag)
        except LookupError:
            return None
    code = language.language
    return None if code is None or code in _UNKNOWN else code


def code_of(text: str, where: str = "") -> str:
    """The language code of what a user wrote. InputError, in one wording for all of this project, when it is
    none; `where` is the place where it was written, if that is not the command line.

    >>> code_of("jpn"), code_of("Japanese")
    ('ja', 'ja')
    """
    code = normalise(text)
    if code is None:
        place = f"{where}: " if where else ""
        raise InputError(
            f"{place}'{text}' is no language; write a code or an English name, such as en, fra or Japanese"
        )
    return code


def display_name(code: str | None) -> str:
    """The English name of a language code; "undetermined" for None."""
    return "undetermined" if code is None else langcodes.Language.get(code).display_name()


def from_file_name(path: str | Path) -> str | None:
    """The language that the last part of a file's stem names, as in `shot_12_de.mp4` or `film.fra.mkv`.

    Only codes of languages that ISO 639-1 lists count: `the` and `one` are codes of ISO 639-3 too.
    """
    last = re.split(r"[._\-\s]+", Path(path).stem)[-1].lower()
    if len(last) == len(Path(path).stem) or not re.fullmatch(r"[a-z]{2,3}", last):
        return None
    try:
        language = langcodes.Language.get(last)
    except langcodes.LanguageTagError:
        return None
    code = normalise(last) if language.is_valid() else None
    return code if code is not None and len(code) == 2 else None

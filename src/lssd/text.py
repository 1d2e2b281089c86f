"""Text for people: words that may come from a file, counts and lists."""

import unicodedata
from collections.abc import Sequence

# Format characters that change the direction of what follows, and so what a reader takes a name for.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(words: str) -> str:
    r"""Words with everything shown by its code that could steer a terminal or mislead a reader.

    That is control characters (a newline among them, which would forge a line), halves of surrogate pairs,
    line separators and marks that turn the direction of writing.

    >>> printable("a\x1b[31m\u202eb")
    'a\\x1b[31m\\u202eb'
    """
    return "".join(
        character.encode("unicode_escape").decode("ascii") if _steers(character) else character
        for character in words
    )


def printable_json(document: str) -> str:
    r"""A JSON document of several lines, with the same characters as JSON's own escapes.

    >>> printable_json('"\u202e"')
    '"\\u202e"'
    """
    return "".join(
        f"\\u{ord(character):04x}" if character != "\n" and _steers(character) else character
        for character in document
    )


def _steers(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTIONS


def counted(number: int, thing: str) -> str:
    """A number and what it counts.

    >>> counted(1, "title"), counted(2, "title")
    ('1 title', '2 titles')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

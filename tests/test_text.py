"""What may steer a terminal is shown by its code; letters of all scripts stay."""

import json

import pytest

from lssd.text import counted, printable, printable_json

STEERING = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    "\u2028",
    "\u2029",
    "\u202e",
    "\u2066",
    "\ud800",
]


@pytest.mark.parametrize("character", STEERING)
def test_controls_are_shown_by_their_code(character: str) -> None:
    shown = printable(f"a{character}b")
    assert shown.isprintable() and shown.startswith("a\\") and shown.endswith("b")
    document = json.dumps([character], ensure_ascii=False)
    if character >= "\x20":
        assert printable_json(document).isascii()
    assert json.loads(printable_json(document)) == [character]


@pytest.mark.parametrize("words", ["Amélie", "千と千尋の神隠し", "مرحبا", "a b", "👩‍👩‍👧", r"a\nb"])
def test_words_stay(words: str) -> None:
    assert printable(words) == words


def test_one_is_no_plural() -> None:
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]

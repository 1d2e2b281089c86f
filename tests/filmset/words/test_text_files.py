"""The texts of the dialogue: every language has every text, and slots agree between languages."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import filmset
from filmset.settings import LANGUAGES
from filmset.words import text_files
from filmset.words.text_files import read_exchanges, read_remarks, read_values

TEXTS = Path(filmset.__file__).parent / "words" / "texts"
SLOT = re.compile(r"\{([^}]*)\}")
FUNCTIONS = {"", "acc", "dat", "a", "a.acc", "at", "to"}
SPLITS = ("training", "held_out")


def turns():
    for split in SPLITS:
        for name, texts in read_exchanges(split).items():
            for number, turn in enumerate(texts, 1):
                yield f"{name}.{number}", turn


def slots(text: str) -> list[tuple[str, str]]:
    """(name, function) of each slot of a text."""
    return [(name, function) for name, _, function in (slot.partition(":") for slot in SLOT.findall(text))]


def test_every_language_has_every_text():
    every = [turn for _, turn in turns()]
    every += [texts for remarks in read_remarks().values() for texts in remarks]
    every += [texts for values in read_values().values() for texts in values.values()]
    assert len(every) > 300
    for texts in every:
        assert tuple(texts) == LANGUAGES
        assert all(text == text.strip() and "  " not in text and text for text in texts.values()), texts


def test_the_slots_of_a_turn_are_the_same_in_every_language():
    known = {*read_values(), "thing"}
    for key, turn in turns():
        wanted = Counter(name for name, _ in slots(turn["en"]))
        for language, text in turn.items():
            found = slots(text)
            assert Counter(name for name, _ in found) == wanted, (key, language)
            assert {name.rstrip("0123456789") for name, _ in found} <= known, (key, language)
            assert {function for _, function in found} <= FUNCTIONS, (key, language)
            # What is left between the slots closes every bracket that it opens, and has no stray brace.
            rest = SLOT.sub("", text)
            assert not set("{}") & set(rest), (key, language)
            readings = re.findall(r"\[[^\[\]|]+\|[^\[\]|]+\]", rest)
            assert rest.count("[") == rest.count("]") == rest.count("|") == len(readings), (key, language)


def test_splits_and_files_share_no_exchange_and_none_stands_twice():
    names = [name for split in SPLITS for name in read_exchanges(split)]
    assert len(set(names)) == len(names)
    # YAML would let a second mapping of the same name replace the first in silence.
    written = [
        name
        for path in TEXTS.glob("*.yaml")
        for name in re.findall(r"^  (\w+):$", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(written) == sorted(names)
    assert all(2 <= len(texts) <= 4 for split in SPLITS for texts in read_exchanges(split).values())


def test_remarks_and_values_have_no_slots():
    assert set(read_remarks()) == {"statement", "reply"}
    for texts in (texts for remarks in read_remarks().values() for texts in remarks):
        assert not any(slots(text) for text in texts.values())
    for category, values in read_values().items():
        for name, texts in values.items():
            assert re.fullmatch(r"[a-z0-9]+", name)
            for text in texts.values():
                assert not slots(text)
                assert text.count(";") in ((0, 2) if category == "place" else (0,)), text


def test_all_files_are_read_and_installed():
    settings = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["filmset"]
    installed = {path for pattern in patterns for path in TEXTS.parents[1].glob(pattern)}
    files = {path for path in TEXTS.iterdir() if path.is_file()}
    assert files <= installed
    read = {"values.tsv", "remarks.tsv", *text_files._EXCHANGE_FILES}
    assert {path.name for path in files} == read


def test_a_file_with_a_gap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "_file", lambda name: tmp_path / name)
    lines = (TEXTS / "remarks.tsv").read_text(encoding="utf-8").splitlines()

    def refused(number: int, line: str, message: str) -> None:
        changed = [*lines[:number], line, *lines[number + 1 :]]
        (tmp_path / "remarks.tsv").write_text("\n".join(changed) + "\n", encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            read_remarks.__wrapped__()

    refused(3, lines[3].rpartition("\t")[0], "line 4: the text in ko is .* missing: None")
    refused(3, lines[3].rpartition("\t")[0] + "\t", "line 4: the text in ko is empty.*: ''")
    refused(3, lines[3] + "\tmore", "line 4: there must be one text")
    refused(0, lines[0].replace("\tko", "\tru"), "the columns must be kind, en")


def test_an_exchange_with_a_gap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "_file", lambda name: tmp_path / name)
    for name in text_files._EXCHANGE_FILES:
        (tmp_path / name).write_text("training: {}\n", encoding="utf-8")
    (tmp_path / "objects.yaml").write_text('training:\n  where:\n    - en: "Where?"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"objects.yaml, where: there must be one text for each of"):
        read_exchanges.__wrapped__("training")

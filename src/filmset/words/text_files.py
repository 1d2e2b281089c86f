"""The texts of the dialogue, read from the data files in the folder `texts`.

- `values.tsv`: what may fill a slot, one value a row: `category`, `name`, then a column a language.
- `remarks.tsv`: sentences without slots, one a row: `kind` (statement or reply), then a column a language.
- `*.yaml`: exchanges, by split (`training`, `held_out`) and name: a list of turns, each a text a language.

`lexicon` says how values are written, `exchanges` how sentences are. Every reader raises ValueError where a
file lacks a text in one of LANGUAGES or has anything else in its place.
"""

import csv
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import zip_longest
from typing import Any

import yaml

from filmset.settings import LANGUAGES

Texts = dict[str, str]  # the same in every language of LANGUAGES

_EXCHANGE_FILES = ("objects.yaml", "journeys.yaml", "people.yaml")  # titles depend on this order


@cache
def read_values() -> dict[str, dict[str, Texts]]:
    """The values of each category by name, in the order of the file."""
    values: dict[str, dict[str, Texts]] = {}
    for (category, name), texts in _read_table("values.tsv", ("category", "name")):
        if name in values.setdefault(category, {}):
            raise ValueError(f"values.tsv: {category} {name} stands there twice")
        values[category][name] = texts
    return values


@cache
def read_remarks() -> dict[str, list[Texts]]:
    """The remarks of each kind, in the order of the file."""
    remarks: dict[str, list[Texts]] = {}
    for (kind,), texts in _read_table("remarks.tsv", ("kind",)):
        remarks.setdefault(kind, []).append(texts)
    return remarks


@cache
def read_exchanges(split: str) -> dict[str, list[Texts]]:
    """The turns of each exchange of a split, "training" or "held_out", by name and in order."""
    exchanges: dict[str, list[Texts]] = {}
    for name in _EXCHANGE_FILES:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where libyaml is there
        found = yaml.load(_file(name).read_text(encoding="utf-8"), Loader=loader)
        for exchange, turns in found[split].items():
            if exchange in exchanges:
                raise ValueError(f"{name}: another file has an exchange {exchange}, too")
            exchanges[exchange] = [_checked(turn, f"{name}, {exchange}") for turn in turns]
    return exchanges


def _file(name: str) -> Traversable:
    return files("filmset.words") / "texts" / name


def _read_table(name: str, columns: tuple[str, ...]) -> list[tuple[tuple[str, ...], Texts]]:
    """The rows of a table: the cells of its own columns, and the texts of the rest."""
    lines = _file(name).read_text(encoding="utf-8").splitlines()
    header, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if tuple(header) != (*columns, *LANGUAGES):
        raise ValueError(f"{name}: the columns must be {', '.join((*columns, *LANGUAGES))}")
    width = len(columns)
    return [
        (
            tuple(row[:width]),
            _checked(dict(zip_longest(LANGUAGES, row[width:])), f"{name}, line {line}"),
        )
        for line, row in enumerate(rows, 2)
    ]


def _checked(texts: Any, where: str) -> Texts:
    """Texts in the order of LANGUAGES; ValueError unless each language has one, and no other has."""
    if not isinstance(texts, dict) or set(texts) != set(LANGUAGES):
        raise ValueError(f"{where}: there must be one text for each of {', '.join(LANGUAGES)}")
    for language, text in texts.items():
        if not isinstance(text, str) or not text or text != text.strip():
            raise ValueError(f"{where}: the text in {language} is empty, padded or missing: {text!r}")
    return {language: texts[language] for language in LANGUAGES}

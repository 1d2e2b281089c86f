"""A film's utterances as a JSON file that people edit: who says what, when, and in other languages.

The file is written once and may then be edited: what was changed by hand is kept, and what depends on it is
made again. Each part holds a hash of its first state, by which edits are recognised.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lssd.dubbing.lines import Line, Translation, Word
from lssd.errors import ItemError
from lssd.store import hash_json, read_json, write_json

_FORMAT = 1
_HASH = 16  # hexadecimal digits


@dataclass(frozen=True)
class Said:
    """An utterance in another language.

    by: the backend, or "subtitles". of: hash of what it was made from. made: hash of the text when it was
    made; a text with another hash was written by hand and is kept.
    """

    text: str
    is_translation: bool = True
    note: str = ""
    by: str = "hand"
    of: str = ""
    made: str = ""

    @property
    def by_hand(self) -> bool:
        """Whether the text was changed since it was made."""
        return self.made != hash_json(self.text, _HASH)

    @classmethod
    def from_backend(cls, translation: Translation, by: str, of: str) -> "Said":
        made = hash_json(translation.text, _HASH)
        return cls(translation.text, translation.is_translation, translation.note, by, of, made)


@dataclass(frozen=True)
class Utterance:
    """One line of the original, and what is said instead, by language. Times in seconds."""

    id: str
    start_s: float
    end_s: float
    speaker: str
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    said: Mapping[str, Said] = field(default_factory=dict)

    def line(self) -> Line:
        return Line(self.start_s, self.end_s, self.text, self.words, self.confidence, self.speaker)


@dataclass(frozen=True)
class Script:
    """All utterances of a film, in order. `of`: hash of their source; `made`: their own hash when found."""

    language: str
    utterances: tuple[Utterance, ...]
    of: str = ""
    made: str = ""

    @classmethod
    def from_lines(cls, lines: Sequence[Line], language: str, of: str) -> "Script":
        """A script of these lines, with ids from 0001 on and times rounded to milliseconds."""
        utterances = tuple(
            Utterance(
                f"{number:04d}",
                round(line.start_s, 3),
                round(line.end_s, 3),
                line.speaker,
                line.text,
                None if line.confidence is None else round(line.confidence, 3),
                tuple(Word(w.text, round(w.start_s, 3), round(w.end_s, 3)) for w in line.words),
            )
            for number, line in enumerate(lines, 1)
        )
        return cls(language, utterances, of, _core(language, utterances))

    @property
    def by_hand(self) -> bool:
        """Whether anything was edited since the lines were found, in any language."""
        said = (said for one in self.utterances for said in one.said.values())
        return self.made != _core(self.language, self.utterances) or any(one.by_hand for one in said)

    def with_said(self, language: str, said: Mapping[str, Said]) -> "Script":
        """The same script with these words (by utterance id) in one language."""
        utterances = tuple(
            replace(one, said={**one.said, language: said[one.id]}) if one.id in said else one
            for one in self.utterances
        )
        return replace(self, utterances=utterances)

    def write(self, path: str | Path) -> None:
        """Write the JSON file, unless it holds this already."""
        value = {
            "format": _FORMAT,
            "language": self.language,
            "of": self.of,
            "made": self.made,
            "utterances": [_to_json(one) for one in self.utterances],
        }
        if not Path(path).exists() or read_json(path) != value:
            write_json(path, value)

    @classmethod
    def read(cls, path: str | Path) -> "Script":
        """Read a script. ItemError, with the utterance, for a file that is none or makes no sense."""
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ItemError(f"{path} is damaged: {error}") from error
        if not isinstance(value, dict) or value.get("format") != _FORMAT:
            raise ItemError(
                f"{path} is no file of utterances of format {_FORMAT}; move it away to begin anew"
            )
        rows = value.get("utterances")
        if not isinstance(rows, list):
            raise ItemError(f"{path}: 'utterances' must be a list")
        utterances = tuple(_from_json(row, number, path) for number, row in enumerate(rows, 1))
        ids = [one.id for one in utterances]
        twice = next((one for one in ids if ids.count(one) > 1), None)
        if twice is not None:
            raise ItemError(f"{path}: two utterances have the id {twice}; every line needs its own")
        language, of, made = (value.get(key, "") for key in ("language", "of", "made"))
        if not isinstance(language, str) or not language:
            raise ItemError(f"{path}: 'language' must say what the original speaks, as in 'en'")
        return cls(language, tuple(sorted(utterances, key=lambda one: one.start_s)), of, made)


def said_of(text: str, target: str, seconds: float, backend: str) -> str:
    """The hash of what a translation is made from."""
    return hash_json([text, target, round(seconds, 3), backend], _HASH)


def _core(language: str, utterances: Sequence[Utterance]) -> str:
    rows = [[one.id, one.start_s, one.end_s, one.speaker, one.text] for one in utterances]
    return hash_json([language, rows], _HASH)


def _to_json(one: Utterance) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": one.id,
        "start_s": one.start_s,
        "end_s": one.end_s,
        "speaker": one.speaker,
        "text": one.text,
    }
    if one.confidence is not None:
        row["confidence"] = one.confidence
    if one.words:
        row["words"] = [[word.text, word.start_s, word.end_s] for word in one.words]
    row["said"] = {language: dict(vars(said)) for language, said in sorted(one.said.items())}
    return row


def _from_json(row: Any, number: int, path: str | Path) -> Utterance:
    where = f"{path}: utterance {row.get('id', number) if isinstance(row, dict) else number}"
    try:
        words = tuple(Word(str(text), float(start), float(end)) for text, start, end in row.get("words", ()))
        said = {
            language: Said(**({"text": value} if isinstance(value, str) else value))
            for language, value in row.get("said", {}).items()
        }
        one = Utterance(
            str(row["id"]),
            float(row["start_s"]),
            float(row["end_s"]),
            row["speaker"],
            row["text"],
            row.get("confidence"),
            words,
            said,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ItemError(f"{where} lacks something or has too much: {type(error).__name__} {error}") from error
    if not 0 <= one.start_s < one.end_s:
        raise ItemError(f"{where} must begin before it ends, not {one.start_s} to {one.end_s}")
    texts = [one.speaker, one.text, *(value.text for value in one.said.values())]
    if not all(isinstance(text, str) for text in texts):
        raise ItemError(f"{where}: speaker, text and what is said must be text")
    return one

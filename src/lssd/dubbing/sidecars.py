"""The JSON that a step leaves in its folder, typed: each kind has one writer and one reader."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from lssd.dubbing.lines import Line, Segment, Translation, Word
from lssd.errors import ItemError
from lssd.store import write_json


@dataclass(frozen=True)
class Sidecar:
    """A step's result, or facts about the samples beside it, as the JSON file `NAME` of the step's folder."""

    NAME: ClassVar[str]

    def write(self, folder: Path) -> None:
        """Write the file."""
        write_json(folder / self.NAME, self._to_json())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` wrote. ItemError where the file is missing or damaged."""
        path = folder / cls.NAME
        try:
            return cls._from_json(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError, KeyError) as error:
            raise ItemError(f"{path} is damaged; remove {folder} and run again") from error

    def _to_json(self) -> Any:
        return asdict(self)

    @classmethod
    def _from_json(cls, value: Any) -> Self:
        return cls(**value)


@dataclass(frozen=True)
class FoundSegments(Sidecar):
    """Where somebody speaks."""

    NAME = "segments.json"
    segments: tuple[Segment, ...]

    def _to_json(self) -> Any:
        return [[one.start_s, one.end_s] for one in self.segments]

    @classmethod
    def _from_json(cls, value: Any) -> Self:
        return cls(tuple(Segment(start_s, end_s) for start_s, end_s in value))


@dataclass(frozen=True)
class TranscribedLines(Sidecar):
    """What is said, by the backend that heard it."""

    NAME = "lines.json"
    lines: tuple[Line, ...]

    def _to_json(self) -> Any:
        return [asdict(line) for line in self.lines]

    @classmethod
    def _from_json(cls, value: Any) -> Self:
        return cls(tuple(_line(row) for row in value))


@dataclass(frozen=True)
class LineSpeakers(Sidecar):
    """Who speaks each line."""

    NAME = "speakers.json"
    names: tuple[str, ...]

    def _to_json(self) -> Any:
        return list(self.names)

    @classmethod
    def _from_json(cls, value: Any) -> Self:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise TypeError("not a list of names")
        return cls(tuple(value))


@dataclass(frozen=True)
class Translations(Sidecar):
    """The lines in another language, in the order in which they were given."""

    NAME = "said.json"
    lines: tuple[Translation, ...]

    def _to_json(self) -> Any:
        return [asdict(one) for one in self.lines]

    @classmethod
    def _from_json(cls, value: Any) -> Self:
        return cls(tuple(Translation(**row) for row in value))


@dataclass(frozen=True)
class SpeakerPitch(Sidecar):
    """A speaker's median pitch in Hz; None where nothing is voiced."""

    NAME = "voice.json"
    pitch_hz: float | None


@dataclass(frozen=True)
class SpokenLine(Sidecar):
    """The rate in Hz and number of samples of a line at its natural pace."""

    NAME = "line.json"
    sample_rate: int
    samples: int

    @property
    def duration_s(self) -> float:
        return self.samples / self.sample_rate


@dataclass(frozen=True)
class StretchedLine(Sidecar):
    """The rate in Hz of a line that was stretched."""

    NAME = "line.json"
    sample_rate: int


@dataclass(frozen=True)
class MatchedLine(Sidecar):
    """What the user should know about how a line was matched to the original."""

    NAME = "line.json"
    flags: tuple[str, ...]

    @classmethod
    def _from_json(cls, value: Any) -> Self:
        return cls(tuple(value["flags"]))


@dataclass(frozen=True)
class Mix(Sidecar):
    """A finished track: the sample ranges that differ from the original, and the gain of each line."""

    NAME = "mix.json"
    changed: tuple[tuple[int, int], ...]
    gains: tuple[float, ...]

    @classmethod
    def _from_json(cls, value: Any) -> Self:
        changed = tuple((start, stop) for start, stop in value["changed"])
        return cls(changed, tuple(value["gains"]))


def _line(row: Mapping[str, Any]) -> Line:
    return Line(**{**row, "words": tuple(Word(**word) for word in row["words"])})

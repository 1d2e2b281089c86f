"""What is heard in a track when: the truth's lines, moved as the track's fault moves them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from filmset.truth import Line, Spoken, Title
from lssd.speech import Word

NARRATOR = "narrator"  # who speaks over the original in commentaries and descriptions


@dataclass(frozen=True)
class Heard:
    """A line as a track plays it: `row` is its index among the title's lines, None for a narrator's."""

    row: int | None
    speaker: str
    spoken: Spoken


def all_lines(title: Title) -> list[Line]:
    """A title's lines in order."""
    return [line for shot in title.shots for line in shot.lines]


def heard(title: Title, number: int) -> list[Heard]:
    """The lines that a track (counted from 0) holds, at the times at which its file plays them.

    Sorted by their start; what the ends of the file cut off is left out.
    """
    track = title.tracks[number]
    kind, values = (track.fault.kind, track.fault.values) if track.fault else ("", {})
    length_s = float(title.frames / title.rate)
    if kind == "silent":
        return []
    key = values.get("of", track.key)
    found: list[Heard] = []
    if kind in ("commentary", "description"):
        key = title.tracks[0].key
        for line in values.get("lines", ()):
            words = tuple(Word(**word) for word in line.get("words", ()))
            times = line["start_s"], line["end_s"]
            narrated = Spoken(line["text"], line["written"], *times, line["gain_db"], words)
            found.append(Heard(None, NARRATOR, narrated))
    end_s = min(length_s, float(values["seconds"])) if kind == "truncated" else length_s
    for row, line in enumerate(all_lines(title)):
        spoken = line.spoken.get(key)
        moved = None if spoken is None else _moved(spoken, kind, values)
        kept = None if moved is None else _left(moved, lambda time_s: min(max(time_s, 0.0), end_s))
        if kept is not None:
            found.append(Heard(row, line.speaker, kept))
    return sorted(found, key=lambda one: (one.spoken.start_s, one.spoken.end_s))


def _moved(spoken: Spoken, kind: str, values: dict[str, Any]) -> Spoken | None:
    """A line at the times of a faulty track; None where none of it is left."""
    if kind == "edit" and values["seconds"] < 0:
        at_s, missing_s = values["at_s"], -values["seconds"]
        return _left(spoken, lambda time_s: time_s if time_s < at_s else max(at_s, time_s - missing_s))
    moves: dict[str, Callable[[float], float]] = {
        "offset": lambda time_s: time_s + values["offset_s"],
        "slope": lambda time_s: values["slope"] * time_s + values["offset_s"],
        "edit": lambda time_s: time_s + (values["seconds"] if time_s >= values["at_s"] else 0.0),
    }
    return _at(spoken, moves[kind]) if kind in moves else spoken


def _left(spoken: Spoken, move: Callable[[float], float]) -> Spoken | None:
    """A line and its words moved, without words of which nothing is left; None if none of the line is."""
    moved = _at(spoken, move)
    kept = tuple(word for word in moved.words if word.end_s - word.start_s > 1e-6)
    return replace(moved, words=kept) if moved.end_s - moved.start_s > 1e-6 else None


def _at(spoken: Spoken, move: Callable[[float], float]) -> Spoken:
    words = tuple(replace(word, start_s=move(word.start_s), end_s=move(word.end_s)) for word in spoken.words)
    return replace(spoken, start_s=move(spoken.start_s), end_s=move(spoken.end_s), words=words)

"""What is heard in a track when: the truth's lines, moved as the track's fault moves them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lssd.filmset.truth import Fault, Line, Spoken, Title
from lssd.languages import display_name
from lssd.speech import Word

NARRATOR = "narrator"  # who speaks over the original in commentaries and descriptions


@dataclass(frozen=True)
class Heard:
    """A line as a track plays it: `row` is its place among the title's lines, None for a narrator's."""

    row: int | None
    speaker: str
    spoken: Spoken


def clock(time_s: float) -> str:
    """A place in a film.

    >>> clock(7.25), clock(75), clock(3661.5)
    ('0:07.2', '1:15.0', '1:01:01.5')
    """
    tenths = int(time_s * 10 + 1e-6)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    ahead = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{ahead}:{rest // 10:02d}.{rest % 10}"


def decibels(level: float, sign: str = "-") -> str:
    """A level in dB; sign "+": with its sign in any case.

    >>> decibels(-3.04), decibels(2, "+")
    ('−3.0 dB', '+2.0 dB')
    """
    return f"{level:{sign}.1f} dB".replace("-", "−")


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def all_lines(title: Title) -> list[Line]:
    """A title's lines in order."""
    return [line for shot in title.shots for line in shot.lines]


def heard(title: Title, number: int) -> list[Heard]:
    """The lines that a track (counted from 0) holds, at the times at which its file plays them."""
    track = title.tracks[number]
    kind, values = (track.fault.kind, track.fault.values) if track.fault else ("", {})
    length_s = float(title.frames / title.rate)
    if kind == "silent":
        return []
    key = values.get("of", track.key)
    found = []
    if kind in ("commentary", "description"):
        key = title.tracks[0].key
        found = [Heard(None, NARRATOR, _narrated(line)) for line in values.get("lines", ())]
    end_s = float(values["seconds"]) if kind == "truncated" else length_s
    for row, line in enumerate(all_lines(title)):
        spoken = line.spoken.get(key)
        moved = None if spoken is None else _moved(spoken, kind, values)
        if moved is not None and moved.start_s < end_s and moved.end_s > 0:
            found.append(Heard(row, line.speaker, moved))
    return sorted(found, key=lambda one: (one.spoken.start_s, one.spoken.end_s))


def _narrated(line: dict[str, Any]) -> Spoken:
    words = tuple(Word(**word) for word in line.get("words", ()))
    return Spoken(line["text"], line["written"], line["start_s"], line["end_s"], line["gain_db"], words)


def _moved(spoken: Spoken, kind: str, values: dict[str, Any]) -> Spoken | None:
    """A line at the times of a faulty track; None where none of it is left."""
    if kind == "edit" and values["seconds"] < 0:
        return _shortened(spoken, values["at_s"], -values["seconds"])
    moves: dict[str, Callable[[float], float]] = {
        "offset": lambda time_s: time_s + values["offset_s"],
        "slope": lambda time_s: values["slope"] * time_s + values["offset_s"],
        "edit": lambda time_s: time_s + (values["seconds"] if time_s >= values["at_s"] else 0.0),
    }
    return _at(spoken, moves[kind]) if kind in moves else spoken


def _shortened(spoken: Spoken, at_s: float, missing_s: float) -> Spoken | None:
    """What is left when `missing_s` seconds of the film are taken out at `at_s`."""

    def move(time_s: float) -> float:
        return time_s if time_s < at_s else max(at_s, time_s - missing_s)

    moved = _at(spoken, move)
    kept = tuple(word for word in moved.words if word.end_s - word.start_s > 1e-6)
    return replace(moved, words=kept) if moved.end_s - moved.start_s > 1e-6 else None


def _at(spoken: Spoken, move: Callable[[float], float]) -> Spoken:
    words = tuple(Word(word.text, move(word.start_s), move(word.end_s)) for word in spoken.words)
    return replace(spoken, start_s=move(spoken.start_s), end_s=move(spoken.end_s), words=words)


def fault_words(fault: Fault) -> str:
    """A fault in words."""
    words = _WORDS.get(fault.kind)
    return fault.kind if words is None else f"{fault.kind}: {words(fault.values)}"


def _later(seconds: float) -> str:
    return f"{abs(seconds):.3f} s {'late' if seconds >= 0 else 'early'}"


def _slope(values: dict[str, Any]) -> str:
    percent = 100 * abs(values["slope"] - 1)
    pace = "slower" if values["slope"] > 1 else "faster"
    return f"plays {percent:.3g}% {pace}, at its start {_later(values['offset_s'])}"


def _edit(values: dict[str, Any]) -> str:
    what = "put in" if values["seconds"] > 0 else "missing"
    return f"{abs(values['seconds']):.3f} s {what} at {clock(values['at_s'])}"


def _silent(values: dict[str, Any]) -> str:
    level = values["noise_db"]
    return "nothing is heard" if level is None else f"noise of {decibels(level)} alone"


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "offset": lambda values: f"plays {_later(values['offset_s'])}",
    "slope": _slope,
    "edit": _edit,
    "mislabel": lambda values: (
        f"{display_name(values['true'])}, but tagged as {display_name(values['claimed'])}"
    ),
    "duplicate": lambda values: f"the same sound as the track {values['of']}",
    "commentary": lambda values: "somebody comments over the original",
    "description": lambda values: "somebody describes the picture over the original",
    "silent": _silent,
    "truncated": lambda values: f"ends at {clock(values['seconds'])}",
    "level": lambda values: (
        f"background {abs(values['db']):.1f} dB {'louder' if values['db'] > 0 else 'quieter'}"
    ),
    "filtered": lambda values: f"background from {values['low_hz']:.0f} to {values['high_hz']:.0f} Hz only",
    "clipped": lambda values: f"clipped at {values['level']:.3f} of full scale",
}

"""The start and speed of each spoken line: the paper's "align by stretching", within limits.

A line keeps the start of the one it replaces. It is stretched to the original's length where
the speed that this takes is within the limits. A much shorter line is spoken at its natural pace and followed
by silence; a longer one extends into the silence around it, and what still does not fit is cut and flagged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lssd.dubbing.lines import Line


@dataclass(frozen=True)
class PlacingSettings:
    """The limits for placing a line. Speeds are factors (1.25: a quarter faster); times in seconds."""

    slowest: float = 0.8
    fastest: float = 1.25
    borrow_after_s: float = 1.0
    borrow_before_s: float = 0.3
    apart_s: float = 0.08

    def __post_init__(self) -> None:
        if not 0.25 <= self.slowest <= 1 <= self.fastest <= 4:
            raise ValueError(f"speeds must be 0.25 <= slowest <= 1 <= fastest <= 4, not {self}")
        if min(self.borrow_after_s, self.borrow_before_s, self.apart_s) < 0:
            raise ValueError(f"times must not be negative: {self}")


@dataclass(frozen=True)
class Place:
    """A line's place: at `speed` it lasts `spoken_s` from `start_s` on, of which `kept_s` are heard."""

    start_s: float
    spoken_s: float
    kept_s: float
    speed: float
    flags: tuple[str, ...] = ()


def without_overlaps(lines: Sequence[Line]) -> list[Line]:
    """Lines sorted by start; no line begins before the previous one of the same speaker has ended.

    Lines of different speakers may overlap, as they do in films. A line that lies wholly within an earlier
    one of the same speaker is dropped.
    """
    kept: list[Line] = []
    last: dict[str, int] = {}
    for line in sorted(lines, key=lambda line: (line.start_s, line.end_s)):
        before = last.get(line.speaker)
        if before is not None and line.start_s < kept[before].end_s:
            if line.end_s <= kept[before].end_s:
                continue
            kept[before] = replace(kept[before], end_s=line.start_s)
        last[line.speaker] = len(kept)
        kept.append(line)
    return [line for line in kept if line.end_s > line.start_s]


def place(
    lines: Sequence[Line], seconds: Sequence[float | None], duration_s: float, limits: PlacingSettings
) -> list[Place | None]:
    """A place for each of the lines that `without_overlaps` gave, None where there is nothing to say.

    `seconds`: the duration of each new line at its natural pace. A line may use the silence up to the next
    line that begins after its own end, or, of the same speaker, up to any later one.
    """
    places: list[Place | None] = []
    ends: dict[str, float] = {}  # of what each speaker says
    for number, (line, natural_s) in enumerate(zip(lines, seconds, strict=True)):
        if not natural_s:
            places.append(None)
            continue
        others_end_s = max((end for who, end in ends.items() if who != line.speaker), default=0.0)
        own_end_s = ends.get(line.speaker, 0.0)
        earliest_s = max(
            own_end_s + limits.apart_s if own_end_s else 0.0, line.start_s - limits.borrow_before_s
        )
        if others_end_s <= line.start_s:  # whoever overlaps in the original may do so again
            earliest_s = max(earliest_s, min(others_end_s + limits.apart_s, line.start_s))
        latest_s = min(_next_start(lines, number, duration_s, limits), line.end_s + limits.borrow_after_s)
        found = _fit(line, natural_s, min(earliest_s, line.start_s), max(latest_s, line.end_s), limits)
        ends[line.speaker] = found.start_s + found.kept_s
        places.append(found)
    return places


def _next_start(lines: Sequence[Line], number: int, duration_s: float, limits: PlacingSettings) -> float:
    """The latest time at which a line must end, in seconds."""
    line = lines[number]
    starts = [
        other.start_s - limits.apart_s
        for other in lines[number + 1 :]
        if other.start_s >= line.end_s or other.speaker == line.speaker
    ]
    return min([duration_s, *starts])


def _fit(line: Line, natural_s: float, earliest_s: float, latest_s: float, limits: PlacingSettings) -> Place:
    slot_s = line.end_s - line.start_s
    speed = natural_s / slot_s
    if speed < limits.slowest:
        return Place(line.start_s, natural_s, natural_s, 1.0, ("shorter than the original",))
    if speed <= limits.fastest:
        return Place(line.start_s, slot_s, slot_s, speed)
    spoken_s = natural_s / limits.fastest
    room_s = latest_s - line.start_s
    if spoken_s <= room_s:
        return Place(line.start_s, spoken_s, spoken_s, limits.fastest, ("borrows silence",))
    start_s = max(earliest_s, latest_s - spoken_s)
    room_s = latest_s - start_s
    if spoken_s <= room_s + 1e-9:
        return Place(start_s, spoken_s, spoken_s, limits.fastest, ("borrows silence",))
    cut_s = spoken_s - room_s
    flag = f"does not fit: its last {cut_s:.2f} s are cut"
    return Place(start_s, spoken_s, room_s, limits.fastest, ("borrows silence", flag))

"""Events that are seen and heard at the same instants, such as a knock. One file for each kind.

Each file of this folder but `event.py` defines its `KIND`; `EVENTS` holds them all.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from filmset.events.event import EventCanvas, EventKind, joined, moment_at, sample_box
from filmset.painting import Grade
from filmset.people import face
from filmset.truth import Event, PersonInShot

_MODULES = (
    importlib.import_module(f"{__name__}.{found.name}")
    for found in pkgutil.iter_modules(__path__)
    if found.name != "event"
)
EVENTS: dict[str, EventKind] = {module.KIND.name: module.KIND for module in _MODULES}
EVENT_KINDS: tuple[str, ...] = tuple(EVENTS)
_SIGHT, _SOUND = 1, 2  # purposes of an event's generators
_GAIN_DB = (-20.0, -10.0)  # of the peak

__all__ = ["EVENTS", "EVENT_KINDS", "EventKind", "event_sound", "paint_event", "sample_event"]


def sample_event(
    kind: str,
    rng: np.random.Generator,
    start_s: float,
    end_s: float,
    canvas: tuple[int, int],
    people: Sequence[PersonInShot],
    others: Sequence[Event] = (),
) -> Event:
    """An event of one of EVENT_KINDS whose hits all lie within start_s <= t < end_s.

    canvas: (width, height) in pixels. Its box lies at the edge of the picture, where it hides
    nobody's face and none of the `others` of its shot; it is there, at rest, for the whole shot.
    """
    count = round(max(0.0, end_s - start_s) * 1e4)  # instants are whole tenths of a millisecond
    offsets = np.rint(np.array(EVENTS[kind].rhythm(rng, end_s - start_s)) * 1e4)
    ticks = np.clip(offsets, 0, max(0, count - 1)).astype(int)
    hits_s = sorted({round(start_s + int(tick) / 1e4, 6) for tick in ticks})
    box = sample_box(rng, canvas, [face(one) for one in people], [event.box for event in others])
    return Event(kind, tuple(hits_s), box, round(float(rng.uniform(*_GAIN_DB)), 3), int(rng.integers(2**31)))


def event_sound(event: Event, rate: int) -> tuple[float, np.ndarray]:
    """When an event's sound begins, in seconds of the film, and the sound: float32 (S,), peak 1.

    Its first sample belongs to the first hit; each hit rises within 2 ms. `rate` is in Hz.
    """
    rng = np.random.default_rng([event.seed, _SOUND])
    first_s = event.hits_s[0]
    offsets = [round((hit_s - first_s) * rate) for hit_s in event.hits_s]
    return first_s, joined(EVENTS[event.kind].sound(rng, rate, len(offsets)), offsets)


def paint_event(event: Event, grade: Grade, rate: Fraction) -> Callable[[np.ndarray, int], None]:
    """Prepare an event; returns paint(canvas uint8 (H, W, 3), frame of the film), which paints in its box.

    The frame nearest to a hit shows it, at `rate` frames a second.
    """
    top, left, bottom, right = event.box
    rng = np.random.default_rng([event.seed, _SIGHT])
    paint_moment = EVENTS[event.kind].paint(EventCanvas(min(bottom - top, right - left), grade, rng))
    hits = [round(Fraction(hit_s) * rate) for hit_s in event.hits_s]

    def paint(canvas: np.ndarray, frame: int) -> None:
        paint_moment(canvas[top:bottom, left:right], moment_at(hits, frame, float(rate)))

    return paint

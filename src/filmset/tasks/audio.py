"""Sound tasks of scenes and events."""

from dataclasses import replace

import numpy as np

from filmset.events import EVENT_KINDS, sample_event
from filmset.scenes import KINDS, sample_scene
from filmset.tasks.sounds import Sound, make_sound
from filmset.tasks.speech import sample_talks
from filmset.tasks.task import Fold, Item, Sources, Task, sample_evenly
from filmset.truth import Event

TITLES_A_FOLD = 5
_SCENE_S, _EVENT_S = 3.0, 3.0
_LEVELS_DB = (-46.0, -32.0)
_CANVAS = (160, 96)
_EVENT_DB = (10.0, 24.0)  # an event's peak over the background's RMS
_MOST_EVENTS = 3


def sample_levels(rng: np.random.Generator, count: int) -> list[float]:
    """Levels of backgrounds, in dB of full scale."""
    return rng.uniform(*_LEVELS_DB, count).round(3).tolist()


def _plan_scene(fold: Fold, sources: Sources) -> list[Item]:
    """Item k of every kind has the same level and the same title, hence the same colour of sound."""
    rng, count = fold.rng(), fold.items_a_class
    tilts, levels = rng.uniform(-2.5, 2.5, TITLES_A_FOLD).round(3).tolist(), sample_levels(rng, count)
    items = []
    for kind in KINDS:
        for number in range(count):
            title = number % TITLES_A_FOLD
            sound = Sound(_SCENE_S, sample_scene(kind, rng), levels[number], tilts[title])
            items.append(Item((kind,), f"title-{fold.number}{title:02d}", sound))
    return items


def _plan_scene_speech(fold: Fold, sources: Sources) -> list[Item]:
    """Item k of every kind has the same voice, language, sentences and levels too."""
    rng = fold.rng(1)
    talks = sample_talks(fold, sources, rng, fold.items_a_class, 3)
    over = rng.uniform(5.0, 11.0, fold.items_a_class).round(3).tolist()
    return [
        replace(
            item,
            content=replace(
                item.content,
                talks=(talks[number % fold.items_a_class],),
                over_db=over[number % fold.items_a_class],
            ),
        )
        for number, item in enumerate(_plan_scene(fold, sources))
    ]


def _plan_event(fold: Fold, sources: Sources) -> list[Item]:
    """Item k of every kind of event happens over the same background."""
    rng, count = fold.rng(), fold.items_a_class
    levels = sample_levels(rng, count)
    scenes = [sample_scene(kind, rng) for kind in sample_evenly(rng, KINDS, count)]
    items = []
    for kind in EVENT_KINDS:
        for number in range(count):
            event = _sample_event_over(kind, rng, levels[number])
            sound = Sound(_EVENT_S, scenes[number], levels[number], events=(event,))
            items.append(Item((kind,), f"scene-{fold.number}{number:02d}", sound))
    return items


def _plan_events(fold: Fold, sources: Sources) -> list[Item]:
    """None to three kinds of event at once, each kind in as many items as any other."""
    rng = fold.rng()
    count = fold.items_a_class * len(EVENT_KINDS) // 2
    many = sample_evenly(rng, range(_MOST_EVENTS + 1), count)
    upcoming: list[str] = []
    items = []
    for number, (kind, level) in enumerate(
        zip(sample_evenly(rng, KINDS, count), sample_levels(rng, count), strict=True)
    ):
        while len(set(upcoming)) < _MOST_EVENTS:
            upcoming += sample_evenly(rng, EVENT_KINDS, len(EVENT_KINDS))
        chosen = list(dict.fromkeys(upcoming))[: many[number]]
        for one in chosen:
            upcoming.remove(one)
        events = tuple(_sample_event_over(one, rng, level) for one in chosen)
        sound = Sound(_EVENT_S, sample_scene(kind, rng), level, events=events)
        labels = tuple(one for one in EVENT_KINDS if one in chosen)
        items.append(Item(labels, f"scene-{fold.number}{number:03d}", sound))
    return items


def _sample_event_over(kind: str, rng: np.random.Generator, level_db: float) -> Event:
    """An event well within an item, over a background of a level."""
    event = sample_event(kind, rng, 0.2, _EVENT_S - 0.2, _CANVAS, ())
    return replace(event, gain_db=round(level_db + float(rng.uniform(*_EVENT_DB)), 3))


TASKS = (
    Task("filmset_scene", "Scene heard", KINDS, "title", "audio", _SCENE_S, _plan_scene, make_sound),
    Task(
        "filmset_scene_speech",
        "Scene heard under speech",
        KINDS,
        "title",
        "audio",
        _SCENE_S,
        _plan_scene_speech,
        make_sound,
    ),
    Task("filmset_event", "Event heard", EVENT_KINDS, "scene", "audio", _EVENT_S, _plan_event, make_sound),
    Task(
        "filmset_events",
        "Events heard together",
        EVENT_KINDS,
        "scene",
        "audio",
        _EVENT_S,
        _plan_events,
        make_sound,
        many=True,
    ),
)

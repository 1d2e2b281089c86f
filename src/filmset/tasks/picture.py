"""Picture tasks: where it is, what happens, who speaks, and who directed it."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from filmset.directors import DIRECTORS, sample_look
from filmset.events import EVENT_KINDS, sample_event
from filmset.scenes import KINDS, sample_scene
from filmset.tasks.films import SIZE, Film, make_film, sample_close_up, sample_move, sample_people
from filmset.tasks.speech import sample_talks
from filmset.tasks.task import Fold, Item, Sources, Task, sample_evenly

SEEN_S = 3.0
_FPS = Fraction(25, 2)
_SPEAKING = ("left", "right", "both", "nobody")
TITLES_A_FOLD = 5
_ZOOM = (1.8, 3.0)


def sample_films(
    rng: np.random.Generator, count: int, people: tuple[int, ...] = (1, 2), fps: Fraction = _FPS
) -> list[Film]:
    """Shots of all kinds of scene and by all directors, in turn."""
    kinds, heads = sample_evenly(rng, KINDS, count), sample_evenly(rng, people, count)
    films = []
    for kind, director, many in zip(kinds, sample_evenly(rng, DIRECTORS, count), heads, strict=True):
        scene = sample_scene(kind, rng)
        cast, standing = sample_people(rng, many, scene.mirrored)
        look = sample_look(rng, director)
        camera = sample_move(rng, SEEN_S, fps)
        films.append(Film(SEEN_S, fps, scene, director, look, cast, standing, camera))
    return films


def _plan_scene(fold: Fold, sources: Sources) -> list[Item]:
    """Item k of every kind has the same people, camera and look; a part of the scene is seen."""
    rng = fold.rng()
    films = [
        replace(film, camera=sample_close_up(rng, _ZOOM)) for film in sample_films(rng, fold.items_a_class)
    ]
    return [
        Item(
            (kind,),
            f"title-{fold.number}{number % TITLES_A_FOLD:02d}",
            replace(film, scene=sample_scene(kind, rng)),
        )
        for kind in KINDS
        for number, film in enumerate(films)
    ]


def _plan_event(fold: Fold, sources: Sources) -> list[Item]:
    """Item k of every kind of event happens in the same shot."""
    rng = fold.rng()
    films = sample_films(rng, fold.items_a_class)
    return [
        Item(
            (kind,),
            f"scene-{fold.number}{number:02d}",
            replace(film, events=(sample_event(kind, rng, 0.3, SEEN_S - 0.3, SIZE, film.people),)),
        )
        for kind in EVENT_KINDS
        for number, film in enumerate(films)
    ]


def _plan_speaker(fold: Fold, sources: Sources) -> list[Item]:
    """The same two people in every class; who speaks moves their mouth and hand."""
    rng, count = fold.rng(), fold.items_a_class
    films = sample_films(rng, count, people=(2,))
    talks = sample_talks(fold, sources, rng, 2 * count, 3)
    items = []
    for number, film in enumerate(films):
        left, right = sorted(film.people, key=lambda person: person.mouth[1])
        pair = ((left.name, talks[2 * number]), (right.name, talks[2 * number + 1]))
        for label, said in zip(_SPEAKING, (pair[:1], pair[1:], pair, ()), strict=True):
            items.append(Item((label,), f"scene-{fold.number}{number:02d}", replace(film, talks=said)))
    return items


def plan_style(fold: Fold, sources: Sources) -> list[Item]:
    """Item k of every director is the same shot, as one of the director's titles shows it."""
    rng = fold.rng()
    films = sample_films(rng, fold.items_a_class)
    items = []
    for director in DIRECTORS:
        looks = [sample_look(rng, director) for _ in range(TITLES_A_FOLD)]
        for number, film in enumerate(films):
            title = number % TITLES_A_FOLD
            shot = replace(film, director=director, look=looks[title])
            items.append(Item((director,), f"title-{fold.number}-{director}-{title}", shot))
    return items


TASKS = (
    Task("filmset_picture_scene", "Scene seen", KINDS, "title", "picture", SEEN_S, _plan_scene, make_film),
    Task(
        "filmset_picture_event", "Event seen", EVENT_KINDS, "scene", "picture", SEEN_S, _plan_event, make_film
    ),
    Task(
        "filmset_picture_speaker",
        "Who is seen to speak",
        _SPEAKING,
        "scene",
        "picture",
        SEEN_S,
        _plan_speaker,
        make_film,
    ),
    Task(
        "filmset_picture_style",
        "Director of what is seen",
        DIRECTORS,
        "title",
        "picture",
        SEEN_S,
        plan_style,
        make_film,
    ),
)

"""Tasks of sound and picture together: whether they belong together, and who directed them."""

from dataclasses import replace
from fractions import Fraction

from filmset.directors import DIRECTORS, director_style
from filmset.events import EVENT_KINDS, sample_event
from filmset.tasks.audio import sample_levels
from filmset.tasks.films import SIZE, Film, make_film
from filmset.tasks.picture import SEEN_S, plan_style, sample_films
from filmset.tasks.sounds import Sound
from filmset.tasks.speech import sample_talks
from filmset.tasks.task import Fold, Item, Sources, Task
from filmset.truth import Event

_SYNC = ("matched", "shifted")
_FPS = Fraction(25)
_SHIFTS_S = (0.5, 1.5)
_MARGIN_S = Fraction(8, 5)  # of the shot before and after what is seen: whole frames, and room for a shift
_OVER_DB = (12.0, 20.0)
_EVENT_DB = (18.0, 26.0)  # an event's peak over the background's RMS
_TILT_SPREAD = 0.8  # dB an octave, of a director's titles, as in films


def _plan_sync(fold: Fold, sources: Sources) -> list[Item]:
    """The same shot with its sound in time, and with the sound of 0.5 to 1.5 s earlier or later.

    A shot shows one person who speaks, and half of the shots an event.
    """
    rng, count = fold.rng(), fold.items_a_class
    talks = sample_talks(fold, sources, rng, count, 5)
    levels, over = sample_levels(rng, count), rng.uniform(*_OVER_DB, count).round(3).tolist()
    margin_s = float(_MARGIN_S)
    whole_s = SEEN_S + 2 * margin_s
    items = []
    for number, film in enumerate(sample_films(rng, count, people=(1,), fps=_FPS)):
        talk = replace(talks[number], start_s=round(float(rng.uniform(0.0, 0.6)), 4))
        events: tuple[Event, ...] = ()
        if number % 2:
            kind = str(rng.choice(EVENT_KINDS))
            event = sample_event(kind, rng, margin_s + 0.2, margin_s + SEEN_S - 0.2, SIZE, film.people)
            events = (replace(event, gain_db=round(levels[number] + float(rng.uniform(*_EVENT_DB)), 3)),)
        sound = Sound(whole_s, film.scene, levels[number], 0.0, (talk,), over[number], events)
        shift_s = round(float(rng.choice([-1, 1]) * rng.uniform(*_SHIFTS_S)), 3)
        shot = replace(
            film,
            talks=((film.people[0].name, talk),),
            events=events,
            sound=sound,
            from_s=margin_s,
            sound_from_s=margin_s,
        )
        for label, moved_s in zip(_SYNC, (0.0, shift_s), strict=True):
            moved = replace(shot, sound_from_s=margin_s + moved_s)
            items.append(Item((label,), f"scene-{fold.number}{number:02d}", moved))
    return items


def _plan_style(fold: Fold, sources: Sources) -> list[Item]:
    """The clips of the picture task with their sound, in the title's colour of sound."""
    items = plan_style(fold, sources)
    rng, count = fold.rng(1), fold.items_a_class
    talks = sample_talks(fold, sources, rng, count, 3)
    levels, over = sample_levels(rng, count), rng.uniform(*_OVER_DB, count).round(3).tolist()
    spread = {
        group: float(rng.normal(0, _TILT_SPREAD)) for group in dict.fromkeys(item.group for item in items)
    }
    found = []
    for index, item in enumerate(items):
        film: Film = item.content
        number = index % count
        tilt_db = round(director_style(film.director).tilt_db + spread[item.group], 4)
        sound = Sound(SEEN_S, film.scene, levels[number], tilt_db, (talks[number],), over[number])
        who = film.people[0].name
        found.append(replace(item, content=replace(film, talks=((who, talks[number]),), sound=sound)))
    return found


TASKS = (
    Task(
        "filmset_av_sync",
        "Sound and picture in time",
        _SYNC,
        "scene",
        "audiovisual",
        SEEN_S,
        _plan_sync,
        make_film,
    ),
    Task(
        "filmset_av_style",
        "Director of what is seen and heard",
        DIRECTORS,
        "title",
        "audiovisual",
        SEEN_S,
        _plan_style,
        make_film,
    ),
)

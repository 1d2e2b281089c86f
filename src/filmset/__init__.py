"""Rendered films whose truth is known, and probe tasks from the same world.

`render` makes titles of shots in twenty kinds of scene that look and sound like themselves, with people
who speak one of seven languages, dubbed into others over the very same background. Every cut, scene,
event, line, word, voice, gain and fault is written beside each film (`filmset.truth` describes how),
so that what ingest, dubbing and pretraining do can be checked. `write_tasks` makes labelled sounds and
pictures of unseen titles, voices and sentences, in the layout of the HEAR benchmark.
"""

from filmset.describe import FilmSetDescription, describe_filmset
from filmset.render import FilmSet, film_path
from filmset.scenes import KINDS
from filmset.settings import FAULTS, LANGUAGES, STYLES, Settings
from filmset.tasks import TASKS, check_tasks, write_tasks
from filmset.truth import Event, Fault, Line, PersonInShot, Shot, Speaker, Spoken, Title, Track

__all__ = [
    "FAULTS",
    "KINDS",
    "LANGUAGES",
    "STYLES",
    "TASKS",
    "Event",
    "Fault",
    "FilmSet",
    "FilmSetDescription",
    "Line",
    "PersonInShot",
    "Settings",
    "Shot",
    "Speaker",
    "Spoken",
    "Title",
    "Track",
    "check_tasks",
    "describe_filmset",
    "film_path",
    "write_tasks",
]

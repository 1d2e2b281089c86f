"""Rendered films whose truth is known, and probe tasks from the same world.

`render` makes titles with hard cuts, eight kinds of scene that look and sound like themselves, and
people who speak one of seven languages, dubbed into others over the very same background. Every cut,
scene, line, word, voice and gain is written beside each film (`lssd.filmset.truth` describes how), so
that what ingest, dubbing and pretraining do can be checked. `write_tasks` makes labelled sounds of
unseen titles and voices, in the layout of the HEAR benchmark.
"""

from lssd.filmset.lines import LANGUAGES
from lssd.filmset.rendering import FilmSet, film_path, render
from lssd.filmset.scenes import KINDS
from lssd.filmset.script import Settings
from lssd.filmset.tasks import write_tasks
from lssd.filmset.truth import Line, Shot, Speaker, Spoken, Title

__all__ = [
    "KINDS",
    "LANGUAGES",
    "FilmSet",
    "Line",
    "Settings",
    "Shot",
    "Speaker",
    "Spoken",
    "Title",
    "film_path",
    "render",
    "write_tasks",
]

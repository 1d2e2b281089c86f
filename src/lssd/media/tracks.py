"""Sound tracks: which roles are speech, which track is the original, and what a track speaks.

Ingesting, dubbing and embedding all ask here, so that they agree on the track they take.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from av.stream import Disposition

from lssd.languages import from_file_name

ROLES = ("original", "dub", "commentary", "description", "background", "revoiced", "unknown")
# Tracks on which somebody speaks the film's own lines. On the others somebody talks about the film
# (commentary, description), or nobody speaks (background).
SPEECH = frozenset({"original", "dub", "revoiced", "unknown"})

# Dispositions first, in this order: a description in the original language is a description.
_FLAGS = (
    (Disposition.comment, "commentary"),
    (Disposition.visual_impaired | Disposition.descriptions, "description"),
    (Disposition.clean_effects | Disposition.karaoke, "background"),
    (Disposition.dub, "dub"),
    (Disposition.original, "original"),
)
_TITLES = (
    (r"\bcommentar|kommentar|\bcomment(aire|ario)s?\b", "commentary"),
    (
        r"\baudio[ -]?descri|\bdescriptive\b|\bdescribed video\b|\bvisually impaired\b|\baudiodesk",
        "description",
    ),
    (r"\bm\s?[&+]\s?e\b|\bmusic (and|&) effects\b|\bisolated (score|music)\b|\bbackground\b", "background"),
    (r"\brevoiced\b", "revoiced"),
    (r"\bdub(bed)?\b|\bdoublage\b|\bsynchron", "dub"),
    (r"\boriginal\b(?! (score|soundtrack|music))", "original"),
)


class TrackFacts(Protocol):
    """What the choice of the original looks at; `language` is a code or None, `role` one of `ROLES`."""

    @property
    def language(self) -> str | None: ...
    @property
    def role(self) -> str: ...
    @property
    def default(self) -> bool: ...


T = TypeVar("T", bound=TrackFacts)


def role_of(disposition: Disposition, title: str) -> str:
    """The role of a track from its flags, else from its title, else "unknown".

    A title that says commentary, description or background outranks the flags dub and original.
    """
    flagged = next((role for flags, role in _FLAGS if disposition & flags), None)
    titled = next((role for pattern, role in _TITLES if re.search(pattern, title, re.IGNORECASE)), None)
    if titled is None or (flagged is not None and flagged not in SPEECH):
        return flagged or "unknown"
    return titled if flagged is None or titled not in SPEECH else flagged


def original_track(tracks: Sequence[T], wanted: int | None = None, language: str | None = None) -> T | None:
    """The original among the sound tracks of one film, in the film's order; None where none is speech.

    It is number `wanted` (from 0, whatever its role), else a speech track in `language`, the original
    language as the user states it, else a track flagged original, else the one flagged default, else the
    first. Later rules decide between tracks that earlier ones leave. A default flag is only a hint
    (`default_decides`). A revoiced track speaks other voices over the original: it is taken last.

    Raises IndexError for a number that no track has.
    """
    if wanted is not None:
        return tracks[wanted]
    speech = [track for track in tracks if track.role in SPEECH]
    return min(speech, key=lambda track: (*_evidence(track, language), not track.default), default=None)


def default_decides(tracks: Sequence[T], language: str | None = None) -> bool:
    """Whether only a default flag makes a later track the original, rather than the first one of speech.

    Films are often flagged default in the language of whoever made the file, so this is worth saying.
    """
    speech = [track for track in tracks if track.role in SPEECH]
    first = min(speech, key=lambda track: _evidence(track, language), default=None)
    return first is not original_track(tracks, None, language)


def _evidence(track: TrackFacts, language: str | None) -> tuple[bool, bool, bool]:
    other_language = language is not None and track.language != language
    return (track.role == "revoiced", other_language, track.role != "original")


def spoken_language(tag: str | None, path: str | Path, tracks: int) -> str | None:
    """The language of a track: its own tag, else what the name of a file with only one track says.

    With several tracks a name such as `film_de.mkv` cannot say which one is meant.
    """
    if tag is not None:
        return tag
    return from_file_name(path) if tracks == 1 else None

"""The film that is dubbed: its original track and language, its stems, where its dub goes, the work on it."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lssd import languages
from lssd.dubbing.backend_pool import BackendPool, Tool
from lssd.dubbing.settings import DubSettings
from lssd.dubbing.sound import Sound
from lssd.dubbing.workspace import Workspace
from lssd.errors import InputError, MediaError
from lssd.media import (
    FilmInfo,
    TrackInfo,
    default_decides,
    original_track,
    picture_hash,
    probe,
    spoken_language,
    track_hash,
)
from lssd.media.encode import LAYOUTS
from lssd.store import hash_json, lock, write_bytes

RECORD = "provenance.json"
_LANGUAGE = re.compile(r"[._-][A-Za-z]{2,3}([_-][A-Za-z0-9]+)*")
_LOG = logging.getLogger(__name__)
_ID = 12  # hexadecimal digits
_CLAIM = ".film"


@dataclass(frozen=True)
class Film:
    """A film as it was given. `film_id` is a hash of its picture and its original track, never of a path."""

    path: Path
    info: FilmInfo
    track: TrackInfo
    language: str
    film_id: str
    track_id: str


@dataclass(frozen=True)
class Stems:
    """The original track and what it was separated into. `key` identifies all three."""

    original: Sound
    speech: Sound
    background: Sound
    key: str


@dataclass
class Job:
    """The work on one film. `beside`: the user's files about it, such as subtitles.

    Two lists grow as steps run. flags: what the user should know about the whole film; script_tools: the
    backends that found who says what and when.
    """

    film: Film
    folder: Path
    stems: Stems
    beside: Sequence[Path]
    settings: DubSettings
    pool: BackendPool
    workspace: Workspace
    flags: list[str] = field(default_factory=list)
    script_tools: list[Tool] = field(default_factory=list)


def open_film(path: str | Path, settings: DubSettings) -> Film:
    """Probe a film and choose its original track.

    MediaError for what is no film, has no sound or lacks the track asked for, for an original whose language
    is neither tagged nor given, and for a number of channels that no track of the output can have.
    """
    info = probe(path)
    track = _chosen_track(info, settings.track)
    if track.channels not in LAYOUTS:
        known = ", ".join(map(str, LAYOUTS))
        raise MediaError(
            f"{path}: sound track {track.index} has {track.channels} channels; tracks of {known} can be made"
        )
    language = languages.code_of(settings.source) if settings.source else None
    language = language or spoken_language(track.language, path, len(info.tracks))
    if language is None:
        raise MediaError(
            f"{path}: track {track.index} does not say what it speaks; say it with --from, as in --from en"
        )
    track_id = track_hash(path, track.index)
    picture_id = picture_hash(path) if info.video is not None else ""
    return Film(Path(path), info, track, language, hash_json([picture_id, track_id], 32), track_id)


def _chosen_track(info: FilmInfo, wanted: int | None) -> TrackInfo:
    """The track to dub: number `wanted`, else the original as `lssd.media.original_track` chooses it."""
    if not info.tracks:
        raise MediaError(f"{info.path} has no sound track; there is nothing to dub")
    if wanted is not None and not 0 <= wanted < len(info.tracks):
        raise MediaError(
            f"{info.path} has no sound track {wanted}; it has {len(info.tracks)}, counted from 0"
        )
    track = original_track(info.tracks, wanted)
    if track is None:
        raise MediaError(f"{info.path} has no track of speech, only {info.tracks[0].role}")
    if wanted is None and default_decides(info.tracks):
        _LOG.warning(
            "only a default flag says that track %d of %s is the original; if it is another one, "
            "name it with --track",
            track.index,
            info.path,
        )
    return track


def folder_of(film: Film, out: Path, cache: Path) -> Path:
    """Where a film's dub goes: `OUT/NAME`, or `OUT/NAME-ID` where another film of that name was first.

    The first film of a name claims its folder by a file that holds the film's id.
    """
    plain = out / film.path.stem
    claim = plain / _CLAIM
    with lock(cache / "locks" / "names", timeout_s=60.0):
        if not claim.exists():
            write_bytes(claim, film.film_id.encode())
        if claim.read_bytes() == film.film_id.encode():
            return plain
    return out / f"{film.path.stem}-{film.film_id[:_ID]}"


def companions(film: Path, given: Sequence[str], suffixes: Sequence[str], alone: bool) -> list[Path]:
    """The user's files about a film (subtitles, speaker turns), found by the film's name among `given`.

    `given` are files, and folders whose files are looked through. `alone`: the film is the only one, so
    that files named outright are its own whatever they are called. InputError for a place that does not
    exist.
    """
    found = []
    for place in map(Path, given):
        if not place.exists():
            raise InputError(f"no such file or folder: {place}")
        entries = sorted(place.iterdir()) if place.is_dir() else [place]
        for entry in entries:
            rest = entry.stem.removeprefix(film.stem)
            named = entry.stem.startswith(film.stem) and (not rest or _LANGUAGE.fullmatch(rest))
            if entry.suffix.lower() in suffixes and (named or (alone and not place.is_dir())):
                found.append(entry)
    return found

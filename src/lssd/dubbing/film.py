"""The film that is dubbed: which track is the original, what it speaks, and where its dub goes."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lssd import languages
from lssd.dubbing.settings import DubSettings
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
from lssd.store import hash_json, lock, write_bytes

RECORD = "provenance.json"
_LANGUAGE = re.compile(r"[._-][A-Za-z]{2,3}([_-][A-Za-z0-9]+)*")
_LOG = logging.getLogger(__name__)
_ID = 12  # hexadecimal digits
_CLAIM = ".film"


@dataclass(frozen=True)
class Film:
    """A film as it came. `film_id` is its picture's and its original track's content, never a path."""

    path: Path
    info: FilmInfo
    track: TrackInfo
    language: str
    film_id: str
    track_id: str


def open_film(path: str | Path, settings: DubSettings) -> Film:
    """Look at a film and choose its original track.

    MediaError for what is no film, has no sound or lacks that track, and for an original of which nobody
    says what it speaks.
    """
    info = probe(path)
    track = _chosen_track(info, settings.track)
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
    """The track that is dubbed: number `wanted`, else the original (`lssd.media.original_track`)."""
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
    """Where a film's dub goes: a folder of its name, with digits of its id where another film has that.

    The first film of a name claims it, by a file that holds its id.
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
    """The files beside a film (subtitles, turns) among those given: in folders by its name, else all named.

    `alone`: the film is the only one, so that named files are its own whatever they are called.
    InputError for a place that does not exist.
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

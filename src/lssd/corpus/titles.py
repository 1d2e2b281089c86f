"""Which files are the same film, and what its tracks are.

A title is identified by its coded picture, or by the name that groups pictures which were never one file
(`grouping`); a track by its coded sound. Languages come from the track's tag, else from the file's name, else
from the titles table; roles from the container, a background track's also from the file's name. Nobody speaks
in a background track, so it has no language.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lssd import languages
from lssd.corpus.grouping import Place
from lssd.corpus.records import TitleRecord
from lssd.corpus.schema import TrackRow
from lssd.errors import MediaError
from lssd.media import (
    SPEECH,
    FilmInfo,
    TrackInfo,
    VideoInfo,
    default_decides,
    original_track,
    picture_hash,
    probe,
    spoken_language,
    track_hash,
)

_LOG = logging.getLogger(__name__)

_ID_DIGITS = 16
# At the end of a file's stem; not after a space alone, where it may well be a film's own name.
_BACKGROUND = re.compile(
    r"[._-]\s*(background|m\s?[&+]\s?e|music[._ -]?(and|&)[._ -]?effects)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Track:
    """One sound track of a title, with the decision whether it is kept.

    `index` counts the sound tracks of its file; `span_s` is where its sound begins and ends on the film's
    time line, None for a committed track, whose sound is stored already.
    """

    track_id: str
    path: str
    index: int
    channels: int
    language: str | None
    role: str
    default: bool = False
    span_s: tuple[float, float] | None = None
    reason: str | None = None

    @property
    def kept(self) -> bool:
        return self.reason is None

    @property
    def has_voices(self) -> bool:
        """Whether somebody speaks, be it the film's lines or about the film."""
        return self.role != "background"

    @property
    def is_speech(self) -> bool:
        """Whether the film's own lines are spoken."""
        return self.role in SPEECH


@dataclass(frozen=True)
class Identity:
    """What one input file turned out to be, and its size and time of change when that was found out."""

    path: str
    size: int
    modified_ns: int
    picture_id: str
    duration_s: float
    video: VideoInfo
    tracks: tuple[Track, ...]


@dataclass(frozen=True)
class Part:
    """One picture of a title with all its tracks, from one file or several; most titles have one part.

    name: of the title, where one was given. Duration and picture are those of the first file.
    """

    title_id: str
    name: str | None
    picture_id: str
    duration_s: float
    video: VideoInfo
    files: tuple[Identity, ...]
    tracks: tuple[Track, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)

    @property
    def speech_languages(self) -> list[str]:
        """The languages of the kept speech tracks, the original's first."""
        kept = [track for track in self.tracks if track.kept and track.is_speech]
        kept.sort(key=lambda track: track.role != "original")
        return list(dict.fromkeys(track.language for track in kept if track.language))


def identify(path: str | Path, record: TitleRecord | None = None) -> Identity:
    """Probe a film and hash its picture and its tracks, without decoding either.

    Raises MediaError when the file is no film, has no picture or no sound.
    """
    record = record or TitleRecord()
    film = probe(path)
    status = Path(path).stat()
    if film.video is None:
        raise MediaError(f"{path} has no picture; ingest wants films")
    if not film.tracks:
        raise MediaError(f"{path} has no sound track; ingest wants films with sound")
    tracks = [_track(info, film, path, record) for info in film.tracks]
    return Identity(
        path=str(path),
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        picture_id=picture_hash(path)[:_ID_DIGITS],
        duration_s=film.duration_s,
        video=film.video,
        tracks=tuple(tracks),
    )


def _track(info: TrackInfo, film: FilmInfo, path: str | Path, record: TitleRecord) -> Track:
    named = info.role == "unknown" and len(film.tracks) == 1 and _BACKGROUND.search(Path(path).stem)
    track = Track(
        track_id=track_hash(path, info.index)[:_ID_DIGITS],
        path=str(path),
        index=info.index,
        channels=info.channels,
        language=None,
        role="background" if named else info.role,
        default=info.default,
        span_s=(info.start_s, info.start_s + info.duration_s),
    )
    if not track.has_voices:
        return track
    if info.index < len(record.languages):
        return replace(track, language=record.languages[info.index])
    return replace(track, language=spoken_language(info.language, path, len(film.tracks)))


def assemble(
    identities: list[Identity],
    places: Mapping[str, Place],
    records: Mapping[str, TitleRecord],
    original: str | None = None,
    committed: Callable[[str, str], list[Track]] = lambda title_id, picture_id: [],
) -> list[Part]:
    """Group files by their picture and decide on the tracks of each.

    An only track without a language speaks the original language, where that is stated.

    `places` says by picture which title each is of, `records` by title what is known of it. `original` is the
    original language of titles whose record does not say it. `committed` gives the tracks that a picture of a
    title has already; their roles stay. Parts come in the order of their titles' ids, then their pictures'.
    """
    groups: dict[str, list[Identity]] = defaultdict(list)
    for identity in sorted(identities, key=lambda item: item.path):
        groups[identity.picture_id].append(identity)
    parts = []
    hinted = []
    for picture_id, group in groups.items():
        place = places[picture_id]
        old = committed(place.title_id, picture_id)
        known_ids = {track.track_id for track in old}
        found = [
            replace(track, track_id=place.track_id(track.track_id)) for one in group for track in one.tracks
        ]
        fresh = [track for track in found if track.track_id not in known_ids]
        wanted = records.get(place.title_id, TitleRecord()).original_language or original
        if sum(track.has_voices for track in [*old, *fresh]) == 1:
            fresh = [
                replace(track, language=track.language or wanted) if track.has_voices else track
                for track in fresh
            ]
        if not old and default_decides(fresh, wanted):
            hinted.append(group[0].path)
        parts.append(
            Part(
                title_id=place.title_id,
                name=place.name,
                picture_id=picture_id,
                duration_s=group[0].duration_s,
                video=group[0].video,
                files=tuple(group),
                tracks=tuple(decide_tracks([*old, *fresh], wanted, committed=bool(old))),
            )
        )
    if hinted:
        _LOG.warning(
            "in %d films, first %s, only a default flag says which track is the original; if it is "
            "another one, name its language in --titles or with --original",
            len(hinted),
            min(hinted),
        )
    return sorted(parts, key=lambda part: (part.title_id, part.picture_id))


def decide_tracks(tracks: list[Track], original: str | None = None, committed: bool = False) -> list[Track]:
    """Settle the role of each track and whether it is kept.

    First the original is chosen (`lssd.media.original_track`, in the language `original` where there is
    such a track); all other speech is a dub. Then commentary and audio description are left out, and each
    track that repeats another one or is a second one of its language, and a second background track.
    Tracks of a `committed` title come first and have its original among them, which stays.
    """
    wanted = None
    if committed:
        originals = (n for n, track in enumerate(tracks) if track.kept and track.role == "original")
        wanted = next(originals, None)
    chosen = original_track(tracks, wanted, original)
    # Speech first: where nobody speaks, the background track is the same sound, and the one to leave out.
    ordered = sorted(tracks, key=lambda track: not track.has_voices)
    kept: list[Track] = []
    reasons: dict[int, str | None] = {}
    # The original before all others, so that what repeats it is what goes.
    for track in sorted(ordered, key=lambda track: track is not chosen):
        reason = reasons[id(track)] = _reason(track, kept)
        if reason is None:
            kept.append(track)
    decided = []
    for track in ordered:
        reason, role = reasons[id(track)], track.role
        if track is chosen:
            role = "original"
        elif reason is None and track.is_speech and role != "revoiced":
            role = "dub"
        decided.append(replace(track, role=role, reason=reason))
    return decided


def _reason(track: Track, kept: list[Track]) -> str | None:
    if track.role in ("commentary", "description"):
        return f"the track is a {track.role}"
    for other in kept:
        if other.track_id == track.track_id:
            return f"the same sound as track {other.index} of {Path(other.path).name}"
        if other.is_speech != track.is_speech or track.role == "revoiced":
            continue
        if not track.is_speech:
            return "a second background track"
        if other.language == track.language:
            return f"a second track in {languages.display_name(track.language)}"
    return None


def track_of(row: TrackRow) -> Track:
    """A committed track from its row in the catalog."""
    return Track(
        track_id=row.track_id,
        path=row.path,
        index=row.index,
        channels=row.channels,
        language=row.language,
        role=row.role,
        reason=row.reason,
    )

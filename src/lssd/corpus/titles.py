"""Which files are the same film, and what its tracks are.

A title is identified by its coded picture, a track by its coded sound. Languages come from the
track's tag, else from the file's name, else from the titles table; roles from the container, a background
track's also from the file's name. Nobody speaks in a background track, so it has no language.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lssd import languages
from lssd.corpus.schema import TrackRow
from lssd.corpus.tables import read_table
from lssd.errors import InputError, MediaError
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
_COLUMNS = {"path", "original_language", "genre", "split", "languages"}
SPLITS = ("train", "valid", "test")
# At the end of a file's stem; not after a space alone, where it may well be a film's own name.
_BACKGROUND = re.compile(
    r"[._-]\s*(background|m\s?[&+]\s?e|music[._ -]?(and|&)[._ -]?effects)$", re.IGNORECASE
)


@dataclass(frozen=True)
class TitleRecord:
    """One row of the titles table that a user hands in (`--titles`)."""

    original_language: str | None = None
    genre: str | None = None
    split: str = "train"
    languages: tuple[str, ...] = ()  # of the sound tracks in order, where the file does not say


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
    title_id: str
    duration_s: float
    video: VideoInfo
    tracks: tuple[Track, ...]


@dataclass(frozen=True)
class Title:
    """A film with all its tracks, from one file or several; duration and picture are those of the first."""

    title_id: str
    duration_s: float
    video: VideoInfo
    files: tuple[Identity, ...]
    tracks: tuple[Track, ...]
    record: TitleRecord

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)

    @property
    def speech_languages(self) -> list[str]:
        """The languages of the kept speech tracks, the original's first."""
        kept = [track for track in self.tracks if track.kept and track.is_speech]
        kept.sort(key=lambda track: track.role != "original")
        return list(dict.fromkeys(track.language for track in kept if track.language))


def read_titles(path: str | Path) -> dict[Path, TitleRecord]:
    """Read the titles table: CSV with `path` and any of original_language, genre, split, languages.

    Relative paths are relative to the table's own folder. `languages` is a list separated by spaces.
    Raises InputError for a missing file, an unknown column or an unknown value.
    """
    folder = Path(path).parent
    rows = read_table(path, "titles table", _COLUMNS)
    return {(folder / row["path"]).resolve(): _record(row, where) for where, row in rows}


def _record(row: dict[str, str], where: str) -> TitleRecord:
    split = row.get("split") or "train"
    if split not in SPLITS:
        raise InputError(f"{where}: split must be train, valid or test, not '{split}'")
    original = row.get("original_language")
    return TitleRecord(
        original_language=languages.code_of(original, where) if original else None,
        genre=row.get("genre") or None,
        split=split,
        languages=tuple(languages.code_of(tag, where) for tag in row.get("languages", "").split()),
    )


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
    title_id = picture_hash(path)[:_ID_DIGITS]
    return Identity(
        path=str(path),
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        title_id=title_id,
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
    records: dict[Path, TitleRecord],
    original: str | None = None,
    committed: Callable[[str], list[Track]] = lambda title_id: [],
) -> list[Title]:
    """Group files by their picture and decide on the tracks of each title.

    `original` is the original language of titles for which the titles table does not say it. `committed`
    gives the tracks that a title has already; their roles stay. Titles come in the order of their ids.
    """
    groups: dict[str, list[Identity]] = defaultdict(list)
    for identity in sorted(identities, key=lambda item: item.path):
        groups[identity.title_id].append(identity)
    titles = []
    hinted = []
    for title_id, group in sorted(groups.items()):
        known = [records[path] for path in (Path(item.path).resolve() for item in group) if path in records]
        record = known[0] if known else TitleRecord()
        old = committed(title_id)
        known_ids = {track.track_id for track in old}
        fresh = [track for identity in group for track in identity.tracks if track.track_id not in known_ids]
        wanted = record.original_language or original
        if not old and default_decides(fresh, wanted):
            hinted.append(group[0].path)
        titles.append(
            Title(
                title_id=title_id,
                duration_s=group[0].duration_s,
                video=group[0].video,
                files=tuple(group),
                tracks=tuple(decide_tracks([*old, *fresh], wanted, committed=bool(old))),
                record=record,
            )
        )
    if hinted:
        _LOG.warning(
            "in %d titles, first %s, only a default flag says which track is the original; if it is "
            "another one, name its language in --titles or with --original",
            len(hinted),
            hinted[0],
        )
    return titles


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

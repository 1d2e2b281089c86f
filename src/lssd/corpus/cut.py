"""Cut one picture of a title: find its shots, store the kept ones as clips with all their tracks."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from lssd.corpus.fingerprints import FINGERPRINT, Fingerprint
from lssd.corpus.schema import ClipRow, LabelRow, Member, ShotRow, TitleRows, shot_id
from lssd.corpus.shards import ShardWriter
from lssd.corpus.shots import Shot, find_shots, select_shots
from lssd.corpus.titles import Part, Track
from lssd.errors import InputError, StorageError, storage_error
from lssd.media import encode_picture, encode_sound, iterate_frames, read_sound

CLIP_FPS = Fraction(25)
SOUND_RATE = 48_000
_DETECTION_SHORT_SIDE = 144


@dataclass(frozen=True)
class ClipSettings:
    """How clips are stored; the dials of `ingest`.

    shortest_s, longest_s: the durations of shots that are kept, in seconds.
    short_side: of the stored picture, in pixels; a smaller picture is not enlarged.
    keyframe_every: frames between keyframes; small is fast to read at random, large is small on disk.
    sound_codec: of the stored sounds, as `lssd.media.encode_sound` knows them.
    detect: find shots; otherwise each file is one ready-made clip.
    """

    shortest_s: float = 3.0
    longest_s: float = 12.0
    short_side: int = 320
    keyframe_every: int = 25
    sound_codec: str = "flac"
    detect: bool = True

    @property
    def storage(self) -> dict[str, int | str]:
        """What all clips of a corpus have in common."""
        return {
            "short_side": self.short_side,
            "keyframe_every": self.keyframe_every,
            "sound_codec": self.sound_codec,
        }

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s < self.longest_s:
            raise InputError(
                f"durations kept must rise from above 0, not {self.shortest_s:g} to {self.longest_s:g} s"
            )
        if self.short_side < 16 or self.short_side % 2:
            raise InputError(f"the short side of clips must be even and at least 16, not {self.short_side}")
        if self.keyframe_every < 1:
            raise InputError(f"keyframes must come at least every frame or later, not {self.keyframe_every}")


@dataclass(frozen=True)
class CutTask:
    """One picture of a title for one worker: what to cut, where to stage it, what is there already.

    staging: a folder, shared with the title's other pictures; shard: how the names of this one's shards
    begin.
    """

    part: Part
    staging: str
    shard: str
    settings: ClipSettings
    shots: tuple[Shot, ...] = ()  # of a picture that is committed already and only gains tracks
    known_tracks: frozenset[str] = frozenset()


def cut_part(task: CutTask) -> TitleRows:
    """Stage a picture's shards and return its new rows of shots, clips, members and labels (fingerprints).

    For a committed picture only the sounds of tracks that are new to it are stored, beside the shots
    and clips that stand. Raises MediaError when the film cannot be read, StorageError when the disk is
    full or `task.staging` cannot be written.
    """
    try:
        return _cut_part(task)
    except PermissionError as error:  # of writing: a film that may not be read is a MediaError
        raise StorageError(
            f"cannot write {task.staging}: {error.strerror}; choose another place, or change its permissions"
        ) from error
    except OSError as error:
        if (full := storage_error(error, task.staging)) is not None:
            raise full from error
        raise


def _cut_part(task: CutTask) -> TitleRows:
    part, settings = task.part, task.settings
    shots = list(task.shots) or _find(part, settings)
    fresh = [track for track in part.tracks if track.kept and track.track_id not in task.known_tracks]
    rows = TitleRows()
    with ShardWriter(Path(task.staging) / "shards", task.shard) as shards:
        for shot in shots:
            row = _shot_row(part, shot)
            rows.shots.append(row)
            if shot.reason is None:
                rows.clips.append(ClipRow(row.shot_id, row.shot_id, row.title_id, row.end_s - row.start_s))
                shards.begin_clip()
                if not task.known_tracks:
                    picture, fingerprint = _store_picture(part, shot, settings, shards)
                    rows.members.append(picture)
                    rows.labels.append(fingerprint)
                rows.members += _store_sounds(part, shot, fresh, settings, shards)
    return rows


def _find(part: Part, settings: ClipSettings) -> list[Shot]:
    frames = iterate_frames(part.paths[0], short_side=_DETECTION_SHORT_SIDE)
    if settings.detect:
        shots = find_shots(frames, part.video.fps)
    else:
        ordinals = [frame.ordinal for frame in frames]
        shots = [Shot(ordinals[0], ordinals[-1] + 1, part.video.fps)] if ordinals else []
    return select_shots(shots, settings.shortest_s, settings.longest_s)


def _shot_row(part: Part, shot: Shot) -> ShotRow:
    return ShotRow(
        shot_id=shot_id(part.picture_id, shot.start_frame, shot.end_frame),
        title_id=part.title_id,
        start_s=shot.start_s,
        end_s=shot.end_s,
        start_frame=shot.start_frame,
        end_frame=shot.end_frame,
        kept=shot.reason is None,
        reason=shot.reason,
    )


def _store_picture(
    part: Part, shot: Shot, settings: ClipSettings, shards: ShardWriter
) -> tuple[Member, LabelRow]:
    """Store a clip's picture; returns its member, and its fingerprint as a label."""
    clip_id = shot_id(part.picture_id, shot.start_frame, shot.end_frame)
    short_side = min(settings.short_side, part.video.width, part.video.height)
    fingerprint = Fingerprint(_frame_count(shot))
    frames = fingerprint.watch(_at_clip_rate(part.paths[0], shot, short_side))
    data = encode_picture(frames, CLIP_FPS, gop=settings.keyframe_every)
    member = shards.add(clip_id, "mp4", data, "picture")
    return member, LabelRow(clip_id, FINGERPRINT, fingerprint.value)


def _store_sounds(
    part: Part, shot: Shot, tracks: list[Track], settings: ClipSettings, shards: ShardWriter
) -> list[Member]:
    """Store a clip's sounds and a JSON description of them; returns their members."""
    clip_id = shot_id(part.picture_id, shot.start_frame, shot.end_frame)
    members: list[Member] = []
    described = []
    for track in tracks:
        if not _covers(track, shot):
            continue
        channels = min(track.channels, 2)
        sound_CS = read_sound(track.path, track.index, shot.start_s, shot.duration_s, SOUND_RATE, channels)
        data = encode_sound(sound_CS, SOUND_RATE, settings.sound_codec)
        suffix = f"{track.track_id}.{settings.sound_codec}"
        members.append(shards.add(clip_id, suffix, data, "sound", track.track_id, track.language))
        described.append(
            {
                "track_id": track.track_id,
                "language": track.language,
                "role": track.role,
                "channels": channels,
            }
        )
    if described:
        meta = {
            "clip_id": clip_id,
            "title_id": part.title_id,
            "start_s": shot.start_s,
            "duration_s": shot.duration_s,
            "fps": float(CLIP_FPS),
            "sample_rate": SOUND_RATE,
            "tracks": described,
        }
        data = json.dumps(meta, sort_keys=True).encode()
        members.append(shards.add(clip_id, "json", data, "meta"))
    return members


def _covers(track: Track, shot: Shot) -> bool:
    """Whether a track has sound for the whole shot, to within a quarter of a second at its ends."""
    assert track.span_s is not None, "only new tracks are cut"
    start_s, end_s = track.span_s
    return start_s <= shot.start_s + 0.25 and end_s >= shot.end_s - 0.25


def _frame_count(shot: Shot) -> int:
    """How many frames a shot has as a clip."""
    return math.floor(shot.duration_s * float(CLIP_FPS) + 1e-6)


def _at_clip_rate(path: str, shot: Shot, short_side: int) -> Iterator[np.ndarray]:
    """The frames shown at every 25th of a second of a shot, by presentation time."""
    count, emitted = _frame_count(shot), 0

    def shown(index: int) -> int:
        """The ordinal of the source frame that is shown at output frame `index`, in exact rationals."""
        return shot.start_frame + math.floor(index * shot.fps / CLIP_FPS)

    image: np.ndarray | None = None
    for frame in iterate_frames(path, short_side, shot.start_frame, shot.end_frame):
        # All output times before this frame begins still show the one before it.
        while image is not None and emitted < count and shown(emitted) < frame.ordinal:
            yield image
            emitted += 1
        image = frame.image
    while image is not None and emitted < count:
        yield image
        emitted += 1

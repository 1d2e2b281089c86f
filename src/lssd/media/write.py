"""Writing films: one picture and any number of tagged sound tracks, interleaved, whole or not at all."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import langcodes
import numpy as np
from av.container import OutputContainer
from av.stream import Disposition

from lssd.errors import InputError, storage_error
from lssd.media.encode import PictureEncoder, PictureOptions, Samples, SoundEncoder, first_and_all
from lssd.media.source import reason
from lssd.store import atomic_path

_CONTAINERS = {
    ".mkv": "matroska",
    ".mka": "matroska",
    ".webm": "webm",
    ".mp4": "mp4",
    ".flac": "flac",
    ".m4a": "mp4",
    ".mov": "mov",
    ".ts": "mpegts",
}
_ROLES = {
    "original": Disposition.original,
    "dub": Disposition.dub,
    "commentary": Disposition.comment,
    "description": Disposition.visual_impaired,
    "background": Disposition.clean_effects,
    "revoiced": Disposition(0),
    "unknown": Disposition(0),
}
# Roles that a container has no flag for survive as the title of a track without one.
_TITLES = {
    "matroska": {"background": "Music and effects", "revoiced": "Revoiced"},
    "mp4": {"background": "Music and effects", "revoiced": "Revoiced", "original": "Original"},
}
_AHEAD_S = 0.5  # sound is written this far ahead of the picture


@dataclass(frozen=True)
class SoundTrack:
    """A sound track to write. Samples float32 (C, S); `start_s` after the first picture, not negative.

    Samples may be an array or make their pieces when asked: they are read a piece at a time, in order.
    role: original, dub, commentary, description, background, revoiced or unknown.
    codec: flac (16 bits), flac24, aac, opus, pcm_s16le, pcm_f32le, ac3, mp3 ...; what the container holds.
    tags: further ones of the track; MP4 keeps none.
    """

    samples_CS: Samples
    sample_rate: int
    language: str | None
    title: str = ""
    role: str = "dub"
    default: bool = False
    codec: str = "flac"
    start_s: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)


def container_of(path: Path) -> str:
    """FFmpeg's name of the container that a path's suffix asks for. InputError when there is none."""
    kind = _CONTAINERS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: no container for suffix '{path.suffix}'; use {', '.join(_CONTAINERS)}")
    return kind


def container_options(kind: str, tracks: Sequence[SoundTrack]) -> dict[str, str]:
    """FFmpeg's options for a container of these tracks."""
    options = {"fflags": "bitexact"}  # no random ids, no dates: the same input gives the same bytes
    if kind in ("matroska", "webm"):
        options["default_mode"] = "passthrough"  # flag the tracks we flag and no others
    if kind in ("mp4", "mov"):
        # Edit lists count in movie time; at the default of 1000 a second a track's start would be rounded.
        scale = math.lcm(1000, *(track.sample_rate for track in tracks))
        options["movie_timescale"] = str(scale if scale < 1 << 24 else 48000)
        options["movflags"] = "+faststart"
    return options


def _tag(encoder: SoundEncoder, track: SoundTrack, kind: str) -> None:
    if track.role not in _ROLES:
        raise InputError(f"{track.role} is no role of a track; choose from {', '.join(_ROLES)}")
    encoder.stream.metadata.update(track.tags)
    title = track.title or _TITLES.get("mp4" if kind in ("mp4", "mov") else "matroska", {}).get(
        track.role, ""
    )
    if title:
        encoder.stream.metadata["title"] = title
    if track.language:
        encoder.stream.metadata["language"] = langcodes.Language.get(track.language).to_alpha3()
    flags = _ROLES[track.role] | (Disposition.default if track.default else Disposition(0))
    encoder.stream.disposition = flags


def add_track(container: OutputContainer, track: SoundTrack, kind: str, zero_s: float = 0.0) -> SoundEncoder:
    """An encoder of the track in the container, tagged. `zero_s`: container time of the first picture."""
    if track.start_s < 0:
        raise InputError(f"a track cannot start at {track.start_s} s, before the first picture")
    start_s = zero_s + track.start_s
    encoder = SoundEncoder(container, track.samples_CS, track.sample_rate, track.codec, start_s)
    _tag(encoder, track, kind)
    return encoder


def _write(
    container: OutputContainer,
    picture: PictureEncoder | None,
    images: Iterator[np.ndarray],
    sounds: list[SoundEncoder],
) -> None:
    """Encode and interleave: each track is kept a little ahead of the picture."""
    for image in images:
        if picture is None:
            break
        for sound in sounds:
            while sound.time_s < picture.time_s + _AHEAD_S:
                container.mux(sound.encode())
        container.mux(picture.encode(image))
    if picture is not None:
        container.mux(picture.flush())
    while sounds and (next_sound := min(sounds, key=lambda sound: sound.time_s)).time_s < math.inf:
        container.mux(next_sound.encode())


def write_film(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: Fraction,
    tracks: Sequence[SoundTrack],
    codec: str = "libx264",
    gop: int = 50,
    crf: int = 23,
    metadata: Mapping[str, str] | None = None,
    preset: str = "veryfast",
    threads: int = 1,
    pixel_aspect: Fraction = Fraction(1),
) -> None:
    """Write frames uint8 (H, W, 3) and sound tracks as one film; the suffix chooses the container.

    Frames are taken one at a time, so memory does not grow with the film's length; no frames at all
    make a film of sound alone. Languages, titles, default flags and roles are written as tags. MP4 has
    no flag for roles original, background and revoiced, Matroska none for the last two: a track without
    title then gets one that `probe` understands. The file appears under its name only when it is whole.
    `pixel_aspect` is the width over height of a stored pixel; H.264 keeps it exactly, VP9 cannot.

    Raises InputError for an unknown suffix, a codec the container does not hold, frames of several or
    odd sizes, or a place that cannot be written; StorageError for a full disk.
    """
    path = Path(path)
    kind = container_of(path)
    first, every = first_and_all(frames)
    if first is None and not tracks:
        raise InputError(f"{path}: neither frames nor tracks to write")
    options = PictureOptions(codec, gop, crf, preset, threads, Fraction(pixel_aspect))
    with atomic_path(path) as partial:
        try:
            with av.open(
                f"file:{partial.absolute()}", "w", format=kind, options=container_options(kind, tracks)
            ) as container:
                container.metadata.update(metadata or {})
                picture = None if first is None else PictureEncoder(container, Fraction(fps), first, options)
                sounds = [add_track(container, track, kind) for track in tracks]
                _write(container, picture, every, sounds)
        except av.error.FFmpegError as error:
            raise storage_error(error, path) or InputError(
                f"cannot write {path}: {reason(error)}; check the codecs and the disk"
            ) from error


def write_sounds(files: Mapping[Path, SoundTrack]) -> None:
    """Write several files of sound alone in step, a piece of each in turn, so that all can be made at once.

    The suffix of each chooses its container. Each file appears under its name only when all are whole.
    Raises InputError as `write_film` does.
    """
    try:
        with ExitStack() as places, ExitStack() as containers:
            sounds: list[tuple[OutputContainer, SoundEncoder]] = []
            for path, track in files.items():
                kind = container_of(path)
                partial = places.enter_context(atomic_path(path))
                options = container_options(kind, [track])
                opened = av.open(f"file:{partial.absolute()}", "w", format=kind, options=options)
                container = containers.enter_context(opened)
                sounds.append((container, add_track(container, track, kind)))
            while unfinished := [pair for pair in sounds if pair[1].time_s < math.inf]:
                container, sound = min(unfinished, key=lambda pair: pair[1].time_s)
                container.mux(sound.encode())
    except av.error.FFmpegError as error:
        names = ", ".join(map(str, files))
        raise storage_error(error, names) or InputError(
            f"cannot write {names}: {reason(error)}; check the codecs and the disk"
        ) from error

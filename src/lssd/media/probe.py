"""What a film holds: its picture, and its sound tracks with language and role."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Literal

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from lssd.errors import MediaError
from lssd.languages import normalise
from lssd.media.display import pixel_aspect, quarter_turns
from lssd.media.lengths import container_end, own_end, start_of
from lssd.media.source import Source, name_of, opened, picture_stream
from lssd.media.timeline import picture_grid, sound_zero
from lssd.media.tracks import role_of


@dataclass(frozen=True)
class VideoInfo:
    """The picture. `width` and `height` as coded, before rotation (degrees counter-clockwise) and
    `pixel_aspect`; `fps` the nominal grid; `start_s` the container's time of the first picture."""

    codec: str
    width: int
    height: int
    fps: Fraction
    duration_s: float
    start_s: float
    pixel_aspect: Fraction
    rotation: int


@dataclass(frozen=True)
class TrackInfo:
    """A sound track. `index` counts the sound tracks from 0; `language` is a code or None; `start_s`
    counts from the film's time zero."""

    index: int
    language: str | None
    role: str
    title: str
    default: bool
    channels: int
    layout: str
    sample_rate: int
    codec: str
    start_s: float
    duration_s: float


@dataclass(frozen=True)
class FilmInfo:
    """A film: `duration_s` from time zero to the end of its longest stream."""

    kind: ClassVar[Literal["film"]] = "film"

    path: str
    container: str
    duration_s: float
    video: VideoInfo | None
    tracks: tuple[TrackInfo, ...]

    def to_json(self) -> dict[str, Any]:
        """The form that `lssd inspect FILM --json` prints: rates as "24000/1001", None as null."""
        video = None
        if self.video is not None:
            video = {
                **vars(self.video),
                "fps": str(self.video.fps),
                "pixel_aspect": str(self.video.pixel_aspect),
            }
        return {
            "path": self.path,
            "container": self.container,
            "duration_s": self.duration_s,
            "video": video,
            "tracks": [dict(vars(track)) for track in self.tracks],
        }


def _title(stream: Stream) -> str:
    """MP4 keeps a track's title as `name`; its handler name is a muxer's default and says nothing."""
    return stream.metadata.get("title") or stream.metadata.get("name") or ""


def _duration(container: InputContainer, stream: Stream, start: Fraction) -> float:
    end = own_end(stream) or container_end(container)
    return 0.0 if end is None else max(0.0, round(float(end - start), 6))


def _track_info(container: InputContainer, index: int, stream: AudioStream, zero: Fraction) -> TrackInfo:
    context = stream.codec_context
    start = start_of(stream)
    start = zero if start is None else start
    title = _title(stream)
    return TrackInfo(
        index=index,
        language=normalise(stream.metadata.get("language")),
        role=role_of(stream.disposition, title),
        title=title,
        default=bool(stream.disposition & Disposition.default),
        channels=len(context.layout.channels) if context is not None else 0,
        layout=context.layout.name if context is not None else "",
        sample_rate=context.sample_rate if context is not None else 0,
        codec=context.codec.canonical_name if context is not None else "unknown",
        start_s=round(float(start - zero), 6),
        duration_s=_duration(container, stream, start),
    )


def _first_turns(packets: Any, stream: VideoStream) -> int:
    """Quarter turns of the first picture; 0 where none can be decoded, which reading will report."""
    try:
        for packet in packets:
            for frame in packet.decode():
                return quarter_turns(frame)
    except av.error.FFmpegError:
        return 0
    return 0


def _video_info(container: InputContainer, stream: VideoStream, name: str) -> tuple[VideoInfo, Fraction]:
    context = stream.codec_context
    if not context.width or not context.height:
        raise MediaError(f"{name} has a picture track of unknown size; the file is damaged or truncated")
    grid, packets = picture_grid(container, stream, name)
    context.thread_count = 1
    info = VideoInfo(
        codec=context.codec.canonical_name,
        width=context.width,
        height=context.height,
        fps=grid.fps,
        duration_s=_duration(container, stream, grid.zero),
        start_s=round(float(grid.zero), 6),
        pixel_aspect=pixel_aspect(stream),
        rotation=90 * _first_turns(packets, stream),
    )
    return info, grid.zero


def probe(path: Source) -> FilmInfo:
    """What a film holds, from its headers and its first picture.

    Durations are those the file promises, also when it is truncated: reading tells.

    Raises MediaError when the path is missing, holds neither picture nor sound, or is truncated beyond use.
    """
    name = name_of(path)
    with opened(path) as container:
        stream = picture_stream(container)
        if stream is None and not container.streams.audio:
            raise MediaError(f"{name} holds neither picture nor sound (read as {container.format.name})")
        video, zero = None, sound_zero(container)
        if stream is not None:
            video, zero = _video_info(container, stream, name)
        tracks = tuple(
            _track_info(container, index, audio, zero) for index, audio in enumerate(container.streams.audio)
        )
        ends = [track.start_s + track.duration_s for track in tracks]
        ends += [video.duration_s] if video else []
        return FilmInfo(
            path=name if isinstance(path, bytes) else str(Path(path)),
            container=container.format.name,
            duration_s=round(max(ends), 6),
            video=video,
            tracks=tracks,
        )

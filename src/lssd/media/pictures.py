"""Source frames of a film: one after another, or those shown at given times."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame

from lssd.errors import InputError, MediaError
from lssd.media.display import Converter, pixel_aspect
from lssd.media.lengths import check_whole
from lssd.media.source import Source, keep_only, name_of, opened, reason, require_picture
from lssd.media.timeline import Grid, picture_grid

_NEAR_S = 1.0  # frames this close to the start are reached without a seek
_BACK_OFF_S = (0.0, 2.0, 10.0, 60.0)  # how much earlier to try when a seek lands late
_HOLE_S = 0.5  # frames missing for longer, in a steady film whose container can lose packets, are damage
_STEADY_S = 2.0
_RARE = 0.02  # of the frames; a steady film may lack as many
_LOSSY = ("matroska", "webm", "mpegts", "mpeg", "flv")  # readers of these skip what they cannot parse
_HOLD_S = 0.5  # the last frame stands in for times up to this long after the film's end


@dataclass(frozen=True)
class Frame:
    """A source frame: `ordinal` on the nominal grid, `time_s` = ordinal / fps, `image` uint8 (H, W, 3)."""

    ordinal: int
    time_s: float
    image: np.ndarray


class _Holes:
    """Tells frames lost to damage from variable frame rate, in which holes are common."""

    def __init__(self, fps: Fraction) -> None:
        self._fps = fps
        self._first: int | None = None
        self._last = 0
        self._missing = 0

    def damaged(self, ordinal: int) -> bool:
        """Whether a long hole lies before this frame of a film that was steady until then."""
        if self._first is None:
            self._first = self._last = ordinal
            return False
        hole, seen = ordinal - self._last - 1, self._last - self._first
        steady = seen > _STEADY_S * self._fps and self._missing <= _RARE * seen
        self._last, self._missing = ordinal, self._missing + hole
        return steady and hole > _HOLE_S * self._fps


class _Picture:
    """The picture of one open film, decoded from the keyframe before any wanted frame."""

    def __init__(self, source: Source, container: InputContainer, threads: int) -> None:
        self.name = name_of(source)
        self.container = container
        self.stream = require_picture(container, source)
        keep_only(container, self.stream)
        self.stream.codec_context.thread_count = threads
        self.stream.codec_context.thread_type = "AUTO" if threads != 1 else "SLICE"
        self.time_base = self.stream.time_base or Fraction(1, 1000)
        self._delay: int | None = None
        self.grid: Grid
        self.grid, self._packets = picture_grid(container, self.stream, self.name)

    def error(self, place: int, why: str) -> MediaError:
        time_s = float(max(place, 0) / self.grid.fps)
        return MediaError(f"{self.name}: the picture cannot be decoded near {time_s:.3f} s ({why})")

    def _seek(self, place: int, back_s: float) -> Iterator[Packet] | None:
        """Packets from a keyframe shown at or before `place`, or None when this seek lands late."""
        target = self.grid.pts(place + 0.5 - back_s * float(self.grid.fps), self.time_base)
        try:
            self.container.seek(target, stream=self.stream)
            packets = self.container.demux(self.stream)
            key = next((packet for packet in packets if packet.is_keyframe and packet.size), None)
        except av.error.FFmpegError:
            return None
        if key is None or key.pts is None or self.grid.ordinal(key.pts, self.time_base) > place:
            return None
        return itertools.chain([key], packets)

    def _packets_for(self, place: int, source: Source) -> Iterator[Packet]:
        """Packets from the first keyframe of the film, or from one at or before `place`."""
        if self.grid.counted or place <= _NEAR_S * self.grid.fps:
            yield from self._packets
            return
        for back_s in _BACK_OFF_S:
            packets = self._seek(place, back_s)
            if packets is not None:
                yield from packets
                return
        # No usable index: read from the start in a fresh container, as a failed seek may leave any state.
        with opened(source) as container:
            again = _Picture(source, container, self.stream.codec_context.thread_count)
            yield from again._packets

    def decode(self, place: int, source: Source) -> Iterator[tuple[int, VideoFrame]]:
        """(ordinal, frame) in presentation order, ordinals rising, from at or before `place` to the end.

        Raises MediaError at a packet or frame that is damaged.
        """
        fps = self.grid.fps
        last, holes = -1, _Holes(fps) if self.container.format.name.split(",")[0] in _LOSSY else None
        packets = self._packets_for(place, source)
        near = place
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                if packet.pts is not None:
                    near = self.grid.ordinal(packet.pts, self.time_base)
                frames = self._decode(packet)
            except av.error.FFmpegError as error:
                raise self.error(near, reason(error)) from error
            for frame in frames:
                ordinal = self._ordinal(frame, last)
                if ordinal <= last:  # before time zero, or a second frame in one place
                    continue
                if frame.is_corrupt:
                    raise self.error(ordinal, "damaged data")
                if holes is not None and holes.damaged(ordinal):
                    raise self.error(last + 1, f"no frames up to {float(ordinal / fps):.3f} s")
                last = ordinal
                yield ordinal, frame

    def _decode(self, packet: Packet) -> list[VideoFrame]:
        if packet.size:
            return self.stream.codec_context.decode(packet)
        last = packet.pts is None and packet.dts is None  # the demuxer's own mark of the end
        return self.stream.codec_context.decode(None) if last else []

    def _ordinal(self, frame: VideoFrame, last: int) -> int:
        if not self.grid.counted and frame.pts is not None:
            return self.grid.ordinal(frame.pts, self.time_base)
        if frame.dts is None:
            return last + 1
        # The decoder's delay is the same for all frames; the first one out is frame 0.
        self._delay = self._delay if self._delay is not None else frame.dts
        return round((frame.dts - self._delay) * self.time_base * self.grid.fps)


def iterate_frames(
    path: str | Path,
    short_side: int | None = None,
    start_frame: int = 0,
    end_frame: int | None = None,
    threads: int = 0,
) -> Iterator[Frame]:
    """Source frames in presentation order, ordinals in [start_frame, end_frame) on the nominal grid.

    Memory stays flat however long the film is. `short_side`: as for `read_frames`. `threads`: for the
    decoder, 0 = as many as the machine has.

    Raises MediaError when the path is missing, when there is no picture, at damaged data
    (after the whole frames before it), and after the last frame of a truncated film.
    """
    with opened(path) as container:
        picture = _Picture(path, container, threads)
        convert = Converter(pixel_aspect(picture.stream), short_side)
        ordinal = -1
        for ordinal, frame in picture.decode(start_frame, path):
            if end_frame is not None and ordinal >= end_frame:
                return
            if ordinal >= start_frame:
                yield Frame(ordinal, float(ordinal / picture.grid.fps), convert(frame))
        if end_frame is None or ordinal + 1 < end_frame:
            reached = picture.grid.zero + (ordinal + 1) / picture.grid.fps
            check_whole(path, container, picture.stream, reached, picture.grid.zero)


def read_frames(source: Source, times_s: Sequence[float], short_side: int | None = None) -> np.ndarray:
    """The frames being shown at given times, as uint8 (T, H, W, 3) RGB in the order of the times.

    source      a path, or the bytes of a file
    times_s     seconds from the first picture, in any order, repeats allowed
    short_side  None: coded size and pixel shape. Otherwise square pixels, exactly this short side

    Rotation in the file's metadata is applied. Times up to half a second after the last frame give the
    last frame. Raises InputError for negative times, MediaError for a missing path or times after the
    end (a truncated film ends where its data do) and for damaged data.
    """
    with opened(source) as container:
        picture = _Picture(source, container, threads=1)
        places = _places(picture, times_s)
        convert = Converter(pixel_aspect(picture.stream), short_side)
        images = dict(_images_at(picture, sorted(set(places)), min(places), source, convert))
    return np.stack([images[place] for place in places])


def iterate_windows(
    path: str | Path, windows_s: Sequence[Sequence[float]], short_side: int | None = None
) -> Iterator[np.ndarray]:
    """What `read_frames` gives for the times of each window, window by window, from one pass over the film.

    For films that cannot be sought in, where every `read_frames` would decode from the start. Windows must
    begin in rising order and may overlap; no more frames are held than two windows show.

    Raises as `read_frames` does, after the windows before the one at fault, and InputError for windows out
    of order.
    """
    with opened(path) as container:
        picture = _Picture(path, container, threads=0)
        windows = [_places(picture, times_s) for times_s in windows_s]
        if any(min(later) < min(earlier) for earlier, later in itertools.pairwise(windows)):
            raise InputError(f"windows of {picture.name} are out of order; give them by rising start")
        wanted = sorted({place for places in windows for place in places})
        convert = Converter(pixel_aspect(picture.stream), short_side)
        images = _images_at(picture, wanted, 0, path, convert)
        held: dict[int, np.ndarray] = {}
        for places in windows:
            held = {place: image for place, image in held.items() if place >= min(places)}
            while max(places) not in held:
                place, image = next(images)
                held[place] = image
            yield np.stack([held[place] for place in places])


def _places(picture: _Picture, times_s: Sequence[float]) -> list[int]:
    """The places on the film's grid whose frames are being shown at given times."""
    if len(times_s) == 0:
        raise InputError(f"no times given to read frames of {picture.name} at; give at least one")
    places = [picture.grid.shown(float(time_s)) for time_s in times_s]
    if min(places) < 0:
        raise InputError(f"time {min(times_s):.3f} s is before the start of {picture.name}; times start at 0")
    return places


def _images_at(
    picture: _Picture, wanted: Sequence[int], start: int, source: Source, convert: Converter
) -> Iterator[tuple[int, np.ndarray]]:
    """Rising places of the grid, each with the image shown there; only these are converted.

    `start`: the place to begin decoding at, as for `_Picture.decode`.
    """
    waiting = iter(wanted)
    place = next(waiting, None)
    ordinal, shown = -1, None
    for ordinal, frame in picture.decode(start, source):
        while place is not None and place <= ordinal:
            yield place, convert(frame if place == ordinal or shown is None else shown)
            place = next(waiting, None)
        if place is None:
            return
        shown = frame
    limit = ordinal + 1 + _HOLD_S * picture.grid.fps
    while place is not None and shown is not None and place < limit:
        yield place, convert(shown)
        place = next(waiting, None)
    if place is not None:
        asked, end = float(place / picture.grid.fps), float((ordinal + 1) / picture.grid.fps)
        raise MediaError(f"{picture.name}: no picture at {asked:.3f} s; it ends at {end:.3f} s")

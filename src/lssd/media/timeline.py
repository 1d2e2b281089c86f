"""Time: the nominal frame grid, and the moment that all times of a film count from.

Time zero is the presentation time of the first picture frame, or of the first sample when there is no
picture. A source frame's ordinal is its place on the nominal grid, n = round((pts - first) * fps), and
its time is n / fps. Containers round timestamps (Matroska to milliseconds), so raw timestamps are
never compared. A film of variable frame rate keeps its presentation times: each frame takes the
nearest place of the nominal grid, empty places show the frame before them, and of several frames in
one place the first counts.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from lssd.errors import MediaError
from lssd.media.source import reason

_NTSC = [Fraction(1000 * n, 1001) for n in (24, 30, 48, 60, 120)]
_STANDARD = [*_NTSC, Fraction(15, 2), Fraction(25, 2), Fraction(15000, 1001), *map(Fraction, range(1, 241))]
_SNAP = Fraction(1, 1000)  # relative; 24000/1001 and 24 lie this far apart, so the nearest is taken
_GUARD = 1e-4  # of a frame: float error and times rounded to microseconds
_SEARCH = 500  # packets to look for the first keyframe; a broadcast recording may start inside a GOP


def nominal_rate(*measured: Fraction | None) -> Fraction:
    """The nominal frame rate behind measured ones, the first usable counting.

    >>> nominal_rate(Fraction(23976, 1000)), nominal_rate(None, Fraction(25))
    (Fraction(24000, 1001), Fraction(25, 1))

    Rates within 0.1% of a standard rate become that rate, the nearest one. Without a usable rate: 25.
    """
    for rate in measured:
        if rate is None or not 0 < rate <= 1000:
            continue
        nearest = min(_STANDARD, key=lambda standard: abs(standard - rate))
        return nearest if abs(nearest - rate) <= _SNAP * nearest else Fraction(rate)
    return Fraction(25)


def frame_rate(stream: VideoStream) -> Fraction:
    """The nominal frame rate of a stream."""
    return nominal_rate(stream.guessed_rate, stream.average_rate, stream.base_rate)


@dataclass(frozen=True)
class Grid:
    """The nominal frame grid of a film: `zero` is the container's time of the first picture, in seconds.

    `counted` marks streams without usable presentation times: raw streams and AVI, where FFmpeg guesses
    them, wrongly for packed B-frames. Their frames are placed by the decoder's output, from the start.
    """

    zero: Fraction
    fps: Fraction
    counted: bool = False

    def ordinal(self, pts: int, time_base: Fraction) -> int:
        """The place of a timestamp on the grid; negative before time zero."""
        return math.floor((pts * time_base - self.zero) * self.fps + Fraction(1, 2))

    def shown(self, time_s: float) -> int:
        """The place whose frame is being shown at a time in seconds."""
        return math.floor(time_s * float(self.fps) + _GUARD)

    def pts(self, place: float, time_base: Fraction) -> int:
        """The timestamp, in units of `time_base`, of a place on the grid (fractions allowed)."""
        return math.floor((self.zero + Fraction(place) / self.fps) / time_base)


def _first_picture(packets: Iterator[Packet]) -> tuple[list[Packet], int | None]:
    """Read up to the first keyframe; return it with what follows it as needed, and the first pts."""
    for packet in itertools.islice(packets, _SEARCH):
        if packet.is_keyframe and packet.size:
            break
    else:
        return [], None
    if not packet.is_discard:
        return [packet], packet.pts  # frames shown before the first keyframe cannot be decoded
    # An edit list hides the keyframe; the first picture is the earliest packet that it shows.
    taken = [packet, *itertools.islice(packets, 64)]
    shown = [p.pts for p in taken if not p.is_discard and p.pts is not None]
    return taken, min(shown, default=packet.pts)


def picture_grid(container: InputContainer, stream: VideoStream, name: str) -> tuple[Grid, Iterator[Packet]]:
    """The grid of a film just opened, and its picture packets from the first keyframe on.

    Only packets are read, nothing is decoded. Raises MediaError when there is no picture at all.
    """
    packets = container.demux(stream)
    try:
        taken, pts = _first_picture(packets)
    except av.error.FFmpegError as error:
        raise MediaError(f"{name}: the picture cannot be read from its start ({reason(error)})") from error
    if not taken:
        raise MediaError(
            f"{name} has a picture track without a whole picture in it; the file may be truncated"
        )
    time_base = stream.time_base or Fraction(1, 1000)
    counted = pts is None or container.format.name == "avi"
    start = taken[0].dts if counted else pts
    grid = Grid((start or 0) * time_base, frame_rate(stream), counted)
    return grid, itertools.chain(taken, packets)


def sound_zero(container: InputContainer) -> Fraction:
    """Time zero of a film without picture: its first sample in any track, in container seconds."""
    starts = [
        stream.start_time * stream.time_base
        for stream in container.streams.audio
        if stream.start_time is not None and stream.time_base is not None
    ]
    return min(starts, default=Fraction(0))

"""Exact samples of a track: every sample lies where its timestamp says, on the film's time line."""

import itertools
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from lssd.errors import InputError, MediaError
from lssd.media.channels import downmix_matrix, mix
from lssd.media.lengths import check_whole, start_of
from lssd.media.placement import Block, Rhythm, find_rhythm, place
from lssd.media.resampling import aligned_start, input_end, resampled
from lssd.media.source import Source, keep_only, name_of, opened, picture_stream, reason, require_track
from lssd.media.timeline import picture_grid, sound_zero

_NEAR_S = 2.0  # windows this close to the track's start are reached without a seek
_PREROLL_S = 0.5  # decoded before a window, as transform codecs need past blocks to converge
_BACK_OFF_S = (0.0, 2.0, 10.0, 60.0)  # how much earlier to try when a seek lands late
_BEGINNING = 6  # blocks that show a stream's rhythm
_SCALES = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}
_TYPES = {"u8": "u1", "s16": "<i2", "s32": "<i4", "s64": "<i8", "flt": "<f4", "dbl": "<f8"}


def as_float(frame: AudioFrame) -> np.ndarray:
    """A decoded frame as float32 (C, S) in [-1, 1]."""
    kind = frame.format.packed.name
    channels = len(frame.layout.channels)
    # Not `to_ndarray`: for 8 planar channels PyAV finds a ninth plane, which points nowhere, and reads it.
    planes = frame.planes[: channels if frame.format.is_planar else 1]
    samples = frame.samples * channels // len(planes)
    raw = np.stack([np.frombuffer(memoryview(plane), _TYPES[kind], samples) for plane in planes])
    samples_CS = raw if frame.format.is_planar else raw.reshape(-1, channels).T
    if kind == "u8":
        return ((samples_CS.astype(np.float32)) - 128.0) / 128.0
    if kind in _SCALES:
        return (samples_CS / _SCALES[kind]).astype(np.float32)
    return samples_CS.astype(np.float32, copy=False)


def time_zero(source: Source, container: InputContainer) -> Fraction:
    """Container time of the first picture, or of the first sample where there is no picture."""
    if (stream := picture_stream(container)) is None:
        return sound_zero(container)
    return picture_grid(container, stream, name_of(source))[0].zero


class _Track:
    """One open sound track, decoded to blocks on the film's time line."""

    def __init__(self, source: Source, container: InputContainer, stream: AudioStream, channels: int) -> None:
        self.source = source
        self.name = name_of(source)
        self.container = container
        self.stream = stream
        self.channels = channels
        self.rate = stream.codec_context.sample_rate
        self.zero = time_zero(source, container)
        self.time_base = stream.time_base or Fraction(1, self.rate)
        self.tick = float(self.time_base * self.rate)
        self._tick_s = float(self.time_base)
        self._zero_samples = float(self.zero * self.rate)
        self.reached_s = 0.0  # container time up to which there were data, once all is read

    def _time(self, packet: Packet) -> float | None:
        return None if packet.pts is None else packet.pts * self._tick_s

    def _blocks(self, packets: Iterator[Packet], from_s: float, until_s: float) -> Iterator[Block]:
        """Decoded blocks, packets that end before `from_s` skipped; damage before `until_s` is forgiven.

        Both in container seconds. Decoders may object to the packets just after a seek.
        """
        now_s = from_s
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                at_s = self._time(packet)
                if at_s is not None:
                    now_s = at_s
                    end_s = at_s + (packet.duration or 0) * self._tick_s
                    self.reached_s = max(self.reached_s, end_s)
                    if end_s < from_s:
                        continue
                frames = self._decode(packet)
            except av.error.FFmpegError as error:
                if now_s < until_s:
                    continue
                near_s = now_s - float(self.zero)
                raise MediaError(
                    f"{self.name}: the sound cannot be decoded near {near_s:.3f} s ({reason(error)})"
                ) from error
            yield from map(self._block, frames)

    def _decode(self, packet: Packet) -> list[AudioFrame]:
        if packet.size:
            return self.stream.codec_context.decode(packet)
        last = packet.pts is None and packet.dts is None  # the demuxer's own mark of the end
        return self.stream.codec_context.decode(None) if last else []

    def _block(self, frame: AudioFrame) -> Block:
        names = tuple(channel.name for channel in frame.layout.channels)
        position = None
        if frame.pts is not None:
            self.reached_s = max(self.reached_s, frame.pts * self._tick_s + frame.samples / self.rate)
            position = frame.pts * self.tick - self._zero_samples
        return Block(position, mix(as_float(frame), names, self.channels))

    def _sought(self, from_s: float) -> Iterator[Packet] | None:
        """Packets from at or before a container time after a seek, or None when no seek gets there."""
        for back_s in _BACK_OFF_S:
            try:
                self.container.seek(int((from_s - back_s) * av.time_base))
                packets = self.container.demux(self.stream)
                first = next(packets, None)
            except av.error.FFmpegError:
                continue
            at_s = None if first is None else self._time(first)
            if first is not None and at_s is not None and at_s <= from_s:
                return itertools.chain([first], packets)
        return None

    def blocks(self, start_s: float) -> tuple[Iterator[Block], Rhythm | None]:
        """Blocks that cover the track from a film time on, and the track's rhythm where that is needed."""
        keep_only(self.container, self.stream)
        begin_s = float(start_of(self.stream) or 0)
        from_s = start_s + float(self.zero) - _PREROLL_S
        from_start = self._blocks(self._rewound(begin_s), float("-inf"), float("-inf"))
        if self.tick <= 1 and from_s <= begin_s + _NEAR_S:
            return from_start, None
        beginning = list(itertools.islice(from_start, _BEGINNING)) if self.tick > 1 else []
        rhythm = find_rhythm(beginning, self.rate, self.tick)
        if from_s <= begin_s + _NEAR_S:
            return itertools.chain(beginning, from_start), rhythm
        packets = self._sought(from_s)
        if packets is not None:
            return self._blocks(packets, from_s, from_s + _PREROLL_S), rhythm
        return self._blocks(self._reread(), from_s, from_s + _PREROLL_S), rhythm

    def _rewound(self, begin_s: float) -> Iterator[Packet]:
        """Packets from the start; finding time zero has read some where there is a picture."""
        if picture_stream(self.container) is not None:
            try:
                self.container.seek(int((begin_s - 1) * av.time_base))
            except av.error.FFmpegError:
                return self._reread()
        return self.container.demux(self.stream)

    def _reread(self) -> Iterator[Packet]:
        """Packets from the start in a fresh container: for files without a usable index."""
        self.stream.codec_context.flush_buffers()
        with opened(self.source) as container:
            stream = container.streams[self.stream.index]
            keep_only(container, stream)
            yield from container.demux(stream)


def _contiguous(
    placed: Iterator[tuple[int, np.ndarray]], first: int, end: int | None, channels: int
) -> Iterator[np.ndarray]:
    """Blocks that cover samples [first, end) without a hole: gaps and a missing end are zeros."""
    cursor = first
    for position, samples_CS in placed:
        if end is not None and position >= end:
            break
        if position > cursor:
            yield np.zeros((channels, position - cursor), np.float32)
            cursor = position
        fresh_CS = samples_CS[:, cursor - position : None if end is None else end - position]
        if fresh_CS.shape[1]:
            yield fresh_CS
            cursor += fresh_CS.shape[1]
        if cursor == end:
            return
    if end is not None and cursor < end:
        yield np.zeros((channels, end - cursor), np.float32)


def read_sound(
    source: Source,
    track: int = 0,
    start_s: float = 0.0,
    duration_s: float | None = None,
    sample_rate: int = 48000,
    channels: int | None = None,
) -> np.ndarray:
    """Samples of one sound track as float32 (C, S) in [-1, 1], S = round(duration_s * sample_rate).

    source       a path, or the bytes of a file
    track        0-based among the sound tracks
    start_s      seconds from the first picture (from the first sample where there is no picture)
    duration_s   None: to the track's end
    sample_rate  output rate; resampled by libswresample without a shift
    channels     None: as stored. 1: mean of all. 2: copies of mono, or a fixed downmix of more

    Sample k lies at (round(start_s * sample_rate) + k) / sample_rate, so that windows of one track
    agree. Encoder delay is trimmed as the container says; where the track has nothing there are zeros.

    Raises InputError for a missing track or impossible channels; MediaError for a missing path, damaged data,
    or where a truncated file should have sound.
    """
    if sample_rate <= 0 or (duration_s is not None and duration_s < 0):
        raise InputError(f"cannot read {duration_s} s at {sample_rate} Hz; both must be positive")
    with opened(source) as container:
        opened_track = _open_track(source, container, track, channels)
        first = round(start_s * sample_rate)
        length = None if duration_s is None else round(duration_s * sample_rate)
        pieces = list(_window(opened_track, first, length, sample_rate))
        empty = np.zeros((opened_track.channels, 0), np.float32)
        samples_CS = np.concatenate([empty, *pieces], axis=1)
        return np.ascontiguousarray(samples_CS if length is None else samples_CS[:, :length])


def iterate_sound(
    source: Source, track: int = 0, sample_rate: int = 48000, channels: int | None = None
) -> Iterator[np.ndarray]:
    """The samples of a whole track in pieces (C, about a second), in order: those that `read_sound` returns.

    For tracks that are too long for memory. Arguments and errors as of `read_sound`, when iterated.
    """
    if sample_rate <= 0:
        raise InputError(f"cannot read at {sample_rate} Hz; the rate must be positive")
    with opened(source) as container:
        yield from _window(_open_track(source, container, track, channels), 0, None, sample_rate)


def _open_track(source: Source, container: InputContainer, track: int, channels: int | None) -> _Track:
    stream = require_track(container, source, track)
    names = tuple(channel.name for channel in stream.codec_context.layout.channels)
    count = len(names) if channels is None else channels
    if not names:
        raise MediaError(f"{name_of(source)}: sound track {track} has no channels")
    if count < 1:
        raise InputError(f"cannot read {count} channels of {name_of(source)}; ask for 1, 2 or {len(names)}")
    downmix_matrix(names, count)
    return _Track(source, container, stream, count)


def _window(track: _Track, first: int, length: int | None, rate: int) -> Iterator[np.ndarray]:
    """Output samples from output sample `first` on, at least `length` of them (None: to the end)."""
    begin, aligned = (first, first) if rate == track.rate else aligned_start(first, track.rate, rate)
    end = None if length is None else first + length
    needed = end if end is None or rate == track.rate else input_end(end, track.rate, rate)
    blocks, rhythm = track.blocks(begin / track.rate)
    placed = place(blocks, track.rate, track.tick, rhythm)
    contiguous = _contiguous(_checked(track, placed, needed), begin, needed, track.channels)
    skip = first - aligned
    for piece_CS in resampled(contiguous, track.rate, rate):
        yield piece_CS[:, skip:]
        skip = max(0, skip - piece_CS.shape[1])


def _checked(
    track: _Track, placed: Iterator[tuple[int, np.ndarray]], needed: int | None
) -> Iterator[tuple[int, np.ndarray]]:
    """The same blocks; when they run out before `needed`, a check that the file is not truncated."""
    yield from placed
    reached = Fraction(track.reached_s)
    if needed is None or needed / track.rate > float(reached - track.zero):
        check_whole(track.source, track.container, track.stream, reached, track.zero)

"""How long a stream claims to be, and how long its file really is: the difference is truncation."""

import re
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Stream

from lssd.errors import MediaError
from lssd.media.source import Source, name_of, opened

_CLOCK = re.compile(r"(\d+):(\d{2}):(\d{2}(?:\.\d+)?)")
_SLACK = Fraction(1, 2)  # seconds; an end that is missing by less is no truncation


def _tagged_end(stream: Stream, start: Fraction) -> Fraction | None:
    """The end that a Matroska DURATION tag gives, in container seconds."""
    for key, value in stream.metadata.items():
        match = _CLOCK.match(value) if key.upper().split("-")[0] == "DURATION" else None
        if match:
            hours, minutes, seconds = match.groups()
            tagged = int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
            # FFmpeg's tag counts from the file's zero, mkvmerge's (with statistics) from the stream's start.
            statistics = any("_STATISTICS" in other.upper() for other in stream.metadata)
            return start + tagged if statistics else tagged
    return None


def start_of(stream: Stream) -> Fraction | None:
    """Container time of a stream's first frame in seconds, or None when the container does not say."""
    if stream.start_time is None or stream.time_base is None:
        return None
    return stream.start_time * stream.time_base


def own_end(stream: Stream) -> Fraction | None:
    """Container time at which a stream says that it ends, or None when only the container as a whole does."""
    start = start_of(stream) or Fraction(0)
    if stream.duration and stream.time_base is not None:
        return start + stream.duration * stream.time_base
    return _tagged_end(stream, start)


def container_end(container: InputContainer) -> Fraction | None:
    """Container time at which the longest stream is said to end."""
    if not container.duration:
        return None
    return Fraction((container.start_time or 0) + container.duration, av.time_base)


def data_end(source: Source) -> Fraction:
    """Container time at which the last whole packet ends; reads the file, decodes nothing."""
    end = Fraction(0)
    with opened(source) as container:
        try:
            for packet in container.demux():
                if packet.pts is not None and packet.time_base:
                    end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
        except av.error.FFmpegError:
            return end  # what follows cannot be read, so the data end here
    return end


def check_whole(
    source: Source, container: InputContainer, stream: Stream, reached: Fraction, zero: Fraction
) -> None:
    """Raise MediaError when a stream whose data ended at `reached` (container seconds) should go on.

    A stream may rightly end before others do; where it gives no length of its own, the file counts as
    truncated only when no stream at all reaches the length in the file's header.
    """
    claimed = own_end(stream)
    if claimed is None:
        claimed = container_end(container)
        if claimed is None or reached + _SLACK >= claimed or data_end(source) + _SLACK >= claimed:
            return
    if reached + _SLACK < claimed:
        what = "picture" if stream.type == "video" else "sound"
        raise MediaError(
            f"{name_of(source)}: the {what} ends at {float(reached - zero):.3f} s although the file "
            f"promises {float(claimed - zero):.3f} s; it is truncated, copy it again"
        )

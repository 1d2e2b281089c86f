"""More sound tracks for a film that stands: its picture and its own tracks are copied, not coded again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from lssd.errors import InputError, MediaError, storage_error
from lssd.media.encode import SoundEncoder
from lssd.media.sound import time_zero
from lssd.media.source import keep_only, name_of, opened, picture_stream, reason
from lssd.media.write import SoundTrack, add_track, container_of, container_options
from lssd.store import atomic_path

_AHEAD_S = 0.5  # new sound is written this far ahead of what is copied


def add_tracks(
    film: str | Path,
    path: str | Path,
    tracks: Sequence[SoundTrack],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a film to `path` with its picture, all its sound tracks, and `tracks` after them.

    Packets of picture and sound are copied as they are, with their languages, titles and flags;
    subtitles, attachments and data are left behind. New tracks count from the film's first picture, as
    `read_sound` does. `metadata` is added to the film's own. The film itself is only read.

    Raises MediaError for a film that is missing or broken, or whose codecs the container does not hold;
    InputError for a suffix without container and a place that cannot be written; StorageError for a full
    disk.
    """
    kind = container_of(Path(path))
    with opened(film) as container:
        zero_s = float(time_zero(film, container))
    if Path(path).exists() and Path(film).samefile(path):
        raise InputError(f"{path} is the film itself, which is never changed; choose another output")
    with opened(film) as container, atomic_path(path) as partial:
        try:
            options = container_options(kind, tracks)
            with av.open(f"file:{partial.absolute()}", "w", format=kind, options=options) as output:
                output.metadata.update({**container.metadata, **(metadata or {})})
                copied = _templates(container, output)
                added = [add_track(output, track, kind, zero_s) for track in tracks]
                _interleave(output, _packets(container, copied, name_of(film)), added)
        except (av.error.FFmpegError, ValueError) as error:
            raise storage_error(error, path) or MediaError(
                f"cannot write {path} from {name_of(film)}: {reason(error)}; check the codecs and the disk"
            ) from error


def _templates(container: InputContainer, output: OutputContainer) -> dict[int, Stream]:
    """Output streams by the index of the input stream that they copy."""
    picture = picture_stream(container)
    streams = ([picture] if picture is not None else []) + list(container.streams.audio)
    copied: dict[int, Stream] = {}
    for stream in streams:
        template = output.add_stream_from_template(stream, opaque=True)
        template.metadata.update(stream.metadata)
        template.disposition = stream.disposition
        template.time_base = stream.time_base
        copied[stream.index] = template
    return copied


def _packets(container: InputContainer, copied: Mapping[int, Stream], name: str) -> Iterator[Packet]:
    """The packets of streams that are copied, in the file's order, each with both of its times."""
    streams = [stream for stream in container.streams if stream.index in copied]
    keep_only(container, *streams)
    waiting: dict[int, list[Packet]] = {index: [] for index in copied}
    for packet in container.demux(streams):
        if not packet.size:
            continue  # the demuxer's own mark of the end
        index = packet.stream.index
        if packet.pts is None:
            if packet.dts is None or getattr(packet.stream.codec_context, "has_b_frames", False):
                raise MediaError(
                    f"{name} does not say when its frames are shown; write it as MKV or MP4 first"
                )
            packet.pts = packet.dts
        packet.stream = copied[index]
        if packet.dts is None:
            waiting[index].append(packet)
            continue
        yield from _dated(waiting[index], packet.dts, packet.duration or 1)
        waiting[index].clear()
        yield packet
    for left in waiting.values():
        for packet in left:
            packet.dts = packet.pts
            yield packet


def _dated(early: Sequence[Packet], first_dts: int, step: int) -> Iterator[Packet]:
    """Packets before the first with a decoding time, as Matroska begins: a step apart, just before it."""
    for place, packet in enumerate(early):
        packet.dts = first_dts - step * (len(early) - place)
        yield packet


def _interleave(output: OutputContainer, packets: Iterator[Packet], sounds: Sequence[SoundEncoder]) -> None:
    for packet in packets:
        now_s = float((packet.dts or 0) * packet.time_base)
        for sound in sounds:
            while sound.time_s < now_s + _AHEAD_S:
                output.mux(sound.encode())
        output.mux(packet)
    while sounds and (next_sound := min(sounds, key=lambda sound: sound.time_s)).time_s < math.inf:
        output.mux(next_sound.encode())

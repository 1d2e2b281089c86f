"""Which film this is: hashes of coded data, the same however the data are packed.

Remuxing rewrites what surrounds the coded picture: length prefixes or start codes between units,
parameter sets and delimiters in or out of band. The slices themselves stay, byte for byte.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.packet import Packet

from lssd.errors import MediaError
from lssd.media.source import keep_only, name_of, opened, reason, require_picture, require_track
from lssd.store import digest

_LENGTH = 32  # hexadecimal digits


def length_prefix_size(codec: str, extradata: bytes) -> int:
    """Bytes of a NAL unit's length prefix, or 0 where units follow start codes (Annex B).

    ISO/IEC 14496-15: avcC holds it in byte 4, hvcC in byte 21; both begin with their version, 1 (0 in
    early hvcC), where Annex B data begin with a start code.
    """
    place = 4 if codec == "h264" else 21
    if len(extradata) <= place or extradata[:3] == b"\0\0\1" or extradata[:4] == b"\0\0\0\1":
        return 0
    return (extradata[place] & 3) + 1


def split_units(data: bytes, prefix: int) -> Iterator[bytes]:
    """The NAL units of an access unit, without prefixes, start codes and trailing zeros."""
    if prefix == 0:
        # Emulation prevention keeps start codes out of the units, so splitting is safe.
        yield from (unit.rstrip(b"\0") for unit in data.split(b"\0\0\1")[1:])
        return
    at = 0
    while at + prefix <= len(data):
        size = int.from_bytes(data[at : at + prefix], "big")
        yield data[at + prefix : at + prefix + size].rstrip(b"\0")
        at += prefix + size


def is_slice(codec: str, unit: bytes) -> bool:
    """Whether a NAL unit is coded picture data: H.264 types 1 to 5, HEVC types 0 to 31."""
    if not unit:
        return False
    return 1 <= unit[0] & 31 <= 5 if codec == "h264" else (unit[0] >> 1) & 63 <= 31


def _slices(packets: Iterator[Packet], codec: str, extradata: bytes) -> Iterator[bytes]:
    prefix = length_prefix_size(codec, extradata)
    for packet in packets:
        for unit in split_units(bytes(packet), prefix):
            if is_slice(codec, unit):
                yield struct.pack(">I", len(unit)) + unit


def _packets(packets: Iterator[Packet], path: str | Path) -> Iterator[Packet]:
    try:
        for packet in packets:
            if packet.size:
                yield packet
    except av.error.FFmpegError as error:
        raise MediaError(f"{name_of(path)} cannot be read to its end ({reason(error)})") from error


def _hash(blocks: Iterator[bytes], path: str | Path) -> str:
    """The digest of blocks of which there must be at least one."""
    first = next(blocks, None)
    if first is None:
        raise MediaError(f"{name_of(path)} has no coded data to identify it by; the file may be truncated")

    def all_blocks() -> Iterator[bytes]:
        yield first
        yield from blocks

    return digest(all_blocks(), length=_LENGTH)


def picture_hash(path: str | Path) -> str:
    """The identity of a film's coded picture, 32 hexadecimal digits; nothing is decoded.

    H.264 and HEVC: the slice units in decoding order, so that MKV, MP4 and TS remuxes agree. Other
    codecs: the packets' data. Raises MediaError for a missing path or without a picture.
    """
    with opened(path) as container:
        stream = require_picture(container, path)
        keep_only(container, stream)
        codec = stream.codec_context.codec.canonical_name
        packets = _packets(container.demux(stream), path)
        if codec in ("h264", "hevc"):
            return _hash(_slices(packets, codec, stream.codec_context.extradata or b""), path)
        return _hash(map(bytes, packets), path)


def _bare_aac(data: bytes) -> bytes:
    """AAC data without the ADTS header that transport streams put before each packet."""
    if len(data) > 7 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return data[7 if data[1] & 1 else 9 :]
    return data


def _sound_blocks(stream: AudioStream, packets: Iterator[Packet]) -> Iterator[bytes]:
    context = stream.codec_context
    codec = context.codec.canonical_name
    adts = codec == "aac" and not context.extradata
    for number, packet in enumerate(packets):
        if number == 0:
            # Of raw samples the same bytes may mean another sound.
            yield f"{codec} {context.sample_rate} {len(context.layout.channels)} ".encode()
        yield _bare_aac(bytes(packet)) if adts else bytes(packet)


def track_hash(path: str | Path, track: int) -> str:
    """The identity of a sound track's coded data, 32 hexadecimal digits; nothing is decoded.

    Codec, sample rate and channel count, then all packets' data. Language, role, title and place in
    the file play no part. Raises InputError for a missing track, MediaError for a missing path
    or without sound.
    """
    with opened(path) as container:
        stream = require_track(container, path, track)
        keep_only(container, stream)
        return _hash(_sound_blocks(stream, _packets(container.demux(stream), path)), path)

"""Arrays to coded streams, with the same bytes for the same input at the same thread count."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from lssd.errors import InputError, MediaError
from lssd.media.resampling import resample
from lssd.media.source import reason

_CODECS = {
    "opus": "libopus",
    "wav": "pcm_s16le",
    "flac24": "flac",
    "mp3": "libmp3lame",
    "h264": "libx264",
    "vp9": "libvpx-vp9",
}
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
# FFmpeg's names of what can be written, by the number of channels.
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
_SOUND_FILES = {
    "flac": "flac",
    "wav": "wav",
    "pcm_s16le": "wav",
    "pcm_f32le": "wav",
    "libopus": "ogg",
    "aac": "mp4",
}
_CHUNK_S = 0.25  # sound handed to an encoder at a time
_BT709, _LIMITED = 1, 1  # AVCOL_SPC_BT709 (also primaries and transfer), AVCOL_RANGE_MPEG


def codec_name(codec: str) -> str:
    """FFmpeg's encoder for a common name: opus, wav, flac24, mp3, h264, vp9; others as they are."""
    return _CODECS.get(codec, codec)


def add_stream(container: OutputContainer, codec: str, rate: int | Fraction, options: dict[str, str]) -> Any:
    """A new output stream. Raises InputError when the codec is unknown or does not fit the container."""
    try:
        return container.add_stream(codec_name(codec), rate=rate, options=options)
    except ValueError as error:  # PyAV's unknown codec is a ValueError too
        kind = container.format.name
        raise InputError(
            f"cannot put codec {codec} in {kind}; use one it holds, or .mkv ({error})"
        ) from error


@dataclass(frozen=True)
class PictureOptions:
    """How a picture is coded. `preset`: x264's, from ultrafast to veryslow; `threads` 1 keeps bytes fixed.

    pixel_aspect: width over height of a coded pixel, which the coded stream itself carries.
    """

    codec: str = "libx264"
    gop: int = 50
    crf: int = 23
    preset: str = "veryfast"
    threads: int = 1
    pixel_aspect: Fraction = Fraction(1)

    def encoder_options(self) -> dict[str, str]:
        if codec_name(self.codec) == "libvpx-vp9":
            return {"crf": str(self.crf), "deadline": "good", "cpu-used": "5", "row-mt": "0"}
        # x264's look-ahead over macroblock trees gives other bytes for the same frames now and then.
        return {"crf": str(self.crf), "preset": self.preset, "x264-params": "mbtree=0"}


class PictureEncoder:
    """One picture stream of an output, opened by the first frame's size. Timestamps are 0, 1, 2 ... / fps."""

    def __init__(
        self, container: OutputContainer, fps: Fraction, first: np.ndarray, options: PictureOptions
    ) -> None:
        self._shape = first.shape
        self._check(first)
        height, width = first.shape[:2]
        if height % 2 or width % 2:
            raise InputError(f"a film's sides must be even, not {width} x {height}; crop or scale the frames")
        if options.pixel_aspect <= 0:
            raise InputError(f"a pixel aspect must be positive, not {options.pixel_aspect}")
        if options.pixel_aspect != 1 and codec_name(options.codec) == "libvpx-vp9":
            raise InputError("VP9 has no room for a pixel aspect; use libx264, or frames in square pixels")
        stream: VideoStream = add_stream(container, options.codec, fps, options.encoder_options())
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.gop_size = options.gop
        context.thread_count = options.threads
        context.time_base = 1 / fps
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        if options.pixel_aspect != 1:
            context.sample_aspect_ratio = options.pixel_aspect
        self.stream = stream
        self._fps = fps
        self._reformatter = VideoReformatter()
        self._count = 0

    def _check(self, image: np.ndarray) -> None:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape != self._shape or image.shape[2] != 3:
            raise InputError(
                f"frame of shape {image.shape} and type {image.dtype}; give uint8 (H, W, 3) of one size"
            )

    @property
    def time_s(self) -> float:
        """Time of the next frame."""
        return float(self._count / self._fps)

    def encode(self, image: np.ndarray) -> list[Packet]:
        self._check(image)
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=_LIMITED,
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
            threads=1,
        )
        frame.pts, frame.time_base = self._count, 1 / self._fps
        self._count += 1
        return self.stream.encode(frame)

    def flush(self) -> list[Packet]:
        return self.stream.encode(None)


class Samples(Protocol):
    """Sound float32 (C, S): an array, or anything of a shape that makes the pieces it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, S)."""

    def __getitem__(self, key: tuple[slice, slice], /) -> np.ndarray:
        """A piece, asked for as [:, a:b]."""


def quantise(samples_CS: np.ndarray, bits: int = 16) -> np.ndarray:
    """float32 in [-1, 1] as integers of 16 bits, or of 24 in the upper part of 32; rounded and clipped.

    Exact on decoded sound of as many bits.
    """
    whole = 1 << (bits - 1)
    rounded_CS = np.clip(np.rint(samples_CS * float(whole)), -whole, whole - 1)
    return rounded_CS.astype(np.int16) if bits == 16 else rounded_CS.astype(np.int32) << (32 - bits)


class SoundEncoder:
    """One sound stream of an output, fed in small pieces so that a film can be interleaved."""

    def __init__(
        self, container: OutputContainer, samples_CS: Samples, rate: int, codec: str, start_s: float = 0.0
    ) -> None:
        if len(samples_CS.shape) != 2 or samples_CS.shape[0] not in LAYOUTS or rate <= 0:
            raise InputError(
                f"sound of shape {samples_CS.shape} at {rate} Hz cannot be coded; give float32 (C, S)"
            )
        if codec_name(codec) == "libopus" and rate not in _OPUS_RATES:
            samples_CS, rate = resample(np.asarray(samples_CS[:, :], np.float32), rate, 48000), 48000
        self._samples_CS = samples_CS
        self._rate = rate
        self._layout = LAYOUTS[samples_CS.shape[0]]
        self._start = round(start_s * rate)
        self._sent = 0
        deep = codec == "flac24"
        options = {"bits_per_raw_sample": "24"} if deep else {}
        self.stream: AudioStream = add_stream(container, codec, rate, options)
        self.stream.codec_context.layout = self._layout
        if codec_name(codec) == "libopus":
            self.stream.codec_context.format = "flt"
        elif deep:
            self.stream.codec_context.format = "s32"
        kind = self.stream.codec_context.format.packed.name
        self._bits = 24 if deep else 16 if kind == "s16" else None

    @property
    def time_s(self) -> float:
        """Time up to which sound has been encoded; infinite at its end."""
        if self._sent >= self._samples_CS.shape[1]:
            return float("inf")
        return (self._start + self._sent) / self._rate

    def encode(self) -> list[Packet]:
        """Packets of the next piece; with the last piece, of all that the encoder still held."""
        size = max(1, round(_CHUNK_S * self._rate))
        piece_CS = np.asarray(self._samples_CS[:, self._sent : self._sent + size], np.float32)
        if self._bits is not None:
            interleaved = np.ascontiguousarray(quantise(piece_CS, self._bits).T).reshape(1, -1)
            packed = "s16" if self._bits == 16 else "s32"
            frame = av.AudioFrame.from_ndarray(interleaved, packed, self._layout)
        else:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece_CS), "fltp", self._layout)
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts = self._start + self._sent
        self._sent += piece_CS.shape[1]
        packets = list(self.stream.encode(frame))
        return packets if self.time_s < float("inf") else packets + self.stream.encode(None)


def first_and_all(frames: Iterable[np.ndarray]) -> tuple[np.ndarray | None, Iterator[np.ndarray]]:
    """The first frame (None if there is none) and an iterator over all of them."""
    rest = iter(frames)
    first = next(rest, None)

    def every() -> Iterator[np.ndarray]:
        if first is not None:
            yield first
            yield from rest

    return first, every()


def encode_picture(
    frames: Iterable[np.ndarray],
    fps: Fraction = Fraction(25),
    gop: int = 25,
    crf: int = 23,
    preset: str = "veryfast",
    threads: int = 1,
) -> bytes:
    """A silent MP4 (H.264) of frames uint8 (H, W, 3), the first at time 0, a keyframe every `gop` or sooner.

    Raises InputError for no frames, odd sides, or frames of several sizes.
    """
    first, every = first_and_all(frames)
    if first is None:
        raise InputError("no frames to encode; give at least one")
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format="mp4", options={"fflags": "bitexact"}) as container:
            options = PictureOptions(gop=gop, crf=crf, preset=preset, threads=threads)
            encoder = PictureEncoder(container, Fraction(fps), first, options)
            for image in every:
                container.mux(encoder.encode(image))
            container.mux(encoder.flush())
    except av.error.FFmpegError as error:
        raise MediaError(f"the picture cannot be encoded ({reason(error)})") from error
    return buffer.getvalue()


def encode_sound(samples_CS: np.ndarray, sample_rate: int, codec: str = "flac") -> bytes:
    """A sound file of samples float32 (C, S) in [-1, 1], as bytes.

    codec: "flac" or "wav" (16 bits, exact on 16-bit sound), "flac24" (24 bits), "pcm_f32le" (a float
    WAV), "opus" (Ogg), "aac" (MP4). Raises InputError for other codecs or shapes.
    """
    name = codec_name(codec) if codec != "wav" else "pcm_s16le"
    if name not in _SOUND_FILES or samples_CS.ndim != 2 or samples_CS.shape[1] == 0:
        raise InputError(
            f"cannot encode sound of shape {samples_CS.shape} as {codec}; "
            "give (C, S) and flac, flac24, wav, pcm_f32le, opus or aac"
        )
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format=_SOUND_FILES[name], options={"fflags": "bitexact"}) as container:
            encoder = SoundEncoder(container, samples_CS, sample_rate, codec)
            while encoder.time_s < float("inf"):
                container.mux(encoder.encode())
    except av.error.FFmpegError as error:
        raise MediaError(f"the sound cannot be encoded as {codec} ({reason(error)})") from error
    return buffer.getvalue()

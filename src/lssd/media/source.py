"""Opening a film, whether a path or bytes in memory, and saying in one line why it cannot be opened."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from lssd.errors import InputError, MediaError

Source = str | Path | bytes

# The demuxers that may read a file. None of them opens another file that its content names, as playlists
# and lists of parts do (concat, hls, dash), and none takes text or a still image for a film.
_DEMUXERS = (
    "3dostr,aac,ac3,aea,aiff,amr,amrnb,amrwb,ape,apng,asf,asf_o,au,av1,avi,avs2,avs3,bink,binka,caf,"
    "cavsvideo,codec2,dirac,dnxhd,dsf,dss,dts,dtshd,dv,eac3,evc,film_cpk,flac,flv,gif,gsm,gxf,h261,"
    "h263,h264,hevc,iamf,iff,ircam,ivf,lc3,live_flv,loas,m4v,matroska,mjpeg,mlp,mov,mp3,mpc,mpc8,mpeg,"
    "mpegts,mpegvideo,mtv,mxf,nistsphere,nsv,nut,nuv,obu,ogg,oma,osq,paf,pva,pvf,qcp,qoa,rm,roq,sbc,"
    "sds,shn,smk,sox,spdif,swf,tak,truehd,tta,ty,vc1,voc,vvc,w64,wav,webm,wsd,wtv,wv,xwma,yuv4mpegpipe"
)
_PROTOCOLS = "file"  # whatever a demuxer may do, nothing is fetched
_NOT_THE_PICTURE = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails


def name_of(source: Source) -> str:
    """What to call a source in a message."""
    return "film in memory" if isinstance(source, bytes) else str(source)


def reason(error: Exception) -> str:
    """FFmpeg's reason alone, without its number and file name."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _check_file(path: Path) -> None:
    """Say what is wrong with a path before FFmpeg sees it."""
    if path.is_dir():
        raise MediaError(f"{path} is a folder, not a film; give a file in it")
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist; check the path") from error
    except OSError as error:
        raise MediaError(f"{path} cannot be reached ({error.strerror}); check the path") from error
    if size == 0:
        raise MediaError(f"{path} is empty (0 bytes); copy it again from its source")


def _demuxer_options(source: Source) -> dict[str, str]:
    options = {"format_whitelist": _DEMUXERS, "protocol_whitelist": _PROTOCOLS}
    # A WAV says all in its header; by default FFmpeg reads 5 MB more to be sure (15 ms against 1).
    wave = source[:4] == b"RIFF" if isinstance(source, bytes) else Path(source).suffix.lower() == ".wav"
    return {**options, "probesize": "4096"} if wave else options


def _open(source: Source) -> InputContainer:
    name = name_of(source)
    if isinstance(source, bytes):
        if not source:
            raise MediaError(f"{name} is empty (0 bytes)")
        target: str | io.BytesIO = io.BytesIO(source)
    else:
        _check_file(Path(source))
        target = f"file:{Path(source).absolute()}"  # the prefix keeps "a:b.mkv" from being read as a protocol
    try:
        # Tags in legacy encodings are replaced character by character, not fatal.
        return av.open(target, "r", metadata_errors="replace", options=_demuxer_options(source))
    except PermissionError as error:
        raise MediaError(f"{name} cannot be read: permission denied; change its permissions") from error
    except av.error.ArgumentError as error:  # FFmpeg's answer for a demuxer that is not on the list
        raise MediaError(
            f"{name} is no film or sound file that is read here: it is text, a still image, a list of other "
            "files, or broken"
        ) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{name} is not a film or sound file, or it is broken beyond reading ({reason(error)})"
        ) from error


@contextmanager
def opened(source: Source) -> Iterator[InputContainer]:
    """A container that is closed on every way out.

    Raises MediaError when the path is missing or unreadable, or holds no film.
    """
    container = _open(source)
    try:
        yield container
    finally:
        container.close()


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The film's picture: the first video stream that is no cover art, or None."""
    for stream in container.streams.video:
        if not stream.disposition & _NOT_THE_PICTURE and stream.codec_context is not None:
            return stream
    return None


def require_picture(container: InputContainer, source: Source) -> VideoStream:
    stream = picture_stream(container)
    if stream is None:
        raise MediaError(f"{name_of(source)} has no picture that can be decoded")
    return stream


def require_track(container: InputContainer, source: Source, track: int) -> AudioStream:
    """The sound stream of a track index (0-based among the sound streams)."""
    streams = container.streams.audio
    if not streams:
        raise MediaError(f"{name_of(source)} has no sound track")
    if not 0 <= track < len(streams):
        raise InputError(
            f"{name_of(source)} has no sound track {track}; it has {len(streams)}, counted from 0"
        )
    if streams[track].codec_context is None:
        raise MediaError(f"{name_of(source)}: no decoder for sound track {track}")
    return streams[track]


def keep_only(container: InputContainer, *wanted: Stream) -> None:
    """Let the demuxer skip all other streams; several times faster on films with many tracks."""
    indices = {stream.index for stream in wanted}
    for stream in container.streams:
        stream.discard = Discard.default if stream.index in indices else Discard.all

"""What windows a file has, and reading them, some at a time: a film is never held whole.

The rule (`lssd.models.window_starts`): windows of 3 s end to end from time zero; what remains at the
end gets one more window, anchored at the end, when it is longer than half a window; a file shorter than
a window is one window, its sound padded with zeros, its picture with its last frame.

Nothing here needs torch, so that processes which only read start quickly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lssd.errors import MediaError
from lssd.languages import display_name
from lssd.media import (
    FilmInfo,
    iterate_frames,
    iterate_windows,
    original_track,
    probe,
    read_frames,
    read_sound,
    spoken_language,
)
from lssd.media.lengths import data_end

RULE = 2  # part of every cache key: another way to cut, scale or pad is a new number

_GRID_FPS = 25  # the picture grid of the method: 75 frames a window, of which T are taken
_BLOCK_BYTES = 12 << 20  # of windows read at a time: 20 of sound at 48 kHz, 5 of picture
# Raw streams: FFmpeg guesses their length from the bit rate, at times at half of what they hold.
_GUESSED = {"aac", "mp3", "ac3", "eac3", "dts", "loas", "amr"}
_SLACK_S = 0.5
_TINY = 16  # pixels, where only the number of frames matters


@dataclass(frozen=True)
class Extent:
    """What a file holds for a model: `length` in samples or grid frames, `duration_s`, and the sound track.

    `in_order`: the file cannot be sought in, so its windows are read in one pass (`read_in_order`).
    """

    length: int
    duration_s: float
    track: int = 0
    in_order: bool = False


@dataclass(frozen=True)
class SoundWindows:
    """Windows of sound as one model takes them: float32 (channels, size) each, `rate` samples a second.

    `language` picks the original track among those of that language, None among all.
    """

    rate: int
    size: int
    channels: int
    language: str | None = None

    dtype = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one window."""
        return (self.channels, self.size)

    def examine(self, path: Path) -> Extent:
        """Find the track and its length. MediaError without sound, or without any in the language."""
        info = probe(path)
        index = pick_track(info, self.language)
        track = next(track for track in info.tracks if track.index == index)
        end_s = track.start_s + track.duration_s
        if track.duration_s == 0 or info.container in _GUESSED:
            found_s = float(data_end(path)) - (info.video.start_s if info.video else 0.0)
            # A right guess leaves out an encoder's padding, which the packets do not.
            end_s = end_s if abs(found_s - end_s) <= _SLACK_S else found_s
        length = round(end_s * self.rate)
        if length < 1:
            raise MediaError(f"{path} holds no sound sample")
        return Extent(length, length / self.rate, index)

    def read(self, path: Path, extent: Extent, starts: Sequence[int]) -> np.ndarray:
        """The windows that begin at samples `starts`, rising: (windows, channels, size).

        Raises MediaError when they cannot be read, or hold samples that are not finite.
        """
        first, size = starts[0], self.size
        # Beyond the end read_sound gives zeros, but it must not take them for a missing end.
        end = min(starts[-1] + size, extent.length)
        samples_CS = read_sound(
            path, extent.track, first / self.rate, (end - first) / self.rate, self.rate, self.channels
        )
        if not np.isfinite(samples_CS).all():
            raise MediaError(f"{path} holds samples that are NaN or infinite")
        windows = np.zeros((len(starts), *self.shape), np.float32)
        for window_CS, start in zip(windows, starts, strict=True):
            found_CS = samples_CS[:, start - first : start - first + size]
            window_CS[:, : found_CS.shape[1]] = found_CS
        return windows


@dataclass(frozen=True)
class PictureWindows:
    """Windows of picture as one model takes them: uint8 (frames, 3, side, side) each.

    Frames are spread evenly over `size` places of the 25 fps grid, scaled so that a square just fits, and
    cropped to its centre.
    """

    frames: int
    side: int
    size: int

    dtype = "uint8"
    rate = _GRID_FPS

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one window."""
        return (self.frames, 3, self.side, self.side)

    def examine(self, path: Path) -> Extent:
        """Find the picture's length. MediaError when there is no picture."""
        info = probe(path)
        if info.video is None:
            raise MediaError(f"no picture in {path}")
        duration_s, fps = info.video.duration_s, float(info.video.fps)
        unknown = duration_s == 0
        if unknown:  # a live recording or a raw stream
            last = max((frame.ordinal for frame in iterate_frames(path, _TINY)), default=-1)
            duration_s = (last + 1) / fps
        # Neither has an index; every seek would decode from the start again.
        in_order = unknown or info.container == "avi"
        return Extent(max(round(duration_s * _GRID_FPS), 1), duration_s, in_order=in_order)

    def read(self, path: Path, extent: Extent, starts: Sequence[int]) -> np.ndarray:
        """The windows that begin at grid frames `starts`, rising: (windows, frames, 3, side, side).

        Raises MediaError when they cannot be read.
        """
        times_s = [time_s for start in starts for time_s in self._times(extent, start)]
        images_THWC = read_frames(path, times_s, short_side=self.side)
        return self._cropped(images_THWC).reshape(len(starts), *self.shape)

    def read_in_order(self, path: Path, extent: Extent, starts: Sequence[int]) -> Iterator[np.ndarray]:
        """The same windows one at a time, from one pass over the file."""
        windows_s = [self._times(extent, start) for start in starts]
        for images_THWC in iterate_windows(path, windows_s, self.side):
            yield self._cropped(images_THWC)[None]

    def _times(self, extent: Extent, start: int) -> list[float]:
        ordinals = start + np.linspace(0, self.size - 1, self.frames).round()
        # Half a frame in, so that a container's rounded time stamps pick no neighbour.
        return (np.minimum(ordinals + 0.5, extent.length - 0.5) / _GRID_FPS).tolist()

    def _cropped(self, images_THWC: np.ndarray) -> np.ndarray:
        tall, wide = images_THWC.shape[1:3]
        top, left = (tall - self.side) // 2, (wide - self.side) // 2
        square_THWC = images_THWC[:, top : top + self.side, left : left + self.side]
        return np.ascontiguousarray(square_THWC.transpose(0, 3, 1, 2))


Windows = SoundWindows | PictureWindows


def block_length(windows: Windows) -> int:
    """How many windows are read together, at most."""
    each = int(np.prod(windows.shape)) * np.dtype(windows.dtype).itemsize
    return max(1, _BLOCK_BYTES // each)


def span_s(windows: Windows, extent: Extent, start: int) -> tuple[float, float]:
    """The seconds of the file that the window beginning at `start` covers."""
    return start / windows.rate, min((start + windows.size) / windows.rate, extent.duration_s)


def pick_track(info: FilmInfo, language: str | None) -> int:
    """The index of the sound track to embed: the original, among those of `language` where one is given.

    Where there is no track of speech, the default one of the others, else the first.
    Raises MediaError when the file has no sound, or none in that language.
    """
    tracks = info.tracks
    if not tracks:
        raise MediaError(f"no sound in {info.path}")
    if language is not None:
        spoken = {
            track.index: spoken_language(track.language, info.path, len(tracks)) for track in info.tracks
        }
        tracks = tuple(track for track in tracks if spoken[track.index] == language)
        if not tracks:
            found = ", ".join(map(display_name, spoken.values()))
            raise MediaError(f"no track in {display_name(language)} in {info.path}; it has {found}")
    chosen = original_track(tracks) or min(tracks, key=lambda track: not track.default)
    return chosen.index

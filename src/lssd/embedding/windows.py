"""The windows of a file, and how they are read: some at a time, so that no film is held whole.

Which windows: `lssd.embedding.sampling`. A file shorter than a window is one window, its sound padded with
zeros, its picture with its last frame.

Nothing here imports torch, so that processes which only read start quickly.
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
    pick_frames,
    place_square,
    probe,
    read_frames,
    read_sound,
    spoken_language,
)
from lssd.media.lengths import data_end

RULE = 3  # part of every cache key; raise it with any change of how windows are cut, scaled or padded

_GRID_FPS = 25  # the paper's picture rate: 75 frames a window, of which T are taken
_BLOCK_BYTES = 12 << 20  # read at a time: 20 windows of sound at 48 kHz, or 5 of picture
# Raw streams, whose length FFmpeg guesses from the bit rate; the guess may be half of what they hold.
_GUESSED = {"aac", "mp3", "ac3", "eac3", "dts", "loas", "amr"}
_SLACK_S = 0.5  # a guessed length this close to the packets' end is right
_TINY = 16  # pixels of the short side, where only the number of frames matters


@dataclass(frozen=True)
class Extent:
    """How much of a modality a file holds.

    length: in samples at the model's rate, or in frames of the 25 fps grid. track: index of the sound track.
    in_order: the file cannot be sought in, so its windows are read in one pass (`read_in_order`).
    """

    length: int
    duration_s: float
    track: int = 0
    in_order: bool = False


@dataclass(frozen=True)
class SoundWindows:
    """Windows of sound as one model takes them: float32 (channels, size) each, `rate` samples a second.

    language: code of the language in which the sound track must be; None takes any. Among several such
    tracks the original is taken.
    """

    rate: int
    size: int
    channels: int
    language: str | None = None

    dtype = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one window."""
        return (self.channels, self.size)

    def examine(self, path: Path) -> Extent:
        """The track to embed and its length. MediaError when there is no sound, or none in the language."""
        info = probe(path)
        index = pick_track(info, self.language)
        track = next(track for track in info.tracks if track.index == index)
        end_s = track.start_s + track.duration_s
        if track.duration_s == 0 or info.container in _GUESSED:
            found_s = float(data_end(path)) - (info.video.start_s if info.video else 0.0)
            # Where the guess is right it is better: packets count the encoder's padding too.
            end_s = end_s if abs(found_s - end_s) <= _SLACK_S else found_s
        length = round(end_s * self.rate)
        if length < 1:
            raise MediaError(f"{path} holds no sound sample")
        return Extent(length, length / self.rate, index)

    def read(self, path: Path, extent: Extent, starts: Sequence[int]) -> np.ndarray:
        """The windows that begin at the samples `starts`, in rising order: float32 (windows, channels, size).

        Raises MediaError when they cannot be read, or hold samples that are not finite.
        """
        first, size = starts[0], self.size
        # Asked for more than there is, read_sound would report a truncated file.
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
    """Windows of picture as one model takes them: uint8 (crops * frames, 3, side, side) each.

    The frames are spread evenly over the `size` grid frames of a window, scaled to `short_side` pixels, and
    cropped to a square: the middle one, and of 3 `crops` those at both ends of the longer side as well.
    Frames and squares are picked as in training (`lssd.media.framing`).
    """

    frames: int
    side: int
    size: int
    short_side: int
    crops: int = 1

    dtype = "uint8"
    rate = _GRID_FPS

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one window; its crops follow each other."""
        return (self.crops * self.frames, 3, self.side, self.side)

    def examine(self, path: Path) -> Extent:
        """The picture's length. MediaError when there is no picture."""
        info = probe(path)
        if info.video is None:
            raise MediaError(f"no picture in {path}")
        duration_s, fps = info.video.duration_s, float(info.video.fps)
        unknown = duration_s == 0
        if unknown:  # a live recording or a raw stream
            last = max((frame.ordinal for frame in iterate_frames(path, _TINY)), default=-1)
            duration_s = (last + 1) / fps
        # Without an index, as here, every seek decodes from the start again.
        in_order = unknown or info.container == "avi"
        return Extent(max(round(duration_s * _GRID_FPS), 1), duration_s, in_order=in_order)

    def read(self, path: Path, extent: Extent, starts: Sequence[int]) -> np.ndarray:
        """The windows that begin at the grid frames `starts`, in rising order.

        Returns uint8 (windows, crops * frames, 3, side, side).

        Raises MediaError when they cannot be read.
        """
        times_s = [time_s for start in starts for time_s in self._times(extent, start)]
        images_THWC = read_frames(path, times_s, short_side=self.short_side)
        return np.stack([self._cropped(part) for part in np.split(images_THWC, len(starts))])

    def read_in_order(self, path: Path, extent: Extent, starts: Sequence[int]) -> Iterator[np.ndarray]:
        """What `read` gives, from one pass over the file, a window at a time: (1, *shape)."""
        windows_s = [self._times(extent, start) for start in starts]
        for images_THWC in iterate_windows(path, windows_s, self.short_side):
            yield self._cropped(images_THWC)[None]

    def _times(self, extent: Extent, start: int) -> list[float]:
        ordinals = start + pick_frames(self.size, self.frames)
        # Half a frame in, so that a container's rounded time stamps pick no neighbour.
        return (np.minimum(ordinals + 0.5, extent.length - 0.5) / _GRID_FPS).tolist()

    def _cropped(self, images_THWC: np.ndarray) -> np.ndarray:
        """The squares of a window's frames: (crops * frames, 3, side, side)."""
        tall, wide = images_THWC.shape[1:3]
        squares = []
        for place in (0.5,) if self.crops == 1 else (0.0, 0.5, 1.0):
            down, across = (0.5, place) if wide >= tall else (place, 0.5)
            top, left, side = place_square(tall, wide, self.side / self.short_side, down, across)
            squares.append(images_THWC[:, top : top + side, left : left + side])
        return np.ascontiguousarray(np.concatenate(squares).transpose(0, 3, 1, 2))


Windows = SoundWindows | PictureWindows


def block_length(windows: Windows) -> int:
    """How many windows are read together, at most: about 12 MB of them, at least one."""
    each = int(np.prod(windows.shape)) * np.dtype(windows.dtype).itemsize
    return max(1, _BLOCK_BYTES // each)


def span_s(windows: Windows, extent: Extent, start: int) -> tuple[float, float]:
    """Start and end, in seconds of the file, of the window that begins at sample or grid frame `start`."""
    return start / windows.rate, min((start + windows.size) / windows.rate, extent.duration_s)


def pick_track(info: FilmInfo, language: str | None) -> int:
    """The index of the sound track to embed: the original one, of those in `language` where it is given.

    Where no track is speech, the default track, else the first. Raises MediaError when the file has no
    sound, or none in that language.
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

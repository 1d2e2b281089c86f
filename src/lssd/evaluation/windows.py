"""Read the windows of a file one after another, without ever holding the file.

The rule (`lssd.models.window_starts`): windows of 3 s end to end from time zero; what remains at the
end gets one more window, anchored at the end, when it is longer than half a window; a file shorter
than a window is one window, its sound zero-padded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lssd.errors import MediaError
from lssd.languages import display_name
from lssd.media import FilmInfo, probe, read_frames, read_sound
from lssd.models import FrameInputConfig, SoundInputConfig, window_starts

_BLOCK_S = 60.0  # of sound decoded at a time: few seeks in a long film, 12 MB of samples at 48 kHz
_GRID_FPS = 25  # the picture grid of the method: 75 frames a window, of which T are taken


@dataclass(frozen=True)
class Window:
    """One window: its span in the file in seconds, and what the model takes.

    `data` is float32 (C, S) in [-1, 1] for sound, uint8 (T, 3, H, W) for picture.
    """

    start_s: float
    end_s: float
    data: torch.Tensor


def pick_track(info: FilmInfo, language: str | None) -> int:
    """The index of the sound track to embed: of `language`, else the original, the default, the first.

    Raises MediaError when the file has no sound, or none in that language.
    """
    tracks = info.tracks
    if language is not None:
        tracks = tuple(track for track in tracks if track.language == language)
        if not tracks:
            found = ", ".join(display_name(track.language) for track in info.tracks) or "no sound"
            raise MediaError(f"no track in {display_name(language)} in {info.path}; it has {found}")
    if not tracks:
        raise MediaError(f"no sound in {info.path}")
    return min(tracks, key=lambda track: (track.role != "original", not track.default, track.index)).index


def iterate_sound(path: Path, config: SoundInputConfig, language: str | None = None) -> Iterator[Window]:
    """The windows of a file's sound in order, at the rate and with the channels that a model takes.

    Memory does not grow with the file. Raises MediaError when it cannot be read, has no such sound, or
    holds samples that are not finite.
    """
    info = probe(path)
    index = pick_track(info, language)
    track = next(track for track in info.tracks if track.index == index)
    rate, size = config.sample_rate, config.samples
    total = round((track.start_s + track.duration_s) * rate)
    if total < 1:
        raise MediaError(f"{path} holds no sound sample")
    block_CS, block_start = torch.empty(config.channels, 0), 0
    for start in window_starts(total, size):
        if start + size > block_start + block_CS.shape[1]:
            block_start = start
            length = max(size, min(round(_BLOCK_S * rate), total - start))
            samples_CS = read_sound(path, index, start / rate, length / rate, rate, config.channels)
            if not np.isfinite(samples_CS).all():
                raise MediaError(f"{path} holds samples that are NaN or infinite")
            block_CS = torch.from_numpy(np.ascontiguousarray(samples_CS, dtype=np.float32))
        window_CS = block_CS[:, start - block_start : start - block_start + size].clone()
        yield Window(start / rate, min(start + size, total) / rate, window_CS)


def iterate_picture(path: Path, config: FrameInputConfig) -> Iterator[Window]:
    """The windows of a file's picture: frames spread evenly over each, scaled and centre-cropped square.

    The scale is the one at which the crop just fits. Raises MediaError when there is no picture.
    """
    info = probe(path)
    if info.video is None:
        raise MediaError(f"no picture in {path}")
    duration_s = info.video.duration_s
    total, size = max(round(duration_s * _GRID_FPS), 1), round(config.window_s * _GRID_FPS)
    ordinals = np.linspace(0, size - 1, config.frames).round()
    for start in window_starts(total, size):
        # Half a frame in, so that a container's rounded time stamps pick no neighbour.
        times_s = np.minimum(start + ordinals + 0.5, total - 0.5) / _GRID_FPS
        images_THWC = read_frames(path, times_s.tolist(), short_side=config.size)
        end_s = min((start + size) / _GRID_FPS, duration_s)
        yield Window(start / _GRID_FPS, end_s, _centre_crop(images_THWC, config.size))


def _centre_crop(images_THWC: np.ndarray, size: int) -> torch.Tensor:
    tall, wide = images_THWC.shape[1:3]
    top, left = (tall - size) // 2, (wide - size) // 2
    square_THWC = images_THWC[:, top : top + size, left : left + size]
    return torch.from_numpy(np.ascontiguousarray(square_THWC.transpose(0, 3, 1, 2)))

"""Read the windows of a planned batch into tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lssd.corpus import Catalog
from lssd.media import read_frames, read_sound
from lssd.views.clip_cache import ClipCache, picture_key, sound_key
from lssd.views.index import ClipEntry, Member
from lssd.views.sampling import Quadruplet, ViewSettings, Window, centre_window

_FULL_SCALE = 32768.0


@dataclass(frozen=True)
class Batch:
    """What the device receives.

    frames_B2TCHW: uint8 RGB, windows in the order primary, secondary.
    waveform_B2CS: float32 in [-1, 1].
    """

    frames_B2TCHW: Tensor
    waveform_B2CS: Tensor
    clip_ids: tuple[str, ...]
    title_ids: tuple[str, ...]
    languages: tuple[tuple[str, str], ...]  # of the primary and the secondary sound


def read_batch(
    plan: Sequence[Quadruplet], settings: ViewSettings, catalog: Catalog, cache: ClipCache | None = None
) -> Batch:
    """Decode, scale and crop the windows of a batch on the CPU.

    With and without a cache the tensors are the same to the bit.
    """
    frames, sounds = [], []
    for item in plan:
        windows = (item.primary, item.secondary)
        frames.append(torch.stack([_frames(item.clip, w, settings, catalog, cache) for w in windows]))
        tracks = (item.primary_sound, item.secondary_sound)
        sounds.append(
            torch.stack(
                [_sound(t, w, settings, catalog, cache) for t, w in zip(tracks, windows, strict=True)]
            )
        )
    return Batch(
        frames_B2TCHW=torch.stack(frames),
        waveform_B2CS=torch.stack(sounds),
        clip_ids=tuple(item.clip.clip_id for item in plan),
        title_ids=tuple(item.clip.title_id for item in plan),
        languages=tuple(
            (str(item.primary_sound["language"]), str(item.secondary_sound["language"])) for item in plan
        ),
    )


def read_centre(
    clips: Sequence[ClipEntry], settings: ViewSettings, catalog: Catalog, cache: ClipCache | None = None
) -> tuple[Tensor, Tensor]:
    """The middle window of each clip with its original sound: frames_BTCHW uint8, waveform_BCS."""
    frames, sounds = [], []
    for clip in clips:
        window = centre_window(clip, settings)
        frames.append(_frames(clip, window, settings, catalog, cache))
        sounds.append(_sound(clip.original, window, settings, catalog, cache))
    return torch.stack(frames), torch.stack(sounds)


def _frames(
    clip: ClipEntry, window: Window, settings: ViewSettings, catalog: Catalog, cache: ClipCache | None
) -> Tensor:
    """The picked frames of a window, cropped and scaled: (T, 3, size, size) uint8."""
    count = int(clip.duration_s * settings.fps + 1e-6)
    picks = window.start_frame + np.linspace(0, settings.window_frames - 1, settings.frames).astype(int)
    picks = np.minimum(picks, count - 1)
    if cache is not None:

        def decode() -> np.ndarray:
            return read_frames(catalog.read(clip.picture), [i / settings.fps for i in range(count)])

        picture_THWC = cache.get(picture_key(clip.picture), decode)[picks]
    else:
        picture_THWC = read_frames(catalog.read(clip.picture), [i / settings.fps for i in picks])
    return _crop(torch.from_numpy(np.ascontiguousarray(picture_THWC)), window, settings.size)


def _crop(picture_THWC: Tensor, window: Window, size: int) -> Tensor:
    """Cut the window's square out of the picture and scale it to size x size."""
    height, width = picture_THWC.shape[1:3]
    side = min(round(window.side * min(height, width)), height, width)
    top, left = round(window.top * (height - side)), round(window.left * (width - side))
    square_TCHW = picture_THWC[:, top : top + side, left : left + side].permute(0, 3, 1, 2).contiguous()
    return F.interpolate(square_TCHW, (size, size), mode="bilinear", antialias=True, align_corners=False)


def _sound(
    member: Member, window: Window, settings: ViewSettings, catalog: Catalog, cache: ClipCache | None
) -> Tensor:
    """The sound of a window: (channels, samples) float32, zeros after the end of a short clip.

    Samples pass through 16 bits, in which the cache holds them, whether it is used or not.
    """
    rate, channels = settings.sample_rate, settings.channels
    start = round(window.start_frame / settings.fps * rate)

    def decode() -> np.ndarray:
        return _to_int16(read_sound(catalog.read(member), 0, sample_rate=rate, channels=channels))

    # The whole clip in both cases: a resampler sees other edges in a window, and gives other samples.
    whole_CS = decode() if cache is None else cache.get(sound_key(member, rate, channels), decode)
    part_CS = np.asarray(whole_CS[:, start : start + settings.window_samples])
    sound_CS = torch.from_numpy(part_CS.astype(np.float32) / _FULL_SCALE)
    return F.pad(sound_CS, (0, settings.window_samples - sound_CS.shape[1]))


def _to_int16(sound_CS: np.ndarray) -> np.ndarray:
    scaled = np.rint(sound_CS * _FULL_SCALE)
    return np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)

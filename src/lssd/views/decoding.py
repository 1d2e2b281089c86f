"""Decode the windows of a planned instance.

Letters of shapes: W windows, T frames, K sounds, C channels (of pictures or sounds), S samples.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lssd.corpus import Member
from lssd.media import pick_frames, place_square, read_frames, read_sound
from lssd.views.clip_cache import ClipCache, picture_key, sound_key
from lssd.views.columns import ClipEntry
from lssd.views.corpora import MemberReader
from lssd.views.instance import Quadruplet, Window
from lssd.views.settings import ViewSettings

_FULL_SCALE = 32768.0


@dataclass(frozen=True)
class Instance:
    """A planned instance and its data: uint8 frames (None without pictures), float32 samples in [-1, 1]."""

    plan: Quadruplet
    frames_WTCHW: Tensor | None
    waveform_KCS: Tensor


@dataclass(frozen=True)
class Decoder:
    """Reads windows of a corpus' clips. With and without a cache the tensors are the same to the bit.

    Methods raise LostShardError for a member that is not where its catalog says, MediaError for one that
    cannot be decoded.
    """

    settings: ViewSettings
    shards: MemberReader
    cache: ClipCache | None = None

    def read(self, plan: Quadruplet) -> Instance:
        """Decode the windows of an instance; a sound that it lacks is silence."""
        frames = None
        if self.settings.pictures:
            frames = torch.stack([self.frames(plan.clip, window) for window in plan.windows])
        windows = [plan.windows[0], *[plan.windows[-1]] * (len(plan.sounds) - 1)]
        whole: dict[str, np.ndarray] = {}  # the original may be both sounds, and is decoded once
        for member in plan.sounds:
            if member is not None and member.sha256 not in whole:
                whole[member.sha256] = self._whole_sound(member)
        silence = torch.zeros(self.settings.channels, self.settings.window_samples)
        sounds = [
            silence if member is None else self._cut(whole[member.sha256], window)
            for member, window in zip(plan.sounds, windows, strict=True)
        ]
        return Instance(plan, frames, torch.stack(sounds))

    def shards_of(self, plan: Quadruplet) -> set[str]:
        """The names of the shards from which an instance is read."""
        pictures = [plan.clip.picture] if self.settings.pictures else []
        return {member.shard for member in (*pictures, *plan.sounds) if member is not None}

    def frames(self, clip: ClipEntry, window: Window) -> Tensor:
        """The picked frames of a window, cropped and scaled: (T, 3, size, size) uint8."""
        fps = self.settings.fps
        count = int(clip.duration_s * fps + 1e-6)
        picks = pick_frames(self.settings.window_frames, self.settings.frames)
        picks = np.minimum(window.start_frame + picks, count - 1)
        if self.cache is not None:

            def decode() -> np.ndarray:
                return read_frames(self.shards.read(clip.picture), [i / fps for i in range(count)])

            picture_THWC = self.cache.get(picture_key(clip.picture), decode)[picks]
        else:
            picture_THWC = read_frames(self.shards.read(clip.picture), [i / fps for i in picks])
        return _crop(torch.from_numpy(np.ascontiguousarray(picture_THWC)), window, self.settings.size)

    def sound(self, member: Member, window: Window) -> Tensor:
        """The sound of a window: (channels, samples) float32, zeros after the end of a short clip."""
        return self._cut(self._whole_sound(member), window)

    def _whole_sound(self, member: Member) -> np.ndarray:
        """The clip's sound in 16 bits, as the cache stores it, so that both ways give the same samples.

        Always the whole clip: resampled alone, a window has edges of its own and gives other samples.
        """
        rate, channels = self.settings.sample_rate, self.settings.channels

        def decode() -> np.ndarray:
            data = self.shards.read(member)
            scaled_CS = np.rint(read_sound(data, 0, sample_rate=rate, channels=channels) * _FULL_SCALE)
            return np.clip(scaled_CS, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)

        return decode() if self.cache is None else self.cache.get(sound_key(member, rate, channels), decode)

    def _cut(self, whole_CS: np.ndarray, window: Window) -> Tensor:
        settings = self.settings
        start = round(window.start_frame / settings.fps * settings.sample_rate)
        part_CS = np.asarray(whole_CS[:, start : start + settings.window_samples])
        # In one pass over the samples: a step cuts some hundred windows.
        sound_CS = torch.zeros(len(part_CS), settings.window_samples)
        np.divide(part_CS, np.float32(_FULL_SCALE), out=sound_CS.numpy()[:, : part_CS.shape[1]])
        return sound_CS


def _crop(picture_THWC: Tensor, window: Window, size: int) -> Tensor:
    """Cut the window's square out of the picture and scale it to size x size."""
    height, width = picture_THWC.shape[1:3]
    top, left, side = place_square(height, width, window.side, window.top, window.left)
    square_TCHW = picture_THWC[:, top : top + side, left : left + side].permute(0, 3, 1, 2).contiguous()
    return F.interpolate(square_TCHW, (size, size), mode="bilinear", antialias=True, align_corners=False)

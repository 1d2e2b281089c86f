"""From what the views hand over (uint8 pictures, waveforms) to what the encoders take.

It runs on the device, in batches, and travels with the weights: a checkpoint's `config.json` holds its
dials. Shape suffixes: B batch, C channels, S samples, M mels, L spectrogram frames, T H W as in `mvit`.
"""

import dataclasses
import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from lssd.errors import InputError

_STEM_EPS = 1e-5
_ROWS_ON_CPU = 4


@dataclasses.dataclass(frozen=True)
class SoundInputConfig:
    """Dials of the sound's way in. Defaults: the paper's appendix A (48 kHz, n_fft 1024, hop 501, 96 mels).

    `channels`: 1 takes the mean of the sound's channels, 2 keeps stereo and doubles mono.
    `pad_mode`: how the centred windows see beyond the ends; "reflect" is torchaudio's default and
    "constant" (zeros) librosa's. The paper does not say.
    `mask_fraction`: the widest time or frequency mask, as a share of its axis; training only.
    `mask_fill` is in units after the stem's normalisation, so 0 is the running mean of the spectrograms.
    """

    sample_rate: int = 48000
    window_s: float = 3.0
    channels: Literal[1, 2] = 1
    n_fft: int = 1024
    hop: int = 501
    mels: int = 96
    f_min: float = 0.0
    f_max: float | None = None
    floor: float = 1e-10
    pad_mode: Literal["reflect", "constant"] = "reflect"
    stem_momentum: float = 0.1
    mask_fraction: float = 0.5
    mask_fill: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.f_min < self.highest_frequency <= self.sample_rate / 2:
            raise ValueError(
                f"f_min and f_max must satisfy 0 <= f_min < f_max <= {self.sample_rate / 2:g} Hz"
            )
        if not 0 <= self.mask_fraction <= 1:
            raise ValueError(f"mask_fraction {self.mask_fraction} is not between 0 and 1")
        if self.floor <= 0:
            raise ValueError(f"floor {self.floor} is not above 0")
        if min(self.hop, self.mels) < 1 or self.n_fft < 2:
            raise ValueError("n_fft must be at least 2, hop and mels at least 1")
        if self.samples <= self.n_fft // 2:
            raise ValueError(f"window_s {self.window_s} is shorter than half of n_fft, {self.n_fft} samples")

    @property
    def highest_frequency(self) -> float:
        """Upper edge of the highest mel band in Hz: `f_max`, or half of the sample rate."""
        return self.sample_rate / 2 if self.f_max is None else self.f_max

    @property
    def samples(self) -> int:
        """Samples of one window: 144,000 for 3 s at 48 kHz."""
        return round(self.window_s * self.sample_rate)

    @property
    def frames(self) -> int:
        """Spectrogram frames of one window: 288 for 144,000 samples at hop 501."""
        return 1 + self.samples // self.hop


@dataclasses.dataclass(frozen=True)
class FrameInputConfig:
    """Dials of the picture's way in: what the views must supply, and the stem's momentum.

    `frames` pictures spread evenly over `window_s` seconds, `size` x `size` pixels.
    """

    frames: int = 16
    size: int = 224
    window_s: float = 3.0
    stem_momentum: float = 0.1


def mel_filters(
    sample_rate: int, n_fft: int, mels: int, f_min: float = 0.0, f_max: float | None = None
) -> np.ndarray:
    """Triangular filters of peak 1 on the HTK mel scale, 2595 log10(1 + f / 700).

    Returns float64 (mels, n_fft // 2 + 1), equal to librosa's `filters.mel(htk=True, norm=None)`.
    A band narrower than the FFT's bins may be empty: with 96 mels of 1024 points at 48 kHz some of the
    lowest are, and stay at the floor.
    """
    top = sample_rate / 2 if f_max is None else f_max
    low_mel, top_mel = (2595.0 * math.log10(1.0 + f / 700.0) for f in (f_min, top))
    edges_hz = 700.0 * (10.0 ** (np.linspace(low_mel, top_mel, mels + 2) / 2595.0) - 1.0)
    bins_hz = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    left, centre, right = (edges_hz[start : start + mels, None] for start in range(3))
    rising = (bins_hz - left) / (centre - left)
    falling = (right - bins_hz) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


class LogMel(nn.Module):
    """Power mel spectrogram in decibels: 10 log10(max(mel, floor)), no reference level and no ceiling."""

    window: Tensor
    filters: Tensor

    def __init__(self, config: SoundInputConfig | None = None, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config = c = config or SoundInputConfig()
        filters = mel_filters(c.sample_rate, c.n_fft, c.mels, c.f_min, c.f_max)
        self.register_buffer("window", torch.hann_window(c.n_fft, dtype=dtype), persistent=False)
        self.register_buffer("filters", torch.from_numpy(filters).to(dtype), persistent=False)

    def forward(self, waveform_BCS: Tensor) -> Tensor:
        """(B, C, S) in [-1, 1] -> (B, C, mels, 1 + S // hop) in dB; computed in the filters' precision.

        S must exceed half of n_fft, or reflection at the ends is undefined.
        """
        b, channels, samples = waveform_BCS.shape
        rows = waveform_BCS.to(self.window.dtype).reshape(b * channels, samples)
        # A few rows at a time stay in a CPU's cache: three times faster than all at once.
        parts = rows.split(_ROWS_ON_CPU) if rows.device.type == "cpu" else [rows]
        with torch.autocast(rows.device.type, enabled=False):
            decibels = torch.cat([self._decibels(part) for part in parts])
        return decibels.unflatten(0, (b, channels))

    def _decibels(self, rows_RS: Tensor) -> Tensor:
        c = self.config
        spectrum = torch.stft(
            rows_RS,
            c.n_fft,
            c.hop,
            window=self.window,
            center=True,
            pad_mode=c.pad_mode,
            return_complex=True,
        )
        power = spectrum.real.square() + spectrum.imag.square()
        return 10.0 * (self.filters @ power).clamp_min(c.floor).log10()


class SpectrogramMasks(nn.Module):
    """One time mask and one frequency mask an item, up to `fraction` of each axis; training mode only.

    Widths are uniform in [0, fraction] of the axis, then places are uniform among those that fit
    (SpecAugment, Park et al. 2019). All channels of an item share the masks.
    """

    def __init__(self, fraction: float = 0.5, fill: float = 0.0) -> None:
        super().__init__()
        self.fraction = fraction
        self.fill = fill

    def forward(self, x_BCML: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, C, M, L) -> the same shape; `generator` draws the masks, on its own device."""
        if not self.training or self.fraction == 0:
            return x_BCML
        b, _, mels, frames = x_BCML.shape
        device = x_BCML.device if generator is None else generator.device
        draws_4B = torch.rand(4, b, generator=generator, device=device).to(x_BCML.device)
        hidden = self._band(draws_4B[:2], mels)[:, None, :, None]
        hidden = hidden | self._band(draws_4B[2:], frames)[:, None, None, :]
        return x_BCML.masked_fill(hidden, self.fill)

    def _band(self, draws_2B: Tensor, length: int) -> Tensor:
        """(B, length) booleans: true inside the band."""
        widths_B = (draws_2B[0] * (int(length * self.fraction) + 1)).floor()
        starts_B = (draws_2B[1] * (length - widths_B + 1)).floor()
        place = torch.arange(length, device=draws_2B.device)
        return (place >= starts_B[:, None]) & (place < (starts_B + widths_B)[:, None])


def mix_channels(waveform_BCS: Tensor, channels: int) -> Tensor:
    """(B, C, S) -> (B, channels, S): the mean of all for 1; mono doubled and stereo kept for 2.

    Raises InputError for more than two channels where two are wanted.
    """
    if waveform_BCS.shape[1] == channels:
        return waveform_BCS
    if channels == 1:
        return waveform_BCS.mean(dim=1, keepdim=True)
    if waveform_BCS.shape[1] == 1:
        return waveform_BCS.expand(-1, channels, -1)
    raise InputError(
        f"this model takes mono or {channels}-channel sound, not {waveform_BCS.shape[1]} channels; "
        "mix it down first"
    )


class SoundInput(nn.Module):
    """Waveform -> mixed channels -> log-mel -> stem BatchNorm without affine -> masks (training).

    The masks come after the stem: at a fill of 0 they then stand for the mean. Before it, 0 dB would be
    louder than nearly all sound, and the masks would shift the stem's statistics.
    """

    def __init__(self, config: SoundInputConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or SoundInputConfig()
        self.log_mel = LogMel(c)
        self.stem = nn.BatchNorm2d(c.channels, eps=_STEM_EPS, momentum=c.stem_momentum, affine=False)
        self.masks = SpectrogramMasks(c.mask_fraction, c.mask_fill)

    def forward(self, waveform_BCS: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, C, S) -> (B, channels, 1, mels, frames); sound shorter than a window is padded with zeros."""
        missing = self.config.samples - waveform_BCS.shape[-1]
        if missing > 0:
            waveform_BCS = nn.functional.pad(waveform_BCS, (0, missing))
        decibels_BCML = self.log_mel(mix_channels(waveform_BCS, self.config.channels))
        return self.masks(self.stem(decibels_BCML), generator).unsqueeze(2)


class FrameInput(nn.Module):
    """uint8 pictures / 255 -> stem BatchNorm without affine: dataset statistics are learned, not given."""

    def __init__(self, config: FrameInputConfig | None = None) -> None:
        super().__init__()
        self.config = config or FrameInputConfig()
        self.stem = nn.BatchNorm3d(3, eps=_STEM_EPS, momentum=self.config.stem_momentum, affine=False)

    def forward(self, frames_BTCHW: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, T, 3, H, W) uint8 -> (B, 3, T, H, W) float32. Nothing is random: `generator` goes unused."""
        x_BCTHW = frames_BTCHW.movedim(2, 1).to(torch.float32, memory_format=torch.contiguous_format)
        return self.stem(x_BCTHW / 255.0)

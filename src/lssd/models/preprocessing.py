"""From what the views hand over (uint8 pictures, waveforms) to what the encoders take.

It runs on the device, in batches, and travels with the weights: a checkpoint's `config.json` holds its
dials. Shape suffixes: B batch, C channels, S samples, M mels, F bins of the
spectrum, L spectrogram frames, T H W as in `mvit`.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models.batch_norm import BatchNorm
from lssd.models.draws import Randomness, uniform
from lssd.models.limits import SIZE, require_ranges, require_size

_STEM_EPS = 1e-5
_BANDS = 4
_LONGEST_S = 600.0  # a window
_MOST_MELS = 4096
_HIGHEST_RATE = 1 << 20  # samples a second
_NUMBERS = (-1e9, 1e9)


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
        require_ranges(
            self,
            default=_NUMBERS,
            sample_rate=(1, _HIGHEST_RATE),
            window_s=(0, _LONGEST_S),
            n_fft=(2, SIZE),
            hop=(1, SIZE),
            mels=(1, _MOST_MELS),
        )
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
        require_size("window_s and sample_rate", inputs=self.samples * self.channels)
        require_size("window_s, sample_rate, hop and n_fft", activations=self.frames * self.n_fft)
        # `mel_filters` holds four arrays of (mels, n_fft / 2) at a time, in float64.
        require_size("mels and n_fft", tables=4 * self.mels * self.n_fft)

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

    `frames` pictures spread evenly over `window_s` seconds, `size` x `size` pixels. `short_side`: to which
    pictures are scaled before such a square of them is judged, the middle of the range in training; None, as
    in models made before it was kept, is 9/7 of `size`, the paper's 288 for 224. `mean` and `deviation`
    (of red, green, blue in [0, 1]) normalise by fixed numbers instead of the stem's statistics.
    """

    frames: int = 16
    size: int = 224
    short_side: int | None = None
    window_s: float = 3.0
    stem_momentum: float = 0.1
    mean: tuple[float, float, float] | None = None
    deviation: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        sizes = {"frames": (0, SIZE), "size": (0, SIZE), "short_side": (1, SIZE)}
        require_ranges(self, default=_NUMBERS, window_s=(0, _LONGEST_S), **sizes)
        if (self.mean is None) != (self.deviation is None):
            raise ValueError(
                "mean and deviation go together: give both, or neither for the stem's statistics"
            )
        if self.deviation is not None and min(self.deviation) <= 0:
            raise ValueError(f"deviation {self.deviation} must be above 0")
        if min(self.frames, self.size) < 1 or self.window_s <= 0:
            raise ValueError("frames, size and window_s must be above 0")
        if self.short_side is not None and self.short_side < self.size:
            raise ValueError(f"short_side {self.short_side} is below size {self.size}")
        require_size("frames and size", inputs=3 * self.frames * self.size**2)

    @property
    def judged_short_side(self) -> int:
        """The short side in pixels to which pictures are scaled before they are judged."""
        return round(self.size * 9 / 7) if self.short_side is None else self.short_side


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
    """Power mel spectrogram in decibels: 10 log10(max(mel, floor)), no reference level and no ceiling.

    On a CPU a row a thread goes at a time, so that spectra stay in the cache, and the filters go in bands,
    since half of them end below an eighth of the spectrum: `benchmarks/log_mel.py` has the numbers.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, config: SoundInputConfig | None = None, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config = c = config or SoundInputConfig()
        filters = mel_filters(c.sample_rate, c.n_fft, c.mels, c.f_min, c.f_max)
        self._bands = _filter_bands(filters)
        self.register_buffer("window", torch.hann_window(c.n_fft, dtype=dtype), persistent=False)
        self.register_buffer("filters", torch.from_numpy(filters).to(dtype), persistent=False)

    def forward(self, waveform_BCS: Tensor) -> Tensor:
        """(B, C, S) in [-1, 1] -> (B, C, mels, 1 + S // hop) in dB; computed in the filters' precision.

        S must exceed half of n_fft, or reflection at the ends is undefined.
        """
        b, channels, samples = waveform_BCS.shape
        rows = waveform_BCS.to(self.window.dtype).reshape(b * channels, samples)
        parts = rows.split(torch.get_num_threads()) if rows.device.type == "cpu" else [rows]
        with torch.autocast(rows.device.type, enabled=False):
            decibels = torch.cat([self._decibels(part) for part in parts])
        return decibels.unflatten(0, (b, channels))

    def _decibels(self, rows_RS: Tensor) -> Tensor:
        c = self.config
        padded = nn.functional.pad(rows_RS[:, None], (c.n_fft // 2, c.n_fft // 2), mode=c.pad_mode)[:, 0]
        spectrum_RLF = torch.fft.rfft(padded.unfold(-1, c.n_fft, c.hop) * self.window)
        power_RLF = spectrum_RLF.real.square()
        power_RLF = power_RLF.addcmul(spectrum_RLF.imag, spectrum_RLF.imag)
        mels = [power_RLF[..., bins] @ self.filters[rows, bins].t() for rows, bins in self._bands]
        return torch.cat(mels, dim=-1).clamp_min(c.floor).log10().mul(10.0).transpose(1, 2)


def _filter_bands(filters_MF: np.ndarray) -> list[tuple[slice, slice]]:
    """Runs of neighbouring filters, each with the run of spectrum bins outside of which they are zero."""
    bands = []
    for rows in np.array_split(np.arange(len(filters_MF)), min(_BANDS, len(filters_MF))):
        run = slice(int(rows[0]), int(rows[-1]) + 1)
        used = np.flatnonzero(filters_MF[run].any(axis=0))
        bands.append((run, slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)))
    return bands


class SpectrogramMasks(nn.Module):
    """One time mask and one frequency mask an item, up to `fraction` of each axis; training mode only.

    Widths are uniform in [0, fraction] of the axis, then places are uniform among those that fit
    (SpecAugment, Park et al. 2019). All channels of an item share the masks.
    """

    def __init__(self, fraction: float = 0.5, fill: float = 0.0) -> None:
        super().__init__()
        self.fraction = fraction
        self.fill = fill

    def forward(self, x_BCML: Tensor, generator: Randomness = None) -> Tensor:
        """(B, C, M, L) -> the same shape; `generator` draws the masks, on its own device."""
        if not self.training or self.fraction == 0:
            return x_BCML
        b, _, mels, frames = x_BCML.shape
        draws_4B = uniform(4, b, generator, x_BCML.device)
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


class _FullPrecision(nn.Module):
    """A module that follows its model to a device, but not to a lower precision.

    Spectrograms and running statistics lose their meaning in 16 bits, and cost little in 32.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        def moved(tensor: Tensor) -> Tensor:
            result = fn(tensor)
            return result if result.dtype == tensor.dtype else tensor.to(result.device)

        return super()._apply(moved, recurse)


class SoundInput(_FullPrecision):
    """Waveform -> mixed channels -> log-mel -> stem BatchNorm without affine -> masks (training).

    The masks come after the stem: at a fill of 0 they then stand for the mean. Before it, 0 dB would be
    louder than nearly all sound, and the masks would shift the stem's statistics. In training the stem's
    statistics span all processes.
    """

    def __init__(self, config: SoundInputConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or SoundInputConfig()
        self.log_mel = LogMel(c)
        self.stem = BatchNorm(c.channels, eps=_STEM_EPS, momentum=c.stem_momentum, affine=False)
        self.masks = SpectrogramMasks(c.mask_fraction, c.mask_fill)

    def forward(self, waveform_BCS: Tensor, generator: Randomness = None) -> Tensor:
        """(B, C, S) floats in [-1, 1] -> (B, channels, 1, mels, frames) float32, normalised.

        Sound shorter than a window is padded with zeros; longer sound is taken whole. Raises InputError
        for another rank or type, and for channels that cannot be mixed.
        """
        if waveform_BCS.ndim != 3 or not waveform_BCS.is_floating_point():
            raise InputError(
                "a sound encoder takes floats (batch, channels, samples), "
                f"not {waveform_BCS.dtype} {tuple(waveform_BCS.shape)}"
            )
        missing = self.config.samples - waveform_BCS.shape[-1]
        if missing > 0:
            waveform_BCS = nn.functional.pad(waveform_BCS, (0, missing))
        decibels_BCML = self.log_mel(mix_channels(waveform_BCS, self.config.channels))
        return self.masks(self.stem(decibels_BCML), generator).unsqueeze(2)


class FixedNorm(nn.Module):
    """(x - mean) / deviation a channel, by numbers that are given and not learned."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(-1, 1, 1, 1), persistent=False)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """(B, C, T, H, W) -> the same shape."""
        return (x_BCTHW - self.mean) / self.deviation


class FrameInput(_FullPrecision):
    """uint8 pictures / 255 -> stem BatchNorm without affine: dataset statistics are learned, not given.

    With `mean` and `deviation` in the dials, these instead. In training the stem's statistics span all
    processes.
    """

    stem: BatchNorm | FixedNorm

    def __init__(self, config: FrameInputConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or FrameInputConfig()
        if c.mean is None or c.deviation is None:
            self.stem = BatchNorm(3, eps=_STEM_EPS, momentum=c.stem_momentum, affine=False)
        else:
            self.stem = FixedNorm(c.mean, c.deviation)

    def forward(self, frames_BTCHW: Tensor, generator: Randomness = None) -> Tensor:
        """(B, T, 3, H, W) uint8 -> (B, 3, T, H, W) float32. Nothing is random: `generator` goes unused.

        Raises InputError for another rank, type or channel count.
        """
        if frames_BTCHW.dtype != torch.uint8 or frames_BTCHW.ndim != 5 or frames_BTCHW.shape[2] != 3:
            raise InputError(
                "a picture encoder takes uint8 (batch, frames, 3, rows, columns), "
                f"not {frames_BTCHW.dtype} {tuple(frames_BTCHW.shape)}"
            )
        x_BCTHW = frames_BTCHW.movedim(2, 1).to(torch.float32, memory_format=torch.contiguous_format)
        return self.stem(x_BCTHW.div_(255.0))

"""Improves an estimate of speech by what is known about rooms, pauses and channels.

A network for speech enhancement takes echoes for noise, and uses neither the background in nearby pauses nor
the other channels. Four steps on short-time spectra make up for that, see `refine`.
Sizes were chosen on film-set titles that `benchmarks/separation.py` does not use.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_WINDOW_S = 0.043
_TALKING = 0.01  # share of a frame's power from which somebody talks
_HANG_S = 0.1  # and for so long afterwards
_PAUSES_S = 3.0  # how far pauses count, and their weight's time constant, a third of it
_TRUST = 0.3  # weight of pauses at which they count as much as what the network left
_ECHO_S = 0.6  # reverberation time of a living room
_SPATIAL_S = 1.0  # over which a direction is the same
_BINS = 128  # taken together, to bound memory
_TINY = 1e-10


def refine(mix_CS: np.ndarray, speech_CS: np.ndarray, sample_rate: int) -> np.ndarray:
    """A better estimate (C, S) of the speech in a mix, from a first one; float32.

    1. The first estimate tells where somebody talks; elsewhere speech is 0.
    2. The background's power under speech is that of the pauses around it, where there are some.
    3. Speech reverberates: its power falls no faster than in a room (Lebart et al. 2001, eq. 1), as far as
       the mix exceeds the background.
    4. Speech is filtered by the Wiener mask of both powers, and with more than one channel by the filter of
       full-rank spatial covariances (Duong et al. 2010, eq. 20).
    """
    import torch

    size = 2 ** round(math.log2(_WINDOW_S * sample_rate))
    window = torch.hann_window(size).sqrt()

    def spectra(samples_CS: np.ndarray) -> "torch.Tensor":
        samples = torch.from_numpy(np.ascontiguousarray(samples_CS, dtype=np.float32))
        return torch.stft(samples, size, size // 2, window=window, return_complex=True)

    frames_per_s = sample_rate / (size // 2)
    mix_CFT, speech_CFT = spectra(mix_CS), spectra(speech_CS)
    power_CFT = mix_CFT.abs().square()
    first_CFT = speech_CFT.abs().square()
    talking_T = _talking(power_CFT, first_CFT, frames_per_s)
    left_CFT = (mix_CFT - speech_CFT).abs().square()
    background_CFT = _under_speech(power_CFT, left_CFT, talking_T, frames_per_s)
    rest_CFT = (power_CFT - background_CFT).clamp(min=0.0)
    ringing_CFT = torch.maximum(first_CFT, torch.minimum(_ringing(first_CFT, frames_per_s), rest_CFT))
    speech_CFT = mix_CFT * (ringing_CFT / (ringing_CFT + background_CFT + 1e-20)) * talking_T
    if len(mix_CS) > 1:
        speech_CFT = _by_direction(mix_CFT, speech_CFT, frames_per_s) * talking_T
    made = torch.istft(speech_CFT, size, size // 2, window=window, length=mix_CS.shape[1])
    return made.numpy()


def _talking(power_CFT: "torch.Tensor", speech_CFT: "torch.Tensor", frames_per_s: float) -> "torch.Tensor":
    """1.0 in frames (T,) with speech or shortly after it, else 0.0."""
    from torch.nn import functional

    loud_T = (speech_CFT.sum((0, 1)) > _TALKING * power_CFT.sum((0, 1))).float()
    hang = round(_HANG_S * frames_per_s)
    return functional.max_pool1d(functional.pad(loud_T[None, None], (hang, 0)), hang + 1, 1)[0, 0]


def _under_speech(
    power_CFT: "torch.Tensor", left_CFT: "torch.Tensor", talking_T: "torch.Tensor", frames_per_s: float
) -> "torch.Tensor":
    """The background's power: of the pauses around, and where they are far, what the network left."""
    import torch
    from torch.nn import functional

    reach = round(_PAUSES_S * frames_per_s)
    weight_T = torch.exp(-torch.arange(-reach, reach + 1).abs() * 3.0 / reach)[None, None]
    channels, bins, frames = power_CFT.shape
    silent_T = 1.0 - talking_T
    flat = (power_CFT * silent_T).reshape(channels * bins, 1, frames)
    summed = functional.conv1d(flat, weight_T, padding=reach).reshape(power_CFT.shape)
    near_T = functional.conv1d(silent_T[None, None], weight_T, padding=reach)[0, 0]
    trust_T = near_T / (near_T + _TRUST)
    return left_CFT + trust_T * (summed / (near_T + 1e-3) - left_CFT)


def _ringing(speech_CFT: "torch.Tensor", frames_per_s: float) -> "torch.Tensor":
    """The power of speech that falls by 60 dB within the reverberation time, at the fastest."""
    import torch

    fall = 10 ** (-6.0 / (_ECHO_S * frames_per_s))
    ringing_TCF = speech_CFT.permute(2, 0, 1).contiguous()
    for now in range(1, len(ringing_TCF)):
        torch.maximum(ringing_TCF[now], ringing_TCF[now - 1] * fall, out=ringing_TCF[now])
    return ringing_TCF.permute(1, 2, 0)


def _by_direction(mix_CFT: "torch.Tensor", speech_CFT: "torch.Tensor", frames_per_s: float) -> "torch.Tensor":
    """Speech as the filter finds it that knows from where speech and background come."""
    import torch

    width = 2 * round(_SPATIAL_S * frames_per_s / 2) + 1
    parts = []
    for bins in torch.arange(mix_CFT.shape[1]).split(_BINS):
        mix, speech = mix_CFT[:, bins], speech_CFT[:, bins]
        speech_FTCC = _covariance(speech, width)
        whole_FTCC = speech_FTCC + _covariance(mix - speech, width)
        load_FT = torch.einsum("ftcc->ft", whole_FTCC).real * (1e-3 / len(mix_CFT)) + _TINY
        whole_FTCC = whole_FTCC + load_FT[..., None, None] * torch.eye(len(mix_CFT))
        weighed_FTC = torch.linalg.solve(whole_FTCC, mix.permute(1, 2, 0)[..., None])
        parts.append((speech_FTCC @ weighed_FTC)[..., 0].permute(2, 0, 1))
    return torch.cat(parts, dim=1)


def _covariance(source_CFT: "torch.Tensor", width: int) -> "torch.Tensor":
    """Covariances (F, T, C, C) of a source: its power now, its directions over `width` frames."""
    import torch
    from torch.nn import functional

    channels, bins, frames = source_CFT.shape
    outer = torch.einsum("cft,dft->fcdt", source_CFT, source_CFT.conj()).reshape(bins, channels**2, frames)
    mean = torch.complex(
        *(
            functional.avg_pool1d(part, width, 1, width // 2, count_include_pad=False)
            for part in (outer.real.contiguous(), outer.imag.contiguous())
        )
    )
    mean_FTCC = mean.reshape(bins, channels, channels, frames).permute(0, 3, 1, 2)
    power_FT = source_CFT.abs().square().mean(0) + _TINY
    trace_FT = torch.einsum("ftcc->ft", mean_FTCC).real / channels + _TINY
    return (power_FT / trace_FT)[..., None, None] * mean_FTCC

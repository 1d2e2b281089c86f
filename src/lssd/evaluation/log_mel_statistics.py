"""A HEAR API module without a network: the mean and the deviation over time of each band of the log-mel.

What an encoder of sounds has to beat: `lssd evaluate hear:lssd.evaluation.log_mel_statistics`. The
spectrogram is that of the method (48 kHz, 96 mels). Shape suffixes: N sounds, S samples, T times, M mels,
L frames.
"""

import torch
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models import LogMel, SoundInputConfig

_CONFIG = SoundInputConfig()
_AROUND_S = 1.0  # the length of sound around a timestamp


class LogMelStatistics(nn.Module):
    """The spectrogram with the attributes that HEAR asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.log_mel = LogMel(_CONFIG)
        self.sample_rate = _CONFIG.sample_rate
        self.scene_embedding_size = self.timestamp_embedding_size = 2 * _CONFIG.mels


def load_model(model_file_path: str = "") -> LogMelStatistics:
    """The statistics; there is no model file. InputError where one is named."""
    if model_file_path:
        raise InputError(f"log-mel statistics have no weights; leave out {model_file_path}")
    return LogMelStatistics().eval()


@torch.no_grad()
def get_scene_embeddings(audio: Tensor, model: LogMelStatistics) -> Tensor:
    """float32 (N, 2 M) of mono audio (N, S) in [-1, 1]: each band's mean and then each band's deviation in
    dB."""
    decibels_NML = model.log_mel(_long_enough(audio)[:, None])[:, 0]
    return _statistics(decibels_NML)


@torch.no_grad()
def get_timestamp_embeddings(audio: Tensor, model: LogMelStatistics) -> tuple[Tensor, Tensor]:
    """The same of the second around each frame of the spectrogram: float32 (N, T, 2 M), and the frames' times
    in ms, float32 (N, T)."""
    decibels_NML = model.log_mel(_long_enough(audio)[:, None])[:, 0, :, : 1 + audio.shape[1] // _CONFIG.hop]
    half = round(_AROUND_S / 2 * model.sample_rate / _CONFIG.hop)
    around_NMTL = nn.functional.pad(decibels_NML, (half, half), mode="replicate").unfold(2, 2 * half + 1, 1)
    times_T = torch.arange(around_NMTL.shape[2]) * (1000.0 * _CONFIG.hop / model.sample_rate)
    return _statistics(around_NMTL.transpose(1, 2)), times_T.expand(len(audio), -1)


def _long_enough(audio_NS: Tensor) -> Tensor:
    """Sounds shorter than what the spectrogram reflects at its ends, padded with silence."""
    if audio_NS.ndim != 2 or 0 in audio_NS.shape:
        raise ValueError(f"audio must be (n_sounds, n_samples) and not empty, not {tuple(audio_NS.shape)}")
    return nn.functional.pad(audio_NS.float(), (0, max(0, _CONFIG.n_fft - audio_NS.shape[1])))


def _statistics(decibels: Tensor) -> Tensor:
    return torch.cat([decibels.mean(dim=-1), decibels.std(dim=-1, unbiased=False)], dim=-1)

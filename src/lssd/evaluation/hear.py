"""A HEAR API module: name `lssd.evaluation.hear` and a checkpoint folder to the benchmark's own programs.

Implements the common API of HEAR 2021 (Turian et al., 2022): `load_model`, `get_scene_embeddings`,
`get_timestamp_embeddings`. Shape suffixes: N sounds, S samples, T times, D numbers of an embedding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models import Model, window_starts
from lssd.models import load_model as _load_model
from lssd.models.acceleration import Precision

SAMPLE_RATES = (16000, 22050, 32000, 44100, 48000)  # what the API allows


class HearModel(nn.Module):
    """A model with the attributes that HEAR asks for, and the settings of its embeddings.

    timestamp_window_s   length of the sound around a timestamp that its embedding is computed from
    hop_ms               time between timestamps
    batch                windows embedded at a time: memory grows with it, not with the length of sounds
    precision            "float32", or "bf16" for the encoder alone
    """

    def __init__(
        self,
        model: Model,
        timestamp_window_s: float = 1.0,
        hop_ms: float = 50.0,
        batch: int = 16,
        precision: Precision = "float32",
    ) -> None:
        super().__init__()
        if model.audio is None:
            raise InputError("this model has no audio encoder; HEAR judges sound")
        config = model.audio.front.config
        if config.sample_rate not in SAMPLE_RATES:
            allowed = ", ".join(map(str, SAMPLE_RATES))
            raise InputError(f"this model takes sound at {config.sample_rate} Hz; HEAR allows {allowed}")
        if not 0 < timestamp_window_s <= config.window_s:
            raise InputError(
                f"timestamp_window_s is {timestamp_window_s}; it lies in (0, {config.window_s:g}]"
            )
        if hop_ms <= 0 or batch < 1:
            raise InputError(f"hop_ms is {hop_ms} and batch is {batch}; both must be above 0")
        self.model = model
        self.sample_rate = config.sample_rate
        self.scene_embedding_size = model.embedding_size
        self.timestamp_embedding_size = model.embedding_size
        self.window = config.samples
        self.timestamp_window_s = timestamp_window_s
        self.hop_ms = hop_ms
        self.batch = batch
        self.precision: Precision = precision

    @torch.no_grad()
    def embed_windows(self, audio_NS: Tensor, starts: Sequence[int], size: int) -> Tensor:
        """The `size` samples from each of `starts` on of every sound: float32 (N, len(starts), D).

        Only a batch of windows is copied at a time.
        """
        windows = [(sound, start) for sound in range(len(audio_NS)) for start in starts]
        parts = []
        for first in range(0, len(windows), self.batch):
            chosen = windows[first : first + self.batch]
            windows_NS = torch.stack([audio_NS[sound, start : start + size] for sound, start in chosen])
            embedded = self.model.embed_audio(windows_NS[:, None], batch=self.batch, precision=self.precision)
            parts.append(embedded.float())
        return torch.cat(parts).unflatten(0, (len(audio_NS), len(starts)))


def load_model(
    model_file_path: str = "",
    timestamp_window_s: float = 1.0,
    hop_ms: float = 50.0,
    batch: int = 16,
    precision: Precision = "float32",
) -> HearModel:
    """Load a checkpoint folder, or a hub's model "owner/name", in evaluation mode and on the CPU.

    The default of 1 s around a timestamp is a compromise between the 3 s that the encoder was trained on and
    the time resolution that event tasks need. Options as for `HearModel`.
    """
    if not model_file_path:
        raise InputError("no model named; give the path of a checkpoint folder as model_file_path")
    return HearModel(_load_model(model_file_path), timestamp_window_s, hop_ms, batch, precision).eval()


def get_scene_embeddings(audio: Tensor, model: HearModel) -> Tensor:
    """One float32 embedding a sound, (n_sounds, D), of mono audio (n_sounds, n_samples) in [-1, 1].

    The mean over windows of 3 s, as in `lssd.embed`. A stereo model is given mono sound on both channels.
    """
    audio_NS = _check(audio)
    starts = window_starts(audio_NS.shape[1], model.window)
    return model.embed_windows(audio_NS, starts, model.window).mean(dim=1)


def get_timestamp_embeddings(audio: Tensor, model: HearModel) -> tuple[Tensor, Tensor]:
    """An embedding every `hop_ms`: float32 (n_sounds, T, D), and the times in ms, float32 (n_sounds, T).

    Audio as for `get_scene_embeddings`. The times begin at 0 and are the centres of the windows,
    which see zeros beyond the ends of the sound. They do not drift: each is rounded by itself.
    """
    audio_NS = _check(audio)
    rate, samples = model.sample_rate, audio_NS.shape[1]
    size = round(model.timestamp_window_s * rate)
    count = int(samples * 1000 / (rate * model.hop_ms)) + 1
    times_T = torch.arange(count, dtype=torch.float64) * model.hop_ms
    starts = [round(time_ms / 1000 * rate) for time_ms in times_T.tolist()]
    padded_NS = nn.functional.pad(audio_NS, (size // 2, size - size // 2))
    embeddings_NTD = model.embed_windows(padded_NS, starts, size)
    return embeddings_NTD, times_T.float().expand(len(audio_NS), -1).to(embeddings_NTD.device)


def _check(audio: Tensor) -> Tensor:
    if audio.ndim != 2 or 0 in audio.shape:
        raise ValueError(f"audio must be (n_sounds, n_samples) and not empty, not {tuple(audio.shape)}")
    return audio.float()

"""A HEAR API module: name `lssd.evaluation.hear` and a checkpoint folder to the benchmark's own programs.

Implements the common API of HEAR 2021 (Turian et al., 2022): `load_model`, `get_scene_embeddings`,
`get_timestamp_embeddings`.
"""

import torch
from torch import nn

from lssd.errors import InputError
from lssd.models import Model
from lssd.models import load_model as _load_model

HOP_MS = 50.0
_BATCH = 16  # windows embedded at a time


class HearModel(nn.Module):
    """The wrapped model with HEAR's attributes.

    A timestamp's embedding is that of the `timestamp_window_s` seconds of sound around it.
    """

    def __init__(self, model: Model, timestamp_window_s: float = 1.0) -> None:
        super().__init__()
        if model.audio is None:
            raise InputError("this model has no audio encoder; HEAR judges sound")
        longest_s = model.audio.front.config.window_s
        if not 0 < timestamp_window_s <= longest_s:
            raise InputError(f"timestamp_window_s is {timestamp_window_s}; it lies in (0, {longest_s:g}]")
        self.model = model
        self.sample_rate = model.audio.front.config.sample_rate
        self.scene_embedding_size = model.embedding_size
        self.timestamp_embedding_size = model.embedding_size
        self.timestamp_window_s = timestamp_window_s


def load_model(model_file_path: str = "", timestamp_window_s: float = 1.0) -> HearModel:
    """Load a checkpoint folder, in evaluation mode.

    The 1 s around a timestamp is a compromise of ours between the 3 s that the encoder was trained
    on and the time resolution that event tasks need.
    """
    if not model_file_path:
        raise InputError("no model named; give the path of a checkpoint folder as model_file_path")
    return HearModel(_load_model(model_file_path), timestamp_window_s).eval()


def get_scene_embeddings(audio: torch.Tensor, model: HearModel) -> torch.Tensor:
    """One float32 embedding a sound, (n_sounds, D), of mono audio (n_sounds, n_samples) in [-1, 1].

    The mean over windows of 3 s, as in `lssd.evaluation.embed`.
    """
    return model.model.embed_audio(_check(audio)[:, None], batch=_BATCH).float()


def get_timestamp_embeddings(audio: torch.Tensor, model: HearModel) -> tuple[torch.Tensor, torch.Tensor]:
    """An embedding every 50 ms: float32 (n_sounds, T, D), and the times in ms, float32 (n_sounds, T).

    Audio as for `get_scene_embeddings`. The times begin at 0 and are the centres of the windows,
    which see zeros beyond the ends of the sound.
    """
    audio_NS = _check(audio)
    rate, samples = model.sample_rate, audio_NS.shape[1]
    size = round(model.timestamp_window_s * rate)
    count = int(samples / rate * 1000 / HOP_MS) + 1
    times_T = torch.arange(count, dtype=torch.float64) * HOP_MS
    starts = [round(time_ms / 1000 * rate) for time_ms in times_T.tolist()]
    padded_NS = nn.functional.pad(audio_NS, (size // 2, size - size // 2))
    embeddings_NTD = _embed_windows(padded_NS, starts, size, model)
    return embeddings_NTD, times_T.float().expand(len(audio_NS), -1).to(embeddings_NTD.device)


def _check(audio: torch.Tensor) -> torch.Tensor:
    if audio.ndim != 2 or 0 in audio.shape:
        raise ValueError(f"audio must be (n_sounds, n_samples) and not empty, not {tuple(audio.shape)}")
    return audio.float()


def _embed_windows(audio_NS: torch.Tensor, starts: list[int], size: int, model: HearModel) -> torch.Tensor:
    """The windows of `size` samples at `starts` of every sound, embedded in batches: (N, T, D)."""
    places = [(sound, start) for sound in range(len(audio_NS)) for start in starts]
    parts = []
    for first in range(0, len(places), _BATCH):
        windows = [audio_NS[sound, start : start + size] for sound, start in places[first : first + _BATCH]]
        parts.append(model.model.embed_audio(torch.stack(windows)[:, None], batch=_BATCH).float())
    return torch.cat(parts).reshape(len(audio_NS), len(starts), -1)

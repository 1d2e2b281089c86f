"""A model as users hold it: encoders together with their preprocessing, from raw input to embeddings."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lssd.config import build, to_mapping
from lssd.errors import InputError
from lssd.models.acceleration import Precision, autocast
from lssd.models.draws import Draws, Randomness
from lssd.models.encoder import Encoder
from lssd.models.evaluating import evaluating
from lssd.models.limits import check_values
from lssd.models.preprocessing import FrameInput, FrameInputConfig, SoundInput, SoundInputConfig
from lssd.models.registry import create_from, encoder_config

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class TowerConfig:
    """One encoder and its way in: an architecture's name, its dials, and the preprocessing's."""

    name: str
    dials: dict[str, Any] = dataclasses.field(default_factory=dict)
    preprocessing: dict[str, Any] = dataclasses.field(default_factory=dict)


class Tower(nn.Module):
    """Preprocessing (`front`) and encoder of one modality: raw input -> (B, D)."""

    front: SoundInput | FrameInput
    encoder: Encoder

    def __init__(self, name: str, front: SoundInput | FrameInput, encoder: Encoder) -> None:
        super().__init__()
        self.name = name
        self.front = front
        self.encoder = encoder
        self.embedding_size = encoder.embedding_size

    def forward(self, raw: Tensor, generator: Randomness = None) -> Tensor:
        """Waveform (B, C, S) or frames (B, T, 3, H, W) uint8 -> (B, D), with gradients.

        In training mode `generator` draws the masks and the stochastic depth. Sound is taken whole, as
        one window: `Model.embed_audio` cuts long sound. The way in runs in float32 whatever the
        precision of the encoder's weights. Raises InputError for a wrong rank, type or channel count.
        """
        return self.encode(self.prepare(raw, generator), generator)

    def prepare(self, raw: Tensor, generator: Randomness = None) -> Tensor:
        """The first half of `forward`: raw input -> (B, C, T, H, W) float32, what the encoder takes."""
        return self.front(raw, generator.child(0) if isinstance(generator, Draws) else generator)

    def encode(self, x_BCTHW: Tensor, generator: Randomness = None) -> Tensor:
        """The second half of `forward`: (B, D)."""
        source = generator.child(1) if isinstance(generator, Draws) else generator
        return self.encoder(x_BCTHW.to(next(self.encoder.parameters()).dtype), source)

    @property
    def config(self) -> TowerConfig:
        """All dials, defaults included."""
        return TowerConfig(self.name, to_mapping(self.encoder.config), to_mapping(self.front.config))


class AudioTower(Tower):
    """Waveforms (B, C, S) -> (B, D)."""

    front: SoundInput


class VideoTower(Tower):
    """Pictures (B, T, 3, H, W) uint8 -> (B, D)."""

    front: FrameInput


def window_starts(samples: int, window: int) -> list[int]:
    """First samples of the windows that a sound is cut into.

    End to end from 0, plus one anchored at the end when more than half a window remains. Sound no longer
    than a window has one, at 0.
    """
    starts = list(range(0, max(samples - window, 0) + 1, window))
    if samples - (starts[-1] + window) > window / 2:
        starts.append(samples - window)
    return starts


class Model(nn.Module):
    """An audio encoder, a video encoder, or both, with the same embedding size.

    `.audio` and `.video` are towers or None; `.sample_rate` is what `embed_audio` expects, and None
    without an audio encoder. Sound at another rate must be resampled by the caller.

    `model.to(device)` moves everything; input may lie anywhere. For speed at half precision keep the
    weights in float32 and pass `precision="bf16"` to the `embed_*` methods. `model.to(torch.bfloat16)`
    halves the memory of the encoders' weights; the preprocessing, with its statistics, stays float32.
    """

    def __init__(self, audio: AudioTower | None = None, video: VideoTower | None = None) -> None:
        super().__init__()
        towers: list[Tower] = [tower for tower in (audio, video) if tower is not None]
        if not towers:
            raise InputError("a model needs an audio encoder, a video encoder or both; none is given")
        if len({tower.embedding_size for tower in towers}) > 1:
            sizes = " and ".join(str(tower.embedding_size) for tower in towers)
            raise InputError(
                f"the audio and video encoders differ in embedding size: {sizes}; change width or stages"
            )
        self.audio = audio
        self.video = video
        self.embedding_size = towers[0].embedding_size
        self.sample_rate = None if audio is None else audio.front.config.sample_rate

    @property
    def config(self) -> dict[str, Any]:
        """What rebuilds this model without its weights, as `config.json` holds it."""
        return {
            "format": FORMAT,
            "sample_rate": self.sample_rate,
            "embedding_size": self.embedding_size,
            "audio": None if self.audio is None else to_mapping(self.audio.config),
            "video": None if self.video is None else to_mapping(self.video.config),
        }

    def embed_audio(
        self, waveform_BCS: Tensor, batch: int = 32, *, precision: Precision = "float32"
    ) -> Tensor:
        """Embeddings of sounds: (B, C, S) floats in [-1, 1] at `sample_rate`, any S >= 1 -> (B, D).

        The mean over `embed_audio_windows`, in float32. Runs without gradients and in evaluation mode,
        `batch` windows at a time, so nothing is random. "bf16" runs the encoder under bfloat16 autocast.
        Raises InputError for a wrong rank, channel count or type, and for values that are not finite.
        """
        return self.embed_audio_windows(waveform_BCS, batch, precision=precision).mean(dim=1)

    @torch.no_grad()
    def embed_audio_windows(
        self, waveform_BCS: Tensor, batch: int = 32, *, precision: Precision = "float32"
    ) -> Tensor:
        """As `embed_audio`, one vector a window: (B, windows, D), starting at `window_starts`."""
        if self.audio is None:
            raise InputError("this model has no audio encoder")
        _check_waveform(waveform_BCS, self.audio.front.config)
        window = self.audio.front.config.samples
        starts = window_starts(waveform_BCS.shape[-1], window)
        pieces = [waveform_BCS[..., start : start + window] for start in starts]
        items = torch.stack(pieces, dim=1).flatten(0, 1)
        return self._run(self.audio, items, batch, precision).unflatten(0, (len(waveform_BCS), len(starts)))

    @torch.no_grad()
    def embed_video(
        self, frames_BTCHW: Tensor, batch: int = 32, *, precision: Precision = "float32"
    ) -> Tensor:
        """Embeddings of picture windows: (B, T, 3, H, W) uint8 RGB -> (B, D).

        All T pictures make one window; `video.front.config` says how many, how far apart and how large
        they were in pretraining. Runs as `embed_audio` does, `batch` items at a time. Raises InputError
        for a wrong rank, channel count or type, and for pictures too few or too small for the encoder.
        """
        if self.video is None:
            raise InputError("this model has no video encoder")
        _check_frames(frames_BTCHW)
        return self._run(self.video, frames_BTCHW, batch, precision)

    def _run(self, tower: Tower, items: Tensor, batch: int, precision: Precision) -> Tensor:
        if batch < 1:
            raise InputError(f"batch must be at least 1, not {batch}")
        device = next(tower.encoder.parameters()).device
        with evaluating(tower), autocast(precision, device):
            return torch.cat([tower(part.to(device)).float() for part in items.split(batch)])


def _check_waveform(waveform_BCS: Tensor, config: SoundInputConfig) -> None:
    if not isinstance(waveform_BCS, Tensor) or not waveform_BCS.is_floating_point():
        found = getattr(waveform_BCS, "dtype", type(waveform_BCS).__name__)
        raise InputError(f"embed_audio takes a float tensor with values in [-1, 1], not {found}")
    if waveform_BCS.ndim != 3 or 0 in waveform_BCS.shape:
        raise InputError(
            f"embed_audio takes (batch, channels, samples), none of them 0, not {tuple(waveform_BCS.shape)}"
        )
    if config.channels > 1 and waveform_BCS.shape[1] not in (1, config.channels):
        raise InputError(
            f"embed_audio takes 1 or {config.channels} channels for this model, not {waveform_BCS.shape[1]}; "
            "mix it down first"
        )
    if not torch.isfinite(waveform_BCS).all():
        item = int((~torch.isfinite(waveform_BCS)).flatten(1).any(dim=1).nonzero()[0])
        raise InputError(f"embed_audio takes finite samples; item {item} of the batch holds NaN or infinity")


def _check_frames(frames_BTCHW: Tensor) -> None:
    if not isinstance(frames_BTCHW, Tensor) or frames_BTCHW.dtype != torch.uint8:
        found = getattr(frames_BTCHW, "dtype", type(frames_BTCHW).__name__)
        raise InputError(f"embed_video takes a uint8 tensor, not {found}")
    if frames_BTCHW.ndim != 5 or frames_BTCHW.shape[2] != 3 or 0 in frames_BTCHW.shape:
        raise InputError(
            "embed_video takes (batch, frames, 3, rows, columns), none of them 0, "
            f"not {tuple(frames_BTCHW.shape)}"
        )


def build_model(
    audio: Mapping[str, Any] | None = None, video: Mapping[str, Any] | None = None, seed: int = 0
) -> Model:
    """Make a freshly initialised model from the settings of its towers.

    Args:
        audio, video: `{"name", "dials", "preprocessing"}` each (`TowerConfig`), or None to leave out.
            `dials` default to the sizes and channels that the preprocessing gives.
        seed: draws the initial weights of both, apart from any global generator.

    Raises InputError for unknown names or keys, for settings that contradict each other, and for a size far
    beyond every published model (`lssd.models.limits`).
    """
    audio_tower = video_tower = None
    if audio is not None:
        tower, sound, dials = _audio_settings(audio)
        audio_tower = AudioTower(
            tower.name, SoundInput(sound), create_from(tower.name, "audio", dials, 2 * seed)
        )
    if video is not None:
        tower, frames, dials = _video_settings(video)
        video_tower = VideoTower(
            tower.name, FrameInput(frames), create_from(tower.name, "video", dials, 2 * seed + 1)
        )
    return Model(audio_tower, video_tower)


def least_parameters(audio: Mapping[str, Any] | None, video: Mapping[str, Any] | None) -> int:
    """A lower bound of the parameters of `build_model(audio, video)`, without building it.

    Raises what that raises for the settings of a tower.
    """
    total = 0
    if audio is not None:
        tower, _, dials = _audio_settings(audio)
        total += encoder_config(tower.name, "audio", dials).least_parameters
    if video is not None:
        tower, _, dials = _video_settings(video)
        total += encoder_config(tower.name, "video", dials).least_parameters
    return total


def _audio_settings(settings: Mapping[str, Any]) -> tuple[TowerConfig, SoundInputConfig, dict[str, Any]]:
    """A sound tower's settings, its preprocessing, and the dials of its encoder that follow from both."""
    tower = _tower_config(settings, "audio encoder")
    sound = build(SoundInputConfig, tower.preprocessing, "audio preprocessing")
    dials = {"in_channels": sound.channels, "input_size": (1, sound.mels, sound.frames), **tower.dials}
    if dials["in_channels"] != sound.channels:
        raise InputError(
            f"audio encoder: in_channels is {dials['in_channels']}, "
            f"but the preprocessing gives {sound.channels}; leave in_channels out"
        )
    return tower, sound, dials


def _video_settings(settings: Mapping[str, Any]) -> tuple[TowerConfig, FrameInputConfig, dict[str, Any]]:
    """The same of a picture tower."""
    tower = _tower_config(settings, "video encoder")
    frames = build(FrameInputConfig, tower.preprocessing, "video preprocessing")
    dials = {"input_size": (frames.frames, frames.size, frames.size), **tower.dials}
    if dials.get("in_channels", 3) != 3:
        raise InputError(f"video encoder: in_channels is {dials['in_channels']}, but pictures have 3")
    return tower, frames, dials


def _tower_config(settings: Mapping[str, Any], source: str) -> TowerConfig:
    if not isinstance(settings, Mapping):
        raise InputError(f"{source}: its settings must be a group of keys, not {type(settings).__name__}")
    check_values(settings, source)
    return build(TowerConfig, settings, source)

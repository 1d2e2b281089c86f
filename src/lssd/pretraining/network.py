"""What is trained: a model's two towers, each with a projection head."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models import Model, ProjectionHead, TowerConfig, build_model
from lssd.pretraining.recipe import Recipe
from lssd.views import ViewSettings


@dataclass(frozen=True)
class Projections:
    """The four embeddings of a batch on the unit sphere, (B, D) each."""

    v_primary: Tensor
    v_secondary: Tensor
    a_primary: Tensor
    a_secondary: Tensor


class Network(nn.Module):
    """Towers and heads of one pretraining run. One audio tower serves all languages."""

    def __init__(self, model: Model, video_head: ProjectionHead, audio_head: ProjectionHead) -> None:
        super().__init__()
        if model.video is None or model.audio is None:
            raise InputError("pretraining needs a video and an audio encoder")
        self.video, self.audio = model.video, model.audio
        self.video_head, self.audio_head = video_head, audio_head

    @classmethod
    def create(cls, recipe: Recipe) -> "Network":
        """The freshly initialised network of a recipe; its seed draws the weights."""
        model = build_model(
            audio=_tower(recipe.audio, _sound_input(recipe.views)),
            video=_tower(recipe.video, _frame_input(recipe.views)),
            seed=recipe.seed,
        )
        width, head = model.embedding_size, recipe.head
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            heads = [ProjectionHead(width, head.size, head.hidden) for _ in range(2)]
        return cls(model, *heads)

    def forward(
        self, frames_B2TCHW: Tensor, waveform_B2CS: Tensor, generator: torch.Generator | None = None
    ) -> Projections:
        """Project the quadruplets of a batch; `generator` draws masks and stochastic depth."""
        # Both windows pass through a tower together, so that its stem sees the statistics of both.
        z_v = self.video_head(self.video(frames_B2TCHW.transpose(0, 1).flatten(0, 1), generator))
        z_a = self.audio_head(self.audio(waveform_B2CS.transpose(0, 1).flatten(0, 1), generator))
        return Projections(*z_v.chunk(2), *z_a.chunk(2))

    def project_video(self, frames_BTCHW: Tensor) -> Tensor:
        """One window of pictures each: (B, T, 3, H, W) uint8 -> (B, D)."""
        z: Tensor = self.video_head(self.video(frames_BTCHW))
        return z

    def project_audio(self, waveform_BCS: Tensor) -> Tensor:
        """One window of sound each: (B, C, S) -> (B, D)."""
        z: Tensor = self.audio_head(self.audio(waveform_BCS))
        return z

    def to_model(self) -> Model:
        """The towers without the heads, as users hold them."""
        return Model(self.audio, self.video).eval()


def _tower(tower: TowerConfig, given: dict[str, Any]) -> dict[str, Any]:
    """A tower's settings, with the sizes that the views give."""
    preprocessing = {**given, **tower.preprocessing}
    for key, value in given.items():
        if preprocessing[key] != value:
            raise InputError(f"preprocessing.{key} is {preprocessing[key]}, but the views give {value}")
    return {"name": tower.name, "dials": dict(tower.dials), "preprocessing": preprocessing}


def _sound_input(views: ViewSettings) -> dict[str, Any]:
    return {"sample_rate": views.sample_rate, "window_s": views.window_s, "channels": views.channels}


def _frame_input(views: ViewSettings) -> dict[str, Any]:
    return {"frames": views.frames, "size": views.size, "window_s": views.window_s}

"""What is trained: towers of sound and picture, each with a projection head.

Shape suffixes: B instances, W windows, K sounds, P sounds that are present, Z size of a projection.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models import Model, ProjectionHead, TowerConfig, build_model, span_processes
from lssd.models.acceleration import blocks_of
from lssd.models.draws import Draws
from lssd.models.model import Tower
from lssd.pretraining.objective import Projections
from lssd.pretraining.recipe import ObjectiveRecipe, Recipe


@dataclass(frozen=True)
class Inputs:
    """A batch as the encoders take it, and the keys of its random numbers.

    video_BWCTHW: float32, or None without pictures. sound_PC1ML: spectrograms of the present sounds,
    instance by instance; rows_BK: which row of them each sound is, -1 where there is none.
    video_draws, sound_draws: for B * W and P items.
    """

    video_BWCTHW: Tensor | None
    sound_PC1ML: Tensor
    rows_BK: Tensor
    video_draws: Draws
    sound_draws: Draws

    def __len__(self) -> int:
        return len(self.rows_BK)

    def part(self, first: int, last: int) -> "Inputs":
        """Instances [first, last)."""
        rows_BK = self.rows_BK[first:last]
        present = rows_BK[rows_BK >= 0]
        sounds = slice(int(present.min()), int(present.max()) + 1)
        windows = 1 if self.video_BWCTHW is None else self.video_BWCTHW.shape[1]
        return Inputs(
            None if self.video_BWCTHW is None else self.video_BWCTHW[first:last],
            self.sound_PC1ML[sounds],
            torch.where(rows_BK >= 0, rows_BK - sounds.start, -1),
            self.video_draws[slice(first * windows, last * windows)],
            self.sound_draws[sounds],
        )


class Network(nn.Module):
    """Towers and heads of one pretraining run. One audio tower serves all sounds and languages.

    `video` and `video_head` are None where sound is trained alone. `forward` maps `Inputs` to
    `Projections`; `prepare` makes the inputs from a batch of views.
    """

    def __init__(
        self,
        model: Model,
        video_head: ProjectionHead | None,
        audio_head: ProjectionHead,
        secondary_head: ProjectionHead | None = None,
        temperature: float = 0.07,
        learn_temperature: bool = False,
    ) -> None:
        super().__init__()
        if model.audio is None or (model.video is None) != (video_head is None):
            raise InputError("pretraining needs an audio encoder, and a head for each encoder")
        self.video, self.audio = model.video, model.audio
        self.video_head, self.audio_head = video_head, audio_head
        self.secondary_head = secondary_head
        log_scale = torch.tensor(-math.log(temperature))
        self.log_scale = nn.Parameter(log_scale) if learn_temperature else None
        self._scale = 1.0 / temperature
        self._frozen: tuple[Tower, ...] = ()

    @classmethod
    def create(cls, recipe: Recipe) -> "Network":
        """The freshly initialised network of a recipe; its seed draws the weights.

        Statistics of its batch norms span all processes. Raises InputError for encoders that do not fit
        together or the views.
        """
        views = recipe.views
        sound = {"sample_rate": views.sample_rate, "window_s": views.window_s, "channels": views.channels}
        picture = {
            "frames": views.frames,
            "size": views.size,
            "short_side": views.middle_short_side,
            "window_s": views.window_s,
        }
        model = build_model(
            audio=_tower(recipe.audio, sound),
            video=None if recipe.video is None else _tower(recipe.video, picture),
            seed=recipe.seed,
        )
        width, head = model.embedding_size, recipe.head
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            heads = [ProjectionHead(width, head.size, head.hidden) for _ in range(3)]
        objective = recipe.objective
        network = cls(
            model,
            None if recipe.video is None else heads[0],
            heads[1],
            heads[2] if head.separate_sounds else None,
            objective.temperature,
            objective.learn_temperature,
        )
        span_processes(network)
        network.freeze(recipe.optimiser.frozen)
        if views.secondary == "all":
            for block in blocks_of(network.audio.encoder):
                block.register_forward_pre_hook(_allow_any_count)
        return network

    def freeze(self, towers: Iterable[Literal["video", "audio"]]) -> None:
        """Keep these towers as they are, weights and statistics, and let them run as in evaluation."""
        found = (getattr(self, name) for name in towers)
        self._frozen = tuple(tower.requires_grad_(False).eval() for tower in found if tower is not None)

    def train(self, mode: bool = True) -> "Network":
        """As any module's, but frozen towers stay in evaluation mode."""
        super().train(mode)
        for tower in self._frozen:
            tower.eval()
        return self

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @torch.no_grad()
    def prepare(
        self, frames_BWTCHW: Tensor | None, waveform_BKCS: Tensor, present_BK: Tensor, draws: Draws
    ) -> Inputs:
        """Spectrograms and pictures of a whole local batch, on the device, masked and normalised.

        One pass for all, whatever is computed in parts afterwards: the stems' statistics are those of the
        step's whole batch. `draws`: one key an instance.
        """
        windows = 1 if frames_BWTCHW is None else frames_BWTCHW.shape[1]
        video_draws = draws.child(0).spread(windows)
        video = None
        if frames_BWTCHW is not None and self.video is not None:
            video = self.video.prepare(frames_BWTCHW.flatten(0, 1)).unflatten(0, (-1, windows))
        present = present_BK.flatten().cpu()
        sound_draws = draws.child(1).spread(present_BK.shape[1])[present.numpy()]
        waveform_PCS = waveform_BKCS.flatten(0, 1)
        if not present.all():
            waveform_PCS = waveform_PCS[present.to(waveform_PCS.device)]
        sound_PC1ML = self.audio.prepare(waveform_PCS, sound_draws)
        rows_BK = torch.where(present, present.cumsum(0) - 1, -1).view(present_BK.shape)
        return Inputs(video, sound_PC1ML, rows_BK, video_draws, sound_draws)

    def forward(self, inputs: Inputs) -> Projections:
        """Unit rows of windows (B, W, Z) and sounds (B, K, Z; zeros where absent), and 1 / temperature."""
        z_v = None
        if inputs.video_BWCTHW is not None and self.video is not None and self.video_head is not None:
            windows = inputs.video_BWCTHW.shape[1]
            embedding = self._encode(self.video, inputs.video_BWCTHW.flatten(0, 1), inputs.video_draws)
            z_v = self.video_head(embedding).unflatten(0, (-1, windows))
        embedding_PD = self._encode(self.audio, inputs.sound_PC1ML, inputs.sound_draws)
        rows_BK = inputs.rows_BK.to(embedding_PD.device)
        z_PZ = self._project_sounds(embedding_PD, rows_BK)
        # Row -1 of the padded table is zero: an absent sound.
        z_BKZ = torch.cat([z_PZ, z_PZ.new_zeros(1, z_PZ.shape[1])])[rows_BK]
        return Projections(z_v, z_BKZ, self.scale())

    def scale(self) -> Tensor:
        """1 / temperature, (): what similarities are multiplied by."""
        if self.log_scale is None:
            return torch.tensor(self._scale, device=self.device)
        return self.log_scale.exp()

    @torch.no_grad()
    def limit_scale(self) -> None:
        """Set a learned temperature that an update took below the lower limit back to the limit.

        The parameter itself is limited. Clamping the result of `scale` would leave it without gradient
        there, so that it could never come back.
        """
        if self.log_scale is not None:
            self.log_scale.clamp_(max=-math.log(ObjectiveRecipe.LEAST_LEARNED))

    def to_model(self) -> Model:
        """The towers without the heads, as users hold them."""
        return Model(self.audio, self.video).eval()

    def _encode(self, tower: Tower, x_BCTHW: Tensor, draws: Draws) -> Tensor:
        """(B, D); a frozen tower keeps nothing for a backward pass."""
        frozen = any(tower is one for one in self._frozen)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            return tower.encode(x_BCTHW, draws)

    def _project_sounds(self, embedding_PD: Tensor, rows_BK: Tensor) -> Tensor:
        if self.secondary_head is None:
            z_PZ: Tensor = self.audio_head(embedding_PD)
            return z_PZ
        primary = torch.zeros(len(embedding_PD), 1, dtype=torch.bool, device=embedding_PD.device)
        primary[rows_BK[:, 0]] = True
        return torch.where(primary, self.audio_head(embedding_PD), self.secondary_head(embedding_PD))


def _allow_any_count(_: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Tell the compiler that the number of items varies: where all of a clip's languages are heard, nearly
    every step has another number of sounds, and would otherwise compile all blocks again.

    Padding to a few sizes is no way out: batch norms inside a block would take the padding into account.
    """
    x, *others = inputs
    torch._dynamo.maybe_mark_dynamic(x, 0)
    for factors_2B in others:
        if isinstance(factors_2B, Tensor):
            torch._dynamo.maybe_mark_dynamic(factors_2B, 1)


def _tower(tower: TowerConfig, given: dict[str, Any]) -> dict[str, Any]:
    """A tower's settings, with the sizes that the views give."""
    preprocessing = {**given, **tower.preprocessing}
    for key, value in given.items():
        if preprocessing[key] != value:
            raise InputError(f"preprocessing.{key} is {preprocessing[key]}, but the views give {value}")
    return {"name": tower.name, "dials": dict(tower.dials), "preprocessing": preprocessing}

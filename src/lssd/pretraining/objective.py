"""The contrastive objective (paper, Eq. 1-3): which views are contrasted, over which candidates.

B: instances of this process; N: those of all processes; W: windows of the picture; K: sounds, the primary
first; E = W + K: all views of a clip; Z: size of an embedding. Row i of every argument comes from clip i.
The losses themselves are in `lssd.pretraining.losses`.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from lssd.errors import InputError
from lssd.pretraining import losses as contrast
from lssd.pretraining.distributed import gather_with_gradient, rank_and_size
from lssd.pretraining.losses import INSTANCE_LOSSES, Contrast
from lssd.pretraining.recipe import ObjectiveRecipe


def nt_xent(z_v: Tensor, z_a: Tensor, temperature: float = 0.07) -> Tensor:
    """Eq. 1: the instance-wise loss of matching rows, (B, Z) x (B, Z) -> (B,).

    With s = z_v @ z_a.T / temperature, instance i picks s_ii among 2B - 1 candidates in one softmax: its
    row (other sounds for its picture) and its column (other pictures for its sound). This is not CLIP's
    loss, which has one softmax a direction. It is symmetric in its arguments.

    Computed in float32 (float64 for float64 input) whatever autocast is active, since exp(1 / 0.07)
    overflows half precision. Rows must have length 1 (not checked). Raises InputError for B < 2, where
    nothing is left to contrast with, for unequal shapes and for a temperature that is not above 0.
    """
    if z_v.ndim != 2 or z_v.shape != z_a.shape:
        raise InputError(
            f"the objective takes two (batch, size) tensors of one shape, not {tuple(z_v.shape)} "
            f"and {tuple(z_a.shape)}"
        )
    _require_company(len(z_v))
    if not temperature > 0:
        raise InputError(f"temperature must be above 0, not {temperature}")
    with torch.autocast(z_v.device.type, enabled=False):
        x_BZ, y_BMZ = _exact(z_v), _exact(z_a)[:, None]
        present_BM = torch.ones(len(x_BZ), 1, dtype=torch.bool, device=x_BZ.device)
        own_BB = torch.eye(len(x_BZ), dtype=torch.bool, device=x_BZ.device)
        scale = torch.full((), 1 / temperature, dtype=x_BZ.dtype, device=x_BZ.device)
        return contrast.nt_xent(Contrast(x_BZ, y_BMZ, present_BM, x_BZ, y_BMZ, present_BM, own_BB, scale))


class Projections(NamedTuple):
    """A batch on the unit sphere: its pictures (None for sound alone), its sounds, and 1 / temperature.

    Rows of length 1, float32; `scale` is 0-d, and takes gradient where the temperature is learned.
    """

    video_BWZ: Tensor | None
    sound_BKZ: Tensor
    scale: Tensor


class Losses(NamedTuple):
    """Scalars of one batch: `total` carries the gradient; the others are its terms, unweighted, detached.

    A term is None where there is nothing to compute it from.
    """

    total: Tensor
    cross: Tensor | None
    video: Tensor | None
    audio: Tensor | None


# One view x and the views y that match it, by their places among the E.
_Pair = tuple[int, slice]


class _Instances(NamedTuple):
    """The views of some clips, which of them there are, and the clips' near-duplicate groups."""

    views_BEZ: Tensor
    present_BE: Tensor
    duplicates_B: Tensor


def batch_loss(
    projections: Projections,
    present_BK: Tensor,
    duplicates_B: Tensor,
    settings: ObjectiveRecipe,
    *,
    groups: int = 1,
    process_group: ProcessGroup | None = None,
) -> Losses:
    """Eq. 2-3 of this process' instances, as means over them (the paper's sums divided by their number).

    Two windows (the paper): cross = 1/2 mean( l(v_p, a_s) + l(v_s, a_p) ), video = mean l(v_p, v_s),
    audio = mean l(a_p, a_s). One window (the controlled study): cross = 1/2 mean( l(v, a_p) + l(v, a_s) ),
    or mean l(v, a_p) with one sound. total = cross + lambda_v video + lambda_a audio; without pictures
    total = audio. l is the loss of `settings.loss`; a_s stands for all secondary sounds that are present,
    where l is the mean over them and another clip weighs as one candidate (see `contrast.nt_xent`).
    A clip without secondary sound adds 0 to a term with a_s, and is nobody's a_s there.

    A within-modal term of weight 0 is computed without gradient, to be watched: not even a NaN of it can
    reach the total. Everything is float32 (float64 for float64 input), whatever autocast is active.

    With `settings.gather`, candidates come from all processes of `process_group` (None: of all), which must
    hold equally many instances. The mean over processes of `total` is then the loss of the whole batch, and
    the mean over processes of the parameters' gradients (DistributedDataParallel) is its gradient. Memory is
    linear in the whole batch. Without it, each of the `groups` equal parts of this process' instances is
    contrasted within itself, and the values are means over them.

    Args:
        present_BK: bool, which sounds there are; the primary one always.
        duplicates_B: numbers, equal for clips that show the same. Unless `settings.mask` is "none", such
            clips are no negatives of each other. "clip" and "near_duplicate" differ only in what the views
            number alike: a clip with itself, which their own sampler never draws twice in a step, or with
            its near-duplicates as well.
        groups: parts of this process' instances, in order.

    Raises InputError for shapes that do not fit together, and where fewer than 2 instances are contrasted.
    """
    _check(projections, present_BK, duplicates_B, groups)
    sound_BKZ, video_BWZ = projections.sound_BKZ, projections.video_BWZ
    windows = 0 if video_BWZ is None else video_BWZ.shape[1]
    with torch.autocast(sound_BKZ.device.type, enabled=False):
        views_BEZ = sound_BKZ if video_BWZ is None else torch.cat([video_BWZ, sound_BKZ], dim=1)
        pictured_BW = present_BK.new_ones(len(present_BK), windows)
        present_BE = torch.cat([pictured_BW, present_BK], dim=1)
        batch = _Instances(_exact(views_BEZ), present_BE, duplicates_B)
        if settings.gather:
            rank, _ = rank_and_size(process_group)
            everyone = _gather(batch, process_group)
            return _losses(batch, everyone, rank * len(duplicates_B), windows, projections.scale, settings)
        parts = [_Instances(*part) for part in zip(*(field.chunk(groups) for field in batch), strict=True)]
        losses = [_losses(part, part, 0, windows, projections.scale, settings) for part in parts]
    return Losses(
        torch.stack([part.total for part in losses]).mean(),
        *(_mean([part[term] for part in losses]) for term in (1, 2, 3)),
    )


def _losses(
    own: _Instances,
    everyone: _Instances,
    first: int,
    windows: int,
    scale: Tensor,
    settings: ObjectiveRecipe,
) -> Losses:
    """The losses of the instances `own`, which stand from `first` on in `everyone`."""
    _require_company(len(everyone.duplicates_B))
    loss = INSTANCE_LOSSES[settings.loss]
    places_N = torch.arange(len(everyone.duplicates_B), device=everyone.duplicates_B.device)
    excluded_BN = places_N[first : first + len(own.duplicates_B), None] == places_N
    if settings.mask != "none":
        excluded_BN = excluded_BN | (own.duplicates_B[:, None] == everyone.duplicates_B)

    def term(pairs: list[_Pair], weight: float) -> Tensor | None:
        """The mean over instances and pairs of views; without gradient where it has no weight."""
        means: list[Tensor | None] = []
        with torch.set_grad_enabled(torch.is_grad_enabled() and weight > 0):
            for x, y in pairs:
                mine, others = (
                    (side.views_BEZ[:, x], side.views_BEZ[:, y], side.present_BE[:, y])
                    for side in (own, everyone)
                )
                means.append(loss(Contrast(*mine, *others, excluded_BN, scale)).mean())
        return _mean(means)

    cross_pairs, video_pairs, audio_pairs = _pairs(windows, own.views_BEZ.shape[1] - windows)
    lambda_a = settings.lambda_a if cross_pairs else 1.0
    cross = term(cross_pairs, 1.0)
    video, audio = term(video_pairs, settings.lambda_v), term(audio_pairs, lambda_a)
    total = scale.new_zeros(()) if cross is None else cross
    if video is not None and settings.lambda_v > 0:
        total = total + settings.lambda_v * video
    if audio is not None and lambda_a > 0:
        total = total + lambda_a * audio
    return Losses(total, *(None if value is None else value.detach() for value in (cross, video, audio)))


def _pairs(windows: int, sounds: int) -> tuple[list[_Pair], list[_Pair], list[_Pair]]:
    """What is contrasted in the terms cross, video and audio, by places among the E views of a clip."""
    primary, secondary = slice(windows, windows + 1), slice(windows + 1, windows + sounds)
    cross: list[_Pair] = []
    if windows == 2:
        cross = [(0, secondary), (1, primary)]
    elif windows == 1:
        cross = [(0, primary), (0, secondary)] if sounds > 1 else [(0, primary)]
    video = [(0, slice(1, 2))] if windows == 2 else []
    return cross, video, [(windows, secondary)] if sounds > 1 else []


def _mean(values: list[Tensor | None]) -> Tensor | None:
    """Their mean; None where there are none."""
    present = [value for value in values if value is not None]
    return torch.stack(present).mean() if present else None


def _gather(own: _Instances, process_group: ProcessGroup | None) -> _Instances:
    """The instances of all processes, in two exchanges: the views, and what is known of them."""
    facts_BF = torch.cat([own.duplicates_B[:, None], own.present_BE], dim=1)
    facts_NF = gather_with_gradient(facts_BF, process_group)
    views_NEZ = gather_with_gradient(own.views_BEZ, process_group)
    return _Instances(views_NEZ, facts_NF[:, 1:].bool(), facts_NF[:, 0])


def _check(projections: Projections, present_BK: Tensor, duplicates_B: Tensor, groups: int) -> None:
    video_BWZ, sound_BKZ, _ = projections
    instances, sounds = sound_BKZ.shape[:2]
    windows = 0 if video_BWZ is None else video_BWZ.shape[1]
    if video_BWZ is not None and (len(video_BWZ) != instances or video_BWZ.shape[2] != sound_BKZ.shape[2]):
        raise InputError(
            f"pictures {tuple(video_BWZ.shape)} and sounds {tuple(sound_BKZ.shape)} differ in clips or size"
        )
    if present_BK.shape != (instances, sounds) or duplicates_B.shape != (instances,):
        raise InputError(
            f"{instances} instances of {sounds} sounds do not go with presence {tuple(present_BK.shape)} "
            f"and duplicates {tuple(duplicates_B.shape)}"
        )
    if windows > 2 or (windows != 1 and sounds < 2):
        raise InputError(f"the objective has no term for {windows} windows of pictures and {sounds} sounds")
    if groups < 1 or instances % groups:
        raise InputError(f"{instances} instances do not make {groups} equal groups")


def _require_company(instances: int) -> None:
    if instances < 2:
        raise InputError(
            f"the objective contrasts clips with each other: it needs at least 2, not {instances}"
        )


def _exact(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()

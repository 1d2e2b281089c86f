"""The contrastive objective (paper, Eq. 1-3): which views of a batch are contrasted with which.

The losses themselves are in `lssd.pretraining.losses`. A clip's E views stand side by side, pictures
first: two windows and three sounds are

    index   0    1    2    3     4
    view   v_p  v_s  a_p  a_s1  a_s2        W = 2, K = 3, E = 5

where v_p and v_s are the primary and the secondary window, a_p is the primary sound, and a_s1 and a_s2 are
secondary ones (dubs). Eq. 2's l(v_p, a_s) + l(v_s, a_p) then contrasts view 0 with views 3 and 4, and view
1 with view 2. With one window and one sound, v and a_p, only view 0 and view 1 are contrasted.

Shape suffixes: B instances of this process; N those of all processes; W windows of the picture; K sounds,
the primary first; E = W + K; Z size of an embedding. Row i of every argument belongs to clip i.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from lssd.errors import InputError
from lssd.pretraining.distributed import gather_with_gradient, rank_and_size
from lssd.pretraining.losses import INSTANCE_LOSSES, Candidates, full_precision, nt_xent
from lssd.pretraining.recipe import ObjectiveRecipe

__all__ = ["Losses", "Projections", "batch_loss", "nt_xent"]


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


class _Pair(NamedTuple):
    """One view x and the views y that match it, as indices into the E."""

    x: int
    y: slice


class _Pairs(NamedTuple):
    """What each term contrasts; a term of no pairs does not exist."""

    cross: list[_Pair]
    video: list[_Pair]
    audio: list[_Pair]


class _Instances(NamedTuple):
    """The views of some clips, which of them exist, and the clips' near-duplicate groups."""

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
    """Eq. 2-3 of this process's instances, as means over them (the paper's sums divided by their number).

    Two windows (the paper): cross = 1/2 mean( l(v_p, a_s) + l(v_s, a_p) ), video = mean l(v_p, v_s),
    audio = mean l(a_p, a_s). One window (the controlled study): cross = 1/2 mean( l(v, a_p) + l(v, a_s) ),
    or mean l(v, a_p) with one sound. total = cross + lambda_v video + lambda_a audio; without pictures
    total = audio. l is the loss of `settings.loss`; a_s stands for all secondary sounds that are present,
    where l is the mean over them and another clip weighs as one candidate (see `losses.nt_xent`).
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
        # Each clip's views side by side, pictures first; every window exists.
        views_BEZ = sound_BKZ if video_BWZ is None else torch.cat([video_BWZ, sound_BKZ], dim=1)
        pictured_BW = present_BK.new_ones(len(present_BK), windows)
        present_BE = torch.cat([pictured_BW, present_BK], dim=1)
        batch = _Instances(full_precision(views_BEZ), present_BE, duplicates_B)
        if settings.gather:
            rank, _ = rank_and_size(process_group)
            everyone = _gather(batch, process_group)
            return _losses(batch, everyone, rank * len(duplicates_B), windows, projections.scale, settings)
        # Cut each field into equal parts of instances, and contrast each part with itself alone.
        parts = [_Instances(*part) for part in zip(*(field.chunk(groups) for field in batch), strict=True)]
        losses = [_losses(part, part, 0, windows, projections.scale, settings) for part in parts]
    return Losses(
        total=torch.stack([part.total for part in losses]).mean(),
        cross=_mean([part.cross for part in losses]),
        video=_mean([part.video for part in losses]),
        audio=_mean([part.audio for part in losses]),
    )


def _losses(
    own: _Instances,
    everyone: _Instances,
    first: int,
    windows: int,
    scale: Tensor,
    settings: ObjectiveRecipe,
) -> Losses:
    """The losses of the instances `own`, which are numbers `first` and on of `everyone`.

    For example, process 1 of 2 with 3 instances each has first = 3, and its rows of the (3, 6) mask exclude
    candidates 3, 4 and 5: each instance itself.
    """
    loss = INSTANCE_LOSSES[settings.loss]
    # Row i is True at candidate first + i, the instance itself, and at its near-duplicates.
    numbers_N = torch.arange(len(everyone.duplicates_B), device=everyone.duplicates_B.device)
    excluded_BN = numbers_N[first : first + len(own.duplicates_B), None] == numbers_N
    if settings.mask != "none":
        excluded_BN = excluded_BN | (own.duplicates_B[:, None] == everyone.duplicates_B)

    def term(pairs: list[_Pair], weight: float) -> Tensor | None:
        """The mean over instances and pairs of views; without gradient where it has no weight."""
        means: list[Tensor | None] = []
        with torch.set_grad_enabled(torch.is_grad_enabled() and weight > 0):
            for x, y in pairs:
                # The own slices before everyone's: where both are of one tensor, backward adds their
                # gradients in the reverse of this order, and another order rounds to other last bits.
                x_BZ, y_BMZ = own.views_BEZ[:, x], own.views_BEZ[:, y]
                x_NZ, y_NMZ = everyone.views_BEZ[:, x], everyone.views_BEZ[:, y]
                values_B = loss(
                    x_BZ,
                    y_BMZ,
                    present_BM=own.present_BE[:, y],
                    candidates=Candidates(
                        x_NZ=x_NZ,
                        y_NMZ=y_NMZ,
                        present_NM=everyone.present_BE[:, y],
                        excluded_BN=excluded_BN,
                    ),
                    scale=scale,
                )
                means.append(values_B.mean())
        return _mean(means)

    pairs = _pairs(windows, own.views_BEZ.shape[1] - windows)
    lambda_a = settings.lambda_a if pairs.cross else 1.0
    cross = term(pairs.cross, 1.0)
    video, audio = term(pairs.video, settings.lambda_v), term(pairs.audio, lambda_a)
    total = scale.new_zeros(()) if cross is None else cross
    if video is not None and settings.lambda_v > 0:
        total = total + settings.lambda_v * video
    if audio is not None and lambda_a > 0:
        total = total + lambda_a * audio
    return Losses(total, *(None if value is None else value.detach() for value in (cross, video, audio)))


def _pairs(windows: int, sounds: int) -> _Pairs:
    """What is contrasted in each term, as indices into the views of a clip.

    Two windows and three sounds (see the module): cross [(0, 3:5), (1, 2:3)], video [(0, 1:2)], audio
    [(2, 3:5)].
    """
    primary, secondary = slice(windows, windows + 1), slice(windows + 1, windows + sounds)
    cross: list[_Pair] = []
    if windows == 2:
        cross = [_Pair(0, secondary), _Pair(1, primary)]
    elif windows == 1:
        cross = [_Pair(0, primary), _Pair(0, secondary)] if sounds > 1 else [_Pair(0, primary)]
    return _Pairs(
        cross=cross,
        video=[_Pair(0, slice(1, 2))] if windows == 2 else [],
        audio=[_Pair(windows, secondary)] if sounds > 1 else [],
    )


def _mean(values: list[Tensor | None]) -> Tensor | None:
    """Their mean; None where there are none."""
    present = [value for value in values if value is not None]
    return torch.stack(present).mean() if present else None


def _gather(own: _Instances, process_group: ProcessGroup | None) -> _Instances:
    """The instances of all processes, in two exchanges: the views, and the rest in one tensor."""
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

"""Read planned batches into tensors; clips that cannot be read are replaced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from lssd.corpus import Catalog
from lssd.errors import CorpusError, LssdError, MediaError
from lssd.views.clip_cache import ClipCache
from lssd.views.columns import ClipEntry, Member
from lssd.views.decoding import Decoder, Instance
from lssd.views.drawing import GlobalBatch
from lssd.views.sampling import Quadruplet, ViewSettings, centre_window

_TRIES = 10  # clips that may fail for one place of a batch


@dataclass(frozen=True)
class Replacement:
    """A clip that could not be read, why, and the clip that took its place."""

    clip_id: str
    reason: str
    by: str


@dataclass(frozen=True)
class Batch:
    """What the device receives.

    frames_BWTCHW: uint8 RGB of W windows (`ViewSettings.windows`), the primary first; None without pictures.
    waveform_BKCS: float32 in [-1, 1] of K sounds: the primary, then the secondary ones. K is 1 with secondary
    "none", 2 mostly, and with "all" 1 + the most dubs that a clip of the index has; the primary sound is
    heard over the first window, the others over the last.
    present_BK: which sounds there are; absent ones (of "all" alone) are silence.
    duplicates_B: int64 numbers of the clips' near-duplicate groups: equal where two clips show the same
    (`ClipEntry.duplicates`); equal clips have equal numbers.
    languages: of the K sounds, None where absent. replaced: clips that could not be read, and why.
    """

    frames_BWTCHW: Tensor | None
    waveform_BKCS: Tensor
    present_BK: Tensor
    duplicates_B: Tensor
    clip_ids: tuple[str, ...]
    title_ids: tuple[str, ...]
    languages: tuple[tuple[str | None, ...], ...]
    replaced: tuple[Replacement, ...] = ()


def read_batch(
    plan: Sequence[Quadruplet], settings: ViewSettings, catalog: Catalog, cache: ClipCache | None = None
) -> Batch:
    """Decode, scale and crop the windows of planned instances on the CPU, exactly as planned.

    Raises CorpusError or MediaError for a clip that cannot be read.
    """
    decoder = Decoder(settings, catalog, cache)
    return _stack([decoder.read(item) for item in plan], [])


def read_groups(
    drawn: GlobalBatch, groups: Iterable[int], catalog: Catalog, cache: ClipCache | None = None
) -> Batch:
    """Groups of a step's batch, one after the other. Clips that cannot be read are replaced.

    What replaces them depends on the draw and the group alone, so the batch is the same wherever and
    whenever it is read. Raises CorpusError when 10 clips failed for one place, or more than half of a
    group had to be replaced.
    """
    decoder = Decoder(drawn.settings, catalog, cache)
    instances: list[Instance] = []
    replaced: list[Replacement] = []
    for group in groups:
        found, failed = _read_group(drawn, group, decoder)
        instances += found
        replaced += failed
    return _stack(instances, replaced)


def read_centre(
    clips: Sequence[ClipEntry],
    settings: ViewSettings,
    catalog: Catalog,
    cache: ClipCache | None = None,
    tracks: Sequence[Member] | None = None,
) -> tuple[Tensor | None, Tensor]:
    """The middle window of each clip: frames_BTCHW uint8 (None without pictures), waveform_BCS float32.

    tracks: one sound a clip, instead of its original sound.
    """
    decoder = Decoder(settings, catalog, cache)
    windows = [centre_window(clip, settings) for clip in clips]
    frames = None
    if settings.pictures:
        frames = torch.stack([decoder.frames(*pair) for pair in zip(clips, windows, strict=True)])
    heard = [clip.original for clip in clips] if tracks is None else tracks
    return frames, torch.stack([decoder.sound(*pair) for pair in zip(heard, windows, strict=True)])


def _read_group(drawn: GlobalBatch, group: int, decoder: Decoder) -> tuple[list[Instance], list[Replacement]]:
    plan = drawn.plan(group)
    instances: list[Instance] = []
    replaced: list[Replacement] = []
    tried: set[str] = set()  # substitutes of earlier places: two places may be offered the same
    places = 0
    for number, item in enumerate(plan):
        failed: dict[str, str] = {}
        for candidate in chain([item], drawn.substitutes(group, number)):
            clip_id = candidate.clip.clip_id
            if clip_id in tried:
                continue
            tried.add(clip_id)
            try:
                instances.append(decoder.read(candidate))
                break
            except (CorpusError, MediaError) as error:
                failed[clip_id] = _one_line(error)
            places += len(failed) == 1
            if len(failed) == _TRIES or 2 * places > len(plan):
                raise _too_many(drawn, replaced, failed)
        else:
            raise _too_many(drawn, replaced, failed)
        by = instances[-1].plan.clip.clip_id
        replaced += [Replacement(clip_id, reason, by) for clip_id, reason in failed.items()]
    return instances, replaced


def _too_many(drawn: GlobalBatch, replaced: list[Replacement], failed: dict[str, str]) -> CorpusError:
    reasons = {change.clip_id: change.reason for change in replaced} | failed
    clip_id, reason = next(iter(reasons.items()))
    root = drawn.index.root
    return CorpusError(
        f"{root}: {len(reasons)} clips of a batch cannot be read and no others can take their place; the "
        f"first is {clip_id}: {reason}; run lssd verify {root}"
    )


def _one_line(error: LssdError) -> str:
    """An error's message without its way out, which is the same for all."""
    return " ".join(str(error).split()).partition("; run lssd verify")[0]


def _stack(instances: Sequence[Instance], replaced: Sequence[Replacement]) -> Batch:
    plans = [instance.plan for instance in instances]
    frames = [i.frames_WTCHW for i in instances if i.frames_WTCHW is not None]
    return Batch(
        frames_BWTCHW=torch.stack(frames) if frames else None,
        waveform_BKCS=torch.stack([instance.waveform_KCS for instance in instances]),
        present_BK=torch.tensor([[member is not None for member in plan.sounds] for plan in plans]),
        duplicates_B=torch.tensor([plan.clip.duplicates for plan in plans], dtype=torch.int64),
        clip_ids=tuple(plan.clip.clip_id for plan in plans),
        title_ids=tuple(plan.clip.title_id for plan in plans),
        languages=tuple(
            tuple(None if member is None else member["language"] for member in plan.sounds) for plan in plans
        ),
        replaced=tuple(replaced),
    )

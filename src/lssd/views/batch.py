"""Read planned batches into tensors; clips that cannot be read are replaced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lssd.corpus import LostShardError
from lssd.errors import CorpusError, LssdError, MediaError
from lssd.views.batch_plan import GlobalBatch
from lssd.views.clip_cache import ClipCache
from lssd.views.corpora import MemberReader
from lssd.views.decoding import Decoder, Instance
from lssd.views.instance import Quadruplet
from lssd.views.title_share import company


@dataclass(frozen=True)
class Replacement:
    """A clip that could not be read, the reason, and the clip that replaced it."""

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

    def title_share(self, groups: int = 1) -> float:
        """The share of a group that is of an instance's own title, itself included: mean over instances.

        groups: how many equal groups the batch holds, one after the other.
        """
        size = len(self.title_ids) // groups
        parts = [self.title_ids[start : start + size] for start in range(0, len(self.title_ids), size)]
        return float(np.concatenate([company(part) for part in parts]).mean() / size)


def read_groups(
    drawn: GlobalBatch, groups: Iterable[int], shards: MemberReader, cache: ClipCache | None = None
) -> Batch:
    """Groups of a step's batch, one after the other. Clips that cannot be read are replaced.

    What replaces them depends only on the draw, the group and which clips are readable, so the batch is the
    same wherever and whenever it is read. Raises CorpusError when more than half of a group cannot be read,
    or no clip is left to replace one.
    """
    decoder = Decoder(drawn.settings, shards, cache)
    instances: list[Instance] = []
    replaced: list[Replacement] = []
    for group in groups:
        found, failed = _read_group(drawn, group, decoder)
        instances += found
        replaced += failed
    return _stack(instances, replaced)


def _read_group(drawn: GlobalBatch, group: int, decoder: Decoder) -> tuple[list[Instance], list[Replacement]]:
    plan = drawn.plan(group)
    read: dict[int, Instance] = {}  # by position in the plan
    failed: dict[int, dict[str, str]] = {}  # by position: the clips that cannot be read, and why
    lost: set[str] = set()  # the shards from which something could not be read

    def try_read(position: int, item: Quadruplet) -> bool:
        try:
            read[position] = decoder.read(item)
        except (CorpusError, MediaError) as error:
            failed.setdefault(position, {})[item.clip.clip_id] = _one_line(error)
            if isinstance(error, LostShardError):
                lost.add(error.shard)
            return False
        return True

    # All planned clips before any substitute: where most are gone, the search for others would be long.
    for position, item in enumerate(plan):
        try_read(position, item)
        if 2 * len(failed) > len(plan):
            raise _too_many(drawn, failed)
    tried: set[str] = set()  # two positions may be offered the same clip
    for position in failed:
        for item in drawn.substitutes(group, position):
            if item.clip.clip_id in tried or not lost.isdisjoint(decoder.shards_of(item)):
                continue
            tried.add(item.clip.clip_id)
            if try_read(position, item):
                break
        else:
            raise _too_many(drawn, failed)
    replaced = [
        Replacement(clip_id, reason, read[position].plan.clip.clip_id)
        for position, reasons in failed.items()
        for clip_id, reason in reasons.items()
    ]
    return [read[position] for position in range(len(plan))], replaced


def _too_many(drawn: GlobalBatch, failed: dict[int, dict[str, str]]) -> CorpusError:
    reasons = {clip_id: reason for clips in failed.values() for clip_id, reason in clips.items()}
    clip_id, reason = next(iter(reasons.items()))
    root = drawn.index.root
    return CorpusError(
        f"{root}: {len(reasons)} clips of a batch cannot be read and no others can take their place; the "
        f"first is {clip_id}: {reason}; run lssd verify {root}"
    )


def _one_line(error: LssdError) -> str:
    """An error's message in one line, without the advice at its end, which is the same for all."""
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
            tuple(None if member is None else member.language for member in plan.sounds) for plan in plans
        ),
        replaced=tuple(replaced),
    )

"""Which share of a batch really comes from one title: read off batches as they are drawn."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lssd.text import counted
from lssd.views.batch_plan import GlobalBatch, batch_size, epoch_steps
from lssd.views.index import ClipIndex
from lssd.views.settings import ViewSettings

_STEPS = 8  # whose batches are drawn


@dataclass(frozen=True)
class TitleShare:
    """Clips of an instance's own title in its group, the instance included.

    group: instances of a group. wanted: clips of one title, as the settings ask for. found: the mean over the
    instances of the first steps. alone: the share of instances with no other clip of their title, and so
    without a hard negative. short, titles: titles with fewer clips than wanted, and all.
    """

    group: int
    wanted: int
    found: float
    alone: float
    short: int
    titles: int

    @property
    def met(self) -> bool:
        """Whether every title has the clips that the settings ask for."""
        return self.short == 0

    def __str__(self) -> str:
        text = f"{self.found:.3g} of a group's {self.group} clips on average"
        if self.met:
            return f"{text}, as asked ({self.wanted})"
        text += f", {self.wanted} asked; {self.short} of {counted(self.titles, 'title')} have fewer"
        return f"{text}; {self.alone:.0%} of clips are alone of their title" if self.alone else text


def title_share(index: ClipIndex, settings: ViewSettings, groups: int = 1, seed: int = 0) -> TitleShare:
    """Draw the first batches of a run and count; nothing is read. CorpusError for too few clips."""
    size = batch_size(index, settings, groups)
    wanted = min(settings.title_clips, size)
    counts = []
    for step in range(min(_STEPS, epoch_steps(index, settings, groups))):
        drawn = GlobalBatch(index, settings, seed, 0, step, groups)
        counts += [company(drawn.titles(group)) for group in range(groups)]
    counts_N = np.concatenate(counts)
    sizes_T = np.diff(index.columns.clip_starts)
    return TitleShare(
        group=size,
        wanted=wanted,
        found=float(counts_N.mean()),
        alone=float((counts_N == 1).mean()),
        short=int(np.count_nonzero(sizes_T < wanted)),
        titles=len(sizes_T),
    )


def company(titles: Sequence[str | int]) -> np.ndarray:
    """How many instances of a group each instance's title has, itself included: integers (B,)."""
    counts = Counter(titles)
    return np.array([counts[title] for title in titles])

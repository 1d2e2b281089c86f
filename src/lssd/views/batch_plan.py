"""Draw the batch of a step, of all groups, by title (paper, section 3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, pairwise
from typing import NamedTuple

import numpy as np

from lssd.errors import CorpusError, InputError
from lssd.views.index import ClipIndex
from lssd.views.instance import DRAWS, Quadruplet, make_quadruplet, sounds_per_clip
from lssd.views.settings import ViewSettings

# What a generator is for, as a part of its seed: (seed, epoch, step, purpose, ...).
_CLIPS, _INSTANCES, _SUBSTITUTES = 1, 2, 3

# Substitutes that a title gives before the next one is tried: what made one clip unreadable often affects the
# title's others too.
_TURN = 3


class ClipNumber(NamedTuple):
    """Where the index has a clip: the number of its title, and its own number in that title."""

    title: int
    clip: int


def batch_size(index: ClipIndex, settings: ViewSettings, groups: int = 1) -> int:
    """The instances of every group: as asked, or an equal share of all clips of a corpus that has too few.

    CorpusError below two clips a group, since there would be no negatives.
    """
    size = min(settings.batch_size, index.clip_count // groups)
    if size < 2:
        raise CorpusError(
            f"{index.root} has {index.clip_count} usable clips; contrastive training needs at least 2 for "
            f"each of the recipe's groups ({groups})"
        )
    return size


def check_weights(index: ClipIndex, settings: ViewSettings) -> None:
    """InputError unless there is a weight for each corpus, or none at all."""
    corpora = len(index.roots) or 1
    if len(settings.corpus_weights) not in (0, corpora):
        raise InputError(
            f"views.corpus_weights has {len(settings.corpus_weights)} weights for {corpora} corpora; give "
            "one for each, in the order in which they are named, or none"
        )


def epoch_steps(index: ClipIndex, settings: ViewSettings, groups: int = 1) -> int:
    """Steps an epoch: floor(clips / global batch), at least 1."""
    return max(1, index.clip_count // (batch_size(index, settings, groups) * groups))


@dataclass(frozen=True)
class GlobalBatch:
    """The batch of one step, of all groups. The same fields give the same batch, on any machine and in
    any order.

    Titles are drawn uniformly without replacement, of weighted corpora from a corpus drawn by its weight
    among those with a title left (`ViewSettings.corpus_weights`), and each gives `title_clips` distinct clips
    to one group; one with fewer gives all it has and further titles fill the group. When all titles have had
    their turn, those with clips left are gone through again, so only a corpus of fewer clips than a
    global batch shrinks it. No clip occurs twice.

    step: of the epoch; groups: of `batch_size` instances each.
    """

    index: ClipIndex
    settings: ViewSettings
    seed: int
    epoch: int
    step: int
    groups: int = 1

    def plan(self, group: int) -> tuple[Quadruplet, ...]:
        """The instances of one group. Raises CorpusError for what the corpus lacks, naming the key."""
        rows = zip(self._clips[group], self._draws(group), strict=True)
        return tuple(self._instance(clip, draws) for clip, draws in rows)

    def titles(self, group: int) -> tuple[int, ...]:
        """The number of each instance's title in the index; clips that cannot be read may be replaced."""
        return tuple(clip.title for clip in self._clips[group])

    def substitutes(self, group: int, item: int) -> Iterator[Quadruplet]:
        """Instances that may stand in for an unreadable one, in the order in which to try them.

        They are clips that the batch does not hold, each seen through the windows of the instance that
        they replace: up to 3 of the same title, then up to 3 of each of the others, then all that are
        left. No two groups are offered the same clip; two items of one group may be.
        """
        generator = self._generator(_SUBSTITUTES, group, item)
        draws = self._draws(group)[item]
        own = self._clips[group][item].title
        others = (title for title in shuffle(len(self.index.titles), generator) if title != own)
        begun: list[Iterator[ClipNumber]] = []
        for title in chain([own], others):
            spares = self._shuffled_spares(title, group, generator)
            for clip in islice(spares, _TURN):
                yield self._instance(clip, draws)
            begun.append(spares)
        for clip in chain.from_iterable(begun):
            yield self._instance(clip, draws)

    @cached_property
    def _clips(self) -> tuple[tuple[ClipNumber, ...], ...]:
        """The clips of all groups. Titles and clips are shuffled only as far as they are needed."""
        size = batch_size(self.index, self.settings, self.groups)
        generator = self._generator(_CLIPS)
        decks: dict[int, Iterator[int]] = {}  # the shuffled clips of each title, as of a pack of cards
        taken: dict[int, int] = {}  # how many of a title's clips are taken
        titles = self._turns(generator, taken)
        groups: list[tuple[ClipNumber, ...]] = []
        for _ in range(self.groups):
            group: list[ClipNumber] = []
            while len(group) < size:
                title = next(titles)
                if title not in decks:
                    decks[title] = shuffle(len(self.index.titles[title]), generator)
                wanted = min(self.settings.title_clips, size - len(group))
                clips = [ClipNumber(title, clip) for clip in islice(decks[title], wanted)]
                taken[title] = taken.get(title, 0) + len(clips)
                group += clips
            groups.append(tuple(group))
        return tuple(groups)

    def _turns(self, generator: np.random.Generator, taken: dict[int, int]) -> Iterator[int]:
        """Titles in random order, then again those of which not all clips are taken, and so on."""
        order = []
        for title in self._shuffled_titles(generator):
            order.append(title)
            yield title
        while True:
            order = [title for title in order if taken[title] < len(self.index.titles[title])]
            yield from order

    def _shuffled_titles(self, generator: np.random.Generator) -> Iterator[int]:
        """All titles in random order: uniform, or each from a corpus drawn by weight."""
        weights = self.settings.corpus_weights
        if len(weights) < 2:
            yield from shuffle(len(self.index.titles), generator)
            return
        bounds = self.index.title_starts
        decks = {
            corpus: (shuffle(stop - start, generator), start)
            for corpus, (start, stop) in enumerate(pairwise(bounds))
        }
        while decks:
            edges = np.cumsum([weights[corpus] for corpus in decks])
            drawn = int(np.searchsorted(edges, generator.random() * edges[-1], side="right"))
            corpus = list(decks)[min(drawn, len(decks) - 1)]
            deck, start = decks[corpus]
            title = next(deck, None)
            if title is None:
                del decks[corpus]
            else:
                yield start + title

    def _shuffled_spares(
        self, title: int, group: int, generator: np.random.Generator
    ) -> Iterator[ClipNumber]:
        """A title's clips that are not in the batch and are this group's to take, in random order.

        Groups that hold the title share them; a title in no group is one group's alone.
        """
        owners = self._owners.get(title, [title % self.groups])
        if group not in owners:
            return
        every = (ClipNumber(title, clip) for clip in range(len(self.index.titles[title])))
        spares = [clip for clip in every if clip not in self._drawn][owners.index(group) :: len(owners)]
        for number in shuffle(len(spares), generator):
            yield spares[number]

    @cached_property
    def _drawn(self) -> frozenset[ClipNumber]:
        return frozenset(chain.from_iterable(self._clips))

    @cached_property
    def _owners(self) -> dict[int, list[int]]:
        """The groups that hold a title, in ascending order."""
        owners: dict[int, list[int]] = {}
        for group, clips in enumerate(self._clips):
            for title in {clip.title for clip in clips}:
                owners.setdefault(title, []).append(group)
        return owners

    def _instance(self, clip: ClipNumber, draws: list[float]) -> Quadruplet:
        entry = self.index.titles[clip.title][clip.clip]
        return make_quadruplet(entry, self.settings, draws, self._turn, self._sounds)

    @cached_property
    def _turn(self) -> int:
        """The step's number in the run."""
        return self.epoch * epoch_steps(self.index, self.settings, self.groups) + self.step

    @cached_property
    def _sounds(self) -> int:
        return sounds_per_clip(self.index, self.settings)

    def _draws(self, group: int) -> list[list[float]]:
        """The uniform numbers that choose each instance's windows and dub: a row an instance."""
        draws = self._generator(_INSTANCES, group).random((len(self._clips[group]), DRAWS))
        return draws.tolist()

    def _generator(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.epoch, self.step, *purpose])


def shuffle(count: int, generator: np.random.Generator) -> Iterator[int]:
    """The numbers 0 .. count - 1 in random order, drawn only as far as they are asked for.

    Fisher and Yates' shuffle, which swaps each position with a random one from there on. Only the numbers
    that were moved are kept, so that k numbers cost k steps and not `count`. Say that of 3 numbers position 0
    is swapped with 2: 2 comes first, and `moved` is {2: 0}. If 1 is swapped with 2 then, 0 follows, then 1.
    """
    moved: dict[int, int] = {}
    for position in range(count):
        other = position + int(generator.random() * (count - position))
        yield moved.get(other, other)
        moved[other] = moved.pop(position, position)

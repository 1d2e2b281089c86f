"""Draw the batch of a step, of all groups, by title (paper, section 3; DESIGN: the method)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

import numpy as np

from lssd.errors import CorpusError
from lssd.views.index import ClipIndex
from lssd.views.instance import DRAWS, Quadruplet, make_quadruplet, sounds_per_clip
from lssd.views.settings import ViewSettings

# What a generator is for, as a part of its seed: (seed, epoch, step, purpose, ...).
_CLIPS, _INSTANCES, _SUBSTITUTES = 1, 2, 3

# Substitutes that a title gives in its turn. What made one clip unreadable often spoils its title's others.
_TURN = 3

Place = tuple[int, int]  # of a clip: its title's number and its own number in the title


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


def epoch_steps(index: ClipIndex, settings: ViewSettings, groups: int = 1) -> int:
    """Steps an epoch: floor(clips / global batch), at least 1."""
    return max(1, index.clip_count // (batch_size(index, settings, groups) * groups))


@dataclass(frozen=True)
class GlobalBatch:
    """The batch of one step, of all groups. The same fields give the same batch, on any machine and in
    any order.

    Titles are drawn uniformly without replacement and each gives `title_clips` distinct clips to one
    group; one with fewer gives all it has and further titles fill the group. When all titles have had
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
        rows = zip(self._places[group], self._numbers(group), strict=True)
        return tuple(self._instance(place, numbers) for place, numbers in rows)

    def substitutes(self, group: int, item: int) -> Iterator[Quadruplet]:
        """Instances that may stand in for an unreadable one, in the order in which to try them.

        They are clips that the batch does not hold, each seen through the windows of the instance that
        they replace: up to 3 of the same title, then up to 3 of each of the others, then all that are
        left. No two groups are offered the same clip; two items of one group may be.
        """
        generator = self._generator(_SUBSTITUTES, group, item)
        numbers = self._numbers(group)[item]
        own = self._places[group][item][0]
        others = (title for title in shuffle(len(self.index.titles), generator) if title != own)
        begun: list[Iterator[Place]] = []
        for title in chain([own], others):
            spares = self._shuffled_spares(title, group, generator)
            for place in islice(spares, _TURN):
                yield self._instance(place, numbers)
            begun.append(spares)
        for place in chain.from_iterable(begun):
            yield self._instance(place, numbers)

    @cached_property
    def _places(self) -> tuple[tuple[Place, ...], ...]:
        """The clips of all groups. Titles and clips are shuffled only as far as they are needed."""
        size = batch_size(self.index, self.settings, self.groups)
        generator = self._generator(_CLIPS)
        decks: dict[int, Iterator[int]] = {}
        taken: dict[int, int] = {}
        titles = self._turns(generator, taken)
        groups: list[tuple[Place, ...]] = []
        for _ in range(self.groups):
            group: list[Place] = []
            while len(group) < size:
                title = next(titles)
                if title not in decks:
                    decks[title] = shuffle(len(self.index.titles[title]), generator)
                wanted = min(self.settings.title_clips, size - len(group))
                clips = [(title, number) for number in islice(decks[title], wanted)]
                taken[title] = taken.get(title, 0) + len(clips)
                group += clips
            groups.append(tuple(group))
        return tuple(groups)

    def _turns(self, generator: np.random.Generator, taken: dict[int, int]) -> Iterator[int]:
        """Titles in random order, then again those of which not all clips are taken, and so on."""
        order = []
        for title in shuffle(len(self.index.titles), generator):
            order.append(title)
            yield title
        while True:
            order = [title for title in order if taken[title] < len(self.index.titles[title])]
            yield from order

    def _spares(self, title: int, group: int) -> list[int]:
        """The numbers of a title's clips that are not in the batch and are this group's to take.

        Groups that hold the title share them; a title in no group is one group's alone.
        """
        owners = self._owners.get(title, [title % self.groups])
        if group not in owners:
            return []
        spares = [n for n in range(len(self.index.titles[title])) if (title, n) not in self._drawn]
        return spares[owners.index(group) :: len(owners)]

    def _shuffled_spares(self, title: int, group: int, generator: np.random.Generator) -> Iterator[Place]:
        spares = self._spares(title, group)
        for number in shuffle(len(spares), generator):
            yield title, spares[number]

    @cached_property
    def _drawn(self) -> frozenset[Place]:
        return frozenset(chain.from_iterable(self._places))

    @cached_property
    def _owners(self) -> dict[int, list[int]]:
        """The groups that hold a title, in ascending order."""
        owners: dict[int, list[int]] = {}
        for group, places in enumerate(self._places):
            for title in {title for title, _ in places}:
                owners.setdefault(title, []).append(group)
        return owners

    def _instance(self, place: Place, numbers: list[float]) -> Quadruplet:
        clip = self.index.titles[place[0]][place[1]]
        return make_quadruplet(clip, self.settings, numbers, self._turn, self._sounds)

    @cached_property
    def _turn(self) -> int:
        """The step's number in the run."""
        return self.epoch * epoch_steps(self.index, self.settings, self.groups) + self.step

    @cached_property
    def _sounds(self) -> int:
        return sounds_per_clip(self.index, self.settings)

    def _numbers(self, group: int) -> list[list[float]]:
        numbers = self._generator(_INSTANCES, group).random((len(self._places[group]), DRAWS))
        return numbers.tolist()

    def _generator(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.epoch, self.step, *purpose])


def shuffle(count: int, generator: np.random.Generator) -> Iterator[int]:
    """The numbers 0 .. count - 1 in random order, drawn only as far as they are asked for.

    Fisher and Yates' shuffle of which only the moved places are kept: k numbers cost k steps, not `count`.
    """
    moved: dict[int, int] = {}
    for place in range(count):
        other = place + int(generator.random() * (count - place))
        yield moved.get(other, other)
        moved[other] = moved.pop(place, place)

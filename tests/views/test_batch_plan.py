"""Batches: by title, distinct, uniform, and the same for the same arguments."""

from collections import Counter
from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from lssd.errors import CorpusError
from lssd.views import ClipIndex, GlobalBatch, ViewSettings, batch_size, epoch_steps
from lssd.views.batch_plan import shuffle

IndexMaker = Callable[..., ClipIndex]


def groups_of(batch: GlobalBatch) -> list[list[tuple[str, str]]]:
    """Title and clip of each instance, by group."""
    plans = [batch.plan(group) for group in range(batch.groups)]
    return [[(item.clip.title_id, item.clip.clip_id) for item in plan] for plan in plans]


@hypothesis_settings(deadline=None)
@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=14),
    size=st.integers(2, 24),
    share=st.sampled_from([0.125, 0.25, 0.5, 1.0]),
    groups=st.integers(1, 4),
    step=st.integers(0, 10_000),
)
def test_groups_are_full_distinct_and_by_title(
    make_index: IndexMaker, counts: list[int], size: int, share: float, groups: int, step: int
) -> None:
    index, settings = make_index(counts), ViewSettings(batch_size=size, title_share=share)
    if sum(counts) < 2 * groups:
        with pytest.raises(CorpusError, match="at least 2"):
            batch_size(index, settings, groups)
        return
    drawn = groups_of(GlobalBatch(index, settings, 1, 0, step, groups))
    size = batch_size(index, settings, groups)
    assert size == min(settings.batch_size, sum(counts) // groups)
    assert [len(group) for group in drawn] == [size] * groups
    assert len({clip for group in drawn for _, clip in group}) == size * groups
    most = settings.title_clips
    if sum(count >= most for count in counts) >= groups * -(-size // most):
        # Enough long titles: none gives more than its share, nor to two groups.
        assert all(max(Counter(title for title, _ in group).values()) <= most for group in drawn)
        assert sum(len({title for title, _ in group}) for group in drawn) == len(
            {title for group in drawn for title, _ in group}
        )


@pytest.mark.parametrize(("size", "share", "titles"), [(64, 0.125, 8), (26, 0.5, 2)])
def test_the_papers_groups(make_index: IndexMaker, size: int, share: float, titles: int) -> None:
    index = make_index([40] * 70)
    settings = ViewSettings(batch_size=size, title_share=share)
    seen: Counter[str] = Counter()
    for group in groups_of(GlobalBatch(index, settings, 0, 0, 0, 8)):
        per_title = Counter(title for title, _ in group)
        assert set(per_title.values()) == {size // titles}
        assert len(per_title) == titles
        seen.update(per_title.keys())
    assert max(seen.values()) == 1


def test_short_titles_give_all_and_then_all_titles_give_more(make_index: IndexMaker) -> None:
    short = make_index([3, 3, 3, 3, 3, 8, 8, 8])
    for step in range(20):
        plan = GlobalBatch(short, ViewSettings(batch_size=16, title_share=0.5), 0, 0, step).plan(0)
        counts = Counter(item.clip.title_id for item in plan)
        assert all(count == (3 if title < "t005" else 8) for title, count in list(counts.items())[:-1])
    few = make_index([20, 20, 2])
    counts = Counter(
        item.clip.title_id for item in GlobalBatch(few, ViewSettings(batch_size=32), 0, 0, 0).plan(0)
    )
    assert counts["t002"] == 2
    assert sorted(counts.values()) in ([2, 14, 16], [2, 15, 15])


def test_a_batch_depends_on_its_arguments_alone(make_index: IndexMaker) -> None:
    index, settings = make_index([9] * 10), ViewSettings(batch_size=16)
    first = GlobalBatch(index, settings, 3, 1, 7, 2).plan(0)
    np.random.seed(5)
    assert GlobalBatch(index, settings, 3, 1, 7, 2).plan(0) == first
    others = [(4, 1, 7, 0), (3, 2, 7, 0), (3, 1, 8, 0), (3, 1, 7, 1)]
    assert all(GlobalBatch(index, settings, *drawn, 2).plan(group) != first for *drawn, group in others)
    # The same clips by other windows would hide a seed that two purposes share.
    zero = GlobalBatch(index, settings, 0, 0, 0, 2).plan(0), GlobalBatch(index, settings, 0, 0, 0, 2).plan(1)
    assert [item.windows for item in zero[0]] != [item.windows for item in zero[1]]


def test_titles_and_clips_are_drawn_uniformly(make_index: IndexMaker) -> None:
    """Over 10,000 batches; sampling without replacement makes the statistic smaller than chi-square's."""
    index, settings = make_index([4] * 30), ViewSettings(batch_size=8, title_share=0.25)
    titles, clips = np.zeros(30), np.zeros(120)
    for step in range(10_000):
        for item in GlobalBatch(index, settings, 0, 0, step).plan(0):
            number = item.clip.duplicates
            clips[number] += 1
            titles[number // 4] += 0.5  # clips come in pairs, so the pairs are the independent draws
    for counts in (titles, clips):
        statistic, pvalue = stats.chisquare(counts)
        assert pvalue > 1e-3
        assert statistic > stats.chi2.ppf(1e-3, len(counts) - 1) / 2  # random, not dealt in turn


def test_a_shuffle_is_one_of_all_orders(make_index: IndexMaker) -> None:
    generator = np.random.default_rng(0)
    orders = Counter(tuple(shuffle(4, generator)) for _ in range(4800))
    assert len(orders) == 24
    assert stats.chisquare(list(orders.values())).pvalue > 1e-3
    assert len(set(islice(shuffle(10**15, generator), 1000))) == 1000  # as far as asked alone


def test_substitutes_are_of_the_title_first_and_no_two_groups_share_one(make_index: IndexMaker) -> None:
    index, settings = make_index([7] * 6), ViewSettings(batch_size=8, title_share=0.5)
    for step in range(10):
        batch = GlobalBatch(index, settings, 0, 0, step, 3)
        held = {clip for group in groups_of(batch) for _, clip in group}
        offered: list[set[str]] = []
        for group in range(3):
            for item, planned in enumerate(batch.plan(group)):
                names = [stand_in.clip.clip_id for stand_in in batch.substitutes(group, item)]
                own = [name.startswith(planned.clip.title_id) for name in names]
                assert own == sorted(own, reverse=True)
                assert sum(own) == 3
                assert len(set(names)) == len(names)
                assert next(batch.substitutes(group, item)).windows == planned.windows
            offered.append(set(names))
        assert sum(map(len, offered)) == len(set().union(*offered))
        assert set().union(*offered) == {clip.clip_id for clip in index.clips} - held


def test_titles_take_turns_as_substitutes(make_index: IndexMaker) -> None:
    """Three clips each, the planned one's title first; then what is left."""
    index, settings = make_index([12] * 5), ViewSettings(batch_size=8, title_share=0.5)
    for step in range(10):
        batch = GlobalBatch(index, settings, 0, 0, step)
        planned = batch.plan(0)[5].clip
        offered = [stand_in.clip for stand_in in batch.substitutes(0, 5)]
        turns = [clip.title_id for clip in offered[:15:3]]
        assert turns[0] == planned.title_id
        assert len({*turns}) == 5
        assert [clip.title_id for clip in offered[:15]] == [title for title in turns for _ in range(3)]
        held = {item.clip.clip_id for item in batch.plan(0)}
        assert {clip.clip_id for clip in offered} == {clip.clip_id for clip in index.clips} - held
        assert len(offered) == 60 - 8


def test_steps_and_bounds(make_index: IndexMaker) -> None:
    index = make_index([10] * 10)
    assert epoch_steps(index, ViewSettings(batch_size=16)) == 6
    assert epoch_steps(index, ViewSettings(batch_size=16), groups=2) == 3
    assert epoch_steps(make_index([3]), ViewSettings(batch_size=16)) == 1
    assert batch_size(index, ViewSettings(batch_size=64), groups=3) == 33
    assert epoch_steps(index, ViewSettings(batch_size=64), groups=3) == 1
    with pytest.raises(CorpusError, match=r"nowhere has 1 usable clips.*at least 2"):
        GlobalBatch(make_index([1]), ViewSettings(), 0, 0, 0).plan(0)

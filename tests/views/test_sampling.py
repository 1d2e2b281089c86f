"""Batches: by title, distinct, uniform, and the same for the same arguments."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lssd.errors import CorpusError
from lssd.views import ClipEntry, ClipIndex, ViewSettings, batch_size, epoch_steps, plan_batch

LANGUAGES = ("de", "fr", "ja")


def make_index(counts: list[int], dubs: int = 2, seconds: float = 6.0) -> ClipIndex:
    def clip(title: int, number: int) -> ClipEntry:
        name = f"t{title:03d}-{number:03d}"
        members = [{"sha256": f"{name}-{code}", "language": code} for code in LANGUAGES[:dubs]]
        original = {"sha256": name, "language": "en"}
        return ClipEntry(name, f"t{title:03d}", seconds, {"sha256": f"{name}-p"}, original, tuple(members))

    titles = [tuple(clip(title, number) for number in range(count)) for title, count in enumerate(counts)]
    return ClipIndex("nowhere", tuple(titles))


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=14).filter(lambda counts: sum(counts) >= 2),
    st.integers(2, 24),
    st.integers(0, 10_000),
)
def test_a_batch_is_full_distinct_and_grouped(counts: list[int], size: int, step: int) -> None:
    index, settings = make_index(counts), ViewSettings(batch_size=size)
    plan = plan_batch(index, settings, 1, 0, step)
    assert len(plan) == batch_size(index, settings) == min(size, sum(counts))
    assert len({item.clip.clip_id for item in plan}) == len(plan)
    share = settings.title_clips
    per_title = Counter(item.clip.title_id for item in plan)
    if sum(min(share, count) for count in counts) >= size:
        # Enough titles: none gives more than its share.
        assert max(per_title.values()) <= share
    for item in plan:
        for window in (item.primary, item.secondary):
            assert 0 <= window.start_frame <= 6 * 25 - 75
            assert (
                settings.size / settings.short_side[1]
                <= window.side
                <= settings.size / settings.short_side[0]
            )
            assert 0 <= window.top < 1
            assert 0 <= window.left < 1


def test_a_batch_depends_on_its_arguments_alone() -> None:
    index, settings = make_index([9] * 10), ViewSettings(batch_size=16)
    first = plan_batch(index, settings, 3, 1, 7)
    np.random.seed(5)
    assert plan_batch(index, settings, 3, 1, 7) == first
    others = [(4, 1, 7, 0), (3, 2, 7, 0), (3, 1, 8, 0), (3, 1, 7, 1)]
    assert all(plan_batch(index, settings, *other) != first for other in others)


def test_titles_and_dubs_are_uniform() -> None:
    index, settings = make_index([8] * 20, dubs=3), ViewSettings(batch_size=16)
    titles: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for step in range(2000):
        for item in plan_batch(index, settings, 0, 0, step):
            titles[item.clip.title_id] += 1
            languages[item.secondary_sound["language"]] += 1
            assert item.primary_sound["language"] == "en"
    # Titles come in pairs of clips, so the pairs are the independent draws.
    assert stats.chisquare([count / 2 for count in titles.values()]).pvalue > 1e-3
    assert set(languages) == set(LANGUAGES)
    assert stats.chisquare(list(languages.values())).pvalue > 1e-3


def test_both_arms_see_the_same_clips_and_windows() -> None:
    index = make_index([8] * 20)
    with_dubs, without = (ViewSettings(batch_size=16, augment_with_dubs=flag) for flag in (True, False))
    for step in range(20):
        pairs = zip(
            plan_batch(index, with_dubs, 0, 0, step), plan_batch(index, without, 0, 0, step), strict=True
        )
        for dubbed, mono in pairs:
            assert (dubbed.clip, dubbed.primary, dubbed.secondary) == (
                mono.clip,
                mono.primary,
                mono.secondary,
            )
            assert dubbed.secondary_sound["language"] in LANGUAGES
            assert mono.secondary_sound == mono.primary_sound


def test_a_clip_without_dubs_keeps_its_original() -> None:
    index = make_index([4] * 4, dubs=0)
    for item in plan_batch(index, ViewSettings(batch_size=8), 0, 0, 0):
        assert item.secondary_sound == item.clip.original


def test_steps_and_bounds() -> None:
    assert epoch_steps(make_index([10] * 10), ViewSettings(batch_size=16)) == 6
    assert epoch_steps(make_index([10] * 10), ViewSettings(batch_size=16), processes=2) == 3
    assert epoch_steps(make_index([3]), ViewSettings(batch_size=16)) == 1
    with pytest.raises(CorpusError, match="at least 2"):
        plan_batch(make_index([1]), ViewSettings(), 0, 0, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"batch_size": 1}, {"title_share": 0}, {"short_side": (100, 300)}, {"channels": 3}, {"frames": 76}],
)
def test_wrong_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        ViewSettings(**wrong)

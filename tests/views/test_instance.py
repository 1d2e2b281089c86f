"""Instances: their windows and sounds under each setting."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from scipy import stats

from lssd.errors import CorpusError
from lssd.views import ClipIndex, GlobalBatch, ViewSettings, epoch_steps, sounds_per_clip

IndexMaker = Callable[..., ClipIndex]
DUBS = ("de", "fr", "ja")


def heard(index: ClipIndex, settings: ViewSettings, steps: int = 4) -> list[list[tuple[str | None, ...]]]:
    """The languages of each step's instances."""
    plans = [GlobalBatch(index, settings, 0, 0, step).plan(0) for step in range(steps)]
    return [
        [tuple(None if s is None else s.language for s in item.sounds) for item in plan] for plan in plans
    ]


def test_windows_lie_within_their_clip(make_index: IndexMaker) -> None:
    settings = ViewSettings(batch_size=16)
    for seconds, last in ((6.0, 75), (3.0, 0), (2.0, 0)):
        starts = set()
        for step in range(60):
            for item in GlobalBatch(make_index([8] * 4, seconds=seconds), settings, 1, 0, step).plan(0):
                for window in item.windows:
                    starts.add(window.start_frame)
                    assert 224 / 320 <= window.side <= 224 / 256
                    assert 0 <= window.top < 1
                    assert 0 <= window.left < 1
        assert starts == set(range(last + 1))  # every one, the ends included


def test_a_dub_is_drawn_uniformly_from_all_or_from_those_listed(make_index: IndexMaker) -> None:
    index, settings = make_index([8] * 20, dubs=DUBS), ViewSettings(batch_size=64)
    for wanted in ((), ("fr", "ja")):
        chosen = replace(settings, secondary_languages=wanted)
        languages = Counter(pair for plan in heard(index, chosen, 60) for pair in plan)
        assert set(languages) == {("en", code) for code in wanted or DUBS}
        assert stats.chisquare(list(languages.values())).pvalue > 1e-3


def test_languages_take_turns_by_the_step_of_the_run(make_index: IndexMaker) -> None:
    index = make_index([8] * 5, dubs=DUBS)
    settings = ViewSettings(
        batch_size=8, secondary="round_robin", secondary_languages=("en", "fr", "ja"), windows=1
    )
    assert epoch_steps(index, settings) == 5
    seen = []
    for epoch in range(2):
        for step in range(5):
            plan = GlobalBatch(index, settings, 0, epoch, step).plan(0)
            spoken = {item.sounds[1].language for item in plan if item.sounds[1] is not None}
            assert len(spoken) == 1
            seen += spoken
    assert seen == ["en", "fr", "ja", "en", "fr", "ja", "en", "fr", "ja", "en"]


def test_a_language_that_a_clip_lacks_is_the_original_again(make_index: IndexMaker) -> None:
    mixed = ClipIndex.of("nowhere", (*make_index([2], dubs=("fr",)).titles, *make_index([2], dubs=()).titles))
    round_robin = ViewSettings(batch_size=4, secondary="round_robin", secondary_languages=("fr",))
    for settings in (round_robin, ViewSettings(batch_size=4), ViewSettings(batch_size=4, secondary="all")):
        assert sorted(heard(mixed, settings, 1)[0]) == [("en", "en")] * 2 + [("en", "fr")] * 2


def test_all_dubs_at_once_are_as_many_as_the_most_of_a_clip(make_index: IndexMaker) -> None:
    several = make_index([2], dubs=DUBS), make_index([2], dubs=("ja",))
    index = ClipIndex.of("nowhere", tuple(title for one in several for title in one.titles))
    settings = ViewSettings(batch_size=4, secondary="all")
    assert sounds_per_clip(index, settings) == 4
    assert sorted(heard(index, settings, 1)[0], key=str) == [
        *[("en", "de", "fr", "ja")] * 2,
        *[("en", "ja", None, None)] * 2,
    ]
    some = replace(settings, secondary_languages=("fr", "ja"))
    assert set(heard(index, some, 1)[0]) == {("en", "fr", "ja"), ("en", "ja", None)}
    assert sounds_per_clip(make_index([2], dubs=()), settings) == 2


def test_other_secondaries_and_primaries(make_index: IndexMaker) -> None:
    index = make_index([2] * 4, background=True)
    settings = ViewSettings(batch_size=4, secondary="none", windows=1, primary="background")
    for item in GlobalBatch(index, settings, 0, 0, 0).plan(0):
        assert item.sounds == (item.clip.background,)
        assert len(item.windows) == 1
    for item in GlobalBatch(index, ViewSettings(batch_size=4, secondary="original"), 0, 0, 0).plan(0):
        assert item.sounds == (item.clip.original, item.clip.original)
    with pytest.raises(CorpusError, match=r"data\.require_background=true"):
        GlobalBatch(make_index([2] * 4), settings, 0, 0, 0).plan(0)


def test_both_arms_see_the_same_clips_and_windows(make_index: IndexMaker) -> None:
    index = make_index([8] * 20, dubs=DUBS)
    with_dubs = ViewSettings(batch_size=16)
    others = [
        replace(with_dubs, secondary="original"),
        replace(with_dubs, secondary="round_robin", secondary_languages=("fr",)),
        replace(with_dubs, secondary="all"),
    ]
    for step in range(20):
        dubbed = GlobalBatch(index, with_dubs, 0, 0, step)
        for other in others:
            arm = GlobalBatch(index, other, 0, 0, step)
            for one, two in zip(dubbed.plan(0), arm.plan(0), strict=True):
                assert (one.clip, one.windows) == (two.clip, two.windows)
                assert one.sounds[0] == two.sounds[0]
            stand_ins = (next(batch.substitutes(0, 3)) for batch in (dubbed, arm))
            assert len({(item.clip.clip_id, item.windows) for item in stand_ins}) == 1
        single = GlobalBatch(index, replace(with_dubs, windows=1), 0, 0, step).plan(0)
        assert [item.windows for item in single] == [item.windows[:1] for item in dubbed.plan(0)]


def test_a_listed_language_that_no_clip_has_is_named(make_index: IndexMaker) -> None:
    settings = ViewSettings(batch_size=4, secondary_languages=("de", "ko"))
    with pytest.raises(CorpusError, match=r"no clip with a sound in ko; .*views\.secondary_languages"):
        GlobalBatch(make_index([8]), settings, 0, 0, 0).plan(0)

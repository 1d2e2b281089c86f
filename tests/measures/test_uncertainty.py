import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lssd.measures import (
    bootstrap_difference,
    bootstrap_mean,
    minimum_detectable_difference,
    minimum_detectable_from_error,
    wilson_interval,
)


@given(st.integers(1, 3000), st.floats(0, 1), st.floats(0.5, 0.999))
def test_wilson_equals_scipy(n, share, level):
    successes = round(share * n)
    ours = wilson_interval(successes, n, level)
    peer = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((peer.low, peer.high), abs=1e-9)
    assert ours.value == successes / n


def test_bootstrap_equals_scipy_without_groups():
    values = np.random.RandomState(0).exponential(size=60)
    ours = bootstrap_mean(values, np.random.default_rng(0), resamples=20_000)
    peer = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    )
    assert ours.low == pytest.approx(peer.confidence_interval.low, abs=0.015)
    assert ours.high == pytest.approx(peer.confidence_interval.high, abs=0.015)
    assert ours.standard_error == pytest.approx(values.std() / np.sqrt(60), rel=0.03)
    assert ours.value == pytest.approx(values.mean())
    assert ours.groups == 60


def test_groups_widen_the_interval_as_much_as_duplicates_deserve():
    values = np.random.RandomState(0).randn(50)
    rng = np.random.default_rng(0)
    alone = bootstrap_mean(values, rng)
    # Each item nine times over: nothing was learned, and the groups say so.
    repeated, groups = np.repeat(values, 9), np.repeat([f"film {i}" for i in range(50)], 9)
    grouped = bootstrap_mean(repeated, rng, groups)
    assert grouped.groups == 50
    assert grouped.standard_error == pytest.approx(alone.standard_error, rel=0.05)
    assert bootstrap_mean(repeated, rng).standard_error == pytest.approx(alone.standard_error / 3, rel=0.05)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    stream = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        effects = np.repeat(stream.normal(size=40), 4)
        values = effects + 0.5 * stream.normal(size=160)
        interval = bootstrap_mean(values, stream, np.repeat(np.arange(40), 4), resamples=400)
        covered += interval.low <= 0 <= interval.high
    # Binomial(300, 0.95) less the known shortfall with 40 groups: 0.90 is four standard errors below.
    assert covered / 300 > 0.90


def test_a_paired_difference_is_sharper_than_its_parts():
    rng = np.random.default_rng(0)
    first = rng.random(200)
    second = first + 0.1 + 0.01 * rng.standard_normal(200)
    paired = bootstrap_difference(first, second, rng)
    assert paired.value == pytest.approx(0.1, abs=0.01)
    assert 0.095 < paired.low < paired.value < paired.high < 0.105
    assert bootstrap_difference(second, first, rng).value == pytest.approx(-paired.value)


def test_the_seed_alone_decides():
    values, groups = np.arange(12.0), np.arange(12) // 3
    first, again = (bootstrap_mean(values, np.random.default_rng(4), groups) for _ in range(2))
    assert first == again


def test_one_group_says_nothing_about_the_spread():
    interval = bootstrap_mean([0.0, 1.0], np.random.default_rng(0), ["a", "a"])
    assert (interval.value, interval.low, interval.high) == (0.5, -np.inf, np.inf)


# Sizes of real test sets and detectable points worked out apart from this code, rounded upwards on a grid
# of 0.2 points: ours lies at most 0.25 below and never above.
_DETECTABLE = {
    41: 19.4,
    82: 14.2,
    107: 12.4,
    168: 10.2,
    588: 5.4,
    972: 4.2,
    1530: 3.4,
    2000: 3.0,
    3783: 2.2,
    7442: 1.6,
    15446: 1.2,
}


@pytest.mark.parametrize(("n", "points"), _DETECTABLE.items())
def test_minimum_detectable_difference_of_known_test_sets(n, points):
    ours = 100 * minimum_detectable_difference(n, discordant=0.2)
    assert points - 0.25 <= ours <= points


def test_minimum_detectable_difference_against_a_simulation():
    n, discordant = 150, 0.3
    difference = minimum_detectable_difference(n, discordant)
    rng = np.random.default_rng(0)
    better, worse = (discordant + difference) / 2, (discordant - difference) / 2
    counts = rng.multinomial(n, [better, worse, 1 - discordant], size=1500)
    rejected = [stats.binomtest(int(b), int(b + w), 0.5).pvalue <= 0.05 for b, w, _ in counts]
    # Standard error of the simulated power is 0.010.
    assert np.mean(rejected) == pytest.approx(0.8, abs=0.04)


def test_minimum_detectable_difference_when_nothing_is_enough():
    assert minimum_detectable_difference(10, discordant=0.1) == 1.0


def test_detectable_from_an_error():
    assert minimum_detectable_from_error(1.0) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    # For many items the two agree, up to the exact test's caution.
    n, discordant = 20_000, 0.2
    error = np.sqrt(discordant / n)
    assert minimum_detectable_from_error(error) == pytest.approx(
        minimum_detectable_difference(n, discordant), rel=0.03
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: wilson_interval(3, 2),
        lambda rng: wilson_interval(0, 0),
        lambda rng: wilson_interval(1, 2, level=1.0),
        lambda rng: bootstrap_mean([], rng),
        lambda rng: bootstrap_mean([1.0, np.nan], rng),
        lambda rng: bootstrap_mean([1.0, 2.0], rng, ["a"]),
        lambda rng: bootstrap_mean([1.0, 2.0], rng, level=95),
        lambda rng: bootstrap_difference([1.0], [1.0, 2.0], rng),
        lambda rng: minimum_detectable_difference(0),
        lambda rng: minimum_detectable_difference(10, discordant=0.0),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(ValueError, match=r"impossible|level|finite|groups|items"):
        call(np.random.default_rng(0))

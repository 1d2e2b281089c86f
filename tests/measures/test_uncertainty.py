import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lssd.measures import (
    effective_groups,
    jackknife_error,
    mean_interval,
    minimum_detectable_difference,
    minimum_detectable_from_error,
    quantile,
    wilson_interval,
)


@given(st.integers(1, 3000), st.floats(0, 1), st.floats(0.5, 0.999))
def test_wilson_equals_scipy(n, share, level):
    successes = round(share * n)
    ours = wilson_interval(successes, n, level)
    peer = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((peer.low, peer.high), abs=1e-9)
    assert ours.value == successes / n


@pytest.mark.parametrize("values", [[0.2, 0.5], [3.0, 3.0, 3.0], [0.1, 0.4, 0.2, 0.9, 0.3]])
def test_the_interval_of_a_mean_is_scipys(values):
    found, error = mean_interval(values, 0.9), stats.sem(values)
    low, high = stats.t.interval(0.9, len(values) - 1, np.mean(values), error) if error else (3.0, 3.0)
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(values), low, high))
    with pytest.raises(ValueError, match="at least 2"):
        mean_interval(values[:1])


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.RandomState(0).exponential(size=60)
    left_out = (values.sum() - values) / 59
    assert jackknife_error(left_out) == pytest.approx(stats.sem(values))
    assert jackknife_error([0.5]) == np.inf and jackknife_error([0.5, np.nan]) == np.inf


def test_the_jackknife_over_groups_of_one_size_is_the_error_of_their_means():
    values = np.random.RandomState(0).normal(size=(12, 5)) + np.random.RandomState(1).normal(size=(12, 1))
    left_out = (values.sum() - values.sum(axis=1)) / 55
    assert jackknife_error(left_out) == pytest.approx(stats.sem(values.mean(axis=1)))


def test_the_jackknife_equals_scipy_for_a_ratio():
    x, y = np.random.RandomState(2).exponential(size=(2, 40))
    left_out = (y.sum() - y) / (x.sum() - x)
    boot = stats.bootstrap(
        (x, y), lambda x, y, axis: y.sum(axis) / x.sum(axis), paired=True, rng=np.random.default_rng(0)
    )
    assert jackknife_error(left_out) == pytest.approx(boot.standard_error, rel=0.1)


def test_effective_groups():
    assert effective_groups([7, 7, 7]) == pytest.approx(3)
    assert effective_groups([100, 1, 1]) == pytest.approx(102**2 / 10_002)


@given(st.floats(0.5, 0.999), st.sampled_from([1.0, 2.5, 7.0, 1e6, np.inf]))
def test_quantiles_equal_scipy(level, freedom):
    assert quantile(level, freedom) == pytest.approx(stats.t.ppf(0.5 + level / 2, freedom))


# Sizes of real test sets and detectable points worked out apart from this code, rounded upwards on a grid
# of 0.2 points: ours lies at most 0.25 below and never above.
_DETECTABLE = {
    41: 19.4,
    82: 14.2,
    107: 12.4,
    141: 11.0,
    168: 10.2,
    189: 9.6,
    588: 5.4,
    972: 4.2,
    1530: 3.4,
    2000: 3.0,
    3783: 2.2,
    7438: 1.6,
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


def test_detectable_from_an_error_of_few_groups_against_a_simulation():
    rng = np.random.default_rng(0)
    groups = rng.normal(minimum_detectable_from_error(1 / np.sqrt(6), freedom=5), 1, (4000, 6))
    # Standard error of the simulated power is 0.006.
    assert (stats.ttest_1samp(groups, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson_interval(3, 2),
        lambda: wilson_interval(0, 0),
        lambda: wilson_interval(1, 2, level=1.0),
        lambda: jackknife_error([]),
        lambda: effective_groups([1, 0]),
        lambda: quantile(95),
        lambda: quantile(0.95, 0),
        lambda: minimum_detectable_difference(0),
        lambda: minimum_detectable_difference(10, level=95),
        lambda: minimum_detectable_difference(10, discordant=0.0),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(ValueError, match=r"impossible|level|jackknife|groups"):
        call()

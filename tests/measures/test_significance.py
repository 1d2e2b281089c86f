"""Golden numbers are statsmodels 0.15.0's; `benchmarks/metrics_parity.py` compares many more."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lssd.measures import difference_p, equivalence_p, holm, mcnemar_p, quantile, seed_test

# mcnemar([[., gained], [lost, .]], exact=True).pvalue
_MCNEMAR = {
    (0, 0): 1.0,
    (5, 0): 0.0625,
    (6, 0): 0.03125,
    (10, 3): 0.09228515625,
    (17, 25): 0.27995623852893914,
    (40, 40): 1.0,
    (210, 60): 1.1108891375101556e-20,
    (1000, 1100): 0.03072070786424249,
}
# multipletests(p, method="holm")
_HOLM = [
    ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
    ([0.5, 0.5, 0.001], [1.0, 1.0, 0.003]),
    ([0.02, 0.02, 0.02, 0.9], [0.08, 0.08, 0.08, 0.9]),
    ([0.8], [0.8]),
    ([1.0, 0.0, 0.3, 0.013, 0.2], [1.0, 0.0, 0.6, 0.052, 0.6]),
]
# DescrStatsW(_SAMPLE).ttost_mean(-margin, margin) and .ttest_mean(0)
_SAMPLE = np.array([0.4, -0.1, 0.3, 0.2, 0.0, 0.5, -0.3, 0.1])
_TOST = {0.5: 0.0031825449857395198, 0.3: 0.06438085660913499}
_T_TEST = 0.18846796327517917


@pytest.mark.parametrize(("counts", "p"), _MCNEMAR.items())
def test_mcnemar_equals_statsmodels(counts, p):
    assert mcnemar_p(*counts) == pytest.approx(p, rel=1e-10)
    assert mcnemar_p(*counts[::-1]) == mcnemar_p(*counts)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_equals_the_binomial_test(gained, lost):
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar_p(gained, lost) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("p", "adjusted"), _HOLM)
def test_holm_equals_statsmodels(p, adjusted):
    np.testing.assert_allclose(holm(p), adjusted, rtol=1e-12)


def test_holm_keeps_false_claims_of_a_family_rare():
    rng = np.random.default_rng(0)
    # Ten tests without any effect that depend on each other.
    z = 0.6 * rng.normal(size=(2000, 1)) + 0.8 * rng.normal(size=(2000, 10))
    p = 2 * stats.norm.sf(np.abs(z))
    claimed = np.mean([holm(row).min() < 0.05 for row in p])
    assert (p.min(axis=1) < 0.05).mean() > 0.25
    assert claimed < 0.06


def _moments():
    return _SAMPLE.mean(), _SAMPLE.std(ddof=1) / np.sqrt(len(_SAMPLE)), len(_SAMPLE) - 1


def test_difference_and_equivalence_equal_statsmodels():
    mean, error, freedom = _moments()
    assert difference_p(mean, error, freedom) == pytest.approx(_T_TEST, rel=1e-9)
    for margin, p in _TOST.items():
        assert equivalence_p(mean, error, margin, freedom) == pytest.approx(p, rel=1e-9)
        assert equivalence_p(-mean, error, margin, freedom) == pytest.approx(p, rel=1e-9)


def test_equivalence_is_the_90_percent_interval_within_the_margin():
    mean, error, freedom = _moments()
    furthest = abs(mean) + quantile(0.9, freedom) * error
    assert equivalence_p(mean, error, furthest * 1.001, freedom) < 0.05
    assert equivalence_p(mean, error, furthest * 0.999, freedom) > 0.05
    assert equivalence_p(0.2, 0.01, 0.1) > 0.5  # outside of the margin


def test_no_error_at_all():
    assert difference_p(0.0, 0.0) == 1.0 and difference_p(0.1, 0.0) == 0.0
    assert difference_p(0.1, np.inf, 3) == 1.0


@pytest.mark.parametrize(("seeds", "least"), [(1, 1.0), (3, 0.25), (5, 0.0625), (8, 0.0078125)])
def test_the_least_p_that_seeds_can_give(seeds, least):
    found = seed_test(np.linspace(1, 2, seeds))
    assert (found.p, found.minimum_p, found.n) == (least, least, seeds)
    assert found.mean == pytest.approx(1.5 if seeds > 1 else 1.0)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8))
def test_seed_test_equals_trying_every_pattern_of_signs(values):
    patterns = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    share = np.mean([pattern >= abs(sum(values)) for pattern in patterns])
    assert seed_test(values).p == pytest.approx(share)
    # Rounding must not break ties.
    assert seed_test(np.array(values) * 0.1).p == pytest.approx(share)


def test_seed_test_equals_scipy():
    values = np.random.default_rng(3).normal(0.4, 1, 9)
    peer = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert seed_test(values).p == pytest.approx(peer.pvalue)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mcnemar_p(-1, 2),
        lambda: holm([0.1, 1.2]),
        lambda: holm([np.nan]),
        lambda: holm(0.1),
        lambda: equivalence_p(0.0, 0.1, 0.0),
        lambda: seed_test([]),
        lambda: seed_test([0.1, np.nan]),
        lambda: seed_test(np.ones(21)),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(ValueError, match=r"impossible|p-values|margin|finite differences"):
        call()

"""Tests of differences: what chance alone would have given, and what several tests at once may claim.

All are two-sided, and exact where they say so.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

_MOST_SEEDS = 20  # a million patterns of signs


@dataclass(frozen=True)
class SeedTest:
    """Of `n` paired training seeds: their mean difference, its p, and the least p that n seeds can give."""

    mean: float
    p: float
    minimum_p: float
    n: int


def mcnemar_p(gained: int, lost: int) -> float:
    """McNemar's exact test: of gained + lost items that one model alone has right, is the split even?

    The binomial test at 1/2 (McNemar, 1947), for independent items; 1.0 without any such item.
    """
    if min(gained, lost) < 0:
        raise ValueError(f"{gained} items gained and {lost} lost are impossible")
    return float(min(1.0, 2 * special.bdtr(min(gained, lost), gained + lost, 0.5)))


def holm(p_values: ArrayLike) -> np.ndarray:
    """Holm's step-down adjusted p-values of one family, in the order given (Holm, 1979).

    All below a level may be called significant, and the chance of one false claim or more in the family
    stays below that level, however the tests depend on each other.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"a family is a list of p-values in 0..1, not {p_values!r}")
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def difference_p(difference: float, error: float, freedom: float = np.inf) -> float:
    """The t test of no difference, from a difference, its standard error and degrees of freedom."""
    return float(2 * _tail(_over(abs(difference), error), freedom))


def equivalence_p(difference: float, error: float, margin: float, freedom: float = np.inf) -> float:
    """Two one-sided t tests that the true difference lies within +-margin (Schuirmann, 1987).

    Below 0.05 exactly when the 90% interval of the difference lies within the margin.
    """
    if not margin > 0:
        raise ValueError(f"a margin must be above 0, not {margin}")
    return float(_tail(_over(margin - abs(difference), error), freedom))


def seed_test(differences: ArrayLike) -> SeedTest:
    """Is the mean difference over paired training seeds more than the luck of the seeds?

    Exact: were training alike in both arms, each pair's difference could as well have had the other sign,
    so p is the share of the 2^n patterns of signs whose mean is as far from 0. It cannot fall below
    2 / 2^n: 0.25 with 3 seeds, 0.0625 with 5, 0.0078 with 8. ValueError for none or more than 20 seeds, and
    for a difference that is not finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not 1 <= len(values) <= _MOST_SEEDS or not np.isfinite(values).all():
        raise ValueError(f"seed_test needs 1 to {_MOST_SEEDS} finite differences, not {differences!r}")
    sums = np.zeros(1)
    for value in values[1:]:
        sums = np.concatenate([sums + value, sums - value])
    sums += values[0]  # the patterns with the first sign turned are the mirror of these
    seen = abs(values.sum())
    rounding = 1e-12 * np.abs(values).sum()
    p = float((np.abs(sums) >= seen - rounding).mean())
    return SeedTest(float(values.mean()), p, min(1.0, 2.0 ** (1 - len(values))), len(values))


def _over(value: float, error: float) -> float:
    if error > 0:
        return value / error
    return 0.0 if value == 0 else float(np.copysign(np.inf, value))


def _tail(t: float, freedom: float) -> float:
    return float(special.ndtr(-t) if np.isinf(freedom) else special.stdtr(freedom, -t))

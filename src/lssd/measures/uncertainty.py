"""How far a score can be trusted, and how small a difference a test set can show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval at `level`, in the units of what was measured."""

    value: float
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class BootstrapInterval(Interval):
    """An interval from resampling `groups` clusters, with the standard error of the resamples."""

    standard_error: float
    groups: int


def wilson_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion of independent items (Wilson, 1927), within [0, 1]."""
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} successes of {n} are impossible or none")
    z = _two_sided(level)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return Interval(rate, max(0.0, float(centre - half)), min(1.0, float(centre + half)), level)


def bootstrap_mean(
    values: ArrayLike,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
) -> BootstrapInterval:
    """Percentile interval of the mean of items when whole groups are resampled.

    Items of one group (a film, a speaker) are not independent: treating them so makes the interval too
    narrow. `groups` names each item's group; None takes every item as its own. The mean is over items,
    so large groups weigh more. Few groups (below about 20) give intervals that are too narrow still.
    With a single group the spread is unknown: low and high are -inf and inf.
    """
    sums, sizes = _group_sums(values, groups)
    mean = float(sums.sum() / sizes.sum())
    count = len(sums)
    if count == 1:
        return BootstrapInterval(mean, -np.inf, np.inf, level, np.inf, 1)
    means = np.empty(resamples)
    step = max(1, 4_000_000 // count)  # bounds memory for many groups
    for start in range(0, resamples, step):
        chosen = rng.integers(count, size=(min(step, resamples - start), count))
        means[start : start + step] = sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    tail = (1.0 - _checked(level)) / 2
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return BootstrapInterval(mean, float(low), float(high), level, float(means.std(ddof=1)), count)


def bootstrap_difference(
    first: ArrayLike,
    second: ArrayLike,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
) -> BootstrapInterval:
    """`bootstrap_mean` of second - first, paired by item: the interval of the difference of two means."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"a paired difference needs equally many items, not {a.shape} and {b.shape}")
    return bootstrap_mean(b - a, rng, groups, level, resamples)


def minimum_detectable_difference(
    n: int, discordant: float = 0.2, power: float = 0.8, level: float = 0.95
) -> float:
    """Smallest true difference of two accuracies on the same n independent items that a test would show.

    The test is McNemar's, exact and two-sided. Of all items a share `discordant` is answered rightly by
    one model alone; with a difference d, each such item favours the better model with probability
    (1 + d / discordant) / 2. The number of discordant items is binomial too. Returned is the least d, in
    [0, discordant], whose rejection probability reaches `power`; 1.0 when none does.
    """
    if n < 1 or not 0 < discordant <= 1 or not 0 < power < 1:
        raise ValueError(f"impossible: n {n}, discordant {discordant}, power {power}")
    low, high = 0.0, discordant
    if _mcnemar_power(n, discordant, high, _checked(level)) < power:
        return 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        if _mcnemar_power(n, discordant, middle, level) < power:
            low = middle
        else:
            high = middle
    return high


def minimum_detectable_from_error(standard_error: float, power: float = 0.8, level: float = 0.95) -> float:
    """The same for any measure whose difference has this standard error, by the normal approximation.

    (z_(1 - alpha / 2) + z_power) * standard_error: 2.80 standard errors at the defaults. With the error
    of a clustered bootstrap it accounts for items that are not independent.
    """
    return float((_two_sided(level) + special.ndtri(power)) * standard_error)


def _mcnemar_power(n: int, discordant: float, difference: float, level: float) -> float:
    """Probability that the exact test rejects, over the number of discordant items and their split."""
    from scipy import stats  # takes a second to import, in every process that measures anything

    spread = 8 * np.sqrt(n * discordant * (1 - discordant)) + 8
    lowest, highest = max(0, int(n * discordant - spread)), min(n, int(n * discordant + spread) + 1)
    items = np.arange(lowest, highest + 1)
    tail = (1 - level) / 2
    # The largest c with P(Binomial(items, 1/2) <= c) <= tail; -1 where no outcome is that rare.
    limit = stats.binom.ppf(tail, items, 0.5)
    limit = np.where(stats.binom.cdf(limit, items, 0.5) > tail, limit - 1, limit)
    wins = (1 + difference / discordant) / 2
    rejects = stats.binom.cdf(limit, items, wins) + stats.binom.sf(items - limit - 1, items, wins)
    return float(stats.binom.pmf(items, n, discordant) @ np.where(limit >= 0, rejects, 0.0))


def _group_sums(values: ArrayLike, groups: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0 or not np.isfinite(x).all():
        raise ValueError("the bootstrap needs a list of at least one finite value")
    if groups is None:
        return x, np.ones_like(x)
    names = np.asarray(groups)
    if names.shape != x.shape:
        raise ValueError(f"{len(names)} groups do not fit {len(x)} values")
    codes = np.unique(names, return_inverse=True)[1]
    return np.bincount(codes, weights=x), np.bincount(codes).astype(np.float64)


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    return level


def _two_sided(level: float) -> float:
    return float(special.ndtri(0.5 + _checked(level) / 2))

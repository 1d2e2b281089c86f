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


def wilson_interval(successes: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion of independent items (Wilson, 1927), within [0, 1]."""
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} successes of {n} are impossible or none")
    z = quantile(level)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return Interval(rate, max(0.0, float(centre - half)), min(1.0, float(centre + half)), level)


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Student's t interval of the mean that independent values come from. ValueError for fewer than two."""
    value = np.asarray(values, dtype=np.float64)
    if value.ndim != 1 or len(value) < 2:
        raise ValueError(f"an interval of a mean needs a list of at least 2 values, not {value.shape}")
    mean = float(value.mean())
    half = quantile(level, len(value) - 1) * float(value.std(ddof=1)) / len(value) ** 0.5
    return Interval(mean, mean - half, mean + half, level)


def jackknife_error(left_out_G: ArrayLike) -> float:
    """Standard error of an estimate, from its values with one group of items left out each time.

    The delete-one-group jackknife (Tukey, 1958): sqrt((G - 1) / G x squared distances from their mean),
    right for any smooth measure of items that are dependent within groups and not between them. With few
    groups it errs on the wide side (MacKinnon, Nielsen and Webb, 2023), where resampling is too narrow.
    inf for a single group, or when a value is NaN: the spread is then unknown.
    """
    values = np.asarray(left_out_G, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"the jackknife needs a list of values, not {values.shape}")
    if len(values) == 1 or np.isnan(values).any():
        return float("inf")
    return float(np.sqrt((len(values) - 1) * values.var()))


def effective_groups(sizes_G: ArrayLike) -> float:
    """How many groups of one size tell as much: (sum of sizes)^2 / sum of squared sizes (Kish, 1965)."""
    sizes = np.asarray(sizes_G, dtype=np.float64)
    if sizes.ndim != 1 or len(sizes) == 0 or not (sizes > 0).all():
        raise ValueError(f"groups must have at least one item each, not {sizes_G!r}")
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


def quantile(level: float, freedom: float = np.inf) -> float:
    """Student's t (normal at infinite freedom) that `level` of the distribution lies within, both sides."""
    if not 0 < level < 1 or not freedom > 0:
        raise ValueError(f"level must lie between 0 and 1, not {level}; freedom above 0, not {freedom}")
    return _upper(0.5 + level / 2, freedom)


def minimum_detectable_difference(
    n: int, discordant: float = 0.2, power: float = 0.8, level: float = 0.95
) -> float:
    """Smallest true difference of two accuracies on the same n independent items that a test would show.

    The test is McNemar's, exact and two-sided. Of all items a share `discordant` is answered rightly by
    one model alone; with a difference d, each such item favours the better model with probability
    (1 + d / discordant) / 2. The number of discordant items is binomial too. Returned is the least d, in
    [0, discordant], whose rejection probability reaches `power`; 1.0 when none does.
    """
    if n < 1 or not 0 < discordant <= 1 or not 0 < power < 1 or not 0 < level < 1:
        raise ValueError(f"impossible: n {n}, discordant {discordant}, power {power}, level {level}")
    low, high = 0.0, discordant
    if _mcnemar_power(n, discordant, high, level) < power:
        return 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        if _mcnemar_power(n, discordant, middle, level) < power:
            low = middle
        else:
            high = middle
    return high


def minimum_detectable_from_error(
    standard_error: float, power: float = 0.8, level: float = 0.95, freedom: float = np.inf
) -> float:
    """The same for any measure whose difference has this standard error, by a t (or normal) test.

    (t_(1 - alpha / 2) + t_power) * standard_error: 2.80 standard errors at the defaults. With the error
    of a clustered estimate it accounts for items that are not independent. Against the noncentral t it is
    1% low at 5 degrees of freedom, 5% at 2, 14% at 1.
    """
    return (quantile(level, freedom) + _upper(power, freedom)) * standard_error


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


def _upper(probability: float, freedom: float) -> float:
    if np.isinf(freedom):
        return float(special.ndtri(probability))
    return float(special.stdtrit(freedom, probability))

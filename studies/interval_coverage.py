"""How often intervals of 95% hold the truth, of scores and paired differences, when items come in clusters.

    python studies/interval_coverage.py [--trials 2000] [--rows accuracy mAP unequal folds seeds easy rare]

Draws test sets whose truth is known: items in clusters (films, speakers) that are easier or harder for both
models, and for one of them. Prints a table of coverage in % (nominal 95) with the median width in points:
of the interval that `lssd` reports, of the percentile bootstrap over clusters (`resampled`), and for
accuracies of the studentised bootstrap over clusters. The truth is the mean score of such a test set,
from 4 times as many other draws. Exit code 1 when a reported interval of the rows accuracy or mAP, with 6
clusters or 40, covers less than 93% or more than 97%, with two standard errors of the simulation allowed.

Of the other rows: unequal: cluster sizes vary 20-fold; folds: clusters spread over 4 folds; seeds: the mean
of 3 seeds of the probe; easy: accuracies of about 95%, where models seldom disagree; rare: mAP of 40
classes, which have 2 items each with 6 clusters, 15 with 40.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from lssd.evaluation.predictions import Predictions
from lssd.evaluation.statistics.intervals import paired_interval, resampled, score_interval

RESAMPLES = 400
LEVEL = 0.95


@dataclass(frozen=True)
class World:
    """How test sets are drawn. Effects are standard deviations beside an item's own noise of 1.

    skill: how much the right class's score stands out; shared, own: of a cluster on both models, and on
    each; seed: of a seed of the probe on all items.
    """

    clusters: int
    metric: str = "top1_acc"
    classes: int = 4
    items: int = 15
    skill: float = 2.0
    shared: float = 0.6
    own: float = 0.4
    equal: bool = True
    folds: int = 1
    seeds: int = 1
    seed: float = 0.0

    def sizes(self) -> np.ndarray:
        """Items in each cluster."""
        if self.equal:
            return np.full(self.clusters, self.items)
        return np.round(np.geomspace(self.items / 4, self.items * 5, self.clusters)).astype(int)

    def draw(self, rng: np.random.Generator) -> tuple[Predictions, Predictions]:
        """Two models of one skill on one test set."""
        cluster_N = np.repeat(np.arange(self.clusters), self.sizes())
        items = len(cluster_N)
        targets_NC = np.eye(self.classes, dtype=bool)[rng.integers(self.classes, size=items)]
        # A cluster's effect is on how well the right class stands out: films are easy or hard.
        ease_N = rng.normal(0, self.shared, self.clusters)[cluster_N]
        noise_NC = rng.normal(0, 0.5**0.5, (items, self.classes))
        models = []
        for _ in range(2):
            own_N = rng.normal(0, self.own, self.clusters)[cluster_N]
            luck_S = rng.normal(0, self.seed, self.seeds)
            fresh_SNC = rng.normal(0, 0.5**0.5, (self.seeds, items, self.classes))
            gain_SN = self.skill + ease_N + own_N + luck_S[:, None]
            scores_SNC = noise_NC + fresh_SNC + gain_SN[..., None] * targets_NC
            models.append(
                Predictions(
                    items=tuple(map(str, range(items))),
                    groups=tuple(map(str, cluster_N)),
                    splits=tuple(f"fold{cluster % self.folds}" for cluster in cluster_N),
                    labels=tuple(map(str, range(self.classes))),
                    targets_NC=targets_NC,
                    scores_SNC=scores_SNC,
                    seeds=tuple(range(self.seeds)),
                )
            )
        return models[0], models[1]


@dataclass(frozen=True)
class Coverage:
    """Share of trials whose interval held the truth, and the median width of the intervals."""

    share: float
    width: float


Intervals = Callable[[Predictions, Predictions, str], tuple[float, float]]


def reported_difference(a: Predictions, b: Predictions, metric: str) -> tuple[float, float]:
    return paired_interval(a, b, metric).interval(LEVEL)


def reported_score(a: Predictions, b: Predictions, metric: str) -> tuple[float, float]:
    score = score_interval(a, metric, LEVEL)
    return score.low, score.high


def percentile_difference(a: Predictions, b: Predictions, metric: str) -> tuple[float, float]:
    values = resampled([a, b], metric, RESAMPLES)
    return _tails(values[1] - values[0])


def percentile_score(a: Predictions, b: Predictions, metric: str) -> tuple[float, float]:
    return _tails(resampled([a], metric, RESAMPLES)[0])


def studentised_difference(a: Predictions, b: Predictions, metric: str) -> tuple[float, float]:
    return _studentised(a, b.correct_SN[0].astype(float) - a.correct_SN[0])


def studentised_score(a: Predictions, b: Predictions, metric: str) -> tuple[float, float]:
    low, high = _studentised(a, a.correct_SN[0].astype(float))
    return max(low, 0.0), min(high, 1.0)


DIFFERENCES: dict[str, Intervals] = {
    "reported": reported_difference,
    "percentile": percentile_difference,
    "studentised": studentised_difference,
}
SCORES: dict[str, Intervals] = {
    "reported": reported_score,
    "percentile": percentile_score,
    "studentised": studentised_score,
}


def _tails(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _studentised(one: Predictions, value_N: np.ndarray) -> tuple[float, float]:
    """By resampling clusters: the quantiles of (mean* - mean) / error*, times the sample's own error."""
    cluster_N = one.group_codes
    assert cluster_N is not None
    sums_G, sizes_G = np.bincount(cluster_N, weights=value_N), np.bincount(cluster_N)
    count = len(sums_G)
    drawn_RG = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))

    def estimate(sums: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = sums.sum(axis=-1) / sizes.sum(axis=-1)
        parts = (sums - mean[..., None] * sizes) / sizes.sum(axis=-1)[..., None]
        return mean, np.sqrt(count / (count - 1) * np.square(parts).sum(axis=-1))

    mean, error = estimate(sums_G, sizes_G)
    means_R, errors_R = estimate(sums_G[drawn_RG], sizes_G[drawn_RG])
    low, high = _tails((means_R - mean) / np.maximum(errors_R, 1e-3 / len(value_N)))
    return float(mean - high * error), float(mean - low * error)


def coverage(
    world: World, intervals: dict[str, Intervals], difference: bool, trials: int, seed: int
) -> dict[str, Coverage]:
    """Coverage of each kind of interval over the same test sets."""
    rng = np.random.default_rng([seed, world.clusters])

    def value(a: Predictions, b: Predictions) -> float:
        return b.measure(world.metric) - a.measure(world.metric) if difference else a.measure(world.metric)

    # Models are alike by construction, so that the true difference is 0.
    truth = 0.0 if difference else float(np.mean([value(*world.draw(rng)) for _ in range(4 * trials)]))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in intervals}
    for _ in range(trials):
        a, b = world.draw(rng)
        for name, interval in intervals.items():
            found[name].append(interval(a, b, world.metric))
    held = {name: np.array(pairs) for name, pairs in found.items()}
    return {
        name: Coverage(
            float(((pairs[:, 0] <= truth) & (truth <= pairs[:, 1])).mean()),
            float(np.median(pairs[:, 1] - pairs[:, 0])),
        )
        for name, pairs in held.items()
    }


def rows(names: list[str]) -> Iterator[tuple[str, str, World]]:
    worlds = {
        "accuracy": World(0),
        "mAP": World(0, metric="mAP"),
        "unequal": World(0, equal=False),
        "folds": World(0, metric="mAP", folds=4, items=30),
        "seeds": World(0, seeds=3, seed=0.3),
        "easy": World(0, skill=3.6),
        "rare": World(0, metric="mAP", classes=40),
    }
    for name in names:
        for clusters in (6, 10, 20, 40):
            for what in ("difference", "score"):
                yield name, what, replace(worlds[name], clusters=clusters)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    known = ("accuracy", "mAP", "unequal", "folds", "seeds", "easy", "rare")
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="+", choices=known, default=list(known))
    arguments = parser.parse_args()
    noise = 2 * (LEVEL * (1 - LEVEL) / arguments.trials) ** 0.5
    print(f"coverage in % (median width in points), {arguments.trials} trials; nominal {100 * LEVEL:g}")
    print(f"| {'world':9}| of         | clusters | {'reported':13}| {'percentile':13}| studentised  |")
    print("|---|---|---|---|---|---|")
    judged = missed = 0
    for name, what, world in rows(arguments.rows):
        kinds = dict(DIFFERENCES if what == "difference" else SCORES)
        if world.metric != "top1_acc" or world.seeds > 1:
            del kinds["studentised"]
        found = coverage(world, kinds, what == "difference", arguments.trials, arguments.seed)
        cells = [f"{100 * one.share:.1f} ({100 * one.width:.1f})" for one in found.values()]
        cells += ["–"] * (3 - len(cells))
        print(
            f"| {name:9}| {what:11}| {world.clusters:8} | " + " | ".join(f"{c:12}" for c in cells) + " |",
            flush=True,
        )
        if name in ("accuracy", "mAP") and world.clusters in (6, 40):
            judged += 1
            missed += not 0.93 - noise <= found["reported"].share <= 0.97 + noise
    if judged:
        print(f"{missed} of {judged} reported intervals miss the bar")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

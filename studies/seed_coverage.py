"""How often intervals of 95% hold the true difference of two ways of training, when seeds and films are few.

    python studies/seed_coverage.py [--trials 1000] [--metrics top1_acc mAP] [--rows neither films seeds both]

Draws studies whose truth is known: two ways of training that are alike, S networks of each, in pairs; test
items in films. What differs between the two networks of a pair is drawn for the pair (`seeds`: one is better
on every item), for a film (`films`: one way is better on it, at every seed), both, or for single answers
alone (`neither`). Prints a table of coverage in % (nominal 95) with the median width in points:

reported     `seeds_interval`
items alone  the jackknife over films of the mean over seeds, as if these networks were all there are
seeds alone  Student's t over the pairs' differences, as if these items were all there are
bootstrap    percentiles of draws of seeds and films together, each with replacement

Exit code 1 when a reported interval of 3 or 5 seeds covers less than 93%, or, in a row other than `neither`,
more than 97%, with two standard errors of the simulation allowed.
"""

import argparse
import sys

import numpy as np
from scipy import stats

from lssd.evaluation.predictions import Predictions
from lssd.evaluation.statistics.intervals import resampled, seeds_interval

LEVEL = 0.95
CLASSES, ITEMS = 4, 12  # items a film
RESAMPLES = 300
# Standard deviations of what is drawn for a pair of seeds, and for a film: in units of an answer's own noise.
ROWS = {"neither": (0.0, 0.0), "films": (0.0, 0.8), "seeds": (0.6, 0.0), "both": (0.4, 0.6)}


def draw(
    rng: np.random.Generator, seeds: int, films: int, pair: float, film: float
) -> tuple[list[Predictions], list[Predictions]]:
    """Two arms of networks of one skill, paired by seed."""
    film_N = np.repeat(np.arange(films), ITEMS)
    items = len(film_N)
    targets_NC = np.eye(CLASSES, dtype=bool)[rng.integers(CLASSES, size=items)]
    ease_N, noise_NC = rng.normal(0, 0.6, films)[film_N], rng.normal(0, 0.5**0.5, (items, CLASSES))
    own_2N = rng.normal(0, film, (2, films))[:, film_N]
    arms: list[list[Predictions]] = []
    for own_N in own_2N:
        lucks = rng.normal(0, pair, seeds)
        fresh_SNC = rng.normal(0, 0.5**0.5, (seeds, items, CLASSES))
        gain_SN = 2.0 + ease_N + own_N + lucks[:, None]
        scores_SNC = noise_NC + fresh_SNC + gain_SN[..., None] * targets_NC
        arms.append(
            [
                Predictions(
                    items=tuple(map(str, range(items))),
                    groups=tuple(map(str, film_N)),
                    splits=("test",) * items,
                    labels=tuple(map(str, range(CLASSES))),
                    targets_NC=targets_NC,
                    scores_SNC=scores_NC[None],
                    seeds=(0,),
                )
                for scores_NC in scores_SNC
            ]
        )
    return arms[0], arms[1]


def intervals(
    a: list[Predictions], b: list[Predictions], metric: str, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    found = seeds_interval(a, b, metric)
    by_seed = np.array(found.by_seed)
    half = stats.t.ppf((1 + LEVEL) / 2, len(a) - 1) * by_seed.std(ddof=1) / len(a) ** 0.5
    values = resampled([*a, *b], metric, RESAMPLES)
    differences_SR = values[len(a) :] - values[: len(a)]
    picks_RS = rng.integers(len(a), size=(RESAMPLES, len(a)))
    drawn_R = np.take_along_axis(differences_SR.T, picks_RS, axis=1).mean(axis=1)
    low, high = np.nanquantile(drawn_R, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "reported": found.interval(LEVEL),
        "items alone": jackknife(a, b, metric),
        "seeds alone": (by_seed.mean() - half, by_seed.mean() + half),
        "bootstrap": (float(low), float(high)),
    }


def jackknife(a: list[Predictions], b: list[Predictions], metric: str) -> tuple[float, float]:
    """Student's t over films, each left out of the mean over seeds."""

    def difference(weights_N: np.ndarray | None = None) -> float:
        pairs = zip(a, b, strict=True)
        return float(np.mean([y.measure(metric, weights_N) - x.measure(metric, weights_N) for x, y in pairs]))

    film_N = a[0].group_codes
    assert film_N is not None
    films = film_N.max() + 1
    left_out_G = np.array([difference((film_N != film).astype(float)) for film in range(films)])
    half = stats.t.ppf((1 + LEVEL) / 2, films - 1) * np.sqrt((films - 1) * left_out_G.var())
    return difference() - float(half), difference() + float(half)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--metrics", nargs="+", choices=("top1_acc", "mAP"), default=["top1_acc", "mAP"])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[2, 3, 5])
    parser.add_argument("--films", nargs="+", type=int, default=[6, 20])
    arguments = parser.parse_args()
    noise = 2 * (LEVEL * (1 - LEVEL) / arguments.trials) ** 0.5
    print(f"coverage in % (median width in points), {arguments.trials} trials; nominal {100 * LEVEL:g}")
    print("| metric | what differs | seeds | films | reported | items alone | seeds alone | bootstrap |")
    print("|---|---|---|---|---|---|---|---|")
    judged = missed = 0
    for metric in arguments.metrics:
        for row in arguments.rows:
            for seeds in arguments.seeds:
                for films in arguments.films:
                    rng = np.random.default_rng([arguments.seed, seeds, films])
                    found: dict[str, list[tuple[float, float]]] = {}
                    for _ in range(arguments.trials):
                        arms = draw(rng, seeds, films, *ROWS[row])
                        for name, pair in intervals(*arms, metric, rng).items():
                            found.setdefault(name, []).append(pair)
                    cells, shares = [], {}
                    for name, pairs in found.items():
                        low, high = np.array(pairs).T
                        shares[name] = float(((low <= 0) & (high >= 0)).mean())
                        cells.append(f"{100 * shares[name]:.1f} ({100 * np.median(high - low):.1f})")
                    print(f"| {metric} | {row} | {seeds} | {films} | {' | '.join(cells)} |", flush=True)
                    if seeds > 2:
                        judged += 1
                        most = 1.0 if row == "neither" else 0.97 + noise
                        missed += not 0.93 - noise <= shares["reported"] <= most
    print(f"{missed} of {judged} reported intervals of 3 seeds or more miss the bar")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

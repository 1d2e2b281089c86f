"""Metrics and tests against scikit-learn and statsmodels, over random and tied cases, and their speed.

    PYTHONPATH=src python benchmarks/metrics_parity.py [--cases 300] [--no-timing]

Needs an environment with numpy, scipy, scikit-learn and statsmodels; of this package only `lssd.measures`
is read. Prints the largest difference of each function from its peer over cases with and without ties and
weights (multiplicities), then seconds for 10,000 items of 200 classes, once and under 1000 weightings.
The bar: 1e-9. Exit code 1 when a difference is above it.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import stats
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from lssd.evaluation.metrics import METRICS
from lssd.measures import (
    difference_p,
    equivalence_p,
    holm,
    mcnemar_p,
    seed_test,
    wilson_interval,
)

BAR = 1e-9
Pair = tuple[float, float]  # ours and the peer's


def peer_metrics(targets_NC: np.ndarray, scores_NC: np.ndarray, weights_N: np.ndarray) -> dict[str, float]:
    """heareval's definitions by way of scikit-learn, over the classes that can be judged."""
    precision, area = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for truth, score in zip(targets_NC.T, scores_NC.T, strict=True):
            if weights_N @ truth > 0:
                precision.append(average_precision_score(truth, score, sample_weight=weights_N))
                if weights_N @ ~truth > 0:
                    area.append(roc_auc_score(truth, score, sample_weight=weights_N))
    d_prime = stats.norm.ppf(area) * np.sqrt(2)
    return {
        "mAP": np.mean(precision) if precision else np.nan,
        "aucroc": np.mean(area) if area else np.nan,
        # A perfect class makes it infinite there, and not here.
        "d_prime": np.mean(d_prime) if len(area) and (np.abs(d_prime) < 8).all() else np.nan,
    }


def metric_cases(rng: np.random.Generator) -> Iterator[tuple[str, Pair]]:
    items, classes = int(rng.integers(2, 300)), int(rng.integers(1, 12))
    targets_NC = rng.random((items, classes)) < rng.uniform(0.02, 0.7)
    scores_NC = rng.normal(size=(items, classes)).astype(np.float32) + targets_NC
    steps = rng.choice([0, 0, 1, 8])
    if steps:
        scores_NC = np.round(scores_NC * steps) / steps
    weights_N = rng.integers(0, 4, items) if rng.random() < 0.5 else np.ones(items, dtype=int)
    kind = f"{'tied' if steps else 'distinct'}{', weighted' if weights_N.max() > 1 else ''}"
    for name, value in peer_metrics(targets_NC, scores_NC, weights_N).items():
        if np.isfinite(value):
            yield f"{name}, {kind}", (METRICS[name](targets_NC, scores_NC, weights_N), value)
    if weights_N.sum():
        truth_N = rng.integers(classes, size=items)
        ours = METRICS["top1_acc"](np.eye(classes, dtype=bool)[truth_N], scores_NC, weights_N)
        yield (
            f"top1_acc, {kind}",
            (ours, accuracy_score(truth_N, scores_NC.argmax(1), sample_weight=weights_N)),
        )


def significance_cases(rng: np.random.Generator) -> Iterator[tuple[str, Pair]]:
    gained, lost = (int(count) for count in rng.integers(0, rng.choice([8, 60, 2000]), 2))
    yield "McNemar, exact", (mcnemar_p(gained, lost), mcnemar([[9, gained], [lost, 9]], exact=True).pvalue)
    p = np.round(rng.random(int(rng.integers(1, 20))) ** 3, 2)
    for ours, peer in zip(holm(p), multipletests(p, method="holm")[1], strict=True):
        yield "Holm", (ours, peer)
    x = rng.normal(rng.normal(0, 0.3), 1, int(rng.integers(2, 15)))
    described, margin = DescrStatsW(x), float(rng.uniform(0.1, 1.5))
    error, freedom = stats.sem(x), len(x) - 1
    yield "t test of no difference", (difference_p(x.mean(), error, freedom), described.ttest_mean(0)[1])
    yield (
        "equivalence (TOST)",
        (
            equivalence_p(x.mean(), error, margin, freedom),
            described.ttost_mean(-margin, margin)[0],
        ),
    )
    flips = stats.permutation_test((x[:12],), np.mean, permutation_type="samples", n_resamples=np.inf)
    yield "sign flips (scipy)", (seed_test(x[:12]).p, flips.pvalue)
    n = int(rng.integers(1, 500))
    hits = int(rng.integers(0, n + 1))
    ours, peer = wilson_interval(hits, n), proportion_confint(hits, n, method="wilson")
    yield "Wilson", (ours.low, peer[0])
    yield "Wilson", (ours.high, peer[1])


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def print_timing(rng: np.random.Generator) -> None:
    items, classes, weightings = 10_000, 200, 1000
    targets_NC = rng.random((items, classes)) < 0.01
    scores_NC = (rng.normal(size=(items, classes)) + 1.5 * targets_NC).astype(np.float32)
    weights_RN = rng.multinomial(items, np.full(items, 1 / items), weightings).astype(np.float64)
    peers = {"mAP": average_precision_score, "aucroc": roc_auc_score}
    print(f"\n| {items} x {classes} | scikit-learn, once | ours, once | ours, {weightings} weightings |")
    print("|---|---|---|---|")
    for name, peer in peers.items():
        scorer = METRICS[name].scorer(targets_NC, scores_NC)
        spent = (
            seconds(lambda peer=peer: peer(targets_NC, scores_NC)),
            seconds(lambda name=name: METRICS[name](targets_NC, scores_NC)),
            seconds(lambda scorer=scorer: scorer(weights_RN)),
        )
        print(f"| {name} | " + " | ".join(f"{value:.2f} s" for value in spent) + " |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-timing", action="store_true")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    furthest: dict[str, float] = {}
    counts: dict[str, int] = {}
    for _ in range(arguments.cases):
        for name, (ours, peer) in (*metric_cases(rng), *significance_cases(rng)):
            furthest[name] = float(np.maximum(furthest.get(name, 0.0), abs(ours - peer)))  # NaN stays
            counts[name] = counts.get(name, 0) + 1
    versions = {"scikit-learn": sklearn, "statsmodels": statsmodels, "scipy": scipy}
    print(", ".join(f"{name} {module.__version__}" for name, module in versions.items()))
    print("| function | values | largest difference |")
    print("|---|---|---|")
    for name in sorted(furthest):
        print(f"| {name} | {counts[name]} | {furthest[name]:.1e} |")
    worst = float(np.max(list(furthest.values())))
    print(f"largest difference {worst:.1e}, bar {BAR:.0e}: {'holds' if worst <= BAR else 'MISSED'}")
    if not arguments.no_timing:
        print_timing(rng)
    return int(not worst <= BAR)


if __name__ == "__main__":
    sys.exit(main())

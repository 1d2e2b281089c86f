"""The probes beside heareval's predictor and a plain torch loop, on the same embeddings in one run.

    PYTHONPATH=src python benchmarks/probes.py --peer PEER/bin/python [--tasks esc50 crema_d] [--device cuda]
        [--seeds 2] [--peer-points 8] [--peer-divisions 5] [--peer-epochs 500] [--items 1.0]

Synthetic embeddings of the sizes of ESC-50 (2000 x 768, 50 classes) and CREMA-D (7438 x 768, 6 classes),
five folds, hard enough that scores lie between 50 and 95 %. heareval runs in its own environment (PEER: see
heareval_peer.py) on this machine's processor; threads are torch's default on both sides. On two cores its
whole protocol takes four to ten minutes for either. `--peer-...` cut it short; the
rest is then extrapolated: its seconds an epoch at each depth times the epochs that our trainings of the
same points took, and the share that was measured is printed. `--items` shrinks the tasks. The plain loop is
torch's modules, autograd and Adam on whole tensors; a few epochs are timed and multiplied likewise.

Bars, exit code 1 below one: the default probe is 1.5 times as fast as heareval, ridge and logistic
20 times; the networks' accuracies are heareval's within 2 standard errors. Those are the paired difference's
over items and, with `--seeds` of 2 or more, the spread of seeds, which heareval's one run has as well.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lssd.evaluation.probes import PROBES, Division, heads, judge

FOLDS, FEATURES = 5, 768
LEAST = {"hear-fixed": 1.5, "ridge": 20.0, "logistic": 20.0}
NETWORKS = ("hear-fixed", "hear-strict")


@dataclass(frozen=True)
class Embedded:
    """A task's embeddings: x (N, FEATURES), class y and fold of each item."""

    name: str
    x_ND: np.ndarray
    y_N: np.ndarray
    fold_N: np.ndarray
    classes: int

    def division(self, test: int) -> Division:
        valid = (test + 1) % FOLDS
        train_N = (self.fold_N != test) & (self.fold_N != valid)
        parts = (train_N, self.fold_N == valid, self.fold_N == test)
        (x, y), (x_valid, y_valid), (x_test, _) = ((self.x_ND[part], self.y_N[part]) for part in parts)
        return Division(x, y, x_valid, y_valid, x_test)


@dataclass(frozen=True)
class Run:
    """One method on one task: seconds a seed, share of seeds that have each item right (NaN: not judged),
    the trainings of the first seed, and the accuracies' deviation between seeds."""

    seconds: float
    right_N: np.ndarray
    trainings: list[dict]
    note: str = ""
    deviation: float = 0.0


def embedded(name: str, share: float) -> Embedded:
    """Clusters in a space of 64 dimensions, seen in 768 through a random map, with noise and an offset."""
    items, classes, noise = {"esc50": (2000, 50, 2.2), "crema_d": (7438, 6, 4.5)}[name]
    items = round(items * share)
    rng = np.random.default_rng(5)
    order_N = rng.permutation(items)
    y_N, fold_N = order_N % classes, order_N // classes % FOLDS  # every class in every fold
    inner_NE = rng.normal(size=(classes, 64))[y_N] + noise * rng.normal(size=(items, 64))
    x_ND = inner_NE @ rng.normal(size=(64, FEATURES)) / 8
    x_ND += 0.3 * rng.normal(size=x_ND.shape) + rng.normal(size=FEATURES)
    return Embedded(name, x_ND.astype(np.float32), y_N, fold_N, classes)


def ours(task: Embedded, probe: str, device: str, seeds: int = 1) -> Run:
    seeds = seeds if probe in NETWORKS else 1
    divisions = [task.division(test) for test in range(FOLDS)]
    right_SN = np.full((seeds, len(task.y_N)), np.nan)
    seconds, trained = [], []
    for seed in range(seeds):
        with watched_trainings() as trainings:
            start = time.perf_counter()
            judged = judge(probe, divisions, task.classes, seed=seed, device=device)
            seconds.append(time.perf_counter() - start)
        trained.append(trainings)
        for test, scores_KC in enumerate(judged.scores):
            rows = np.flatnonzero(task.fold_N == test)
            right_SN[seed, rows] = scores_KC.argmax(axis=1) == task.y_N[rows]
    epochs = sum(training["epochs"] for training in trained[0])
    note = f"{len(trained[0])} networks, {epochs} epochs" if trained[0] else ""
    deviation = float(right_SN.mean(axis=1).std(ddof=1)) if seeds > 1 else 0.0
    return Run(float(np.mean(seconds)), right_SN.mean(axis=0), trained[0], note, deviation)


@contextmanager
def watched_trainings() -> Iterator[list[dict]]:
    """Which networks are trained meanwhile, and for how many epochs."""
    trainings: list[dict] = []
    original = heads.train

    def watched(jobs: list, *rest: object) -> list:
        found = original(jobs, *rest)
        for (data, number, point), trained in zip(jobs, found, strict=True):
            about = {"division": data.number, "point": number, "hidden_layers": point.hidden_layers}
            trainings.append({**about, "epochs": trained.epochs})
        return found

    heads.train = watched
    try:
        yield trainings
    finally:
        heads.train = original


def plain_loop(task: Embedded, trainings: list[dict], epochs: int, device: str) -> Run:
    """Seconds of a plain loop for the same trainings, from a few epochs of each depth."""
    division = task.division(0)
    x_ND, x_MD = (torch.from_numpy(x).to(device) for x in (division.x_train_ND, division.x_valid_MD))
    y_N, y_M = (torch.from_numpy(y).to(device) for y in (division.y_train, division.y_valid))
    an_epoch = {}
    for layers in sorted({training["hidden_layers"] for training in trainings}):
        modules: list[torch.nn.Module] = []
        for layer in range(layers):
            linear = torch.nn.Linear(1024 if layer else FEATURES, 1024)
            modules += [linear, torch.nn.BatchNorm1d(1024), torch.nn.Dropout(0.1), torch.nn.ReLU()]
        network = torch.nn.Sequential(*modules, torch.nn.Linear(1024, task.classes)).to(device)
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        for warm in (True, False):
            start = time.perf_counter()
            for epoch in range(1, 4 if warm else epochs + 1):
                for rows in torch.randperm(len(x_ND), device=device).split(1024):
                    loss = torch.nn.functional.cross_entropy(network(x_ND[rows]), y_N[rows])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                if epoch % 3 == 0:
                    with torch.no_grad():
                        network.eval()
                        (network(x_MD).argmax(1) == y_M).float().mean().item()
                        network.train()
            an_epoch[layers] = (time.perf_counter() - start) / epoch
    seconds = sum(training["epochs"] * an_epoch[training["hidden_layers"]] for training in trainings)
    note = f"{epochs} epochs of each depth measured"
    return Run(seconds, np.full(len(task.y_N), np.nan), [], note)


def heareval(task: Embedded, trainings: list[dict], arguments: argparse.Namespace) -> Run:
    """The kit's predictor; what it was not asked to do is added from our epochs."""
    about = {
        "split_mode": "presplit_kfold",
        "splits": [f"fold{fold:02d}" for fold in range(FOLDS)],
        "prediction_type": "multiclass",
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],  # as ESC-50 and CREMA-D are published
    }
    with tempfile.TemporaryDirectory() as scratch:
        given, found, work = (Path(scratch) / name for name in ("given.npz", "found.npz", "work"))
        work.mkdir()
        split_N = np.array([about["splits"][fold] for fold in task.fold_N])
        targets_NC = np.eye(task.classes, dtype=bool)[task.y_N]
        np.savez(given, x=task.x_ND, targets=targets_NC, split=split_N, task=json.dumps(about))
        command = [arguments.peer, Path(__file__).with_name("heareval_peer.py"), given, found, work]
        command += ["--points", str(arguments.peer_points), "--divisions", str(arguments.peer_divisions)]
        command += ["--epochs", str(arguments.peer_epochs)]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace")
        if done.returncode:
            raise SystemExit(f"heareval failed: {done.stderr[-2000:]}")
        answers = dict(np.load(found))
    theirs = json.loads(str(answers["trainings"]))
    right_N = np.full(len(task.y_N), np.nan)
    right_N[answers["rows"]] = answers["scores"].argmax(axis=1) == task.y_N[answers["rows"]]
    epochs = sum(training["epochs"] for training in theirs)
    seconds, note = float(answers["seconds"]), f"{len(theirs)} networks, {epochs} epochs, all measured"
    if len(theirs) < len(trainings) or arguments.peer_epochs < 500:
        seconds, note = extrapolated(theirs, trainings)
        right_N[:] = np.nan
    return Run(seconds, right_N, theirs, note)


def extrapolated(theirs: list[dict], trainings: list[dict]) -> tuple[float, str]:
    """Seconds of the whole protocol, and what of it was measured."""
    an_epoch = {}
    for layers in (1, 2):
        measured = [training for training in theirs if training["hidden_layers"] == layers]
        if not measured:
            raise SystemExit("heareval trained no network of each depth: ask for more --peer-points")
        epochs = sum(training["epochs"] for training in measured)
        an_epoch[layers] = sum(training["seconds"] for training in measured) / epochs
    seconds = sum(training["epochs"] * an_epoch[training["hidden_layers"]] for training in trainings)
    done, whole = (sum(training["epochs"] for training in group) for group in (theirs, trainings))
    shares = ", ".join(
        f"{1e3 * value:.0f} ms an epoch with {layers} hidden" for layers, value in an_epoch.items()
    )
    return seconds, f"extrapolated from {done} of {whole} epochs: {shares}"


def difference(run: Run, peer: Run | None, seeds: int) -> tuple[float, float] | None:
    """Accuracy less the peer's, over the same items, and its standard error over items and seeds."""
    if peer is None or np.isnan(peer.right_N).all() or np.isnan(run.right_N).all():
        return None
    d_N = run.right_N - peer.right_N
    return float(d_N.mean()), float(np.sqrt(d_N.var(ddof=1) / len(d_N) + run.deviation**2 * (1 + 1 / seeds)))


def report(task: Embedded, runs: dict[str, Run], peer: Run | None, seeds: int) -> list[str]:
    """Print the task's table; returns the bars that are missed."""
    missed = []
    print(f"\n{task.name}: {len(task.y_N)} x {FEATURES}, {task.classes} classes, {FOLDS} folds")
    print("| method | seconds | accuracy % | less heareval's, ± 2 standard errors | heareval / it | |")
    print("|" + "---|" * 6)
    for name, run in runs.items():
        score = 100 * run.right_N.mean()
        paired = difference(run, peer, seeds) if run is not peer else None
        ratio = peer.seconds / run.seconds if peer else float("nan")
        apart = f"{100 * paired[0]:+.2f} ± {200 * paired[1]:.2f}" if paired else "-"
        print(
            f"| {name} | {run.seconds:.1f} | {score:.1f} | {apart} | {ratio:.1f} | {run.note} |", flush=True
        )
        if peer and ratio < LEAST.get(name, 0):
            missed.append(
                f"{task.name}: {name} is {ratio:.2f} times as fast as heareval, not {LEAST[name]:g}"
            )
        if paired and name in NETWORKS and abs(paired[0]) > 2 * paired[1]:
            missed.append(f"{task.name}: {name} scores {apart} points off heareval")
        if name in NETWORKS and not 50 <= score <= 95:
            missed.append(f"{task.name}: {name} scores {score:.1f} %, outside 50..95: the task tells nothing")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="the Python of an environment with heareval")
    parser.add_argument("--tasks", nargs="+", default=["esc50", "crema_d"], choices=["esc50", "crema_d"])
    parser.add_argument("--probes", nargs="+", default=list(PROBES), choices=PROBES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=2, help="of our networks")
    parser.add_argument("--items", type=float, default=1.0, help="share of a task's items")
    parser.add_argument("--peer-points", type=int, default=8)
    parser.add_argument("--peer-divisions", type=int, default=FOLDS)
    parser.add_argument("--peer-epochs", type=int, default=500)
    parser.add_argument("--plain-epochs", type=int, default=6)
    arguments = parser.parse_args()
    if "hear-fixed" not in arguments.probes:
        parser.error("the plain loop and heareval are measured against hear-fixed: name it too")
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.device}; "
        f"load of {os.cpu_count()} cores {os.getloadavg()[0]:.1f}"
    )
    missed = []
    for name in arguments.tasks:
        warm = embedded(name, 0.2)
        for probe in ("ridge", "logistic"):
            ours(warm, probe, arguments.device)
        task = embedded(name, arguments.items)
        runs = {probe: ours(task, probe, arguments.device, arguments.seeds) for probe in arguments.probes}
        trainings = runs["hear-fixed"].trainings
        runs["plain loop"] = plain_loop(task, trainings, arguments.plain_epochs, arguments.device)
        peer = heareval(task, trainings, arguments) if arguments.peer else None
        missed += report(task, {**runs, **({"heareval": peer} if peer else {})}, peer, arguments.seeds)
    for line in missed:
        print(line, file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

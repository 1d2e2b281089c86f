"""What threads cost on a busy machine: the default beside the libraries' own, in one run.

    PYTHONPATH=src python benchmarks/threads.py [--busy 4] [--rounds 3] [--limit 120]

Each row is a process of its own. `probe` trains logistic regression on 535 vectors of 256 numbers, 20
classes; `training` is 5 steps, forward and backward, of a small convolutional encoder of spectrograms.
`default` is what `lssd` sets where nothing is asked for; `two threads, asleep` the dial at 2; `as the
libraries come` a thread a core whose waiting threads spin. Rounds of all rows are interleaved, first with the
machine as it is, then beside `--busy` processes that want all they can get; printed are the seconds of the
fastest round, and how many times longer it takes beside others. A process is ended after `--limit` seconds;
its row says more than that.

Exit code 1 when the default's probe takes more than 20 times as long beside others: with 4 of them on 2 cores
a single thread has a third of a core.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST_SLOWER = 20.0

_PREPARE = {
    "default": "from lssd.threads import limit; limit()",
    "two threads, asleep": "from lssd.threads import limit; limit(2)",
    "as the libraries come": "import torch; from lssd import threads; import contextlib; "
    "from lssd.evaluation import probes; probes.small_work = contextlib.nullcontext",
}
_PROBE = """
import time
import numpy as np
from lssd.evaluation.probes import Division, judge
rng, classes = np.random.default_rng(0), 20
y_N = rng.integers(classes, size=535)
centres = rng.normal(size=(classes, 256))
x_ND = (0.25 * centres[y_N] + rng.normal(size=(535, 256))).astype(np.float32)
division = Division(x_ND[:321], y_N[:321], x_ND[321:428], y_N[321:428], x_ND[428:])
begun = time.perf_counter()
judge("logistic", [division], classes)
print(time.perf_counter() - begun)
"""
_TRAINING = """
import time
import torch
from torch import nn
torch.manual_seed(0)
layers = [nn.Conv1d(96, 128, 5), nn.ReLU(), nn.Conv1d(128, 128, 5), nn.ReLU(), nn.Conv1d(128, 128, 5)]
network, x = nn.Sequential(*layers), torch.randn(32, 96, 288)
begun = time.perf_counter()
for _ in range(5):
    network(x).square().mean().backward()
print(time.perf_counter() - begun)
"""
_WORK = {"probe": _PROBE, "training": _TRAINING}


@contextmanager
def others(count: int) -> Iterator[None]:
    """So many processes that want a core each."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(1.0)
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def seconds(kind: str, work: str, limit_s: float) -> float:
    """How long the work takes in a fresh process; `limit_s` where it does not end before."""
    own = ("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "OPENCV_", "LSSD_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    program = [sys.executable, "-c", f"{_PREPARE[kind]}\n{_WORK[work]}"]
    try:
        done = subprocess.run(
            program, env=environment, capture_output=True, text=True, timeout=limit_s, check=True
        )
    except subprocess.TimeoutExpired:
        return limit_s
    return float(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--busy", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=120.0)
    options = parser.parse_args()
    rows = [(work, kind) for work in _WORK for kind in _PREPARE]
    found: dict[tuple[str, str], list[float]] = {}
    loads = []
    for count in (0, options.busy):
        times: dict[tuple[str, str], list[float]] = {row: [] for row in rows}
        with others(count):
            for _ in range(options.rounds):
                for work, kind in rows:
                    times[work, kind].append(seconds(kind, work, options.limit))
            loads.append(os.getloadavg()[0])
        for row, values in times.items():
            found.setdefault(row, []).append(min(values))
    cores = f"{os.cpu_count()} cores"
    print(f"load {loads[0]:.1f} as it is, {loads[1]:.1f} beside {options.busy} processes; {cores}")
    print("| work | threads | as it is, s | beside others, s | times as long |")
    print("|---|---|---|---|---|")
    for (work, kind), (quiet, busy) in found.items():
        shown = [f"{value:.2f}" if value < options.limit else f"> {value:.0f}" for value in (quiet, busy)]
        ratio = f"{busy / quiet:.1f}" if busy < options.limit else f"> {busy / quiet:.0f}"
        print(f"| {work} | {kind} | {' | '.join(shown)} | {ratio} |")
    quiet, busy = found["probe", "default"]
    return int(busy > MOST_SLOWER * quiet)


if __name__ == "__main__":
    sys.exit(main())

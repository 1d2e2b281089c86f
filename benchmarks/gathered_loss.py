"""Memory and time of the gathered objective, beside one that computes the whole matrix in every process.

    OMP_NUM_THREADS=1 python benchmarks/gathered_loss.py [--rows 128 512]

1, 2 and 4 gloo processes hold so many rows each of the paper's quadruplets (512 wide, Eq. 2 with both
within-modal terms) and compute the loss of all rows, forward and backward. "ours" contrasts a process' own
rows with all rows; "whole" gathers likewise, but computes all rows against all in every process, which
gives the same gradients. MiB is what the step adds to a process' resident memory at its peak, by the
operating system's count; ms is the faster of 2 steps. Both are of the process that needs most.

The bar: over the processes, at equal rows in each, ours grows no faster than linearly with the whole batch
(the power of the growth is at most 1.1), and its gradients agree with the other's to 1e-5 of their largest.
Exit code 1 otherwise. Times of 4 processes mean something on an idle machine of 4 cores or more alone.
"""

import argparse
import math
import os
import re
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import multiprocessing
from torch.nn import functional as F

from lssd.pretraining.distributed import gather_objects, gather_with_gradient, join_world
from lssd.pretraining.objective import Losses, Projections, batch_loss
from lssd.pretraining.recipe import ObjectiveRecipe

PROCESSES = (1, 2, 4)
SIZE = 512


class Measured(NamedTuple):
    """One variant at one size: of the process that needs most."""

    milliseconds: float
    mebibytes: float


def ours(z: Projections) -> Losses:
    present, numbers = _facts(z)
    return batch_loss(z, present, numbers, ObjectiveRecipe(lambda_v=0.5, lambda_a=0.5))


def whole(z: Projections) -> Losses:
    assert z.video_BWZ is not None
    everything = Projections(gather_with_gradient(z.video_BWZ), gather_with_gradient(z.sound_BKZ), z.scale)
    present, numbers = _facts(everything)
    settings = ObjectiveRecipe(lambda_v=0.5, lambda_a=0.5, gather=False)
    return batch_loss(everything, present, numbers, settings)


def _facts(z: Projections) -> tuple[torch.Tensor, torch.Tensor]:
    rows, sounds = z.sound_BKZ.shape[:2]
    return torch.ones(rows, sounds, dtype=torch.bool), torch.arange(rows)


def _projections(rows: int, rank: int) -> Projections:
    stream = torch.Generator().manual_seed(rank)
    video, sound = (F.normalize(torch.randn(rows, 2, SIZE, generator=stream), dim=-1) for _ in range(2))
    return Projections(video.requires_grad_(), sound.requires_grad_(), torch.tensor(1 / 0.07))


def _status(field: str) -> int:
    """A figure of this process in KiB, by the operating system."""
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def measure(
    objective: Callable[[Projections], Losses], rows: int, rank: int
) -> tuple[Measured, torch.Tensor]:
    """Time and peak of a step of all processes, and the gradient of this one's sounds."""
    spent, peaks = [], []
    for _ in range(3):
        z = _projections(rows, rank)
        gather_objects(None)  # all begin at once
        before = _status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        begun = time.perf_counter()
        objective(z).total.backward()
        spent.append(1e3 * (time.perf_counter() - begun))
        peaks.append((_status("VmHWM") - before) / 1024)
    gradient = z.sound_BKZ.grad
    assert gradient is not None
    slowest = max(gather_objects(min(spent[1:])))
    return Measured(slowest, max(gather_objects(max(peaks[1:])))), gradient


def work(rank: int, size: int, port: int, rows: list[int], results: "multiprocessing.SimpleQueue") -> None:
    """One process: all sizes, both variants; process 0 reports."""
    torch.set_num_threads(1)
    shared = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in shared.items()}, MASTER_ADDR="127.0.0.1")
    with join_world("cpu"):
        for each in rows:
            (mine, gradient), (other, expected) = (measure(variant, each, rank) for variant in (ours, whole))
            off = ((gradient - expected).abs().max() / expected.abs().max()).item()
            worst = max(gather_objects(off))
            if rank == 0:
                results.put((each, tuple(mine), tuple(other), worst))


def power(batches: list[int], values: list[float]) -> float:
    """The slope of log value over log batch, by least squares: 1 is linear, 2 quadratic."""
    x, y = [math.log(batch) for batch in batches], [math.log(value) for value in values]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    shared = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return shared / sum((a - mean_x) ** 2 for a in x)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[128, 512])
    arguments = parser.parse_args()
    # Else glibc keeps what is freed, and a step would not show in resident memory.
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"
    print(f"torch {torch.__version__}; load of {os.cpu_count()} cores {os.getloadavg()[0]:.1f}")
    print(
        "| rows a process | processes | batch | ours ms | whole ms | ours MiB | whole MiB | gradients off |"
    )
    print("|" + "---|" * 8)
    peaks: dict[int, list[tuple[float, float]]] = {each: [] for each in arguments.rows}
    failed = False
    for size in PROCESSES:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        results = multiprocessing.get_context("spawn").SimpleQueue()
        multiprocessing.spawn(work, (size, port, arguments.rows, results), nprocs=size)
        for _ in arguments.rows:
            each, mine, other, off = results.get()
            (ms, mib), (other_ms, other_mib) = mine, other
            peaks[each].append((mib, other_mib))
            failed |= not off < 1e-5
            print(
                f"| {each} | {size} | {each * size} | {ms:.1f} | {other_ms:.1f} "
                f"| {mib:.1f} | {other_mib:.1f} | {off:.1e} |",
                flush=True,
            )
    for each, found in peaks.items():
        batches = [each * size for size in PROCESSES]
        mine, other = (power(batches, [pair[place] for pair in found]) for place in (0, 1))
        failed |= not mine <= 1.1
        print(
            f"{each} rows a process: memory grows with the batch to the power {mine:.2f}, whole {other:.2f}"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""Whole demos with other films, tasks and training seeds: what a demo's page says on another day.

    python studies/demo_runs.py OUT --seeds 1 11 21 31 41 --loaded 2

runs `lssd demo` once a seed into OUT/demo-SEED (those that are finished are read as they stand), the first
`--loaded` of them beside four processes that keep two threads' worth of arithmetic busy each, and prints the
table of README.md: every value a line of a demo's page, and the range over demos.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from lssd.demo import ARMS, REFERENCE
from lssd.evaluation import Comparison, Result
from lssd.pretraining.seeds import describe_seeds
from lssd.reporting import seed_scores

SCENE = "filmset_scene_speech"
_BUSY = "x = 1.0\nwhile True: x = x * 1.0000001 + 1e-9"


@dataclass(frozen=True)
class DemoRun:
    """What one demo came to: its exit code, minutes, and by arm recall@1 over chance, the share of what
    knowing every scene would give, and the scene task's scores with the comparisons on it."""

    seed: int
    code: int
    minutes: float
    clips: int
    recall: dict[str, float]
    share: dict[str, float]
    scores: list[seed_scores.ArmScores]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 11, 21, 31, 41])
    parser.add_argument(
        "--loaded", type=int, default=2, metavar="N", help="the first N run on a busy machine"
    )
    arguments = parser.parse_args()
    runs = []
    for number, seed in enumerate(arguments.seeds):
        with _load(4 if number < arguments.loaded else 0):
            runs.append(_run(arguments.out / f"demo-{seed}", seed))
        print(f"demo {seed}: exit {runs[-1].code}, {runs[-1].minutes:.1f} min", flush=True)
    print("\n".join(_table(runs)))
    return max(run.code for run in runs)


@contextmanager
def _load(count: int) -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _run(folder: Path, seed: int) -> DemoRun:
    log = folder.with_suffix(".log")
    folder.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if not (folder / "index.html").is_file():
        command = [sys.executable, "-m", "lssd", "demo", "--out", str(folder), "--seed", str(seed)]
        with log.open("w") as file:
            code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT).returncode
        with log.open("a") as file:
            file.write(f"exit {code}, {(time.monotonic() - began) / 60:.1f} min\n")
    ended = re.findall(r"^exit (\d+), ([\d.]+) min$", log.read_text(), re.M)[-1]
    arms = {arm: describe_seeds(folder / "runs" / arm).measures for arm in ARMS}
    found = [Result.read(path) for path in sorted((folder / "results").glob("*.json"))]
    alone, of_seeds = seed_scores.split(found)
    references = [one for one in alone if one.model.name == REFERENCE]
    scores = seed_scores.gather(of_seeds, references=references)
    return DemoRun(
        seed=seed,
        code=int(ended[0]),
        minutes=float(ended[1]),
        clips=int(arms[ARMS[0]]["clips"].mean),
        recall={arm: found["recall@1"].mean / found["chance@1"].mean for arm, found in arms.items()},
        share={
            arm: found["recall@1"].mean / found["recall@1_knowing_scene"].mean for arm, found in arms.items()
        },
        scores=[one for one in scores if one.task == SCENE],
    )


def _table(runs: list[DemoRun]) -> Iterator[str]:
    yield "| demo's seed | " + " | ".join(str(run.seed) for run in runs) + " | range |"
    yield "|---|" + "---|" * (len(runs) + 1)
    yield _row("minutes", [run.minutes for run in runs], "{:.1f}")
    yield _row("held-out clips", [run.clips for run in runs], "{:.0f}")
    for arm in ARMS:
        yield _row(f"`{arm}`: recall@1, times chance", [run.recall[arm] for run in runs], "{:.1f}")
        share = [100 * run.share[arm] for run in runs]
        yield _row(f"`{arm}`: of what knowing every scene gives, %", share, "{:.0f}")
    for arm in ARMS:
        scores = [next(one for one in run.scores if one.arm == arm) for run in runs]
        yield _row(f"`{arm}`: scene under speech, %", [100 * one.mean for one in scores], "{:.1f}")
        untrained = [100 * fmean(twin.primary.value for twin in one.twins.values()) for one in scores]
        yield _row("its untrained twins, %", untrained, "{:.1f}")
        yield _compared("difference", [one.against_untrained for one in scores])
    references = [one.reference for run in runs for one in run.scores[:1] if one.reference is not None]
    yield _row(f"{REFERENCE}, %", [100 * one.primary.value for one in references], "{:.1f}")
    yield _compared(
        f"`{ARMS[1]}` against `{ARMS[0]}`, points",
        [one.against_first for run in runs for one in run.scores if one.arm == ARMS[1]],
    )


def _row(name: str, values: list[float], form: str) -> str:
    shown = [form.format(value) for value in values]
    ends = form.format(min(values)), form.format(max(values))
    return f"| {name} | {' | '.join(shown)} | {ends[0]} to {ends[1]} |"


def _compared(name: str, found: list[Comparison | str | None]) -> str:
    made = [one for one in found if isinstance(one, Comparison)]
    cells = [f"{one.difference:+.1f} ({one.low:+.1f} to {one.high:+.1f})" for one in made]
    differences = [one.difference for one in made]
    return f"| {name} | {' | '.join(cells)} | {min(differences):+.1f} to {max(differences):+.1f} |"


if __name__ == "__main__":
    sys.exit(main())

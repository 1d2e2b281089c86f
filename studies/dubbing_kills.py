"""A film dubbed in peace, and dubbed by a process that is killed at random points: the same bytes?

    python studies/dubbing_kills.py OUT FILM --to es [--from en] [--preset offline] [--kills 10] [--seed 0]

Each kill is a SIGKILL of the whole program at a random moment of what then remains; the last call is left
alone. Compared are the film, the utterances and the record. Prints when each kill came and what steps stood
by then; exit code 1 when a byte differs.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path


def start(film: Path, out: Path, arguments: argparse.Namespace) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "lssd",
        "dub",
        str(film),
        "--to",
        *arguments.to,
        "--out",
        str(out),
        "--quiet",
    ]
    command += ["--preset", arguments.preset] + (["--from", arguments.source] if arguments.source else [])
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def made(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def steps(out: Path) -> int:
    return sum(1 for path in (out / ".cache").glob("*/??/*") if not path.name.startswith("."))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("film", type=Path)
    parser.add_argument("--to", nargs="+", required=True)
    parser.add_argument("--from", dest="source")
    parser.add_argument("--preset", default="offline")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    whole, killed = arguments.out / "whole", arguments.out / "killed"
    for folder in (whole, killed):
        shutil.rmtree(folder, ignore_errors=True)
    begun = time.perf_counter()
    if start(arguments.film, whole, arguments).wait():
        return 2
    seconds = time.perf_counter() - begun
    print(f"in peace: {seconds:.1f} s, {steps(whole)} steps")
    rng, kills = random.Random(arguments.seed), 0
    while kills < arguments.kills:
        process = start(arguments.film, killed, arguments)
        after_s = rng.uniform(0.05, 0.6) * seconds
        try:
            process.wait(after_s)
            print("finished before the kill: begun anew")
            shutil.rmtree(killed)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            print(f"kill {kills} after {after_s:.1f} s: {steps(killed)} steps stand", flush=True)
    if start(arguments.film, killed, arguments).wait():
        return 2
    same = made(whole) == made(killed)
    print("the same bytes" if same else "bytes differ")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())

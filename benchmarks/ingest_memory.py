"""Ingest's peak memory on a short and a long film: it must not grow with the film's length.

    python benchmarks/ingest_memory.py [--minutes 1 10]

Each film is ingested in a process of its own; the peak is the operating system's figure for that
process. Shots are 5 s long at 160x96, with two FLAC tracks.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from lssd.media import SoundTrack, write_film

_INGEST = """
import json, re, sys
from pathlib import Path
from lssd.corpus import IngestSettings, ingest
catalog = ingest([sys.argv[1]], sys.argv[2], IngestSettings(workers=1), quiet=True)
# Not ru_maxrss: that remembers the parent from before exec.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"clips": catalog.clips.num_rows, "peak_mib": peak}))
"""


def frames(minutes: float) -> Iterator[np.ndarray]:
    """Shots of 5 s, each a still of random blocks."""
    for shot in range(round(minutes * 12)):
        blocks = np.random.default_rng(shot).integers(0, 256, (6, 10, 3))
        still = np.kron(blocks, np.ones((16, 16, 1))).astype(np.uint8)
        for _ in range(125):
            yield still


def measure(minutes: float, folder: Path) -> dict[str, float]:
    """Make a film of this length and ingest it."""
    film = folder / f"{minutes:g}.mkv"
    generator = np.random.default_rng(0)
    length = round(minutes * 60 * 48_000)
    tracks = [
        SoundTrack((generator.standard_normal((1, length)) * 0.1).astype(np.float32), 48_000, language)
        for language in ("en", "de")
    ]
    write_film(film, frames(minutes), Fraction(25), tracks, crf=8)
    command = [sys.executable, "-c", _INGEST, str(film), str(folder / f"corpus-{minutes:g}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {"minutes": minutes, **json.loads(done.stdout)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", nargs="+", type=float, default=[1, 10])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(minutes, Path(folder)) for minutes in arguments.minutes]
    print(f"{'minutes':>8} {'clips':>6} {'peak MiB':>9}")
    for row in rows:
        print(f"{row['minutes']:8g} {row['clips']:6.0f} {row['peak_mib']:9.0f}")
    growth = rows[-1]["peak_mib"] / rows[0]["peak_mib"] - 1
    print(f"from the shortest to the longest: {growth:+.1%}")
    return 0 if growth < 0.1 else 1


if __name__ == "__main__":
    sys.exit(main())

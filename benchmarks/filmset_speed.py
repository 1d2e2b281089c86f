"""How fast films are rendered, beside what coding the same frames and samples alone costs.

    python benchmarks/filmset_speed.py                  # one title: x real time a core, and where time goes
    python benchmarks/filmset_speed.py --titles 100     # the whole set on two workers
    python benchmarks/filmset_speed.py --memory         # peak of memory, titles of 4 and of 20 minutes

The bars: at least 5 x real time a core at 320x180; 100 titles of 2 minutes on 2 cores in 30 minutes;
memory that does not grow with the title's length (at most 10 % from 4 to 20 minutes; a shorter title does not
fill the store of takes).
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from filmset import Settings
from filmset.backgrounds import open_backgrounds
from filmset.dialogue import write_lines
from filmset.mixing import Mixer
from filmset.pictures import paint_title
from filmset.render import render
from filmset.script import write_script
from filmset.words import open_speech
from lssd.engine import Progress
from lssd.media import SoundTrack, write_film


def one_title(seconds: float, seed: int) -> float:
    """Render one title part by part; print each part's share. Returns x real time of a core."""
    cv2.setNumThreads(1)
    settings = Settings(seed=seed, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        begun = _cpu_time(), time.perf_counter()
        render(folder, 1, settings)
        whole, wall = _cpu_time() - begun[0], time.perf_counter() - begun[1]
    parts: dict[str, float] = {}
    with open_speech(None, settings.languages) as speech, tempfile.TemporaryDirectory() as folder:
        backgrounds = open_backgrounds(None)
        start = time.perf_counter()
        title = write_lines(write_script(settings, 0, speech, backgrounds), settings, speech)
        parts["script and dialogue"] = time.perf_counter() - start
        mixer = Mixer(title, settings, speech, backgrounds)
        start = time.perf_counter()
        length = title.sample(title.frames)
        steps = range(0, length, title.sample_rate)  # side by side, as a film is written
        pieces = [[mixer.track(track.key, a, a + title.sample_rate) for track in title.tracks] for a in steps]
        sounds = [np.concatenate(parts, axis=1)[:, :length] for parts in zip(*pieces, strict=True)]
        openings = [mixer.openings(shot) for shot in title.shots]
        parts["sound of all tracks"] = time.perf_counter() - start
        start = time.perf_counter()
        frames = list(paint_title(title, openings.__getitem__))
        parts["picture"] = time.perf_counter() - start
        start = time.perf_counter()
        tracks = [SoundTrack(sound, title.sample_rate, "en") for sound in sounds]
        write_film(Path(folder) / "limit.mkv", frames, title.rate, tracks, preset="ultrafast")
        parts["coding alone (the limit)"] = time.perf_counter() - start
    print(f"{seconds:.0f} s at {title.width}x{title.height}, {len(title.tracks)} tracks, seed {seed}")
    print(f"{'part':<28}{'s':>8}{'x real time':>14}")
    for part, spent in parts.items():
        print(f"{part:<28}{spent:>8.2f}{seconds / spent:>14.1f}")
    print(f"{'render, by the clock':<28}{wall:>8.2f}{seconds / wall:>14.1f}")
    print(f"{'render, all of its CPU time':<28}{whole:>8.2f}{seconds / whole:>14.1f}")
    print(f"share of the whole that coding takes: {parts['coding alone (the limit)'] / wall:.0%}")
    return seconds / max(whole, wall)


def _cpu_time() -> float:
    """Processor time of this process and of its children that have ended, in s."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def whole_set(titles: int, seconds: float, workers: int) -> float:
    """Render a whole set; returns minutes."""
    with tempfile.TemporaryDirectory() as folder, Progress("render", unit="titles") as progress:
        start = time.perf_counter()
        render(
            folder,
            titles,
            Settings(seed=1, seconds=seconds),
            workers=workers,
            progress=progress,
        )
        minutes = (time.perf_counter() - start) / 60
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    speed = titles * seconds / 60 / minutes / workers
    print(f"{titles} titles of {seconds:.0f} s on {workers} workers: {minutes:.1f} min, ", end="")
    print(f"{speed:.1f} x real time a core, {size:.0f} MB")
    return minutes


def _peak(seconds: float, folder: str, answer: "multiprocessing.Queue[int]") -> None:
    settings = Settings(seed=3, seconds=seconds, channels=2, stems=True)
    render(folder, 1, settings)
    usage = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    answer.put(usage * 1024)


def memory() -> float:
    """Peak memory of the rendering process for a short and a long title; returns the growth."""
    context = multiprocessing.get_context("spawn")
    peaks = []
    for seconds in (240.0, 1200.0):
        with tempfile.TemporaryDirectory() as folder:
            answer = context.Queue()
            process = context.Process(target=_peak, args=(seconds, folder, answer))
            process.start()
            peaks.append(answer.get())
            process.join()
        print(f"title of {seconds / 60:.0f} min, stereo, with stems: peak {peaks[-1] / 2**20:.0f} MiB")
    return peaks[1] / peaks[0] - 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--titles", type=int, help="render a whole set of so many titles")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", action="store_true")
    arguments = parser.parse_args()
    if arguments.memory:
        growth = memory()
        print(f"growth {growth:+.1%} (bar 10 %)")
        return int(growth > 0.10)
    if arguments.titles:
        minutes = whole_set(arguments.titles, arguments.seconds, arguments.workers)
        allowed = 30.0 * arguments.titles * arguments.seconds / (100 * 120) * 2 / arguments.workers
        print(f"bar {allowed:.1f} min: {'held' if minutes <= allowed else 'MISSED'}")
        return int(minutes > allowed)
    speeds = [one_title(arguments.seconds, seed) for seed in (0, 1, 2)]
    print(f"x real time a core: median {np.median(speeds):.1f}, least {min(speeds):.1f} (bar 5)")
    return int(np.median(speeds) < 5)


if __name__ == "__main__":
    sys.exit(main())

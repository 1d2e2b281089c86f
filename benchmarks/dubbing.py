"""How long dubbing takes, step by step, as a multiple of the film's length; and its memory.

    python benchmarks/dubbing.py OUT [--film FILM] [--seconds 60] [--to es fr ja] [--preset offline]
    python benchmarks/dubbing.py OUT --memory [--minutes 6 60] [--channels 2] [--preset P]

Without `--film` a rendered title in English of `--seconds` is dubbed. For each step: seconds in its backend's
process, how many times as fast as the film plays that is, and seconds of all else that is done for it.
`--memory`: the peak of all processes together over films of sound alone of that many minutes, made of the
rendered title's minute.

Bars, exit code 1 when one is missed: 60 s into three languages within 3 minutes; our own code at most 10 % of
the whole; an hour of sound below 3 GB.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil

from filmset import Settings
from filmset.render import render
from lssd.dubbing import DubReport, DubSettings
from lssd.dubbing.dub import dub
from lssd.media import SoundTrack, probe, read_sound, write_film

_STEPS = {
    "extract": None,
    "separate": "separation",
    "segment": "segmentation",
    "transcribe": "transcription",
    "diarise": "diarisation",
    "translate": "translation",
    "voice": None,
    "speak": "speaking",
    "stretch": "stretching",
    "reference": "conversion",
    "convert": "conversion",
    "match": None,
    "remix": None,
}
_MOST_S, _MOST_SHARE, _MOST_BYTES = 180.0, 0.10, 3e9


def rendered(out: Path, seconds: float, channels: int) -> Path:
    """A title whose original is English."""
    settings = Settings(
        seed=2, seconds=seconds, languages=("en", "es"), dubs_per_title=1, channels=channels, silent=0.0
    )
    return render(out / "films", 1, settings).films[0]


def english(film: Path) -> int:
    return next(track.index for track in probe(film).tracks if track.language == "en")


def timed(film: Path, out: Path, to: list[str], preset: str) -> tuple[DubReport, float, float]:
    """The report, seconds by the clock, and seconds of this process' own processor time."""
    started, own = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    settings = DubSettings(preset=preset, track=english(film))
    (report,) = dub([film], to, out, settings)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (
        report,
        time.perf_counter() - started,
        after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime,
    )


def show(report: DubReport, film: Path, clock_s: float, own_s: float) -> list[str]:
    """Print the table; returns the bars that are missed."""
    duration_s = probe(film).duration_s
    print(f"{duration_s:.0f} s of film into {', '.join(one.language for one in report.languages)}")
    print("| step | times | backend, s | x real time | ours, s |\n|" + "---|" * 5)
    left = {step: report.seconds.get(f"backend {step}", 0.0) for step in set(_STEPS.values()) if step}
    for step, backend in _STEPS.items():
        whole_s = report.seconds.get(step, 0.0)
        backend_s = min(left[backend], whole_s) if backend else 0.0
        if backend:
            left[backend] -= backend_s
        speed = f"{duration_s / backend_s:.1f}" if backend_s > 0 else "-"
        print(
            f"| {step} | {report.made.get(step, 0)} | {backend_s:.2f} | {speed} | {whole_s - backend_s:.2f} |"
        )
    print(f"| starting backends | | {sum(left.values()):.2f} | - | |")
    share = own_s / clock_s
    print(f"\nin all {clock_s:.1f} s; this process' own work {own_s:.1f} s, {share:.1%} of it")
    missed = []
    if clock_s > _MOST_S * duration_s / 60:
        missed.append(f"{clock_s:.0f} s for {duration_s:.0f} s of film")
    if share > _MOST_SHARE:
        missed.append(f"our own code takes {share:.1%}")
    return missed


def peak_of(command: list[str]) -> int:
    """The most memory, in bytes, that a command's processes had together."""
    process = subprocess.Popen(command)
    peak = 0
    while process.poll() is None:
        try:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            # Shared pages are counted once: proportional set sizes.
            peak = max(peak, sum(one.memory_full_info().pss for one in family))
        except psutil.Error:
            continue
        time.sleep(0.5)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return peak


def memory(out: Path, minutes: list[float], preset: str, channels: int) -> list[str]:
    film = rendered(out / f"{channels}", 60, channels)
    sound_CS = read_sound(film, english(film), duration_s=60.0)
    missed = []
    for length in minutes:
        long = out / f"long-{length:g}.mka"
        repeated = np.tile(sound_CS, (1, max(1, round(length))))
        write_film(long, [], Fraction(25), [SoundTrack(repeated, 48000, "en")])
        del repeated
        folder = out / f"memory-{length:g}"
        shutil.rmtree(folder, ignore_errors=True)
        started = time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "lssd",
            "dub",
            str(long),
            "--to",
            "es",
            "--preset",
            preset,
            "--quiet",
        ]
        peak = peak_of([*command, "--out", str(folder)])
        print(
            f"{length:g} min of sound: peak {peak / 1e6:.0f} MB, {time.perf_counter() - started:.0f} s",
            flush=True,
        )
        if peak > _MOST_BYTES:
            missed.append(f"{length:g} minutes take {peak / 1e9:.1f} GB")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--film", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--to", nargs="+", default=["es", "fr", "ja"])
    parser.add_argument("--preset", default="offline")
    parser.add_argument("--channels", type=int, default=2, choices=(1, 2, 6))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--minutes", type=float, nargs="+", default=[6, 60])
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.memory:
        missed = memory(arguments.out, arguments.minutes, arguments.preset, arguments.channels)
    else:
        film = arguments.film or rendered(arguments.out, arguments.seconds, arguments.channels)
        folder = arguments.out / "dubs"
        shutil.rmtree(folder, ignore_errors=True)
        report, clock_s, own_s = timed(film, folder, arguments.to, arguments.preset)
        missed = show(report, film, clock_s, own_s)
    for line in missed:
        print(line, file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

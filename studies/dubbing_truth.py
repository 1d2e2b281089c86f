"""A rendered title dubbed into all other languages, against what is known of it.

    python studies/dubbing_truth.py OUT [--seconds 60] [--channels 2] [--seed 2] [--preset offline]

The title's original is English. Printed are: how much better speech and background are than the mix (SI-SDR
over the whole title, stems being the truth); how far the lines found begin and end from those spoken; and for
each language which share of samples is the original's to the bit, of those outside what the record calls
changed, how well new speech covers the time of the old (intersection over union), and by how much a line
begins late or early. Exit code 1 when a sample outside differs, a language is missing, or separation makes
speech or background worse than the mix.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from filmset import LANGUAGES, FilmSet, Settings
from filmset.render import render
from lssd.dubbing import DubSettings
from lssd.dubbing.dub import dub
from lssd.media import probe, read_sound

_RATE = 48000
_TICK = 0.005  # seconds


def si_sdr(estimate_CS: np.ndarray, truth_CS: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019), over all channels."""
    scale = float((estimate_CS * truth_CS).sum() / max((truth_CS**2).sum(), 1e-20))
    target = scale * truth_CS
    return 10 * float(np.log10((target**2).sum() / max(((estimate_CS - target) ** 2).sum(), 1e-20)))


def stem(films: FilmSet, name: str, like_CS: np.ndarray) -> np.ndarray:
    film = films.films[0]
    sound = read_sound(film.with_name(f"{film.stem}.stems") / f"{name}.flac", channels=len(like_CS))
    whole = np.zeros_like(like_CS)
    whole[:, : sound.shape[1]] = sound[:, : like_CS.shape[1]]
    return whole


def spoken(films: FilmSet, key: str) -> list[tuple[float, float]]:
    """When somebody speaks, lines that follow on one another joined."""
    lines = [line.spoken[key] for shot in films.titles[0].shots for line in shot.lines]
    found: list[tuple[float, float]] = []
    for start, end in sorted((line.start_s, line.end_s) for line in lines):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def active(ranges: list[tuple[float, float]], seconds: float) -> np.ndarray:
    ticks = np.zeros(round(seconds / _TICK), bool)
    for start, end in ranges:
        ticks[round(start / _TICK) : round(end / _TICK)] = True
    return ticks


def edges(found: list[float], truth: list[float]) -> np.ndarray:
    """How far, in ms, each true edge lies from the nearest found one."""
    return 1000 * np.abs(np.array(truth)[:, None] - np.array(found)[None]).min(axis=1)


def separation(films: FilmSet, key: str, mix_CS: np.ndarray, stems: Path) -> bool:
    speech_CS = stem(films, f"voices.{key}", mix_CS)
    background_CS = mix_CS - speech_CS
    better = True
    print("| stem | mix, dB | separated, dB | gain, dB |\n|---|---|---|---|")
    for name, truth_CS in (("speech", speech_CS), ("background", background_CS)):
        made_CS = np.load(stems / f"{name}.npy").T
        before, after = si_sdr(mix_CS, truth_CS), si_sdr(made_CS, truth_CS)
        better &= after > before
        print(f"| {name} | {before:.1f} | {after:.1f} | {after - before:+.1f} |")
    return better


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--channels", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--preset", default="offline")
    arguments = parser.parse_args()
    settings = Settings(
        seed=arguments.seed,
        seconds=arguments.seconds,
        channels=arguments.channels,
        languages=("en", "es"),
        dubs_per_title=1,
        stems=True,
    )
    films = render(arguments.out / "films", 1, settings)
    film, title = films.films[0], films.titles[0]
    track = next(one.index for one in probe(film).tracks if one.language == "en")
    key = title.tracks[track].key
    others = [language for language in LANGUAGES if language != "en"]
    (report,) = dub([film], others, arguments.out / "dubs", DubSettings(preset=arguments.preset, track=track))
    folder = Path(report.folder)
    record = json.loads((folder / "provenance.json").read_text())
    mix_CS = read_sound(film, track)
    stems = arguments.out / "dubs" / ".cache" / "separate" / record["stems"][:2] / record["stems"]
    good = separation(films, key, mix_CS, stems)
    truth = spoken(films, key)
    rows = json.loads((folder / "utterances.json").read_text())["utterances"]
    for side, place in (("begin", 0), ("end", 1)):
        off = edges([row[("start_s", "end_s")[place]] for row in rows], [line[place] for line in truth])
        print(
            f"{len(truth)} stretches of speech {side} {np.median(off):.0f} ms (median), "
            f"{np.quantile(off, 0.9):.0f} ms (90 %) from a line's {side}; {len(rows)} lines were found"
        )
    print("\n| language | lines | unchanged | of it differs | time shared | begins off, ms | flagged |")
    print("|" + "---|" * 7)
    tracks = [one.language for one in probe(report.film).tracks]
    for one in report.languages:
        if not one.ok:
            print(f"| {one.language} | not dubbed: {one.reason} |" + " |" * 5)
            good = False
            continue
        number = len(tracks) - 1 - tracks[::-1].index(one.language)
        dub_CS = read_sound(report.film, number)
        about = record["dubs"][one.language]
        outside = np.ones(mix_CS.shape[1], bool)
        for start, stop in about["changed"]:
            outside[start:stop] = False
        differs = int((dub_CS[:, outside] != mix_CS[:, outside]).any(axis=0).sum())
        places = [row for row in about["utterances"] if "spoken_s" in row]
        seconds = mix_CS.shape[1] / _RATE
        new, old = active([row["spoken_s"] for row in places], seconds), active(truth, seconds)
        shared = (new & old).sum() / (new | old).sum()
        begins = edges([row["spoken_s"][0] for row in places], [line[0] for line in truth])
        flagged = len({line for line, flag in one.flags if flag != "not a translation"})
        print(
            f"| {one.language} | {one.spoken} of {one.lines} | {outside.mean():.1%} | {differs} samples | "
            f"{shared:.1%} | {np.median(begins):.0f} | {flagged} |",
            flush=True,
        )
        good &= differs == 0
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())

"""How well speakers are told apart, on rendered films, whose casts are known.

    python benchmarks/diarisation.py [--titles 6] [--seconds 60]

Lines have their true times. A line is right where its speaker is the one that the best one-to-one match of
found to true speakers says; beside it what naming everybody the same would reach. Voices are espeak-ng's,
in six styles from whisper to anger, which spreads one person's pitch over more than an octave.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from filmset import Settings, Title
from filmset.heard import heard
from filmset.render import render
from filmset.stems import stems_folder
from lssd.dubbing.diarisation import Voices
from lssd.dubbing.lines import Line
from lssd.dubbing.sound import write_sound
from lssd.media import read_sound


def right(found: list[str], truth: list[str]) -> float:
    """Share of lines with the right speaker under the best match."""
    ours, theirs = sorted(set(found)), sorted(set(truth))
    counts = np.zeros((len(ours), len(theirs)))
    for a, b in zip(found, truth, strict=True):
        counts[ours.index(a), theirs.index(b)] += 1
    return float(counts[linear_sum_assignment(-counts)].sum() / len(truth))


def inputs(folder: Path, title: Title, film: Path) -> dict[str, np.ndarray]:
    stems = stems_folder(folder, title.name)
    voices = read_sound(stems / f"voices.{title.tracks[0].key}.flac")
    background = read_sound(stems / "background.flac")
    level = np.sqrt(np.mean(np.square(voices)) / max(float(np.mean(np.square(background))), 1e-12))
    return {
        "voices": voices,
        "voices + rest at -20 dB": voices + 0.1 * level * background,
        "mix": read_sound(film),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--titles", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    rows: dict[str, list[tuple[float, float, int, int]]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        settings = Settings(seed=29, seconds=given.seconds, dubs_per_title=1, stems=True, sizes=("96x64",))
        made = render(folder, given.titles, settings)
        for title, film in zip(made.titles, made.films, strict=True):
            truth = [one.speaker for one in heard(title, 0)]
            lines = [Line(one.spoken.start_s, one.spoken.end_s, "") for one in heard(title, 0)]
            same = right(["S1"] * len(truth), truth)
            for name, samples in inputs(folder, title, film).items():
                names = Voices().diarise(write_sound(folder / "a.npy", samples, 48000), lines)
                score = right(names, truth), same, len(set(names)), len(set(truth))
                rows.setdefault(name, []).append(score)
    print(f"{given.titles} titles of {given.seconds:g} s\n")
    print("| input | lines right | all the same | speakers found | true |\n|---|---|---|---|---|")
    for name, scores in rows.items():
        mean = np.mean(scores, axis=0)
        print(f"| {name} | {100 * mean[0]:.0f} % | {100 * mean[1]:.0f} % | {mean[2]:.1f} | {mean[3]:.1f} |")


if __name__ == "__main__":
    main()

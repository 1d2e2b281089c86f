"""Is each language of the film set recognised as itself, in voices that were never heard in training?

    python studies/filmset_languages.py FOLDER

Renders 42 titles with their voice stems below FOLDER (kept when there), trains one Gaussian mixture a
language on the decoded stems of the training titles (shifted delta cepstra, Torres-Carrasquillo et al.,
2002), and names the language of every track of the held-out titles, whose voices, timbres and sentences
occur in no training title. Prints the confusion of tracks and of single lines; exits with 1 unless every
language is named more often than any other for its tracks.
"""

import argparse
import sys
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.fft import dct
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from filmset import LANGUAGES, FilmSet, Settings, Title
from filmset.render import render
from lssd.media import read_sound
from lssd.models.preprocessing import mel_filters

RATE, WINDOW, HOP = 48000, 1200, 480
SETTINGS = Settings(seed=21, seconds=45.0, sizes=("96x64",), held_out=1 / 3, dubs_per_title=3, stems=True)


def features(voice: np.ndarray) -> np.ndarray:
    """Shifted delta cepstra 7-1-3-7 with the cepstra themselves, (T, 56), of the moments that sound."""
    if len(voice) < 40 * HOP:
        return np.zeros((0, 56))
    frames = np.lib.stride_tricks.sliding_window_view(voice, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel = np.log(power @ mel_filters(RATE, WINDOW, 28, 150, 7000).T + 1e-8)
    cepstra = dct(mel, norm="ortho")[:, :7]
    sounding = mel.mean(axis=1) > np.quantile(mel.mean(axis=1), 0.95) - 5
    cepstra = (cepstra - cepstra[sounding].mean(axis=0)) / (cepstra[sounding].std(axis=0) + 1e-6)
    deltas = cepstra[2:] - cepstra[:-2]
    count = len(deltas) - 18
    stacked = [cepstra[1 : 1 + count], *(deltas[3 * k : 3 * k + count] for k in range(7))]
    return np.hstack(stacked)[sounding[1 : 1 + count]]


def lines(title: Title, film: Path) -> list[tuple[str, str, np.ndarray]]:
    """(track, language, features) of every line of a title, whispers left out: they have no melody."""
    found = []
    for track in title.tracks:
        voice = read_sound(film.with_suffix(".stems") / f"voices.{track.key}.flac")[0]
        for shot in title.shots:
            for line in shot.lines:
                spoken = line.spoken[track.key]
                span = slice(round(spoken.start_s * RATE), round(spoken.end_s * RATE))
                if line.style != "whispered":
                    found.append((f"{title.name} {track.key}", track.language, features(voice[span])))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    warnings.simplefilter("ignore", ConvergenceWarning)  # 60 rounds are enough here
    films: FilmSet = render(folder, 42, SETTINGS, workers=2)
    by_split = defaultdict(list)
    for title, film in zip(films.titles, films.films, strict=True):
        by_split[title.split] += lines(title, film)
    models = {}
    for language in LANGUAGES:
        heard = np.concatenate([found for _, spoken, found in by_split["train"] if spoken == language])
        models[language] = GaussianMixture(48, covariance_type="diag", random_state=0, max_iter=60).fit(heard)
    tracks: dict[tuple[str, str], np.ndarray] = defaultdict(lambda: np.zeros(len(LANGUAGES)))
    named = np.zeros((2, len(LANGUAGES), len(LANGUAGES)), dtype=int)  # tracks, lines
    for track, language, found in by_split["test"]:
        if len(found):
            scores = np.array([models[one].score_samples(found).sum() for one in LANGUAGES])
            tracks[track, language] += scores
            named[1, LANGUAGES.index(language), scores.argmax()] += 1
    for (_, language), scores in tracks.items():
        named[0, LANGUAGES.index(language), scores.argmax()] += 1
    for what, confusion in zip(("tracks", "lines"), named, strict=True):
        print(f"held-out {what}: {np.trace(confusion) / confusion.sum():.1%} right of {confusion.sum()}")
        print("spoken  named " + " ".join(f"{language:>4}" for language in LANGUAGES))
        for language, row in zip(LANGUAGES, confusion, strict=True):
            print(f"{language:<13} " + " ".join(f"{count:>4}" for count in row))
    best = named[0].argmax(axis=1) == np.arange(len(LANGUAGES))
    return int(not best.all())


if __name__ == "__main__":
    sys.exit(main())

"""What simple statistics score on the film world's probe tasks: neither nothing nor all.

    python studies/filmset_baselines.py OUT [--seed 0] [--items 50] [--workers 2] [--tasks NAME ...]

Writes the tasks into OUT/tasks (kept when whole), computes the same few statistics of every sound (log-mel
bands: levels, spread, modulation) and of every film (colours, edges, motion), trains a support vector
machine on four folds and judges it on the fifth, each in turn, and prints a Markdown table. Exit code 1 when
a task lies outside the band: at least 15 points above chance, at most 95 %.
"""

import argparse
import csv
import itertools
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.fft import dct
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from filmset.tasks import TASKS, write_tasks
from lssd.media import probe, read_frames, read_sound
from lssd.models.preprocessing import mel_filters

ABOVE_CHANCE, HIGHEST = 15.0, 95.0
RATE, WINDOW, HOP, MELS = 24000, 1024, 300, 64
MODULATIONS_HZ = (0.7, 1.5, 3, 6, 12, 24, 38)
SIGHT_FPS, COARSE, FINE = 12.5, (4, 6), (8, 10)
LAGS = 40  # frames of 40 ms, either way, by which sound and picture are moved against each other


def log_mel(sound: np.ndarray) -> np.ndarray:
    """Decibels (L, MELS) every 12.5 ms of (S,) at RATE."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, WINDOW // 2), WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    return 10 * np.log10(power @ mel_filters(RATE, WINDOW, MELS).T + 1e-8)


def sound_statistics(path: Path) -> np.ndarray:
    """One vector of a file's sound."""
    mel = log_mel(read_sound(path, sample_rate=RATE, channels=1)[0])
    cepstra = dct(mel, axis=1, norm="ortho")[:, :20]
    steps = np.abs(np.diff(mel, axis=0))
    bands = mel.reshape(len(mel), 8, -1).mean(2)
    spectrum = np.abs(np.fft.rfft((bands - bands.mean(0)) * np.hanning(len(bands))[:, None], axis=0)) ** 2
    hz = np.fft.rfftfreq(len(bands), HOP / RATE)
    edges = itertools.pairwise(MODULATIONS_HZ)
    modulation = [np.log(spectrum[(hz >= low) & (hz < high)].mean(0) + 1e-3) for low, high in edges]
    return np.concatenate(
        [
            *(mel.mean(0), mel.std(0), np.percentile(bands, (5, 50, 95), axis=0).ravel()),
            *(cepstra.std(0), np.diff(cepstra, axis=0).std(0), steps.reshape(len(steps), 8, -1).mean((0, 2))),
            *modulation,
        ]
    )


def frames_of(path: Path, fps: float = SIGHT_FPS) -> np.ndarray:
    """float32 (T, H, W, 3) in 0..1."""
    video = probe(path).video
    assert video is not None
    times = (np.arange(round(video.duration_s * fps)) + 0.5) / fps
    return read_frames(path, times.tolist()).astype(np.float32) / 255


def in_cells(values: np.ndarray, grid: tuple[int, int] = COARSE) -> np.ndarray:
    """(..., H, W) -> means (..., cells) of a grid's cells."""
    *rest, height, width = values.shape
    rows, columns = grid
    tall, wide = height // rows, width // columns
    cut = values[..., : tall * rows, : wide * columns].reshape(*rest, rows, tall, columns, wide)
    return cut.mean((-3, -1)).reshape(*rest, -1)


def motion(frames: np.ndarray) -> np.ndarray:
    """(T - 1, cells): how much the brightness of each cell's pixels changes from picture to picture."""
    return in_cells(np.abs(np.diff(frames.mean(3), axis=0)))


def picture_statistics(path: Path) -> np.ndarray:
    """One vector of a film's picture."""
    frames = frames_of(path)
    grey = frames.mean(3)
    colours = in_cells(np.moveaxis(frames, 3, 1)).reshape(len(frames), -1)
    histogram = [np.histogram(frames[..., c], 8, (0, 1))[0] / frames[..., c].size for c in range(3)]
    saturation = frames.max(3) - frames.min(3)
    down, right = np.gradient(grey[::4], axis=(1, 2))
    edges = [in_cells(np.abs(step)).mean(0) for step in (down, right)]
    moves = motion(frames)
    whole = moves.mean(1)
    spectrum = np.abs(np.fft.rfft((whole - whole.mean()) * np.hanning(len(whole)))) ** 2
    fine = grey[::4] - (np.roll(grey[::4], 1, 1) + np.roll(grey[::4], 1, 2)) / 2
    return np.concatenate(
        [
            *(colours.mean(0), colours.std(0), *histogram, *edges),
            *(np.log(moves.mean(0) + 1e-4), np.log(moves.std(0) + 1e-4), np.log(moves.max(0) + 1e-4)),
            *(np.log(spectrum.reshape(-1)[1:16] + 1e-8), [saturation.mean(), saturation.std()]),
            [np.log(fine.std()), np.percentile(grey, 5), np.percentile(grey, 95), grey.std()],
        ]
    )


def agreement(path: Path) -> np.ndarray:
    """Whether loudness rises and falls with some part of the picture now rather than sooner or later."""
    grey = frames_of(path, 25.0).mean(3)
    mel = log_mel(read_sound(path, sample_rate=RATE, channels=1)[0])
    places = np.linspace(0, len(mel), len(grey) + 1).astype(int)
    loud = np.stack([mel[a : max(b, a + 1)].mean() for a, b in itertools.pairwise(places)])
    light = in_cells(grey, FINE)
    rising = np.abs(np.diff(loud, prepend=loud[0]))
    found = []
    for heard, seen in (
        (loud, light),
        (rising, in_cells(np.abs(np.diff(grey, axis=0, prepend=grey[:1])), FINE)),
    ):
        heard, seen = ((one - one.mean(0)) / (one.std(0) + 1e-3 * np.abs(one).max()) for one in (heard, seen))
        by_lag = np.array([_likeness(heard, seen, lag) for lag in range(-LAGS, LAGS + 1)])
        for best in (np.sort(by_lag, axis=1)[:, -1], np.sort(by_lag, axis=1)[:, -4:].mean(1)):
            now, else_ = best[LAGS - 2 : LAGS + 3].max(), np.delete(best, range(LAGS - 7, LAGS + 8)).max()
            found += [now, else_, now - else_]
    return np.array(found)


def _likeness(heard: np.ndarray, seen: np.ndarray, lag: int) -> np.ndarray:
    """|correlation| of a curve with each cell's, the sound `lag` frames later."""
    count = len(heard)
    a, b = heard[max(0, lag) : count + min(0, lag)], seen[max(0, -lag) : count - max(0, lag)]
    return np.abs((a[:, None] * b).mean(0)) * np.sqrt(len(a) / count)


def statistics(job: tuple[Path, str]) -> list[np.ndarray]:
    """The vectors of one item by its task's modality."""
    path, modality = job
    if modality == "audio":
        return [sound_statistics(path)]
    if modality == "picture":
        return [picture_statistics(path)]
    return [sound_statistics(path), picture_statistics(path), agreement(path)]


class Data:
    """A task's blocks of statistics (N, D), labels (N, classes) as 0 and 1, folds (N,) and groups (N,)."""

    def __init__(self, folder: Path, workers: int) -> None:
        described = json.loads((folder / "task_metadata.json").read_text())
        self.many = described["prediction_type"] == "multilabel"
        modality = described["modality"]
        media = folder / ("48000" if modality == "audio" else "films")
        vocabulary = [row["label"] for row in read_rows(folder / "labelvocabulary.csv")]
        groups = {row["item"]: row["group"] for row in read_rows(folder / "groups.csv")}
        paths, labels, folds = [], [], []
        for number, split in enumerate(described["splits"]):
            for name, found in json.loads((folder / f"{split}.json").read_text()).items():
                paths.append(media / split / name)
                labels.append([label in found for label in vocabulary])
                folds.append(number)
        self.labels, self.folds = np.array(labels, dtype=int), np.array(folds)
        self.groups = np.array([groups[path.name] for path in paths])
        with ProcessPoolExecutor(workers) as pool:
            jobs = [(path, modality) for path in paths]
            found = list(pool.map(statistics, jobs, chunksize=8))
        self.blocks = [np.stack(block) for block in zip(*found, strict=True)]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scores(data: Data) -> np.ndarray:
    """(N, classes) decision values of every item, from a machine that never saw its fold."""
    found = np.zeros(data.labels.shape)
    for fold in np.unique(data.folds):
        train, test = data.folds != fold, data.folds == fold
        scalers = [StandardScaler().fit(block[train]) for block in data.blocks]
        x, x_test = (
            np.hstack(
                [
                    scaler.transform(block[rows]) / np.sqrt(block.shape[1])  # each block weighs the same
                    for scaler, block in zip(scalers, data.blocks, strict=True)
                ]
            )
            for rows in (train, test)
        )
        targets = data.labels if data.many else data.labels.argmax(1)[:, None]
        for column in range(targets.shape[1]):
            machine = SVC(C=4.0, decision_function_shape="ovr")
            values = machine.fit(x, targets[train, column]).decision_function(x_test)
            if data.many:
                found[test, column] = values
            elif values.ndim == 1:
                found[test] = np.stack([-values, values], axis=1)
            else:
                found[test] = values
    return found


def measure(data: Data, values: np.ndarray, rows: np.ndarray) -> float:
    """Accuracy, or mean average precision where items have any number of labels, in percent."""
    if data.many:
        return 100 * float(average_precision_score(data.labels[rows], values[rows]))
    return 100 * float((data.labels[rows].argmax(1) == values[rows].argmax(1)).mean())


def interval(data: Data, values: np.ndarray, resamples: int = 500) -> tuple[float, float]:
    """95 % over groups drawn anew."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(data.groups == group) for group in np.unique(data.groups)]
    drawn = []
    for _ in range(resamples):
        rows = np.concatenate([members[place] for place in rng.integers(len(members), size=len(members))])
        drawn.append(measure(data, values, rows))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--items", type=int, default=50, help="a class")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), metavar="NAME")
    chosen = parser.parse_args()
    folders = write_tasks(chosen.out / "tasks", chosen.seed, chosen.items, chosen.tasks, chosen.workers)
    print("| task | of | classes | items | chance | statistics | 95 % interval |")
    print("|---|---|---:|---:|---:|---:|---|")
    outside = []
    for name, folder in zip(chosen.tasks, folders, strict=True):
        data = Data(folder, chosen.workers)
        values = scores(data)
        count, classes = data.labels.shape
        chance = 100 * float(data.labels.mean())  # one class in so many, or the share of items with a label
        score = measure(data, values, np.arange(count))
        low, high = interval(data, values)
        kind = TASKS[name].modality + (", mAP" if data.many else "")
        print(
            f"| `{name}` | {kind} | {classes} | {count} | {chance:.1f} | {score:.1f} "
            f"| {low:.1f} to {high:.1f} |",
            flush=True,
        )
        if not chance + ABOVE_CHANCE <= score <= HIGHEST:
            outside.append(f"{name}: {score:.1f} % lies outside {chance + ABOVE_CHANCE:.1f} to {HIGHEST:g} %")
    for line in outside:
        print(line, file=sys.stderr)
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())

"""heareval's predictor and ours on the same frozen embeddings: do their scores agree?

    PYTHONPATH=src python studies/hear_agreement.py OUT --peer PEER/bin/python --digits DIGITS
        [--takes 10] [--seeds 2] [--digit-seeds 6]

Three tasks of different kinds: spoken digits by speakers never heard in training (DIGITS: a folder of
`{digit}_{speaker}_{take}.wav`, as the Free Spoken Digit Dataset has them; the first `--takes` of each), which
events are heard (several labels) and in which style sentences are spoken (rendered into OUT as by
`lssd filmset --tasks`, kept when whole). The embedding is statistics of the log-mel spectrogram, computed
once and handed to both sides as files. heareval runs in an environment of its own (PEER: see
benchmarks/heareval_peer.py), each of `--seeds` times from another state of torch's generator; ours with as
many seeds. Digits need more of them: on 400 training items of few speakers a seed moves either side's score
by 2 to 3 points.

Prints a Markdown table. Differences are ours less heareval's; their standard error is the paired jackknife's
over items, which takes in the spread between seeds. Exit code 1 when one is beyond 2 standard errors, or
when a score lies outside 50 to 95 %, where agreement would mean little.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.fft import dct
from scipy.special import log_softmax

from filmset.tasks import write_tasks
from lssd.errors import InputError
from lssd.evaluation.predictions import Predictions
from lssd.evaluation.probes import Division, judge
from lssd.evaluation.statistics.intervals import paired_interval
from lssd.evaluation.tasks import read_task
from lssd.media import read_sound
from lssd.models.preprocessing import mel_filters

RATE, WINDOW, HOP, MELS = 16000, 512, 160, 64
HEAREVAL = Path(__file__).parents[1] / "benchmarks" / "heareval_peer.py"
PROBES = ("hear-strict", "hear-fixed")
RENDERED = {
    "filmset_events": 240,
    "filmset_prosody": 60,
}  # and items a class: as many as scores above 50 % need


@dataclass(frozen=True)
class Sounds:
    """A task as files: each item's labels and split, and how its authors judge."""

    name: str
    paths: list[Path]
    labels: tuple[str, ...]
    targets_NC: np.ndarray
    splits: list[str]
    metric: str

    @property
    def multilabel(self) -> bool:
        return self.metric == "mAP"


def digits(folder: Path, takes: int) -> Sounds:
    """Which digit is said; a fold a speaker."""
    paths = [path for path in sorted(folder.glob("?_*_*.wav")) if int(path.stem.split("_")[2]) < takes]
    if not paths:
        raise InputError(f"no {{digit}}_{{speaker}}_{{take}}.wav in {folder}; name a folder that has them")
    said, speaker, _ = zip(*(path.stem.split("_") for path in paths), strict=True)
    targets_NC = np.eye(10, dtype=bool)[[int(digit) for digit in said]]
    folds = {name: f"fold{number:02d}" for number, name in enumerate(sorted(set(speaker)))}
    splits = [folds[name] for name in speaker]
    return Sounds("digits", paths, tuple("0123456789"), targets_NC, splits, "top1_acc")


def film_set(folder: Path) -> Sounds:
    """A rendered task."""
    task = read_task(folder)
    targets_NC = np.array([[label in item.labels for label in task.labels] for item in task.items])
    paths, splits = [item.path for item in task.items], [item.split for item in task.items]
    metric = "mAP" if task.prediction_type == "multilabel" else "top1_acc"
    return Sounds(task.name, paths, task.labels, targets_NC, splits, metric)


def embed(path: Path) -> np.ndarray:
    """Of each band level, spread, skew, change, speed of change, its level in four parts of the sound and at
    the loudest moments; of cepstra the spread: (712,), of the order of one."""
    sound_S = read_sound(path, sample_rate=RATE, channels=1)[0]
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound_S, WINDOW), WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    mel_LM = (10 * np.log10(power @ mel_filters(RATE, WINDOW, MELS).T + 1e-8) + 40) / 20
    mean_M, deviation_M = mel_LM.mean(axis=0), mel_LM.std(axis=0) + 1e-6
    skew_M = ((mel_LM - mean_M) ** 3).mean(axis=0) / deviation_M**3 / 3
    parts = [part.mean(axis=0) for part in np.array_split(mel_LM, 4)]
    above_LM = mel_LM - np.median(mel_LM, axis=0)
    loudest = np.argsort(-above_LM.mean(axis=1))[: max(1, len(above_LM) // 20)]
    cepstra = dct(mel_LM, axis=1, norm="ortho")[:, :20]
    change_LM = np.diff(mel_LM, axis=0)
    statistics = [mean_M, deviation_M, skew_M, np.abs(change_LM).mean(axis=0), *parts]
    statistics += [
        above_LM[loudest].mean(axis=0),
        cepstra.std(axis=0) / 2,
        np.diff(cepstra, axis=0).std(axis=0) / 2,
    ]
    return np.concatenate([*statistics, *modulations(mel_LM)]).astype(np.float32)


def modulations(mel_LM: np.ndarray) -> list[np.ndarray]:
    """How strongly each of 16 bands rises and falls at a speed."""
    bands = mel_LM.reshape(len(mel_LM), 16, -1).mean(axis=2)
    tapered = (bands - bands.mean(axis=0)) * np.hanning(len(bands))[:, None]
    power, hz = np.abs(np.fft.rfft(tapered, axis=0)) ** 2, np.fft.rfftfreq(len(bands), HOP / RATE)
    return [
        np.log(power[(hz >= low) & (hz < high)].sum(axis=0) + 1e-3) / 5
        for low, high in itertools.pairwise((0.7, 1.5, 3, 6, 12, 24, 49))
    ]


def ours(sounds: Sounds, x_ND: np.ndarray, probe: str, seeds: int) -> Predictions:
    names, split_N = sorted(set(sounds.splits)), np.array(sounds.splits)
    y = sounds.targets_NC if sounds.multilabel else sounds.targets_NC.argmax(axis=1)
    divisions, tests = [], []
    for number, test in enumerate(names):
        valid = names[(number + 1) % len(names)]
        train_N = (split_N != test) & (split_N != valid)
        parts = [np.flatnonzero(part) for part in (train_N, split_N == valid, split_N == test)]
        divisions.append(Division(x_ND[parts[0]], y[parts[0]], x_ND[parts[1]], y[parts[1]], x_ND[parts[2]]))
        tests.append(parts[2])
    scores_SNC = np.empty((seeds, *sounds.targets_NC.shape), dtype=np.float32)
    for seed in range(seeds):
        judged = judge(
            probe,
            divisions,
            len(sounds.labels),
            multilabel=sounds.multilabel,
            metric=sounds.metric,
            seed=seed,
            device="cpu",
        )
        for rows, scores in zip(tests, judged.scores, strict=True):
            scores_SNC[seed, rows] = scores
    return predictions(sounds, scores_SNC)


def theirs(sounds: Sounds, x_ND: np.ndarray, peer: str, seeds: int) -> Predictions:
    scores_SNC = np.full((seeds, *sounds.targets_NC.shape), np.nan, dtype=np.float32)
    about = {
        "split_mode": "presplit_kfold",
        "splits": sorted(set(sounds.splits)),
        "prediction_type": "multilabel" if sounds.multilabel else "multiclass",
        "evaluation": [sounds.metric],
    }
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as scratch:
            given, found, work = (Path(scratch) / name for name in ("given.npz", "found.npz", "work"))
            work.mkdir()
            np.savez(given, x=x_ND, targets=sounds.targets_NC, split=sounds.splits, task=json.dumps(about))
            command = [peer, HEAREVAL, given, found, work, "--seed", 42 + seed]
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace")
            if done.returncode:
                raise SystemExit(f"heareval failed: {done.stderr[-2000:]}")
            answers = dict(np.load(found))
        scores_SNC[seed, answers["rows"]] = answers["scores"]
    return predictions(sounds, scores_SNC if sounds.multilabel else log_softmax(scores_SNC, axis=2))


def predictions(sounds: Sounds, scores_SNC: np.ndarray) -> Predictions:
    items = tuple(f"{path.parent.name}/{path.name}" for path in sounds.paths)
    seeds = tuple(range(len(scores_SNC)))
    return Predictions(items, None, tuple(sounds.splits), sounds.labels, sounds.targets_NC, scores_SNC, seeds)


def compare(sounds: Sounds, arguments: argparse.Namespace) -> tuple[str, bool]:
    """A row of the table, and whether it is as it should be."""
    # heareval never shuffles what it trains on: like its embedding stage, shuffle the items of a task once.
    order = np.random.default_rng(0).permutation(len(sounds.paths)).tolist()
    sounds = Sounds(
        sounds.name,
        [sounds.paths[item] for item in order],
        sounds.labels,
        sounds.targets_NC[order],
        [sounds.splits[item] for item in order],
        sounds.metric,
    )
    x_ND = np.stack([embed(path) for path in sounds.paths])
    start = time.perf_counter()
    seeds = arguments.digit_seeds if sounds.name == "digits" else arguments.seeds
    kit = theirs(sounds, x_ND, arguments.peer, seeds)
    kit_s = (time.perf_counter() - start) / seeds
    score = 100 * kit.measure(sounds.metric)
    cells = [sounds.name, str(seeds), str(len(x_ND)), str(len(sounds.labels)), sounds.metric, f"{score:.1f}"]
    good, seconds = 50 <= score <= 95, [f"{kit_s:.0f}"]
    for probe in PROBES:
        start = time.perf_counter()
        found = ours(sounds, x_ND, probe, seeds)
        seconds.append(f"{(time.perf_counter() - start) / seeds:.0f}")
        paired = paired_interval(kit, found, sounds.metric)
        errors = abs(paired.difference) / paired.error
        good &= errors <= 2
        cells += [f"{100 * found.measure(sounds.metric):.1f}"]
        cells += [f"{100 * paired.difference:+.1f} ± {100 * paired.error:.1f} ({errors:.1f})"]
    return f"| {' | '.join([*cells, ' / '.join(seconds)])} |", bool(good)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--peer", required=True, help="the Python of an environment with heareval")
    parser.add_argument("--digits", type=Path, help="without it, the rendered tasks alone")
    parser.add_argument("--takes", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--digit-seeds", type=int, default=6)
    arguments = parser.parse_args()
    tasks = []
    for name, items in RENDERED.items():
        (folder,) = write_tasks(arguments.out / str(items), 0, items, [name], workers=2)
        tasks.append(film_set(folder))
    if arguments.digits:
        tasks.insert(0, digits(arguments.digits, arguments.takes))
    print("scores in percent; difference ± standard error (errors apart)")
    heads = [f"{probe} | less heareval's" for probe in PROBES]
    print(f"| task | seeds | items | classes | metric | heareval | {' | '.join(heads)} | seconds a seed |")
    print("|" + "---|" * 11)
    fine = True
    for sounds in tasks:
        row, good = compare(sounds, arguments)
        print(row, flush=True)
        fine &= good
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())

"""Log-mel spectrograms on the CPU beside torchaudio's and librosa's, in one run and at one precision.

    OMP_NUM_THREADS=1 PYTHONPATH=src PEERS/bin/python benchmarks/log_mel.py [--rounds 15]

PEERS is an environment with torchaudio and librosa (and safetensors); a peer that does not import is
named and left out. All take float32 windows of 3 s and give decibels by the paper's settings (n_fft 1024,
hop 501, 96 mels). Rounds are interleaved, so that what else runs on the machine hits all alike; in a round
each runs three times on end, and its fastest run of all counts, which is the one least disturbed. Rows of
one thread count the processor time of that thread, rows of two the clock. "peer" is the faster of the two.
All values must agree with double precision: within 0.02 dB wherever a band is less than 90 dB below its
frame's loudest, which is where single precision's Fourier transform still holds.

Threads of one operation wait for each other: rows of two threads mean something on an idle machine alone.
The bar: ours is the fastest in every row. Exit code 1 when it is not, or when values disagree.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from lssd.models import LogMel, SoundInputConfig

Transform = Callable[[torch.Tensor], torch.Tensor]


def ours(config: SoundInputConfig, dtype: torch.dtype = torch.float32) -> Transform:
    module = LogMel(config, dtype)
    return lambda x_BCS: module(x_BCS)


def from_torchaudio(config: SoundInputConfig) -> Transform:
    import torchaudio

    mel = torchaudio.transforms.MelSpectrogram(
        config.sample_rate,
        n_fft=config.n_fft,
        hop_length=config.hop,
        n_mels=config.mels,
        pad_mode=config.pad_mode,
        norm=None,
        mel_scale="htk",
    )
    decibels = torchaudio.transforms.AmplitudeToDB("power")
    return lambda x_BCS: decibels(mel(x_BCS))


def from_librosa(config: SoundInputConfig) -> Transform:
    import librosa

    def transform(x_BCS: torch.Tensor) -> torch.Tensor:
        mel = librosa.feature.melspectrogram(
            y=x_BCS.numpy(),
            sr=config.sample_rate,
            n_fft=config.n_fft,
            hop_length=config.hop,
            n_mels=config.mels,
            pad_mode=config.pad_mode,
            htk=True,
            norm=None,
        )
        return torch.from_numpy(librosa.power_to_db(mel, ref=1.0, amin=config.floor, top_db=None))

    return transform


def sounds(config: SoundInputConfig, batch: int, channels: int) -> torch.Tensor:
    """Noise, loud and quiet, with a tone in it: (B, C, S)."""
    stream = np.random.RandomState(0)
    noise = stream.randn(batch, channels, config.samples) * 10.0 ** stream.uniform(
        -4, -1, (batch, channels, 1)
    )
    time_s = np.arange(config.samples) / config.sample_rate
    return torch.from_numpy(noise + 0.3 * np.sin(2 * np.pi * 440 * time_s)).float()


def disagreement(found: torch.Tensor, exact: torch.Tensor) -> float:
    """The largest difference in dB where single precision can be asked for an answer."""
    audible = exact > exact.amax(dim=-2, keepdim=True) - 90
    return float((found.double() - exact)[audible].abs().max())


def fastest(transforms: dict[str, Transform], x_BCS: torch.Tensor, rounds: int) -> dict[str, float]:
    """Seconds a call, by name; the first round warms up and does not count."""
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    spent = dict.fromkeys(transforms, float("inf"))
    for turn in range(rounds + 1):
        for name, transform in transforms.items():
            for _ in range(3):
                start = clock()
                transform(x_BCS)
                if turn:
                    spent[name] = min(spent[name], clock() - start)
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # both peers warn of empty mel bands, as expected here
    cases = [(48000, 1, batch) for batch in (1, 8, 64)] + [(48000, 2, 8), (44100, 1, 8)]
    load = os.getloadavg()[0]
    print(f"torch {torch.__version__}; load of {os.cpu_count()} cores {load:.1f}; ms a window of 3 s")
    print("| kHz | channels | batch | threads | ours | torchaudio | librosa | peer / ours | max dB off |")
    print("|" + "---|" * 9)
    failed = False
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for rate, channels, batch in cases:
            config = SoundInputConfig(sample_rate=rate)
            transforms = {"ours": ours(config)}
            for name, make in (("torchaudio", from_torchaudio), ("librosa", from_librosa)):
                try:
                    transforms[name] = make(config)
                except (ImportError, OSError) as error:
                    print(f"{name} is left out: {error}", file=sys.stderr)
            x_BCS = sounds(config, batch, channels)
            exact = ours(config, torch.float64)(x_BCS)
            off = max(disagreement(transform(x_BCS), exact) for transform in transforms.values())
            rounds = arguments.rounds if batch < 64 else max(arguments.rounds // 3, 3)
            times = fastest(transforms, x_BCS, rounds)
            peers = [seconds for name, seconds in times.items() if name != "ours"]
            ratio = min(peers, default=float("nan")) / times["ours"]
            failed |= ratio < 1 or off > 0.02
            cells = [
                f"{1e3 * times[name] / batch:.2f}" if name in times else "-"
                for name in ("ours", "torchaudio", "librosa")
            ]
            print(
                f"| {rate / 1000:g} | {channels} | {batch} | {threads} | {' | '.join(cells)} "
                f"| {ratio:.2f} | {off:.4f} |",
                flush=True,
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""Speech and background of film-set titles by several ways, against the stems that they were mixed from.

    python benchmarks/separation.py [--titles 4] [--seconds 40] [--voices FOLDER]
    python benchmarks/separation.py --memory 2 10

SI-SDR in dB (Le Roux et al. 2019, eq. 5) of both parts over all channels, and how much better that is than
the mix itself; means over the titles, and the worst title's gains. The ways: what `lssd dub` has, the
network of its `deepfilter` alone, RNNoise (`pip install pyrnnoise`; its library is called directly),
REPET-SIM (Rafii and Pardo 2012, as in librosa's documentation), harmonic-percussive separation, the centre
of stereo and 5.1, and as the limit of all masks the ideal one. --voices takes recorded speech instead of
espeak-ng's (`filmset.words.recorded` says how it lies there).

--memory separates stereo of so many minutes, each in a process of its own, and prints the peak.
"""

import argparse
import ctypes
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import librosa
import numpy as np
import torch
from scipy.signal import istft, stft

from filmset import Settings
from filmset.render import render
from lssd.dubbing.separation import DeepFilter
from lssd.dubbing.separation.separator import crossfaded
from lssd.dubbing.sound import write_sound
from lssd.media import read_sound

RATE, WINDOW = 48_000, 2048
Way = Callable[[np.ndarray], np.ndarray]  # mix (C, S) -> speech (C, S)
_MEMORY = """
import json, re, sys, time
from pathlib import Path
import torch
from lssd.dubbing.separation import DeepFilter
from lssd.dubbing.sound import Sound
torch.set_num_threads(1)
path = Path(sys.argv[1])
start = time.perf_counter()
DeepFilter().separate(Sound(path, 48_000), path.with_name("speech.npy"), path.with_name("background.npy"))
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"peak": peak, "wall": time.perf_counter() - start}))
"""


def si_sdr(estimate: np.ndarray, truth: np.ndarray) -> float:
    estimate, truth = estimate.ravel().astype(float), truth.ravel().astype(float)
    target = (estimate @ truth) / (truth @ truth) * truth
    return float(10 * np.log10((target @ target) / (np.square(estimate - target).sum() + 1e-20)))


def spectra(samples: np.ndarray) -> np.ndarray:
    return stft(samples, nperseg=WINDOW, noverlap=WINDOW * 3 // 4, axis=-1)[2]


def masked(mix_CS: np.ndarray, mask_CFT: np.ndarray) -> np.ndarray:
    made_CS = istft(spectra(mix_CS) * mask_CFT, nperseg=WINDOW, noverlap=WINDOW * 3 // 4)[1]
    return made_CS[:, : mix_CS.shape[1]].astype(np.float32)


def ideal(speech_CS: np.ndarray, background_CS: np.ndarray) -> np.ndarray:
    """The ratio mask of the true powers."""
    speech_CFT, background_CFT = (np.abs(spectra(part)) ** 2 for part in (speech_CS, background_CS))
    return masked(speech_CS + background_CS, speech_CFT / (speech_CFT + background_CFT + 1e-12))


def repet_sim(mix_CS: np.ndarray) -> np.ndarray:
    """Speech is what the median of similar frames does not repeat."""
    masks = []
    for samples_S in mix_CS:
        size_FT = np.abs(spectra(samples_S)).astype(np.float32)
        width = int(librosa.time_to_frames(2, sr=RATE, hop_length=WINDOW // 4))
        repeated_FT = librosa.decompose.nn_filter(size_FT, aggregate=np.median, metric="cosine", width=width)
        repeated_FT = np.minimum(size_FT, repeated_FT)
        masks.append(librosa.util.softmask(size_FT - repeated_FT, 10 * repeated_FT, power=2))
    return masked(mix_CS, np.stack(masks))


def harmonic(mix_CS: np.ndarray) -> np.ndarray:
    sizes_CFT = np.abs(spectra(mix_CS))
    return masked(mix_CS, np.stack([librosa.decompose.hpss(size_FT, mask=True)[0] for size_FT in sizes_CFT]))


def centre(mix_CS: np.ndarray) -> np.ndarray:
    """What left and right share; in 5.1 the centre channel itself."""
    if len(mix_CS) > 2:
        speech_CS = np.zeros_like(mix_CS)
        speech_CS[2] = mix_CS[2]
        return speech_CS
    left_FT, right_FT = spectra(mix_CS)
    alike_FT = 2 * (left_FT * right_FT.conj()).real / (np.abs(left_FT) ** 2 + np.abs(right_FT) ** 2 + 1e-12)
    return masked(mix_CS, np.clip(alike_FT, 0.0, 1.0)[None])


def rnnoise() -> Way | None:
    """RNNoise in each channel; None where pyrnnoise is not installed."""
    if (spec := importlib.util.find_spec("pyrnnoise")) is None or spec.origin is None:
        return None
    library = ctypes.CDLL(str(next(Path(spec.origin).parent.glob("librnnoise.*"))))
    library.rnnoise_create.restype = ctypes.c_void_p
    library.rnnoise_create.argtypes = library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p] * 3

    def one(samples_S: np.ndarray) -> np.ndarray:
        frame, delay, state = 480, 960, library.rnnoise_create(None)
        count = -(-(len(samples_S) + delay) // frame)
        given = np.zeros(count * frame, np.float32)
        given[: len(samples_S)] = samples_S * 32768  # it expects the range of 16 bits
        made = np.zeros_like(given)
        for k in range(0, len(given), frame):
            library.rnnoise_process_frame(state, made[k:].ctypes.data, given[k:].ctypes.data)
        library.rnnoise_destroy(state)
        return made[delay : delay + len(samples_S)] / 32768

    return lambda mix_CS: np.stack([one(samples_S) for samples_S in mix_CS])


def ways(backend: DeepFilter, folder: Path) -> dict[str, Way]:
    def whole(mix_CS: np.ndarray) -> np.ndarray:
        sound = write_sound(folder / "mix.npy", mix_CS, RATE)
        backend.separate(sound, folder / "speech.npy", folder / "background.npy")
        return np.load(folder / "speech.npy").T

    def network(mix_CS: np.ndarray) -> np.ndarray:
        sound = write_sound(folder / "mix.npy", mix_CS, RATE)
        pieces = crossfaded(
            sound, lambda block_CS: np.stack([*map(backend._enhanced, block_CS)]), 30 * RATE, 2 * RATE, 2400
        )
        return np.concatenate(list(pieces), axis=1)

    found: dict[str, Way] = {"hpss": harmonic, "repet-sim": repet_sim, "centre": centre}
    if (peer := rnnoise()) is not None:
        found["rnnoise"] = peer
    return {**found, "deepfilter's network alone": network, "**deepfilter**": whole}


def titles(
    folder: Path, arguments: argparse.Namespace, channels: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(speech, background) float32 (C, S) of titles with other seeds than those the method was made on."""
    settings = Settings(
        seed=1000 + channels,
        seconds=arguments.seconds,
        sizes=("64x48",),
        channels=channels,
        languages=("en", "es", "fr", "it") if arguments.voices else Settings(seed=0).languages,
        dubs_per_title=0,
        voices=arguments.voices,
        stems=True,
    )
    films = render(folder / f"{channels}", arguments.titles, settings)
    for title in films.titles:
        stems = films.folder / f"{title.name}.stems"
        background_CS = read_sound(stems / "background.flac") + read_sound(stems / "events.flac")
        yield read_sound(stems / f"voices.{title.tracks[0].key}.flac"), background_CS


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    print("| channels | way | speech | gain | worst | background | gain | worst | × real time |")
    print("|---|---|---|---|---|---|---|---|---|")
    backend = DeepFilter()
    for channels in arguments.channels:
        rows: dict[str, list[list[float]]] = {}
        for speech_CS, background_CS in titles(folder, arguments, channels):
            mix_CS = speech_CS + background_CS
            before = si_sdr(mix_CS, speech_CS), si_sdr(mix_CS, background_CS)
            rows.setdefault("the mix itself", []).append([before[0], 0.0, before[1], 0.0, np.nan])
            limit: dict[str, Way] = {"ideal mask": lambda _, s=speech_CS, b=background_CS: ideal(s, b)}
            for name, way in {**ways(backend, folder), **limit}.items():
                if name == "centre" and channels == 1:
                    continue
                start = time.perf_counter()
                found_CS = way(mix_CS)
                speed = mix_CS.shape[1] / RATE / (time.perf_counter() - start)
                after = si_sdr(found_CS, speech_CS), si_sdr(mix_CS - found_CS, background_CS)
                rows.setdefault(name, []).append(
                    [after[0], after[0] - before[0], after[1], after[1] - before[1], speed]
                )
        for name, values in rows.items():
            speech, gained, background, kept, speed = np.mean(values, axis=0)
            worst = np.min(values, axis=0)
            speech_cells = f"{speech:.1f} | {gained:+.1f} | {worst[1]:+.1f}"
            background_cells = f"{background:.1f} | {kept:+.1f} | {worst[3]:+.1f}"
            speed_cell = "" if np.isnan(speed) else f"{speed:.1f}"
            print(f"| {channels} | {name} | {speech_cells} | {background_cells} | {speed_cell} |", flush=True)


def memory(minutes: list[float], folder: Path) -> None:
    print("| minutes | peak MiB | × real time |\n|---|---|---|")
    for length in minutes:
        noise_CS = (
            np.random.default_rng(0).normal(size=(2, round(length * 60 * RATE))).astype(np.float32) * 0.1
        )
        write_sound(folder / "mix.npy", noise_CS, RATE)
        command = [sys.executable, "-c", _MEMORY, str(folder / "mix.npy")]
        result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(f"| {length:g} | {result['peak']:.0f} | {length * 60 / result['wall']:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--titles", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 2, 6])
    parser.add_argument("--voices")
    parser.add_argument("--memory", type=float, nargs="+")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.memory:
            memory(arguments.memory, Path(folder))
        else:
            compare(arguments, Path(folder))


if __name__ == "__main__":
    main()

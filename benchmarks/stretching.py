"""Time stretching: pitch, length and onsets beside librosa, FFmpeg's atempo and, where it is, Rubber Band.

    OMP_NUM_THREADS=1 [PYTHONPATH=PEERS] python benchmarks/stretching.py

PEERS: a folder with pylibrb (Rubber Band is GPL: `pip install --target PEERS pylibrb`). All mono at 48 kHz.
Per method, over ratios 0.8, 0.9, 1.1 and 1.25: the worst error of tones (110 to 5000 Hz); the median error
along a sweep; for lines by espeak-ng the median change of pitch from frame to frame of the stretched line (by
pyworld), and the median size of that change, all in cents, the worst ratio's; the worst error of the length
and the worst displacement of the onsets of noise bursts in ms; and speed. A method that does not give the
length asked for is cut or padded at its end, as a user would. The bars: 5 cents, 1 ms, 5 ms (the size of
changes has none: it holds the jitter of the pitch tracker). Exit code 1 when ours misses one.
"""

import sys
import time
from collections.abc import Callable
from fractions import Fraction

import av
import librosa
import numpy as np
import pyworld
import torch
from scipy.signal import chirp, hilbert

from lssd.dubbing.stretching import Signalsmith
from lssd.media import resample
from lssd.speech import Synthesiser, voices

RATE = 48_000
RATIOS = (0.8, 0.9, 1.1, 1.25)
BARS = {
    "tone, cents": 5.0,
    "sweep, cents": 5.0,
    "speech, cents": 5.0,
    "speech, size": np.inf,
    "length, ms": 1.0,
    "onset, ms": 5.0,
}
LINES = (
    ("en", "We were all on our way home when it began to rain."),
    ("es", "Mañana vamos todos juntos a la playa."),
    ("de", "Morgen gehen wir alle zusammen an den See."),
)
Method = Callable[[np.ndarray, int], np.ndarray]


def by_librosa(samples_S: np.ndarray, length: int) -> np.ndarray:
    return librosa.effects.time_stretch(samples_S, rate=len(samples_S) / length)


def by_atempo(samples_S: np.ndarray, length: int) -> np.ndarray:
    graph = av.filter.Graph()
    source = graph.add_abuffer(format="fltp", sample_rate=RATE, layout="mono", time_base=Fraction(1, RATE))
    tempo = graph.add("atempo", f"{len(samples_S) / length:.9f}")
    sink = graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples_S[None]), "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    graph.push(frame)
    graph.push(None)
    pieces = []
    while True:
        try:
            frame = sink.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return np.concatenate(pieces)
        pieces.append(as_float(frame))


def as_float(frame: av.AudioFrame) -> np.ndarray:
    return np.asarray(frame.to_ndarray(), np.float32).reshape(-1)


def by_rubberband() -> Method | None:
    try:
        from pylibrb import Option, RubberBandStretcher
    except ImportError:
        return None

    def stretch(samples_S: np.ndarray, length: int) -> np.ndarray:
        options = Option.PROCESS_OFFLINE | Option.ENGINE_FINER
        machine = RubberBandStretcher(RATE, 1, options, length / len(samples_S))
        sound_CS = np.ascontiguousarray(samples_S[None], np.float32)
        machine.set_max_process_size(sound_CS.shape[1])
        machine.study(sound_CS, final=True)
        machine.process(sound_CS, final=True)
        pieces = []
        while (ready := machine.available()) > 0:
            pieces.append(machine.retrieve(ready)[0])
        return np.concatenate(pieces)

    return stretch


def cents(found: np.ndarray | float, true: np.ndarray | float) -> np.ndarray:
    return np.abs(1200 * np.log2(np.maximum(found, 1e-3) / true))


def speed_of_phase(samples_S: np.ndarray) -> np.ndarray:
    """Instantaneous frequency of one tone in Hz."""
    return np.diff(np.unwrap(np.angle(hilbert(samples_S)))) * RATE / 2 / np.pi


def pitch(samples_S: np.ndarray, step_ms: float) -> np.ndarray:
    """F0 in Hz of frames `step_ms` apart, 0 unvoiced."""
    sound = samples_S.astype(np.float64)
    f0_T, times_T = pyworld.dio(sound, RATE, frame_period=step_ms)
    return pyworld.stonemask(sound, f0_T, times_T, RATE)


def pitch_changes(line_S: np.ndarray, result_S: np.ndarray, ratio: float) -> np.ndarray:
    """In cents, of frames that are voiced in both."""
    before_T, after_T = pitch(line_S, 5.0), pitch(result_S, 5.0 * ratio)
    count = min(len(before_T), len(after_T))
    before_T, after_T = before_T[:count], after_T[:count]
    voiced_T = (before_T > 0) & (after_T > 0)
    return 1200 * np.log2(after_T[voiced_T] / before_T[voiced_T])


def spoken() -> list[np.ndarray]:
    with Synthesiser() as synthesiser:
        utterances = [
            synthesiser.utter(text, language, voices(language)[row * 40]).trimmed()
            for row, (language, text) in enumerate(LINES)
        ]
    return [resample(one.samples[None], one.sample_rate, RATE)[0] for one in utterances]


def bursts() -> tuple[np.ndarray, list[int]]:
    generator = np.random.default_rng(1)
    sound, starts = np.zeros(2 * RATE, np.float32), [9_000, 31_000, 52_000, 80_000]
    for start in starts:
        sound[start : start + 4_800] = generator.standard_normal(4_800) * 0.1
    return sound, starts


def onset_ms(result_S: np.ndarray, expected: int) -> float:
    level = np.sqrt(np.convolve(np.square(result_S, dtype=np.float64), np.ones(48) / 48, "same"))
    near = level[expected - 4_800 : expected + 4_800]
    return abs(int(np.argmax(near > 0.05)) - 4_800) / RATE * 1000


def measured(method: Method, lines: list[np.ndarray]) -> dict[str, float]:
    """The table's row of a method."""
    worst = dict.fromkeys(BARS, 0.0)
    seconds, used = 0.0, 0.0

    def note(name: str, value: float) -> None:
        worst[name] = max(worst[name], float(value))

    def stretch(samples_S: np.ndarray, ratio: float) -> np.ndarray:
        nonlocal seconds, used
        length = round(len(samples_S) * ratio)
        begun = time.thread_time()
        result_S = method(samples_S.astype(np.float32), length)
        used += time.thread_time() - begun
        seconds += len(samples_S) / RATE
        note("length, ms", abs(len(result_S) - length) / RATE * 1000)
        return np.pad(result_S, (0, max(0, length - len(result_S))))[:length]

    times = np.arange(2 * RATE) / RATE
    method(lines[0], len(lines[0]) + 480)  # warm
    sound, starts = bursts()
    for ratio in RATIOS:
        for hz in (110.0, 233.0, 1000.0, 5000.0):
            result = stretch(0.4 * np.sin(2 * np.pi * hz * times), ratio)
            note("tone, cents", cents(np.mean(speed_of_phase(result)[RATE // 5 : -RATE // 5]), hz))
        speed = speed_of_phase(stretch(0.4 * chirp(times, 200, 2.0, 800), ratio))
        share = np.arange(len(speed)) / len(speed)
        middle = (share > 0.1) & (share < 0.9)
        note("sweep, cents", np.median(cents(speed[middle], 200 + 600 * share[middle])))
        changes = np.concatenate([pitch_changes(line, stretch(line, ratio), ratio) for line in lines])
        note("speech, cents", abs(np.median(changes)))
        note("speech, size", np.median(np.abs(changes)))
        result = stretch(sound, ratio)
        for start in starts:
            note("onset, ms", onset_ms(result, round(start * ratio)))
    return {**worst, "x real time": seconds / used}


def main() -> int:
    torch.set_num_threads(1)
    ours = Signalsmith()
    methods: dict[str, Method | None] = {
        "ours (Signalsmith)": lambda samples_S, length: ours.stretch(samples_S, RATE, length),
        "librosa": by_librosa,
        "FFmpeg atempo": by_atempo,
        "Rubber Band R3": by_rubberband(),
    }
    lines, rows = spoken(), {}
    print("| method | " + " | ".join([*BARS, "x real time"]) + " |\n|" + "---|" * (len(BARS) + 2))
    for name, method in methods.items():
        if method is None:
            print(f"| {name} | not installed |" + " |" * len(BARS))
            continue
        rows[name] = measured(method, lines)
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in rows[name].values()) + " |", flush=True)
    missed = [name for name, bar in BARS.items() if next(iter(rows.values()))[name] > bar]
    print(f"\nmissed by ours: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

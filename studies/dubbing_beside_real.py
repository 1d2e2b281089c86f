"""A made dub beside a real one: two files of one shot, the original and what a studio made of it.

    python studies/dubbing_beside_real.py OUT --original SHOT_en.mp4 --real SHOT_es.mp4 --to es [--from en]

Prints for both dubs how loud they are against the original, how far their spectra lie from it in speech and
outside (mean distance of log-mel frames, dB), and how much of the original's time of speech theirs covers
(Silero's segments, intersection over union). Outside speech a made dub is the original; a real one was mixed
anew. Writes OUT/tracks.png with the original, the real dub and the made one.
"""

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from lssd.dubbing import DubSettings
from lssd.dubbing.dub import dub
from lssd.dubbing.matching import loudness
from lssd.dubbing.segmentation import Silero
from lssd.dubbing.sound import write_sound
from lssd.media import SoundTrack, iterate_frames, read_sound, write_film
from lssd.models.preprocessing import mel_filters
from lssd.reporting import write_track_figure

_RATE, _WINDOW, _HOP, _TICK = 48000, 2048, 480, 0.01


def levels(samples_S: np.ndarray) -> np.ndarray:
    """Log-mel (frames, 64) in dB."""
    frames = np.lib.stride_tricks.sliding_window_view(samples_S, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    return 10 * np.log10(power @ mel_filters(_RATE, _WINDOW, 64).T + 1e-6)


def active(samples_S: np.ndarray, folder: Path) -> np.ndarray:
    """Whether somebody speaks, every 10 ms."""
    sound = write_sound(folder / "heard.npy", samples_S[None], _RATE)
    ticks = np.zeros(int(len(samples_S) / _RATE / _TICK), bool)
    for one in Silero().segment(sound):
        ticks[round(one.start_s / _TICK) : round(one.end_s / _TICK)] = True
    return ticks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--original", type=Path, required=True)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--from", dest="source", default="en")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = DubSettings(preset="offline", source=arguments.source)
    (report,) = dub([arguments.original], [arguments.to], arguments.out / "dubs", settings)
    if not report.ok:
        print(report.reason or report.languages[0].reason, file=sys.stderr)
        return 1
    original_S, real_S, made_S = (
        read_sound(path, track, sample_rate=_RATE, channels=1)[0]
        for path, track in ((arguments.original, 0), (arguments.real, 0), (report.film, 1))
    )
    spoken = active(original_S, arguments.out)
    (one,) = report.languages
    print(f"{one.spoken} of {one.lines} lines; {len(original_S) / _RATE:.1f} s, {spoken.mean():.0%} speech")
    print("| dub | LUFS less the original's | log-mel in speech | outside | time of speech shared |")
    print("|---|---|---|---|---|")
    print("| original | 0 | 0 | 0 | 100% |")
    before = levels(original_S)
    for name, sound_S in (("real", real_S), ("made", made_S)):
        sound_S = np.pad(sound_S, (0, max(0, len(original_S) - len(sound_S))))[: len(original_S)]
        louder = loudness(sound_S[None], _RATE) - loudness(original_S[None], _RATE)
        apart = np.abs(levels(sound_S) - before).mean(axis=1)
        inside = np.resize(spoken, len(apart)) if len(spoken) < len(apart) else spoken[: len(apart)]
        theirs = active(sound_S, arguments.out)
        shared = (theirs & spoken).sum() / max((theirs | spoken).sum(), 1)
        outside = f"{apart[~inside].mean():.1f}" if (~inside).any() else "-"
        print(f"| {name} | {louder:+.1f} | {apart[inside].mean():.1f} | {outside} | {shared:.0%} |")
    tracks = [
        SoundTrack(sound_S[None], _RATE, language, title)
        for sound_S, language, title in (
            (original_S, arguments.source, "original"),
            (real_S, arguments.to, "real dub"),
            (made_S, arguments.to, "made dub"),
        )
    ]
    frames = (frame.image for frame in iterate_frames(arguments.original, short_side=96))
    write_film(arguments.out / "beside.mkv", frames, Fraction(24000, 1001), tracks)
    write_track_figure(arguments.out / "beside.mkv", arguments.out / "tracks.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())

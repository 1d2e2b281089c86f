"""How well edges of speech are found: on rendered films, whose lines' times are known, and on real subtitles.

    python benchmarks/segmentation.py                      # films of 60 s in several languages
    python benchmarks/segmentation.py --real DIR           # subtitles of a real film as well (angel_one)

Three inputs: the voices' own stem, the stem with background left 20 dB under it (as a separator leaves),
and the whole mix. An edge's error is the distance of a segment's start (end) to that of the nearest spoken
stretch; overlap is intersection over union of all that is speech, in 10 ms frames. The peer is silero's own
`get_speech_timestamps` with its defaults.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from filmset import Settings, Title
from filmset.heard import heard
from filmset.render import render
from filmset.stems import stems_folder
from lssd.dubbing.lines import Segment
from lssd.dubbing.segmentation import Energy, Silero
from lssd.dubbing.segmentation.mono import mono, read_mono
from lssd.dubbing.sound import Sound, write_sound
from lssd.media import probe, read_sound

_FRAME_S = 0.01
_BRIDGE_S = 0.25


def spoken_stretches(title: Title) -> list[tuple[float, float]]:
    """When somebody speaks in the original track; pauses under 0.25 s between lines are bridged."""
    joined: list[tuple[float, float]] = []
    for one in heard(title, 0):
        start, end = one.spoken.words[0].start_s, max(word.end_s for word in one.spoken.words)
        if joined and start - joined[-1][1] < _BRIDGE_S:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def mask(spans: list[tuple[float, float]], seconds: float) -> np.ndarray:
    inside = np.zeros(round(seconds / _FRAME_S), bool)
    for start, end in spans:
        inside[round(start / _FRAME_S) : round(end / _FRAME_S)] = True
    return inside


def score(found: list[Segment], truth: list[tuple[float, float]], seconds: float) -> dict[str, float]:
    """Median and 90th percentile of the edges' errors in ms, overlap, and stretches without any segment."""
    spans = [(one.start_s, one.end_s) for one in found]
    starts, ends, missed = [], [], 0
    for start, end in truth:
        near = [span for span in spans if span[1] > start and span[0] < end]
        if not near:
            missed += 1
            continue
        starts.append(min(abs(span[0] - start) for span in near))
        ends.append(min(abs(span[1] - end) for span in near))
    ours, theirs = mask(spans, seconds), mask(truth, seconds)
    return {
        "starts": 1000 * float(np.median(starts)),
        "starts90": 1000 * float(np.quantile(starts, 0.9)),
        "ends": 1000 * float(np.median(ends)),
        "ends90": 1000 * float(np.quantile(ends, 0.9)),
        "overlap": float((ours & theirs).sum() / max(1, (ours | theirs).sum())),
        "missed": missed / len(truth),
    }


def silero_alone(sound: Sound) -> list[Segment]:
    """The package's own function with its defaults."""
    from silero_vad import get_speech_timestamps, load_silero_vad

    samples = torch.from_numpy(read_mono(sound, 0.0, sound.duration_s))
    spans = get_speech_timestamps(samples, load_silero_vad(), sampling_rate=16000)
    return [Segment(span["start"] / 16000, span["end"] / 16000) for span in spans]


def inputs(folder: Path, title: Title, film: Path) -> dict[str, Sound]:
    """The three inputs of a title."""
    stems = stems_folder(folder, title.name)
    voices, _ = _read(stems / f"voices.{title.tracks[0].key}.flac")
    background, _ = _read(stems / "background.flac")
    mix, rate = _read(film)
    level = np.sqrt(np.mean(np.square(voices)) / max(float(np.mean(np.square(background))), 1e-12))
    made = {"voices": voices, "voices + rest at -20 dB": voices + 0.1 * level * background, "mix": mix}
    return {
        name: write_sound(folder / f"{title.name}.{number}.npy", samples, rate)
        for number, (name, samples) in enumerate(made.items())
    }


def _read(path: Path) -> tuple[np.ndarray, int]:
    return read_sound(path, 0), 48000


def film_set(titles: int, seconds: float) -> None:
    methods: dict[str, Callable[[Sound], list[Segment]]] = {
        "silero": Silero().segment,
        "silero's own": silero_alone,
        "energy": Energy().segment,
    }
    scores: dict[tuple[str, str], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(seed=3, seconds=seconds, dubs_per_title=1, stems=True, sizes=("96x64",))
        made = render(folder, titles, settings)
        for title, film in zip(made.titles, made.films, strict=True):
            truth = spoken_stretches(title)
            for name, sound in inputs(Path(folder), title, film).items():
                for method, segment in methods.items():
                    one = score(segment(sound), truth, sound.duration_s)
                    scores.setdefault((name, method), []).append(one)
    print(f"{titles} titles of {seconds:g} s\n")
    print("| input | method | start ms (median, 90 %) | end ms | overlap | missed |")
    print("|---|---|---|---|---|---|")
    for (name, method), many in scores.items():
        mean = {key: float(np.mean([one[key] for one in many])) for key in many[0]}
        print(
            f"| {name} | {method} | {mean['starts']:.0f}, {mean['starts90']:.0f} "
            f"| {mean['ends']:.0f}, {mean['ends90']:.0f} "
            f"| {100 * mean['overlap']:.1f} % | {100 * mean['missed']:.1f} % |"
        )


def real(folder: Path) -> None:
    """Against subtitles, whose times are a reader's: only overlap and missed lines mean something."""
    from lssd.dubbing.subtitles import read_subtitles

    film = next(folder.glob("*.mkv"))
    tracks = {track.language: number for number, track in enumerate(probe(film).tracks)}
    for language in ("en", "fr"):
        lines = read_subtitles(folder / f"s-{language}.webvtt").lines
        number = tracks[language]
        samples = read_sound(film, number)
        with tempfile.TemporaryDirectory() as place:
            sound = write_sound(Path(place) / "a.npy", mono(samples)[None], 48000)
            found = Silero().segment(sound)
            one = score(found, [(line.start_s, line.end_s) for line in lines], sound.duration_s)
        print(
            f"{film.name} {language}: {len(lines)} cues, {len(found)} segments, overlap "
            f"{100 * one['overlap']:.0f} %, cues without speech {100 * one['missed']:.0f} %"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--titles", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--real", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    film_set(given.titles, given.seconds)
    if given.real:
        real(given.real)


if __name__ == "__main__":
    main()

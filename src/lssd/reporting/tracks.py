"""All sound tracks of a film as spectrograms, one above the other: the paper's Figure C.2."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from lssd.languages import display_name
from lssd.media import FilmInfo, probe, read_sound
from lssd.store import atomic_path

_SECONDS = 10.0
_RATE, _WINDOW, _HOP = 48000, 2048, 480
_RANGE_DB, _LOUD = 70.0, 0.999  # and the share of values below the brightest
_KHZ = 12.0  # shown up to here
NAME = "tracks.png"


def write_track_figures(films: Iterable[str | Path]) -> list[Path]:
    """`tracks.png` beside each film: its middle 10 s in every track, where film or figure are new."""
    return [_figure_beside(Path(film)) for film in films]


def _figure_beside(film: Path) -> Path:
    path = film.with_name(NAME)
    if not path.exists() or path.stat().st_mtime_ns < film.stat().st_mtime_ns:
        write_track_figure(film, path)
    return path


def write_track_figure(film: str | Path, path: str | Path, seconds: float = _SECONDS) -> None:
    """The middle of a film, spectrogram by spectrogram; all on one scale."""
    info = probe(film)
    start_s = max(0.0, (info.duration_s - seconds) / 2)
    length_s = min(seconds, info.duration_s)
    levels = [
        _level_db(read_sound(film, track.index, start_s, length_s, _RATE, channels=1)[0])
        for track in info.tracks
    ]
    loudest = max(float(np.quantile(level, _LOUD)) for level in levels)
    figure = Figure(figsize=(10, 1.1 + 1.5 * len(levels)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(levels), 1, sharex=True))
    for track, level, axis in zip(info.tracks, levels, axes, strict=True):
        axis.imshow(
            level,
            origin="lower",
            aspect="auto",
            extent=(start_s, start_s + length_s, 0, _RATE / 2000),
            vmin=loudest - _RANGE_DB,
            vmax=loudest,
            cmap=matplotlib.colormaps["magma"],
        )
        axis.set_ylim(0, _KHZ)
        axis.set_ylabel("kHz")
        axis.set_title(_title(info, track.index), loc="left", fontsize=9)
    axes[-1].set_xlabel("s")
    with atomic_path(path) as partial:
        figure.savefig(partial, format="png", dpi=110, metadata={"Software": None})


def _title(info: FilmInfo, index: int) -> str:
    track = info.tracks[index]
    words = f"{index}  {display_name(track.language)}, {track.role}"
    return f"{words}: {track.title}" if track.title else words


def _level_db(samples_S: np.ndarray) -> np.ndarray:
    """(frequencies, frames) in dB."""
    padded_S = np.pad(samples_S, _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded_S, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    return 10 * np.log10(power.T + 1e-10)

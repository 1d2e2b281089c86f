"""A film-set title in stereo whose stems are known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from filmset import Settings
from filmset.render import render
from lssd.dubbing.sound import Sound, write_sound
from lssd.media import read_sound

torch.set_num_threads(1)


@dataclass(frozen=True)
class Scene:
    """Speech and background float32 (2, S) at 48 kHz, and the stems' folder."""

    speech_CS: np.ndarray
    background_CS: np.ndarray
    folder: Path

    @property
    def mix(self) -> np.ndarray:
        """Both together (2, S)."""
        return self.speech_CS + self.background_CS

    def sound(self, folder: Path) -> Sound:
        return write_sound(folder / "mix.npy", self.mix, 48_000)


@pytest.fixture(scope="session")
def scene(tmp_path_factory) -> Scene:
    settings = Settings(
        seed=5,
        seconds=8.0,
        scenes=("rain", "office"),
        sizes=("64x48",),
        channels=2,
        silent=0.0,
        dubs_per_title=0,
        stems=True,
    )
    films = render(tmp_path_factory.mktemp("films"), 1, settings)
    title = films.titles[0]
    folder = next(films.folder.glob("*.stems"))
    speech_CS = read_sound(folder / f"voices.{title.tracks[0].key}.flac")
    background_CS = read_sound(folder / "background.flac") + read_sound(folder / "events.flac")
    return Scene(speech_CS, background_CS, folder)


def si_sdr(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019, eq. 5)."""
    estimate, truth = estimate.ravel().astype(float), truth.ravel().astype(float)
    target = (estimate @ truth) / (truth @ truth) * truth
    return float(10 * np.log10((target @ target) / np.square(estimate - target).sum()))

"""Recordings of lines that the user provides."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.speaking.speaker import Speaker, trimmed
from lssd.errors import InputError, MediaError
from lssd.media import read_sound
from lssd.store import hash_file, hash_json

_ENDINGS = (".flac", ".wav")
_RATE = 48_000


class SpokenLines(Speaker):
    """A folder of `<line id>.<language>.flac` or `.wav`."""

    declaration = Declaration(
        step="speaking",
        name="lines",
        about="lines spoken before: a folder of <line id>.<language>.flac or .wav",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=_RATE,
        languages=None,
        device="cpu",
        version=1,
        weights="the spoken lines: option folder",
        by_line=True,
    )

    @dataclass(frozen=True)
    class Settings:
        """folder: where the lines are; trim: cut silence off their ends."""

        folder: str = ""
        trim: bool = True

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        self._folder = Path(self.settings.folder)
        if not self.settings.folder or not self._folder.is_dir():
            raise InputError(
                f"there is no folder of spoken lines at '{self.settings.folder}'; set the option folder"
            )

    def weights_hash(self) -> str:
        names = (path for path in self._folder.iterdir() if path.suffix.lower() in _ENDINGS)
        return hash_json({path.name: hash_file(path) for path in sorted(names)})

    def speak(
        self, text: str, language: str, voice: VoiceChoice, seconds: float, line: str = ""
    ) -> tuple[np.ndarray, int]:
        """The line's own file, channels averaged, whatever its text, voice and time."""
        paths = [self._folder / f"{line}.{language}{ending}" for ending in _ENDINGS]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise BackendError(f"line {line}: neither {paths[0]} nor {paths[1].name} is there")
        try:
            samples_S = read_sound(path, sample_rate=_RATE, channels=1)[0]
        except MediaError as error:
            raise BackendError(f"line {line}: {error}") from error
        sounding_S = trimmed(samples_S)
        if not sounding_S.size:
            raise BackendError(f"line {line}: {path} holds silence")
        return (sounding_S if self.settings.trim else samples_S), _RATE

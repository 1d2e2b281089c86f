"""The user's own stems, from another program or a mixing desk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.separation.separator import Separator, write_parts
from lssd.dubbing.sound import Sound
from lssd.errors import InputError
from lssd.media import probe, read_sound
from lssd.store import digest, hash_file

_SUFFIXES = (".flac", ".wav")
_APART_S = 0.04  # stems may be this much longer or shorter than the track
_LEFT_DB = -30.0  # what may remain of the track beside both stems


class Stems(Separator):
    """`<name>.speech.flac` and/or `<name>.background.flac` (or .wav) in a folder.

    One is enough: the other is the rest of the track. Both must add up to it.
    """

    declaration = Declaration(
        step="separation",
        name="stems",
        about="your own stems: a folder of <name>.speech.flac, <name>.background.flac (or .wav)",
        code_license="Apache-2.0",
        weights_license="none",
        sample_rate=None,
        languages=None,
        device="cpu",
        version=1,
    )

    @dataclass(frozen=True)
    class Settings:
        """folder: of the stems. name: which of them, where the folder has those of several tracks."""

        folder: str = ""
        name: str = ""

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        folder = Path(self.settings.folder)
        if not self.settings.folder or not folder.is_dir():
            raise InputError(f"stems: no folder '{folder}'; the option `folder` names their place")
        self._speech = _find(folder, self.settings.name, "speech")
        self._background = _find(folder, self.settings.name, "background")
        if self._speech is None and self._background is None:
            name = self.settings.name or "*"
            raise BackendError(f"stems: {folder} has neither {name}.speech.flac nor {name}.background.flac")

    def weights_hash(self) -> str:
        """A hash of the stems, which the results follow from."""
        return digest(
            f"{kind} {hash_file(file)}\n".encode()
            for kind, file in (("speech", self._speech), ("background", self._background))
            if file is not None
        )

    def separate(self, sound: Sound, speech: Path, background: Path) -> None:
        for stem in (self._speech, self._background):
            if stem is not None:
                _check(stem, sound)
        if self._speech is not None and self._background is not None:
            _check_sum(self._speech, self._background, sound)
        write_parts(sound, self._pieces(sound), speech, background)

    def _pieces(self, sound: Sound) -> Iterator[np.ndarray]:
        if self._speech is not None:
            yield from (stem_CS for stem_CS, _ in _blocks(self._speech, sound))
        elif self._background is not None:
            yield from (mix_CS - stem_CS for stem_CS, mix_CS in _blocks(self._background, sound))


def _find(folder: Path, name: str, kind: str) -> Path | None:
    """The one stem of that kind and name. BackendError where there are several."""
    ends = tuple(f".{kind}{suffix}" for suffix in _SUFFIXES)
    found = sorted(
        file
        for file in folder.iterdir()
        if file.name.lower().endswith(ends) and name in ("", file.name[: -len(f".{kind}{file.suffix}")])
    )
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:3])
        raise BackendError(
            f"stems: {folder} has {len(found)} that fit ({names}); choose by the option `name`"
        )
    return found[0] if found else None


def _check(stem: Path, sound: Sound) -> None:
    """BackendError when a stem is not of the track's rate, channels and length."""
    tracks = probe(stem).tracks
    if len(tracks) != 1:
        raise BackendError(f"stems: {stem} has {len(tracks)} sound tracks; it must have one")
    rate, channels = tracks[0].sample_rate, tracks[0].channels
    if (rate, channels) != (sound.sample_rate, sound.channels):
        raise BackendError(
            f"stems: {stem} has {channels} channels at {rate} Hz, the track {sound.channels} "
            f"at {sound.sample_rate} Hz; convert the stem"
        )
    if abs(tracks[0].duration_s - sound.duration_s) > _APART_S:
        raise BackendError(
            f"stems: {stem} lasts {tracks[0].duration_s:.3f} s, the track {sound.duration_s:.3f} s; "
            "stems must begin and end with it"
        )


def _check_sum(speech: Path, background: Path, sound: Sound) -> None:
    """BackendError when two stems leave much of the track over."""
    left = whole = 0.0
    pairs = zip(_blocks(speech, sound), _blocks(background, sound), strict=True)
    for (speech_CS, mix_CS), (background_CS, _) in pairs:
        left += float(np.square(mix_CS - speech_CS - background_CS, dtype=np.float64).sum())
        whole += float(np.square(mix_CS, dtype=np.float64).sum())
    if left > whole * 10 ** (_LEFT_DB / 10):
        raise BackendError(
            f"stems: {speech.name} and {background.name} do not add up to the track: "
            f"{10 * np.log10(left / max(whole, 1e-30)):.0f} dB of it remain; give only one of them"
        )


def _blocks(stem: Path, sound: Sound) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A stem and its track, block by block (C, S); the stem is cut or padded to the track's length."""
    position = 0
    for mix_CS in sound.blocks():
        length = mix_CS.shape[1]
        stem_CS = read_sound(
            stem, 0, position / sound.sample_rate, length / sound.sample_rate, sound.sample_rate
        )
        yield stem_CS, mix_CS
        position += length

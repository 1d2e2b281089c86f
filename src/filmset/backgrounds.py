"""What is heard of a scene without anybody speaking: synthesised, or looped from a recording.

A recording is one of a folder in ESC-50's layout. Titles held out for testing use its fold 5 alone,
others the rest, so no test title repeats a sound heard in training.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from filmset.scenes import SCENES, Scene
from filmset.scenes.scene import BED, MAIN
from filmset.synthesis import faded, filtered, rms, shaped_noise, tilt
from lssd.errors import InputError, MediaError
from lssd.media import read_sound

SYNTHESIS = "synthesis"
PEAK = 0.3  # no sample is larger
HELD_OUT_FOLD = 5
_KNEE = 0.24  # smaller samples pass unchanged
_BED_DB = {True: (-14.0, 1.0), False: (-34.0, -16.0)}  # the shared bed under synthesis; under a recording
_TABLE = Path("meta", "esc50.csv")
_COLUMNS = ("filename", "fold", "category")
_CROSSFADE_S = 0.25
_REST_S = 0.5  # of a recording's silent end that stays in a loop


class Backgrounds:
    """Where a film's background sounds come from: synthesis alone, unless they are `RecordedBackgrounds`."""

    folder = Path()  # which recordings are relative to

    def pick(self, kind: str, rng: np.random.Generator, held_out: bool) -> str:
        """A source for a scene of this kind: "synthesis", or a recording relative to the folder."""
        return SYNTHESIS

    def sound(
        self,
        scene: Scene,
        source: str,
        samples: int,
        sample_rate: int,
        level_db: float,
        tilt_db: float = 0.0,
    ) -> np.ndarray:
        """The sound of a scene without anybody speaking: float32 (S,), no sample above 0.3 in magnitude.

        source: as `pick` named it. samples: length S. level_db: RMS in dB of full scale, -46 to -30.
        tilt_db: the title's colour, dB an octave around 1 kHz.

        Raises InputError for a recording that is missing, damaged or silent.
        """
        synthetic = source == SYNTHESIS
        if synthetic:
            sound = SCENES[scene.kind].sound(scene, samples, sample_rate)
        else:
            sound = _looped(scene, self.folder / source, samples, sample_rate)
        sound = sound / rms(sound)
        rng = scene.rng(BED)
        slope = rng.uniform(-7.5, -1.0)
        bed = shaped_noise(rng, samples, sample_rate, lambda hz: tilt(hz, slope) * (hz > 30))
        sound += 10 ** (rng.uniform(*_BED_DB[synthetic]) / 20) * bed
        if tilt_db:
            sound = filtered(sound, sample_rate, lambda hz: tilt(hz, tilt_db))
        return faded(_levelled(sound.astype(np.float32), 10 ** (level_db / 20)), sample_rate)


class RecordedBackgrounds(Backgrounds):
    """Backgrounds from a folder in ESC-50's layout: meta/esc50.csv and audio/*.wav.

    A kind of scene takes the recordings of its categories (`SceneKind.esc50`), and is synthesised where the
    folder has none. Raises InputError when the folder, its table, a column of it or a recording is
    missing, or none of its categories is known.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        by_fold = _read_table(self.folder)
        self._sources: dict[tuple[str, bool], list[str]] = {
            (kind, held_out): sorted(
                name
                for (category, fold), names in by_fold.items()
                if category in scene_kind.esc50 and (fold == HELD_OUT_FOLD) == held_out
                for name in names
            )
            for kind, scene_kind in SCENES.items()
            for held_out in (False, True)
        }
        needed = sorted({name for names in self._sources.values() for name in names})
        if not needed:
            raise InputError(
                f"{self.folder / _TABLE} has no category that a scene sounds like; "
                "use ESC-50's names, such as rain or sea_waves"
            )
        for name in needed:
            if not (self.folder / name).is_file():
                raise InputError(f"{self.folder / name} is missing; the table lists it")

    def pick(self, kind: str, rng: np.random.Generator, held_out: bool) -> str:
        """A recording for this kind, relative to the folder, or "synthesis" where there is none."""
        names = self._sources[kind, held_out]
        return names[int(rng.integers(len(names)))] if names else SYNTHESIS


def open_backgrounds(folder: str | Path | None) -> Backgrounds:
    """Synthesis where no folder is given, else its recordings. InputError as of `RecordedBackgrounds`."""
    return Backgrounds() if folder is None else RecordedBackgrounds(folder)


def _levelled(sound: np.ndarray, level: float) -> np.ndarray:
    """The sound at an RMS of `level`, its peaks bent below PEAK."""
    gain = level / rms(sound)
    bent = _bent(gain * sound)
    for _ in range(8):  # bending takes a little energy
        if abs(rms(bent) / level - 1) < 1e-3:
            break
        gain *= level / rms(bent)
        bent = _bent(gain * sound)
    return bent


def _bent(sound: np.ndarray) -> np.ndarray:
    size = np.abs(sound)
    if size.max() <= _KNEE:
        return sound
    room = PEAK - _KNEE
    high = size > _KNEE
    bent = sound.copy()
    bent[high] = np.sign(sound[high]) * (_KNEE + 0.999 * room * np.tanh((size[high] - _KNEE) / room))
    return bent


def _read_table(folder: Path) -> Mapping[tuple[str, int], list[str]]:
    """Names of recordings, relative to the folder, by category and fold."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give one with meta/esc50.csv and audio/*.wav")
    table = folder / _TABLE
    if not table.is_file():
        raise InputError(f"{table} is missing; recorded backgrounds need ESC-50's layout")
    by_fold: dict[tuple[str, int], list[str]] = {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise InputError(f"{table} lacks the columns {', '.join(missing)}")
            for row in rows:
                name = f"audio/{Path(row['filename']).name}"
                by_fold.setdefault((row["category"], int(row["fold"])), []).append(name)
    except (UnicodeDecodeError, csv.Error, TypeError, ValueError) as error:
        raise InputError(f"{table} cannot be read as a table of recordings: {error}") from error
    return by_fold


def _looped(scene: Scene, path: Path, samples: int, sample_rate: int) -> np.ndarray:
    """A recording from an instant of the scene's own, over and over: float32 (S,)."""
    loop = _loop(_read_recording(path, sample_rate), sample_rate)
    start = int(scene.rng(MAIN).integers(len(loop)))
    return np.resize(np.roll(loop, -start), samples)


def _read_recording(path: Path, sample_rate: int) -> np.ndarray:
    """Mono float32 (S,), from its first sound to soon after its last: ESC-50 fills clips up with zeros."""
    try:
        sound = read_sound(path, sample_rate=sample_rate, channels=1)[0]
    except MediaError as error:
        raise InputError(f"{path} cannot be read as sound; remove it or its row of the table") from error
    heard = np.flatnonzero(np.abs(sound) > 1e-4)
    if not len(heard):
        raise InputError(f"{path} is silent; remove its row of the table")
    return sound[heard[0] : heard[-1] + int(_REST_S * sample_rate)]


def _loop(sound: np.ndarray, sample_rate: int) -> np.ndarray:
    """A loop without a seam: the end is crossfaded into the start at equal power."""
    fade = min(int(_CROSSFADE_S * sample_rate), len(sound) // 4)
    if not fade:
        return sound
    angle = np.linspace(0, np.pi / 2, fade, dtype=np.float32)
    loop = sound[:-fade].copy()
    loop[:fade] = loop[:fade] * np.sin(angle) + sound[-fade:] * np.cos(angle)
    return loop

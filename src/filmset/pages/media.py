"""What a title's page plays and shows: a small MP4, a sound file a track, spectrograms, a still a shot.

H.264 in MP4 and AAC in M4A are what Chrome, Firefox and Safari all play; Matroska is not.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.image import imsave

from filmset.pages.heard import heard
from filmset.reading import read_object
from filmset.settings import read_aspect
from filmset.truth import Title
from lssd.errors import InputError, MediaError
from lssd.media import SoundTrack, iterate_frames, probe, read_sound, write_film
from lssd.store import hash_json, write_bytes, write_json

STAMP = "page.json"  # written last: what it names is whole
COLUMNS_A_SECOND = 25  # of a spectrogram
_VERSION = 1  # of everything made here; a change of it makes all of it anew
_SHORT_SIDE = 360  # of the picture, at most
_STILL_SIDE = 144
_RATE, _FFT, _HOP, _MELS, _FLOOR = 48_000, 1024, 501, 96, 1e-10  # of `log_mel`
_BLOCK = 2_000  # columns of a log-mel computed at a time
_RANGE_DB = 80.0
_BEFORE_S, _MARGIN_S = 0.05, 0.1  # around a line and its reverberation, before sound counts as background
_FADING = 1.6  # reverberation times in which a voice sinks below the rounding of 16 bits
_SHORTEST_S = 0.25  # of background that a level is measured of
_SILENCE_DB = -120.0
_SLACK_S = 1.0  # between a film and its truth
_STAMP_BYTES = 16 << 20


@dataclass(frozen=True)
class Media:
    """A title's files, beside its page: `files` with their sizes in bytes by name, and `between_db`: by
    track, the level (dB of full scale, RMS) of its difference to the first where neither speaks."""

    files: dict[str, int]
    between_db: dict[str, float | None]


def sound_name(number: int) -> str:
    """The file of a title's track, counted from 0."""
    return f"track-{number + 1}.m4a"


def still_name(shot: int) -> str:
    """The file of a shot's still, counted from 0."""
    return f"shot-{shot + 1:03d}.jpg"


def spectrogram_name(number: int) -> str:
    """The file of a track's spectrogram."""
    return f"spectrogram-{number + 1}.png"


def difference_name(number: int) -> str:
    """The file of the spectrogram of a track minus the first."""
    return f"difference-{number + 1}.png"


PICTURE = "picture.mp4"


def make_media(title: Title, film: Path, folder: Path) -> Media:
    """Write the files of a title's page into `folder`, unless they are there already.

    What is there counts when it was made by this version from the same truth and the same film. Raises
    MediaError when the film is missing, cannot be read, or is not the title's.
    """
    key = _key(title, film)
    found = _standing(folder, title, key)
    if found is not None:
        return found
    _check_film(title, film)
    (folder / STAMP).unlink(missing_ok=True)  # nothing vouches for a mixture of old and new
    _write_picture(title, film, folder)
    between_db = _write_sounds(title, film, folder)
    media = Media({name: (folder / name).stat().st_size for name in _names(title)}, between_db)
    write_json(folder / STAMP, {"key": key, "files": media.files, "between_db": media.between_db})
    return media


def _names(title: Title) -> list[str]:
    names = [PICTURE, *(still_name(shot) for shot in range(len(title.shots)))]
    for number in range(len(title.tracks)):
        names += [sound_name(number), spectrogram_name(number)]
        names += [difference_name(number)] if number else []
    return names


def _key(title: Title, film: Path) -> str:
    try:
        status = film.stat()
    except OSError as error:
        raise MediaError(f"{film} cannot be read: {error.strerror}") from error
    return hash_json([_VERSION, title.to_json(), status.st_size, status.st_mtime_ns])


def _check_film(title: Title, film: Path) -> None:
    """Raise MediaError when a film is not what its truth says, by which the page's files are made."""
    info, length_s = probe(film), float(title.frames / title.rate)
    picture = info.video
    if picture is None or (picture.width, picture.height) != (title.width, title.height):
        raise MediaError(f"{film} has no picture of {title.width} x {title.height} as its truth says")
    if abs(picture.duration_s - length_s) > _SLACK_S:
        raise MediaError(f"{film} lasts {picture.duration_s:.1f} s, not {length_s:.1f} s as its truth says")
    if len(info.tracks) != len(title.tracks):
        raise MediaError(f"{film} has {len(info.tracks)} tracks, not {len(title.tracks)} as its truth says")


def _standing(folder: Path, title: Title, key: str) -> Media | None:
    value = _read_stamp(folder)
    if value is None or value["key"] != key or set(value["files"]) != set(_names(title)):
        return None
    if set(value["between_db"]) != {track.key for track in title.tracks[1:]}:
        return None
    for name, size in value["files"].items():
        if not (folder / name).is_file() or (folder / name).stat().st_size != size:
            return None
    return Media(value["files"], value["between_db"])


def holds_media(folder: Path) -> bool:
    """Whether a folder was made by `make_media`, and whole."""
    return _read_stamp(folder) is not None


def _read_stamp(folder: Path) -> dict[str, Any] | None:
    """What vouches for a folder's files; a damaged one vouches for nothing."""
    try:
        value = read_object(folder / STAMP, _STAMP_BYTES)
    except InputError:
        return None
    if not isinstance(value.get("key"), str):
        return None
    files, between_db = value.get("files"), value.get("between_db")
    if not isinstance(files, dict) or not isinstance(between_db, dict):
        return None
    sizes = all(isinstance(size, int) for size in files.values())
    levels = all(level is None or isinstance(level, int | float) for level in between_db.values())
    return value if sizes and levels else None


def middle(title: Title, shot: int) -> int:
    """The frame that stands for a shot: its middle."""
    return (title.shots[shot].start_frame + title.shots[shot].end_frame) // 2


def _write_picture(title: Title, film: Path, folder: Path) -> None:
    """The picture as MP4 in square pixels, and on the way a still a shot."""
    aspect = read_aspect(title.pixel_aspect)
    side = 2 * (min(_SHORT_SIDE, title.height, round(title.width * aspect)) // 2)
    small = None if aspect == 1 and side == min(title.width, title.height) else side
    stills = {middle(title, shot): shot for shot in range(len(title.shots))}

    def frames() -> Iterator[np.ndarray]:
        for frame in iterate_frames(film, short_side=small, threads=1):
            if frame.ordinal in stills:
                write_bytes(folder / still_name(stills[frame.ordinal]), _jpeg(frame.image))
            yield frame.image

    write_film(folder / PICTURE, frames(), title.rate, [], gop=round(title.rate), crf=24)


def _jpeg(image: np.ndarray) -> bytes:
    """A small JPEG: every n-th pixel averaged, so that its short side is near `_STILL_SIDE`."""
    step = max(1, min(image.shape[:2]) // _STILL_SIDE)
    height, width = image.shape[0] // step * step, image.shape[1] // step * step
    blocks = image[:height, :width].reshape(height // step, step, width // step, step, 3)
    buffer = io.BytesIO()
    imsave(buffer, blocks.mean(axis=(1, 3)).astype(np.uint8), format="jpg", pil_kwargs={"quality": 80})
    return buffer.getvalue()


def _write_sounds(title: Title, film: Path, folder: Path) -> dict[str, float | None]:
    """A sound file and a spectrogram a track, and spectrograms of what each adds to the first."""
    length_s = float(title.frames / title.rate)
    columns = max(1, round(length_s * COLUMNS_A_SECOND))
    channels = 1 if title.channels == 1 else 2
    first_S = np.zeros(0, np.float32)
    mels, differences = [], {}
    between_db: dict[str, float | None] = {}
    for number, track in enumerate(title.tracks):
        samples_CS = read_sound(film, number, 0.0, length_s, _RATE, channels)
        sound = SoundTrack(samples_CS, _RATE, track.language, codec="aac")
        write_film(folder / sound_name(number), [], title.rate, [sound])
        mono_S = samples_CS.mean(axis=0)
        mels.append(spectrogram(mono_S, columns))
        if number == 0:
            first_S = mono_S
            continue
        difference_S = mono_S - first_S
        differences[number] = spectrogram(difference_S, columns)
        quiet_S = background_alone(title, number, len(difference_S))
        between_db[track.key] = _level_db(difference_S[quiet_S])
    top = max(float(mel.max()) for mel in mels)
    for number, mel in enumerate(mels):
        write_bytes(folder / spectrogram_name(number), _panel(mel, top))
    for number, mel in differences.items():
        write_bytes(folder / difference_name(number), _panel(mel, top))
    return between_db


@cache
def _mel_filters() -> np.ndarray:
    """Triangles of peak 1, evenly on the HTK mel scale from 0 Hz to half the rate, (96, 513)."""
    edges_hz = 700 * (10 ** (np.linspace(0, np.log10(1 + _RATE / 2 / 700), _MELS + 2)) - 1)
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    bins_hz = np.arange(_FFT // 2 + 1) * (_RATE / _FFT)
    return np.maximum(0, np.minimum((bins_hz - left) / (centre - left), (right - bins_hz) / (right - centre)))


def log_mel(samples_S: np.ndarray) -> np.ndarray:
    """Log-mel of mono sound at 48 kHz, (96, 1 + S // 501) in dB: the picture of it that the method takes."""
    padded_S = np.pad(samples_S, _FFT // 2, mode="reflect")
    frames_LS = np.lib.stride_tricks.sliding_window_view(padded_S, _FFT)[::_HOP]
    window_S = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
    power_LF = np.abs(np.fft.rfft(frames_LS * window_S)) ** 2
    return 10 * np.log10(np.maximum(power_LF @ _mel_filters().T, _FLOOR)).T


def spectrogram(samples_S: np.ndarray, columns: int) -> np.ndarray:
    """The method's log-mel of mono sound at 48 kHz, (96, columns) in dB, the columns evenly over it."""
    count = max(columns, 1 + len(samples_S) // _HOP)
    padded_S = np.pad(samples_S, (2 * _HOP, max(0, (count + 2) * _HOP - len(samples_S))))
    parts = []
    for begin in range(0, count, _BLOCK):
        end = min(count, begin + _BLOCK)
        # Two hops more on either side than are kept: no window sees the block's ends.
        mel_FT = log_mel(padded_S[begin * _HOP : (end + 4) * _HOP])
        parts.append(mel_FT[:, 2 : 2 + end - begin])
    mel_FT = np.concatenate(parts, axis=1)
    # A window counts for the column in which its middle lies.
    edges = np.ceil(np.arange(columns) * len(samples_S) / columns / _HOP).astype(int)
    return np.add.reduceat(mel_FT, edges, axis=1) / np.diff([*edges, count])


def _panel(mel_FT: np.ndarray, top_db: float) -> bytes:
    """A log-mel as an image, low frequencies at the bottom; the same range for all of a title's."""
    buffer = io.BytesIO()
    imsave(buffer, mel_FT, vmin=top_db - _RANGE_DB, vmax=top_db, cmap="magma", origin="lower", format="png")
    return buffer.getvalue()


def background_alone(title: Title, number: int, samples: int) -> np.ndarray:
    """Booleans (samples,) at 48 kHz: true where neither a track nor the first holds any voice."""
    alone_S = np.ones(samples, bool)
    rooms_s = [shot.reverb_s for shot in title.shots for _ in shot.lines]
    for one in [*heard(title, 0), *heard(title, number)]:
        begin = round((one.spoken.start_s - _BEFORE_S) * _RATE)
        after_s = 0.0 if one.row is None else _FADING * rooms_s[one.row]
        end = round((one.spoken.end_s + _MARGIN_S + after_s) * _RATE)
        alone_S[max(0, begin) : max(0, end)] = False
    return alone_S


def _level_db(samples_S: np.ndarray) -> float | None:
    """RMS in dB of full scale, not below -120; None for hardly any sound."""
    if len(samples_S) < _SHORTEST_S * _RATE:
        return None
    power = float(np.mean(samples_S.astype(np.float64) ** 2))
    return round(max(_SILENCE_DB, 10 * np.log10(max(power, 1e-30))), 1)

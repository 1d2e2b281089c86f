"""What can be wrong with a track: how faults are sampled, and what they do to its samples.

`Fault.values` by kind, times in seconds, t the time in the film:

- offset: `offset_s`; the track plays what belongs to t at t + offset_s.
- slope: `slope`, `offset_s`; the track plays t at slope * t + offset_s, its pitch changed accordingly.
- edit: `at_s`, `seconds`; from `at_s` on everything comes `seconds` later: where positive, that much
  was put in (the background before `at_s`, backwards), where negative, as much of the film is missing.
- mislabel: `true`, `claimed`: languages; the file claims the wrong one. The sound is right.
- duplicate: `of`: the key of the track that it repeats.
- commentary, description: somebody talks over the original: `mix_db`, the gain of the original, the
  `voice`, and `lines` with key, text, written, keywords, seconds (the length that the voice was asked
  to keep to, or null), start_s, end_s and gain_db. The track's role in the truth says what it is; the
  file calls it a dub in the track's language. A description has `over_dialogue`, too: 1.0 where no
  pause had room for anything, so that it talks over a line of the original, and 0.0 otherwise.
- silent: `noise_db`, the RMS of noise in dB of full scale, or null for none.
- truncated: `seconds`, after which the track has ended.
- level: `db` added to the background.
- filtered: `low_hz`, `high_hz`, between which the background is kept.
- clipped: `level`, at which samples are clipped; `crest`, the same over the RMS of the track's loudest
  line, in its room and in the channel in which it is loudest; where the track has no lines, over the
  RMS of the loudest background in one channel.

Faults change neither the lines nor the stems of a title; `filmset.heard` tells what is heard where.
All tracks but truncated ones last as long as the film: they are cut, or padded with silence.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from filmset.layouts import pan, position, spread_gain
from filmset.narration import Narration, commentary, description
from filmset.retakes import retake
from filmset.rooms import Room
from filmset.settings import SAMPLE_RATE, Settings
from filmset.synthesis import rms
from filmset.truth import Fault, Title, Track
from filmset.words.protocol import SpeechSource

_SPOKEN_OVER = {"commentary": commentary, "description": description}
_PAL = 25 * 1001 / 24000
_NOISE = 59  # purpose of a title's generator
_NOISE_BLOCK = 4096


class FilmSound(Protocol):
    """What a track is made from: samples [first, last) of the film, float32 (C, S), silent outside it."""

    title: Title
    speech: SpeechSource

    def mix(self, key: str, first: int, last: int, background_CS: np.ndarray | None = None) -> np.ndarray:
        """A track without its fault, over another background if one is given."""

    def stem(self, name: str, first: int, last: int) -> np.ndarray:
        """A stem."""

    def narrow_background(self, low_hz: float, high_hz: float, first: int, last: int) -> np.ndarray:
        """The background between two frequencies."""


Reader = Callable[[int, int], np.ndarray]


def sample_fault(
    kind: str, rng: np.random.Generator, track: Track, tracks: tuple[Track, ...], settings: Settings
) -> Fault:
    """A fault of a kind of FAULTS for one of a title's tracks, before there are lines.

    What depends on the lines is filled in by `complete_faults`.
    """
    return Fault(kind, _SAMPLERS[kind](rng, track, tracks, settings))


def tagged_language(track: Track) -> str:
    """The language that the file claims for a track."""
    mislabelled = track.fault is not None and track.fault.kind == "mislabel"
    return track.fault.values["claimed"] if mislabelled and track.fault else track.language


def role_in_film(track: Track) -> str:
    """What a track really is: its role, or commentary or description where that is its fault."""
    return track.fault.kind if track.fault is not None and track.fault.kind in _SPOKEN_OVER else track.role


def complete_faults(title: Title, speech: SpeechSource) -> Title:
    """The title with those values of its faults that depend on its lines, which must be written."""
    return replace(title, tracks=tuple(_settled(title, track, speech) for track in title.tracks))


def _settled(title: Title, track: Track, speech: SpeechSource) -> Track:
    if track.fault is None:
        return track
    kind, more = track.fault.kind, {}
    if kind in _SPOKEN_OVER:
        more = _SPOKEN_OVER[kind](title, track, speech)
    elif kind == "clipped":
        more = {"level": round(track.fault.values["crest"] * _loudest(title, track, speech), 6)}
    return replace(track, fault=Fault(kind, {**track.fault.values, **more})) if more else track


def _loudest(title: Title, track: Track, speech: SpeechSource) -> float:
    """The RMS of a track's loudest line, or else of its loudest background, in the loudest channel."""
    heard = []
    for shot in title.shots:
        room = Room(shot.scene.seed, shot.reverb_s, title.sample_rate)
        for line in shot.lines:
            if track.key in line.spoken:
                dry = retake(title, line, track, speech).samples
                standing = next(person for person in shot.people if person.name == line.speaker)
                gains = pan(position(standing.mouth, shot.camera.canvas[0]), title.channels)
                gain = float(gains.max()) * 10 ** (line.spoken[track.key].gain_db / 20)
                heard.append(gain * rms(room.reverberate(dry, len(dry))))
    loudest_db = max(shot.background_db for shot in title.shots)
    return max(heard) if heard else spread_gain(title.channels) * float(10 ** (loudest_db / 20))


def kept_samples(track: Track, samples: int, sample_rate: int) -> int:
    """The length of a track in samples, in a film of `samples`."""
    if track.fault is None or track.fault.kind != "truncated":
        return samples
    return min(samples, round(track.fault.values["seconds"] * sample_rate))


def reader(track: Track, sound: FilmSound) -> Reader:
    """A function that makes samples [first, last) of a track, fault and all: float32 (C, S)."""
    make = _READERS.get(track.fault.kind) if track.fault is not None else None
    return _faultless(track, sound, {}) if make is None else make(track, sound, track.fault.values)  # type: ignore[union-attr]


Sampler = Callable[[np.random.Generator, Track, tuple[Track, ...], Settings], dict[str, Any]]


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice((-1.0, 1.0)))


def _whole(seconds: float) -> float:
    """Seconds rounded to whole samples."""
    return round(round(seconds * SAMPLE_RATE) / SAMPLE_RATE, 6)


def _sample_offset(rng: np.random.Generator, *_: Any) -> dict[str, Any]:
    return {"offset_s": _whole(_sign(rng) * rng.uniform(0.04, 0.6))}


def _sample_slope(rng: np.random.Generator, *_: Any) -> dict[str, Any]:
    slope = _PAL ** _sign(rng) if rng.uniform() < 0.4 else 1 + _sign(rng) * rng.uniform(2e-4, 1e-3)
    return {"slope": round(float(slope), 8), "offset_s": _whole(rng.uniform(-0.2, 0.2))}


def _sample_edit(
    rng: np.random.Generator, track: Track, tracks: tuple[Track, ...], settings: Settings
) -> dict[str, Any]:
    longest = max(0.3, min(2.0, settings.seconds / 5))
    at_s = rng.uniform(0.3, 0.7) * settings.seconds
    return {"at_s": _whole(at_s), "seconds": _whole(_sign(rng) * rng.uniform(0.3, longest))}


def _sample_mislabel(
    rng: np.random.Generator, track: Track, tracks: tuple[Track, ...], settings: Settings
) -> dict[str, Any]:
    others = [language for language in settings.languages if language != track.language]
    return {"true": track.language, "claimed": str(rng.choice(others))}


def _sample_duplicate(
    rng: np.random.Generator, track: Track, tracks: tuple[Track, ...], settings: Settings
) -> dict[str, Any]:
    return {"of": tracks[0].key}


def _sample_silent(rng: np.random.Generator, *_: Any) -> dict[str, Any]:
    return {"noise_db": round(float(rng.uniform(-90, -75)), 2) if rng.uniform() < 0.5 else None}


def _sample_truncated(
    rng: np.random.Generator, track: Track, tracks: tuple[Track, ...], settings: Settings
) -> dict[str, Any]:
    return {"seconds": _whole(rng.uniform(0.3, 0.9) * settings.seconds)}


def _sample_level(rng: np.random.Generator, *_: Any) -> dict[str, Any]:
    db = rng.uniform(3.0, 5.0) if rng.uniform() < 0.5 else -rng.uniform(3.0, 12.0)
    return {"db": round(float(db), 2)}


def _sample_filtered(rng: np.random.Generator, *_: Any) -> dict[str, Any]:
    return {
        "low_hz": round(float(rng.uniform(80, 300)), 1),
        "high_hz": round(float(rng.uniform(2000, 6000)), 1),
    }


_SAMPLERS: dict[str, Sampler] = {
    "offset": _sample_offset,
    "slope": _sample_slope,
    "edit": _sample_edit,
    "mislabel": _sample_mislabel,
    "duplicate": _sample_duplicate,
    "commentary": lambda *_: {"mix_db": -10.0},
    "description": lambda *_: {"mix_db": 0.0},
    "silent": _sample_silent,
    "truncated": _sample_truncated,
    "level": _sample_level,
    "filtered": _sample_filtered,
    "clipped": lambda rng, *_: {"crest": round(float(rng.uniform(1.0, 2.0)), 3)},
}


def _faultless(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    return lambda first, last: sound.mix(track.key, first, last)


def _offset(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    later = round(values["offset_s"] * sound.title.sample_rate)
    return lambda first, last: sound.mix(track.key, first - later, last - later)


def _edit(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    rate = sound.title.sample_rate
    at, more = round(values["at_s"] * rate), round(values["seconds"] * rate)

    def read(first: int, last: int) -> np.ndarray:
        before, after = min(max(first, at), last), min(max(first, at + max(0, more)), last)
        put_in_CS = sound.stem("background", 2 * at - after, 2 * at - before)[:, ::-1]
        pieces = [
            sound.mix(track.key, first, before),
            put_in_CS,
            sound.mix(track.key, after - more, last - more),
        ]
        return np.concatenate(pieces, axis=1)

    return read


def _duplicate(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    return lambda first, last: sound.mix(values["of"], first, last)


def _spoken_over(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    narration = Narration(sound.title, track, sound.speech)
    original, gain = sound.title.tracks[0].key, np.float32(10 ** (values["mix_db"] / 20))
    return lambda first, last: gain * sound.mix(original, first, last) + narration.samples(first, last)


def _silent(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    title, level_db = sound.title, values["noise_db"]

    def block(number: int) -> np.ndarray:
        rng = np.random.default_rng([title.seed, _NOISE, title.index, number])
        noise_CS = rng.standard_normal((title.channels, _NOISE_BLOCK), dtype=np.float32)
        return noise_CS * np.float32(10 ** (level_db / 20))

    def read(first: int, last: int) -> np.ndarray:
        if level_db is None or first >= last:
            return np.zeros((title.channels, max(0, last - first)), dtype=np.float32)
        numbers = range(first // _NOISE_BLOCK, (last - 1) // _NOISE_BLOCK + 1)
        start = numbers[0] * _NOISE_BLOCK
        return np.concatenate([block(number) for number in numbers], axis=1)[:, first - start : last - start]

    return read


def _level(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    gain = np.float32(10 ** (values["db"] / 20))
    return lambda first, last: sound.mix(track.key, first, last, gain * sound.stem("background", first, last))


def _filtered(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    low_hz, high_hz = values["low_hz"], values["high_hz"]
    return lambda first, last: sound.mix(
        track.key, first, last, sound.narrow_background(low_hz, high_hz, first, last)
    )


def _clipped(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    level = np.float32(values["level"])
    return lambda first, last: np.clip(sound.mix(track.key, first, last), -level, level)


_TAPS, _PHASES = 64, 512


def _slope(track: Track, sound: FilmSound, values: dict[str, Any]) -> Reader:
    """Played at another speed: interpolated by a windowed sinc between the film's samples."""
    slope, later = values["slope"], values["offset_s"] * sound.title.sample_rate
    kernel_KP = _kernel(min(1.0, slope))

    def read(first: int, last: int) -> np.ndarray:
        if first >= last:
            return sound.mix(track.key, first, first)
        at = (np.arange(first, last) - later) / slope
        whole = np.floor(at).astype(np.int64)
        phase, between = np.divmod((at - whole) * _PHASES, 1.0)
        phase, between = phase.astype(np.int64), between.astype(np.float32)
        start = int(whole[0]) - _TAPS // 2 + 1
        film_CS = sound.mix(track.key, start, int(whole[-1]) + _TAPS // 2 + 1)
        out_CS = np.zeros((len(film_CS), len(at)), dtype=np.float32)
        for tap, kernel_P in enumerate(kernel_KP):
            weight = kernel_P[phase]
            weight += between * (kernel_P[phase + 1] - weight)
            out_CS += weight * film_CS[:, whole - (_TAPS // 2 - 1) + tap - start]
        return out_CS

    return read


def _kernel(cutoff: float) -> np.ndarray:
    """Weights float32 (K, P + 1) of K samples around a point, by the phase of the point between samples."""
    phases = np.arange(_PHASES + 1) / _PHASES
    away = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - phases[None]
    window = np.i0(9.0 * np.sqrt(np.clip(1 - (away / (_TAPS / 2)) ** 2, 0, 1)))
    kernel_KP = np.sinc(0.95 * cutoff * away) * window
    return (kernel_KP / kernel_KP.sum(axis=0)).astype(np.float32)


_READERS: dict[str, Callable[[Track, FilmSound, dict[str, Any]], Reader]] = {
    "offset": _offset,
    "slope": _slope,
    "edit": _edit,
    "mislabel": _faultless,
    "duplicate": _duplicate,
    "commentary": _spoken_over,
    "description": _spoken_over,
    "silent": _silent,
    "truncated": _faultless,
    "level": _level,
    "filtered": _filtered,
    "clipped": _clipped,
}

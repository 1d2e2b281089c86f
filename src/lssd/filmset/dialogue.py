"""A title's sound: who says what when, and the tracks, which differ in nothing but the voices."""

from dataclasses import dataclass, replace

import numpy as np

from lssd.filmset.lines import LINES, line_numbers
from lssd.filmset.sounds import background
from lssd.filmset.truth import Line, Shot, Speaker, Spoken, Title
from lssd.media import resample
from lssd.speech import Synthesiser, Utterance, Voice, Word

_DIALOGUE = 51  # purpose of a title's generator
_SILENT_SHARE = 0.2  # of shots
_SECOND_CHANNEL_S = 0.007  # the right channel hears the background this much later
_PEAK = 0.97


@dataclass(frozen=True)
class Performance:
    """A title with its lines, its tracks float32 (C, S) by language, and mouths: by shot, by speaker (T,)."""

    title: Title
    tracks: dict[str, np.ndarray]
    openings: tuple[dict[str, np.ndarray], ...]


@dataclass(frozen=True)
class _Take:
    """A line as spoken in every language, at the film's sample rate, without gain."""

    number: int
    speaker: str
    voices: dict[str, tuple[Utterance, np.ndarray]]
    start_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + max(utterance.duration_s for utterance, _ in self.voices.values())


def perform(title: Title, synthesiser: Synthesiser) -> Performance:
    """Have the cast speak, and mix every track: background, the same in all, plus voices at fixed gains."""
    rng = np.random.default_rng([title.seed, _DIALOGUE, title.index])
    samples = round(title.frames * title.sample_rate / title.fps)
    bed_CS = np.zeros((title.channels, samples), dtype=np.float32)
    spans, planned = [], []
    for shot in title.shots:
        first, last = (round(f * title.sample_rate / title.fps) for f in (shot.start_frame, shot.end_frame))
        sound = background(
            shot.scene, last - first, title.sample_rate, shot.background_db, title.sound_tilt_db
        )
        bed_CS[0, first:last] = sound
        if title.channels == 2:
            bed_CS[1, first:last] = np.roll(sound, round(_SECOND_CHANNEL_S * title.sample_rate))
        spans.append((first, last))
        planned.append(_plan(title, shot, rng, synthesiser))
    tracks = {language: bed_CS.copy() for language in title.languages}
    shots, openings = [], []
    for shot, takes in zip(title.shots, planned, strict=True):
        shots.append(_mix(title, shot, takes, bed_CS, tracks))
        openings.append(_openings(title, shot, takes))
    return Performance(replace(title, shots=tuple(shots)), tracks, tuple(openings))


def speak_at(
    synthesiser: Synthesiser, text: str, language: str, voice: Voice, sample_rate: int
) -> tuple[Utterance, np.ndarray]:
    """A line without the silence around it, as spoken and as samples (S,) at another rate."""
    utterance = synthesiser.utter(text, language, voice).trimmed()
    return utterance, resample(utterance.samples[None], utterance.sample_rate, sample_rate)[0]


def _plan(title: Title, shot: Shot, rng: np.random.Generator, synthesiser: Synthesiser) -> list[_Take]:
    """The lines of a shot, one after the other; each has its slot in every language."""
    now, end = shot.start_frame / title.fps + rng.uniform(0.15, 0.7), shot.end_frame / title.fps - 0.1
    if rng.uniform() < _SILENT_SHARE:
        return []
    pair = rng.permutation(len(title.cast))[: 2 if end - now > 5 and rng.uniform() < 0.5 else 1]
    numbers = rng.permutation(line_numbers(title.split == "test")).tolist()
    takes: list[_Take] = []
    misses = 0
    for number in numbers:
        speaker = title.cast[int(rng.choice(pair))]
        take = _speak(title, number, speaker, now, end, synthesiser)
        if take is not None:
            takes.append(take)
            now = take.end_s + rng.uniform(0.25, 1.0)
        misses += take is None
        if misses == 2 or now > end - 1.0:
            break
    return takes


def _speak(
    title: Title, number: int, speaker: Speaker, start_s: float, end_s: float, synthesiser: Synthesiser
) -> _Take | None:
    """The line in all languages, or None as soon as one does not fit before `end_s`."""
    start_s = round(start_s * title.sample_rate) / title.sample_rate
    spoken = {}
    for language in title.languages:
        voice = speaker.voices[language]
        spoken[language] = speak_at(synthesiser, LINES[number][language], language, voice, title.sample_rate)
        if start_s + spoken[language][0].duration_s > end_s:
            return None
    return _Take(number, speaker.name, spoken, start_s)


def _mix(
    title: Title, shot: Shot, takes: list[_Take], bed_CS: np.ndarray, tracks: dict[str, np.ndarray]
) -> Shot:
    """Add the takes to the tracks; return the shot with its lines."""
    lines = []
    for take in takes:
        spoken = {}
        first = round(take.start_s * title.sample_rate)
        for language, (utterance, voice) in take.voices.items():
            under = bed_CS[:, first : first + len(voice)]
            wanted_db = shot.background_db + shot.speech_over_background_db
            gain_db = gain_for(voice, wanted_db, _PEAK - float(np.abs(under).max()))
            tracks[language][:, first : first + len(voice)] += np.float32(10 ** (gain_db / 20)) * voice
            spoken[language] = Spoken(
                text=LINES[take.number][language],
                start_s=round(take.start_s, 6),
                end_s=round(take.start_s + len(voice) / title.sample_rate, 6),
                gain_db=gain_db,
                words=tuple(
                    Word(
                        word.text, round(take.start_s + word.start_s, 4), round(take.start_s + word.end_s, 4)
                    )
                    for word in utterance.words
                ),
            )
        lines.append(Line(take.number, take.speaker, spoken))
    speakers = tuple(dict.fromkeys(take.speaker for take in takes))
    return replace(shot, lines=tuple(lines), speakers=speakers)


def gain_for(voice: np.ndarray, wanted_db: float, peak: float) -> float:
    """The gain in dB, to 3 places, that brings a voice to an RMS of `wanted_db`, its peak below `peak`."""
    rms = float(np.sqrt(np.mean(np.square(voice, dtype=np.float64))))
    highest = float(np.abs(voice).max())
    gain_db = wanted_db - 20 * np.log10(rms)
    return float(np.floor(1000 * min(gain_db, 20 * np.log10(max(peak, 1e-3) / highest))) / 1000)


def _openings(title: Title, shot: Shot, takes: list[_Take]) -> dict[str, np.ndarray]:
    """How far each speaker's mouth is open in each frame of the shot, 0..1, by the original's loudness."""
    frames = shot.end_frame - shot.start_frame
    step = title.sample_rate / title.fps
    openings = {take.speaker: np.zeros(frames) for take in takes}
    for take in takes:
        _, voice = take.voices[title.original_language]
        first = take.start_s * title.sample_rate - shot.start_frame * step
        edges = np.rint(np.arange(frames + 1) * step - first).astype(int).clip(0, len(voice))
        energy = np.concatenate([[0.0], np.cumsum(np.square(voice, dtype=np.float64))])
        loudness = np.sqrt((energy[edges[1:]] - energy[edges[:-1]]) / step)
        openings[take.speaker] = np.maximum(openings[take.speaker], loudness / loudness.max())
    return openings

"""One line from text to samples in its place: spoken, stretched, in the speaker's voice, matched in level.

The result of each step of each line is kept by what it was made of, so that an edit costs its own line alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lssd.dubbing.backend_pool import Tool
from lssd.dubbing.film import Job
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.matching import loudness, match
from lssd.dubbing.placing import Place
from lssd.dubbing.script import Utterance
from lssd.dubbing.settings import SAMPLE_RATE
from lssd.dubbing.sidecars import MatchedLine, SpeakerPitch, SpokenLine, StretchedLine
from lssd.dubbing.sound import Sound, write_sound
from lssd.dubbing.speaking import median_pitch
from lssd.dubbing.workspace import Made
from lssd.media import resample

_VERSION = 1  # of the method here; part of every key
_REFERENCE_S = 20.0  # of a speaker, to know the voice by
_FAINT_DB = -30.0  # speech so far under the mix was not found: the mix tells the level


@dataclass(frozen=True)
class SpeakerVoice:
    """A speaker of the original: samples (1, S) of the speech stem, and the median pitch in Hz if any."""

    reference: Sound
    pitch_hz: float | None
    key: str


@dataclass(frozen=True)
class NaturalLine:
    """A line as it was spoken, before it is fitted to its place."""

    made: Made
    duration_s: float


@dataclass(frozen=True)
class Tools:
    """The backends that fit lines: one of each, so that all lines of a film are treated alike."""

    stretch: Tool
    convert: Tool


class Voicing:
    """Makes the lines of one film."""

    def __init__(self, job: Job) -> None:
        self._pool, self._workspace, self._stems = job.pool, job.workspace, job.stems
        self._matching = job.settings.matching

    def voices(self, utterances: Sequence[Utterance]) -> dict[str, SpeakerVoice]:
        """Each speaker's voice, from the longest lines, up to 20 s of them."""
        speakers = sorted({one.speaker for one in utterances})
        return {
            speaker: self._voice([one for one in utterances if one.speaker == speaker])
            for speaker in speakers
        }

    def speak(self, one: Utterance, text: str, language: str, voice: SpeakerVoice, tool: Tool) -> NaturalLine:
        """A line at its natural pace. BackendError where it cannot be said."""
        declaration = tool.backend.declaration
        seconds = round(one.end_s - one.start_s, 3)
        pitch_hz = None if voice.pitch_hz is None else round(voice.pitch_hz)
        of: dict[str, Any] = {"text": text, "language": language, "seconds": seconds, "by": tool.identity}
        of |= {"pitch_hz": pitch_hz, "speaker": one.speaker}
        if declaration.clones:
            of["voice"] = voice.key
        if declaration.by_line:
            of["line"] = one.id
        choice = VoiceChoice(pitch_hz, one.speaker, voice.reference if declaration.clones else None)

        def make(folder: Path) -> None:
            samples_S, rate = self._pool.call(tool, "speak", text, language, choice, seconds, one.id)
            write_sound(folder / "line.npy", samples_S[None], rate)
            SpokenLine(rate, len(samples_S)).write(folder)

        made = self._workspace.step("speak", of, make)
        return NaturalLine(made, SpokenLine.read(made.folder).duration_s)

    def fit(
        self, one: Utterance, line: NaturalLine, place: Place, voice: SpeakerVoice, tools: Tools
    ) -> tuple[Made, tuple[str, ...]]:
        """The line in its place, all channels at 48 kHz, and flags.

        It is stretched to the place, converted to the speaker's voice, and given the original's level and
        colour. BackendError where a backend fails.
        """
        stretched = self._stretch(line.made, place, tools.stretch)
        converted = self._convert(stretched, voice, tools.convert)
        matched = self._match(one, converted, voice)
        return matched, MatchedLine.read(matched.folder).flags

    def _voice(self, utterances: Sequence[Utterance]) -> SpeakerVoice:
        longest = sorted(utterances, key=lambda one: (one.start_s - one.end_s, one.start_s))
        spans, total_s = [], 0.0
        for one in longest:
            if total_s < _REFERENCE_S:
                spans.append([one.start_s, min(one.end_s, one.start_s + _REFERENCE_S - total_s)])
                total_s += spans[-1][1] - spans[-1][0]
        spans.sort()

        def make(folder: Path) -> None:
            rate = self._stems.speech.sample_rate
            pieces = [
                self._mono(self._stems.speech.read(round(start * rate), round(stop * rate)))[0]
                for start, stop in spans
            ]
            samples_S = np.concatenate(pieces)
            write_sound(folder / "voice.npy", samples_S[None], rate)
            SpeakerPitch(median_pitch(samples_S, rate)).write(folder)

        made = self._workspace.step(
            "voice", {"stems": self._stems.key, "spans": spans, "version": _VERSION}, make
        )
        reference = Sound(made.folder / "voice.npy", self._stems.speech.sample_rate)
        return SpeakerVoice(reference, SpeakerPitch.read(made.folder).pitch_hz, made.key)

    def _stretch(self, spoken: Made, place: Place, tool: Tool) -> Made:
        rate = SpokenLine.read(spoken.folder).sample_rate
        length = max(1, round(place.spoken_s * rate))

        def make(folder: Path) -> None:
            samples_S = Sound(spoken.folder / "line.npy", rate).read()[0]
            if length != len(samples_S):
                samples_S = self._pool.call(tool, "stretch", samples_S, rate, length)
            write_sound(folder / "line.npy", samples_S[None], rate)
            StretchedLine(rate).write(folder)

        return self._workspace.step(
            "stretch", {"of": spoken.key, "length": length, "by": tool.identity}, make
        )

    def _convert(self, stretched: Made, voice: SpeakerVoice, tool: Tool) -> Made:
        reference = self._workspace.step(
            "reference",
            {"of": voice.key, "by": tool.identity},
            lambda folder: np.savez(
                folder / "reference.npz",
                **self._pool.call(tool, "reference", voice.reference.read()[0], voice.reference.sample_rate),
            ),
        )

        def make(folder: Path) -> None:
            rate = StretchedLine.read(stretched.folder).sample_rate
            samples_S = Sound(stretched.folder / "line.npy", rate).read()[0]
            with np.load(reference.folder / "reference.npz") as known:
                converted_S = self._pool.call(tool, "convert", samples_S, rate, dict(known))
            write_sound(folder / "line.npy", resample(converted_S[None], rate, SAMPLE_RATE), SAMPLE_RATE)

        return self._workspace.step(
            "convert", {"of": stretched.key, "reference": reference.key, "by": tool.identity}, make
        )

    def _match(self, one: Utterance, converted: Made, voice: SpeakerVoice) -> Made:
        of = {"of": converted.key, "stems": self._stems.key, "voice": voice.key, "version": _VERSION}
        of |= {"span": [one.start_s, one.end_s], "dials": vars(self._matching)}

        def make(folder: Path) -> None:
            start, stop = (round(time_s * SAMPLE_RATE) for time_s in (one.start_s, one.end_s))
            samples_S = Sound(converted.folder / "line.npy", SAMPLE_RATE).read()[0]
            speech_CS, mix_CS = self._stems.speech.read(start, stop), self._stems.original.read(start, stop)
            flags = []
            if _power_db(speech_CS) < _power_db(mix_CS) + _FAINT_DB:
                speech_CS = mix_CS
                flags.append("hardly any speech was separated here: its level is the mix's")
            old_S, shares_C = self._mono(speech_CS)
            if not np.isfinite(loudness(old_S[None], SAMPLE_RATE)):
                flags.append("the original is silent here, and so is the dub")
            matched_S = match(samples_S, SAMPLE_RATE, old_S, voice.reference.read()[0], self._matching)
            write_sound(folder / "line.npy", shares_C[:, None] * matched_S, SAMPLE_RATE)
            MatchedLine(tuple(flags)).write(folder)

        return self._workspace.step("match", of, make)

    @staticmethod
    def _mono(samples_CS: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A voice (S,) that lies in several channels, and each channel's share of it (C,), of unit length.

        From a voice v panned with shares g, that is from g v, it recovers v.
        """
        size_C = np.sqrt(np.mean(np.square(samples_CS, dtype=np.float64), axis=1))
        if len(samples_CS) in (6, 8):
            size_C[3] = 0.0  # nobody speaks in the low-frequency channel
        total = float(np.sqrt(np.square(size_C).sum()))
        shares_C = size_C / total if total > 0 else np.full(len(samples_CS), len(samples_CS) ** -0.5)
        return (shares_C @ samples_CS).astype(np.float32), shares_C.astype(np.float32)


def _power_db(samples_CS: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples_CS, dtype=np.float64)) + 1e-20))


def line_sound(made: Made) -> Sound:
    """The samples of a line that `Voicing.fit` made."""
    return Sound(made.folder / "line.npy", SAMPLE_RATE)


def texts_to_speak(utterances: Sequence[Utterance], language: str) -> Mapping[str, str]:
    """Texts to speak, by utterance id; empty ones are left out."""
    return {
        one.id: one.said[language].text.strip()
        for one in utterances
        if language in one.said and one.said[language].text.strip()
    }

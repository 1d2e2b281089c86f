"""One line's way from text to samples that fit its place: speak, stretch, convert the voice, match.

Each step of each line is kept by what it was made of, so that an edited line costs its own way alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lssd.dubbing.backend_pool import Tool
from lssd.dubbing.job import Job
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.matching import loudness, match
from lssd.dubbing.placing import Place
from lssd.dubbing.script import Utterance
from lssd.dubbing.settings import SAMPLE_RATE
from lssd.dubbing.sound import Sound, write_sound
from lssd.dubbing.speaking import median_pitch
from lssd.dubbing.workspace import Made
from lssd.media import resample
from lssd.store import read_json, write_json

_VERSION = 1  # of what is done here; part of every key
_REFERENCE_S = 20.0  # of a speaker, to know the voice by
_FAINT_DB = -30.0  # speech so far under the mix was not found: the mix tells the level


@dataclass(frozen=True)
class Voice:
    """A speaker of the original: samples (1, S) of the speech stem, and the median pitch if there is one."""

    reference: Sound
    pitch_hz: float | None
    key: str


@dataclass(frozen=True)
class Tools:
    """What lines are fitted with; one of each, so that a film's lines are made alike."""

    stretch: Tool
    convert: Tool


class Voicing:
    """Makes the lines of one film."""

    def __init__(self, job: Job) -> None:
        self._pool, self._workspace, self._stems = job.pool, job.workspace, job.stems
        self._matching = job.settings.matching

    def voices(self, utterances: Sequence[Utterance]) -> dict[str, Voice]:
        """Each speaker's voice, from the longest lines, up to 20 s of them."""
        speakers = sorted({one.speaker for one in utterances})
        return {
            speaker: self._voice([one for one in utterances if one.speaker == speaker])
            for speaker in speakers
        }

    def speak(self, one: Utterance, text: str, language: str, voice: Voice, tool: Tool) -> tuple[Made, float]:
        """A line at its natural pace, and its seconds. BackendError where it cannot be said."""
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
            write_json(folder / "line.json", {"sample_rate": rate, "samples": len(samples_S)})

        made = self._workspace.step("speak", of, make)
        about = read_json(made.folder / "line.json")
        return made, about["samples"] / about["sample_rate"]

    def fit(
        self, one: Utterance, spoken: Made, place: Place, voice: Voice, tools: Tools
    ) -> tuple[Made, tuple[str, ...]]:
        """The line in its place, all channels at 48 kHz, and flags.

        Stretched, in the speaker's voice, at the original's level and colour.
        """
        stretched = self._stretch(spoken, place, tools.stretch)
        converted = self._convert(stretched, voice, tools.convert)
        made = self._match(one, converted, voice)
        return made, tuple(read_json(made.folder / "line.json")["flags"])

    def _voice(self, utterances: Sequence[Utterance]) -> Voice:
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
            write_json(folder / "voice.json", {"pitch_hz": median_pitch(samples_S, rate)})

        made = self._workspace.step(
            "voice", {"stems": self._stems.key, "spans": spans, "version": _VERSION}, make
        )
        reference = Sound(made.folder / "voice.npy", self._stems.speech.sample_rate)
        return Voice(reference, read_json(made.folder / "voice.json")["pitch_hz"], made.key)

    def _stretch(self, spoken: Made, place: Place, tool: Tool) -> Made:
        rate = read_json(spoken.folder / "line.json")["sample_rate"]
        length = max(1, round(place.spoken_s * rate))

        def make(folder: Path) -> None:
            samples_S = Sound(spoken.folder / "line.npy", rate).read()[0]
            if length != len(samples_S):
                samples_S = self._pool.call(tool, "stretch", samples_S, rate, length)
            write_sound(folder / "line.npy", samples_S[None], rate)
            write_json(folder / "line.json", {"sample_rate": rate})

        return self._workspace.step(
            "stretch", {"of": spoken.key, "length": length, "by": tool.identity}, make
        )

    def _convert(self, stretched: Made, voice: Voice, tool: Tool) -> Made:
        reference = self._workspace.step(
            "reference",
            {"of": voice.key, "by": tool.identity},
            lambda folder: np.savez(
                folder / "reference.npz",
                **self._pool.call(tool, "reference", voice.reference.read()[0], voice.reference.sample_rate),
            ),
        )

        def make(folder: Path) -> None:
            rate = read_json(stretched.folder / "line.json")["sample_rate"]
            samples_S = Sound(stretched.folder / "line.npy", rate).read()[0]
            with np.load(reference.folder / "reference.npz") as known:
                converted_S = self._pool.call(tool, "convert", samples_S, rate, dict(known))
            write_sound(folder / "line.npy", resample(converted_S[None], rate, SAMPLE_RATE), SAMPLE_RATE)

        return self._workspace.step(
            "convert", {"of": stretched.key, "reference": reference.key, "by": tool.identity}, make
        )

    def _match(self, one: Utterance, converted: Made, voice: Voice) -> Made:
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
            write_json(folder / "line.json", {"flags": flags})

        return self._workspace.step("match", of, make)

    @staticmethod
    def _mono(samples_CS: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A voice (S,) that lies in several channels, and each channel's share of it (C,), unit length.

        Of a voice v that is panned with shares g, as g v, it gives back v.
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


def spoken_texts(utterances: Sequence[Utterance], language: str) -> Mapping[str, str]:
    """What is to be said, by utterance, without those of whom nothing is."""
    return {
        one.id: one.said[language].text.strip()
        for one in utterances
        if language in one.said and one.said[language].text.strip()
    }

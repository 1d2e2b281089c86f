"""espeak-ng's formant voices: artificial, but fast, in a hundred languages, and without weights."""

import json
import re
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from typing import Any

import numpy as np

from lssd.dubbing.declaration import BackendError, Declaration
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.speaking.pitch import median_pitch
from lssd.dubbing.speaking.speaker import Speaker, choice_by_key, pace_for, trimmed
from lssd.errors import InputError, install_hint
from lssd.speech import SpeechError, Synthesiser, Voice, voices

_LANGUAGES = (
    "af am ar as az ba be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gd gn gu he "
    "hi hr ht hu hy ia id io is it ja ka kk kl kn ko ku ky la lb lt lv mi mk ml mr ms mt my nb "
    "ne nl no om or pa pl pt qu ro ru sd si sk sl sq sr sv sw ta te th tk tr tt ug uk ur uz vi "
    "yue zh"
)
_KANJI = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3005\U00020000-\U0003ffff]")
_SAMPLE = "A long way home."  # nearly all voiced: shows each voice's pitch


class Espeak(Speaker):
    """espeak-ng in `lssd.speech`'s own process."""

    declaration = Declaration(
        step="speaking",
        name="espeak",
        about="espeak-ng in a process of its own: the voice nearest to the speaker's pitch",
        code_license="GPL-3.0-or-later",
        weights_license="none",
        sample_rate=22050,
        languages=frozenset(_LANGUAGES.split()),
        device="cpu",
        version=1,
        modules=("espeakng_loader",),
        install=install_hint("offline"),
    )

    @dataclass(frozen=True)
    class Settings:
        """slowest, fastest: pace as a multiple of the voice's own; choices: voices near a pitch to pick from.

        With one choice, speakers of like pitch share a voice; with many, voices stray from the pitch.
        """

        slowest: float = 0.85
        fastest: float = 1.25
        choices: int = 6

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        if not 0 < self.settings.slowest <= 1 <= self.settings.fastest or self.settings.choices < 1:
            raise InputError("espeak needs 0 < slowest <= 1 <= fastest, and choices of at least 1")
        self._synthesiser = Synthesiser()
        self._pitches: list[tuple[float, Voice]] = []

    def weights_hash(self) -> str:
        return f"espeakng-loader=={version('espeakng-loader')}"

    def close(self) -> None:
        """End espeak-ng's process."""
        self._synthesiser.close()

    def speak(
        self, text: str, language: str, voice: VoiceChoice, seconds: float, line: str = ""
    ) -> tuple[np.ndarray, int]:
        if language not in (self.declaration.languages or ()):
            raise BackendError(
                f"'{text}' cannot be spoken: espeak-ng has no voice for the language '{language}'"
            )
        if language == "ja" and (kanji := _KANJI.search(text)):
            raise BackendError(
                f"'{text}' cannot be spoken: espeak-ng does not read kanji ('{kanji[0]}'); give it in kana"
            )
        if not any(character.isalnum() for character in text):
            raise BackendError(f"'{text}' cannot be spoken: it has no letters")
        chosen = self.voice(voice)
        samples_S = self._utter(text, language, chosen, 1.0)
        settings = self.settings
        natural_s = samples_S.size / self._synthesiser.sample_rate
        pace = pace_for(natural_s, seconds, settings.slowest, settings.fastest)
        if abs(pace - 1) > 0.02:
            samples_S = self._utter(text, language, chosen, pace)
        return samples_S, self._synthesiser.sample_rate

    def voice(self, choice: VoiceChoice) -> Voice:
        """The voice for a speaker: one of those nearest in pitch, always the same for the same key."""
        pitches = self._pitches or self._measured()
        if choice.pitch_hz is None:
            return pitches[choice_by_key(choice.key, len(pitches))][1]
        # To a whole tone: another film's lines of the same speaker are never of quite the same pitch.
        wanted = np.round(6 * np.log2(choice.pitch_hz)) / 6
        near = sorted(pitches, key=lambda item: (abs(np.log2(item[0]) - wanted), item[1].name))
        return near[choice_by_key(choice.key, min(self.settings.choices, len(near)))][1]

    def _measured(self) -> list[tuple[float, Voice]]:
        """(pitch in Hz, voice) of all voices, by one sentence each: the same people in every language."""
        known = json.loads(resources.files(__package__).joinpath("espeak_pitches.json").read_text())
        pitches = (
            known["pitches"] if known["espeakng-loader"] == version("espeakng-loader") else self.measure()
        )
        self._pitches = [(pitches[voice.name], voice) for voice in voices("en") if voice.name in pitches]
        return self._pitches

    def measure(self) -> dict[str, float]:
        """The median pitch in Hz of each voice that has one, by name; takes seconds."""
        rate = self._synthesiser.sample_rate
        found = {
            voice.name: median_pitch(self._synthesiser.speak(_SAMPLE, "en", voice), rate)
            for voice in voices("en")
        }
        return {name: round(pitch_hz, 1) for name, pitch_hz in found.items() if pitch_hz is not None}

    def _utter(self, text: str, language: str, voice: Voice, pace: float) -> np.ndarray:
        try:
            samples_S = self._synthesiser.utter(text, language, voice, pace=pace).samples
        except SpeechError as error:
            raise BackendError(f"'{text}' cannot be spoken: {error}") from error
        samples_S = trimmed(samples_S)
        if not samples_S.size:
            raise BackendError(f"'{text}' cannot be spoken: espeak-ng says nothing")
        return samples_S

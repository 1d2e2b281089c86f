"""One voice over a film's own sound: commentaries, and descriptions in the pauses of the dialogue."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from filmset.layouts import pan
from filmset.retakes import sentence_alone
from filmset.truth import Title, Track
from filmset.words.protocol import Sentence, SpeechSource, Take
from lssd.speech import Voice

_NARRATION = 53  # purpose of a title's generator
_STYLE = "calm"
_PEAK = 0.33
_LOUDER_DB = 2.0  # than the people of the film
_FIRST_S, _LAST_S = (0.2, 1.0), 0.15  # free at the film's ends
_REST_S = (0.4, 2.5)  # between two sentences of a commentary
_PAUSE_S, _EDGE_S = 0.9, 0.12  # the shortest pause that is described, and what stays free at its ends
_TRIES = 3
_SQUEEZED = 12  # sentences tried where none has fitted
_LEAST_S, _SURELY = 0.3, 0.97  # the shortest length asked for; the share asked for of a longer one
_KEPT_TAKES = 4


def commentary(title: Title, track: Track, speech: SpeechSource) -> dict[str, Any]:
    """What a commentator says from beginning to end, as values of a fault: `voice` and `lines`."""
    narrator = _Narrator(title, track, speech)
    end = title.frames / float(title.rate) - _LAST_S
    now, misses = float(narrator.rng.uniform(*_FIRST_S)), 0
    lines: list[dict[str, Any]] = []
    for sentence in narrator.sentences():
        line = narrator.line(sentence, now, end)
        misses += line is None
        if line is not None:
            lines.append(line)
            now = line["end_s"] + float(narrator.rng.uniform(*_REST_S))
        if misses == _TRIES or now >= end:
            break
    return {"voice": asdict(narrator.voice), "lines": lines}


def description(title: Title, track: Track, speech: SpeechSource) -> dict[str, Any]:
    """What a describer says where nobody speaks in the original, likewise as values of a fault.

    Where no sentence fits a pause as it is, one is spoken in the longest pause, faster if need be. If
    none fits even so, one is spoken over the dialogue beside it, and `over_dialogue` is 1.0.
    """
    narrator = _Narrator(title, track, speech)
    sentences = narrator.sentences()
    pauses = _pauses(title)
    lines: list[dict[str, Any]] = []
    for begin, end in pauses:
        for _ in range(_TRIES if end - begin >= _PAUSE_S else 0):
            line = narrator.line(next(sentences), begin + _EDGE_S, end - _EDGE_S)
            if line is not None:
                lines.append(line)
                break
    if not lines:
        lines = _squeezed(narrator, sentences, pauses)
    over = any(
        line["start_s"] < end and line["end_s"] > begin for line in lines for begin, end in _talk(title)
    )
    return {"voice": asdict(narrator.voice), "lines": lines, "over_dialogue": float(over)}


def _squeezed(
    narrator: "_Narrator", sentences: Iterator[Sentence], pauses: list[tuple[float, float]]
) -> list[dict[str, Any]]:
    """The first sentence that can be spoken within the longest pause, or else the shortest of those tried.

    Empty where the film is shorter than all of them.
    """
    begin, end = max(pauses, key=lambda pause: pause[1] - pause[0], default=(0.0, 0.0))
    begin, end = begin + _EDGE_S, end - _EDGE_S
    room_s, film_s = max(end - begin, _LEAST_S), narrator.title.frames / float(narrator.title.rate)
    tried = [narrator.line(next(sentences), 0.0, film_s, room_s) for _ in range(_SQUEEZED)]
    possible = [line for line in tried if line is not None]
    if not possible:
        return []
    lasting = [line["end_s"] - line["start_s"] for line in possible]
    fitting = [number for number, seconds in enumerate(lasting) if seconds <= end - begin]
    chosen = fitting[0] if fitting else int(np.argmin(lasting))
    start_s = max(0.0, min(begin, film_s - lasting[chosen]))
    return [narrator.moved(possible[chosen], start_s)]


def _talk(title: Title) -> list[tuple[float, float]]:
    """Beginning and end, in seconds, of the original's lines, in order."""
    key = title.tracks[0].key
    return sorted(
        (line.spoken[key].start_s, line.spoken[key].end_s) for shot in title.shots for line in shot.lines
    )


def _pauses(title: Title) -> list[tuple[float, float]]:
    """Spans of the film, in seconds, in which nobody speaks in the original."""
    pauses, reached = [], 0.0
    for start_s, end_s in [*_talk(title), (title.frames / float(title.rate),) * 2]:
        if start_s > reached:
            pauses.append((reached, start_s))
        reached = max(reached, end_s)
    return pauses


class _Narrator:
    """A voice of a track's language that is none of the film's people, as far as there are enough."""

    def __init__(self, title: Title, track: Track, speech: SpeechSource) -> None:
        self.title, self.track, self.speech = title, track, speech
        self.rng = np.random.default_rng([title.seed, _NARRATION, title.index])
        self.held_out = title.split == "test"
        voices = speech.voices(track.language, self.held_out)
        heard = {voice.variant for person in title.cast for voice in person.voices.values()}
        free = [voice for voice in voices if voice.variant not in heard] or voices
        self.voice = free[int(self.rng.integers(len(free)))]
        levels = [shot.background_db + shot.speech_over_background_db for shot in title.shots]
        self.level_db = float(np.median(levels)) + _LOUDER_DB

    def sentences(self) -> Iterator[Sentence]:
        while True:
            yield from self.speech.exchange(self.rng, self.held_out, 6)

    def line(
        self, sentence: Sentence, start_s: float, end_s: float, room_s: float | None = None
    ) -> dict[str, Any] | None:
        """The sentence spoken from `start_s`, or None where it would end after `end_s`.

        room_s: where it would last longer, it is spoken faster, as far as voices can.
        """
        language, rate = self.track.language, self.title.sample_rate
        line: dict[str, Any] = {
            "key": sentence.key,
            "text": sentence.spoken[language],
            "written": sentence.written[language],
            "keywords": list(sentence.keywords),
            "seconds": None,
        }
        samples = say(line, language, self.voice, self.speech).samples
        if room_s is not None and len(samples) > room_s * rate:
            line["seconds"] = round(_SURELY * room_s, 6)
            samples = say(line, language, self.voice, self.speech).samples
        if round(start_s * rate) + len(samples) > end_s * rate:
            return None
        level_db = 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12)
        highest_db = 20 * np.log10(_PEAK / max(float(np.abs(samples).max()), 1e-9))
        line["start_s"], line["end_s"] = 0.0, round(len(samples) / rate, 6)
        line["gain_db"] = float(np.floor(1000 * min(self.level_db - level_db, highest_db)) / 1000)
        return self.moved(line, start_s)

    def moved(self, line: dict[str, Any], start_s: float) -> dict[str, Any]:
        """The line, beginning at another time."""
        rate = self.title.sample_rate
        length = round((line["end_s"] - line["start_s"]) * rate)
        first = round(start_s * rate)
        times = {"start_s": round(first / rate, 6), "end_s": round((first + length) / rate, 6)}
        return {**line, **times}


def say(line: dict[str, Any], language: str, voice: Voice, speech: SpeechSource) -> Take:
    """A narrator's line as it is spoken."""
    keywords = tuple(line["keywords"])
    sentence = sentence_alone(line["key"], language, line["text"], line["written"], keywords)
    return speech.say(sentence, language, voice, _STYLE, line["seconds"])


class Narration:
    """The sound of a narrator, from the values of a fault."""

    def __init__(self, title: Title, track: Track, speech: SpeechSource) -> None:
        values = {} if track.fault is None else track.fault.values
        self._voice = Voice(**values["voice"])
        self._language, self._speech = track.language, speech
        rate = title.sample_rate
        self._lines = values["lines"]
        self._starts = [round(line["start_s"] * rate) for line in self._lines]
        self._ends = [round(line["end_s"] * rate) for line in self._lines]
        self._gains = pan(0.0, title.channels)
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()

    def samples(self, first: int, last: int) -> np.ndarray:
        """Samples [first, last) of the film: float32 (C, S)."""
        out_CS = np.zeros((len(self._gains), max(0, last - first)), dtype=np.float32)
        for number in range(bisect_right(self._ends, first), bisect_left(self._starts, last)):
            start = self._starts[number]
            a, b = max(first, start), min(last, self._ends[number])
            out_CS[:, a - first : b - first] += (
                self._gains[:, None] * self._take(number)[a - start : b - start]
            )
        return out_CS

    def _take(self, number: int) -> np.ndarray:
        if number not in self._kept:
            while len(self._kept) >= _KEPT_TAKES:
                self._kept.popitem(last=False)
            line = self._lines[number]
            samples = say(line, self._language, self._voice, self._speech).samples
            self._kept[number] = samples * np.float32(10 ** (line["gain_db"] / 20))
        return self._kept[number]

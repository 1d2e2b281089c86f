"""Text to speech through a worker process that holds espeak-ng."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from bisect import bisect_right
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from lssd.errors import ItemError, MissingExtraError, install_hint
from lssd.speech.onsets import refined
from lssd.speech.styles import coloured, marked, style_of, unmarked_positions, word_spans
from lssd.speech.utterance import Utterance, Word
from lssd.speech.voices import Voice, espeak_language, voices

_SLOWEST, _FASTEST = 80, 450  # words a minute


class SpeechError(ItemError):
    """A line cannot be spoken: it or its language is refused, or the speech process died."""


def check_installed() -> None:
    """Raise MissingExtraError when espeak-ng is not installed; loads nothing."""
    if importlib.util.find_spec("espeakng_loader") is None:
        raise MissingExtraError(f"speech needs espeak-ng, which is not installed: {install_hint('filmset')}")


class Synthesiser:
    """Text to speech by espeak-ng in a process of its own; use it as a context manager.

    A line's samples depend on the line, its language and its voice alone: each is spoken by a
    freshly forked process. Not for use by several threads at once.

    Raises MissingExtraError when espeakng-loader is not installed, and SpeechError when the process
    does not start.
    """

    def __init__(self) -> None:
        check_installed()
        worker = Path(__file__).with_name("worker.py")
        # What the process complains about; a pipe that nobody reads would fill up and block it.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
        )
        self._closed = False
        try:
            self.sample_rate = int(self._read_header()["sample_rate"])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process. Speaking afterwards raises SpeechError; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._process.kill()  # it holds nothing that needs saving
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # an unsent request of a process that had died: nothing to keep

    def utter(
        self,
        text: str,
        language: str,
        voice: Voice | None = None,
        style: str = "calm",
        pace: float = 1.0,
    ) -> Utterance:
        """Speak one line, with the times of its words as they show in the sound, see `onsets.refined`.

        `language` is what the text is written in (Japanese in kana: kanji are spelled out in
        English); `voice` is who speaks, by default the first of `voices(language)`. A voice listed
        for another language keeps its timbre and speaks this one. `style`: of STYLES; calm is the voice
        as it is. `pace`: how many times as fast as the voice speaks in that style.

        Raises InputError for what is no language or style; SpeechError for an empty or unencodable text, for
        a language or variant that espeak-ng does not have, and when the process dies.
        """
        if self._closed:
            raise SpeechError("the speech process is closed; open a new Synthesiser")
        _check_text(text)
        voice, manner = voice or voices(language)[0], style_of(style)
        given = marked(text, manner, voice.pitch)
        request = {
            "text": given,
            "voice": espeak_language(language),
            "variant": voice.variant,
            "pitch": voice.pitch,
            "range": min(99, round(voice.pitch_range * manner.pitch_range)),
            "rate": int(np.clip(round(voice.rate * manner.rate * pace), _SLOWEST, _FASTEST)),
        }
        self._send(json.dumps(request).encode("ascii") + b"\n")
        header = self._read_header()
        data = self._read(2 * header["samples"])
        samples = np.frombuffer(data, dtype="<i2").astype(np.float32) / 32768.0
        told = _words(text, given, header["words"], len(samples), self.sample_rate)
        words = refined(told, samples, self.sample_rate)
        return Utterance(coloured(samples, self.sample_rate, manner), self.sample_rate, words)

    def speak(self, text: str, language: str, voice: Voice | None = None) -> np.ndarray:
        """Speak one line: float32 mono samples of shape (S,) in [-1, 1) at `sample_rate`. See `utter`."""
        return self.utter(text, language, voice).samples

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._death() from error

    def _read_header(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._death()
        header: dict[str, Any] = json.loads(line)
        if "error" in header:
            raise SpeechError(header["error"])
        if "refused" in header:
            raise SpeechError(header["refused"])
        return header

    def _read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(count)
        if len(data) != count:
            raise self._death()
        return data

    def _death(self) -> SpeechError:
        """The error that says how the process ended. Closes what is left of it."""
        self._process.kill()
        status = self._process.wait()
        self._complaints.seek(0)
        last = self._complaints.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        self.close()
        detail = f": {last[0]}" if last else ""
        return SpeechError(f"the speech process died (status {status}){detail}; open a new Synthesiser")


def _words(text: str, given: str, events: list[list[int]], total: int, sample_rate: int) -> list[Word]:
    """The words of a text by the events of what was given to espeak-ng, the text with commands in it.

    The library splits some words ("s'est") and speaks some pairs as one ("of the"): events of one word
    are joined, and a word without an event goes with the one before. Where it announces none at all, as in
    some Korean sentences, the whole text is one word of `total` samples.
    """
    spans, positions = word_spans(text), unmarked_positions(given)
    if not spans:
        return []
    events = events or [[0, len(given), 0, total]]
    begins = [start for start, _ in spans]
    times: dict[int, list[int]] = {}  # by the word's number: first and last sample
    for first, _, start, end in events:
        number = max(0, bisect_right(begins, positions[min(first, len(positions) - 1)]) - 1)
        times.setdefault(number, [start, end])[1] = end
    numbers = sorted(times)
    firsts = [0, *numbers[1:]]  # what no event announces at the very beginning goes with the first
    lasts = [number - 1 for number in firsts[1:]] + [len(spans) - 1]
    return [
        Word(
            text[spans[first][0] : spans[last][1]],
            times[number][0] / sample_rate,
            times[number][1] / sample_rate,
        )
        for number, first, last in zip(numbers, firsts, lasts, strict=True)
    ]


def _check_text(text: str) -> None:
    if not text.strip():
        raise SpeechError("there is no text to speak")
    if "\0" in text:
        raise SpeechError("a text to speak may not contain NUL characters")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SpeechError(f"a text to speak is not valid Unicode: {error.reason}") from error

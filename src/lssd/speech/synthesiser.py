"""A text in a voice becomes samples, through a worker process that holds espeak-ng."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from lssd.errors import InputError, LssdError, MissingExtraError
from lssd.speech.voices import Voice, espeak_language, voices


class SpeechError(LssdError):
    """The speech process died or refused a line; the message says why."""


@dataclass(frozen=True)
class Word:
    """One spoken word: its text as written, and when it is heard, in seconds from the first sample."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Utterance:
    """A spoken line: float32 mono samples in [-1, 1) of shape (S,), their rate in Hz, and its words.

    Languages written without spaces give one "word" a phrase.
    """

    samples: np.ndarray
    sample_rate: int
    words: tuple[Word, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds, pauses at the ends included."""
        return len(self.samples) / self.sample_rate

    def trimmed(self, floor: float = 0.01) -> "Utterance":
        """Without the silence before and after: what stays below `floor` times the peak is silence.

        Word times move along. An utterance without sound comes back empty.
        """
        loud = np.flatnonzero(np.abs(self.samples) > floor * np.abs(self.samples).max(initial=0.0))
        first, last = (int(loud[0]), int(loud[-1]) + 1) if loud.size else (0, 0)
        length_s = (last - first) / self.sample_rate
        moved = (
            Word(
                word.text,
                float(np.clip(word.start_s - first / self.sample_rate, 0.0, length_s)),
                float(np.clip(word.end_s - first / self.sample_rate, 0.0, length_s)),
            )
            for word in self.words
        )
        return Utterance(self.samples[first:last], self.sample_rate, tuple(moved))


def check_installed() -> None:
    """Raise MissingExtraError when espeak-ng is not installed; loads nothing."""
    if importlib.util.find_spec("espeakng_loader") is None:
        raise MissingExtraError("speech needs espeak-ng, which is not installed: pip install 'lssd[filmset]'")


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

    def utter(self, text: str, language: str, voice: Voice | None = None) -> Utterance:
        """Speak one line, with the times of its words.

        `language` is what the text is written in (Japanese in kana: kanji are spelled out in
        English); `voice` is who speaks, by default the first of `voices(language)`. A voice listed
        for another language keeps its timbre and speaks this one.

        Raises InputError for an empty or unencodable text, an unknown language or variant, and
        SpeechError when the process dies.
        """
        if self._closed:
            raise SpeechError("the speech process is closed; open a new Synthesiser")
        _check_text(text)
        voice = voice or voices(language)[0]
        request = {
            "text": text,
            "voice": espeak_language(language),
            "variant": voice.variant,
            "pitch": voice.pitch,
            "range": voice.pitch_range,
            "rate": voice.rate,
        }
        self._send(json.dumps(request).encode("ascii") + b"\n")
        header = self._read_header()
        data = self._read(2 * header["samples"])
        samples = np.frombuffer(data, dtype="<i2").astype(np.float32) / 32768.0
        words = tuple(
            Word(text[first : first + count], start / self.sample_rate, end / self.sample_rate)
            for first, count, start, end in header["words"]
        )
        return Utterance(samples, self.sample_rate, words)

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
            raise InputError(header["refused"])
        return header

    def _read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(count)
        if len(data) != count:
            raise self._death()
        return data

    def _death(self) -> SpeechError:
        """The error that tells how the process ended, and closes what is left of it."""
        self._process.kill()
        status = self._process.wait()
        self._complaints.seek(0)
        last = self._complaints.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        self.close()
        detail = f": {last[0]}" if last else ""
        return SpeechError(f"the speech process died (status {status}){detail}; open a new Synthesiser")


def _check_text(text: str) -> None:
    if not text.strip():
        raise InputError("there is no text to speak")
    if "\0" in text:
        raise InputError("a text to speak may not contain NUL characters")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"a text to speak is not valid Unicode: {error.reason}") from error

"""Transcription: the words of each segment of a speech stem."""

from collections.abc import Sequence
from typing import Protocol

from lssd.dubbing.declaration import Backend
from lssd.dubbing.lines import Line, Segment
from lssd.dubbing.sound import Sound
from lssd.dubbing.transcription.faster_whisper import FasterWhisper
from lssd.dubbing.transcription.pocketsphinx import PocketSphinx
from lssd.dubbing.transcription.silent import Silent
from lssd.dubbing.transcription.whisper import Whisper

BACKENDS: tuple[type[Backend], ...] = (FasterWhisper, Whisper, PocketSphinx, Silent)


class Transcriber(Protocol):
    """The interface of transcription backends."""

    def transcribe(self, speech: Sound, segments: Sequence[Segment], language: str) -> list[Line]:
        """One line for each segment, with its times; `text` is "" where nothing was recognised."""
        ...


__all__ = ["BACKENDS", "FasterWhisper", "PocketSphinx", "Silent", "Transcriber", "Whisper"]

"""The values that pass between steps: segments, words, lines, translations."""

from dataclasses import dataclass

from lssd.dubbing.sound import Sound


@dataclass(frozen=True)
class Segment:
    """A stretch of speech, in seconds from the sound's first sample."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Word:
    """A word and when it is said."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Line:
    """A stretch of speech and what is said in it; "" where no backend could tell.

    `confidence` is in 0..1, None where the backend gives none; `speaker` is "" until it is known.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    speaker: str = ""


@dataclass(frozen=True)
class Request:
    """A text to translate, how many seconds its speech may take, and the id of its line."""

    text: str
    seconds: float
    key: str


@dataclass(frozen=True)
class Translation:
    """Words in the target language. `note` is a remark for the user.

    `is_translation` is False for words of the right length that mean something else.
    """

    text: str
    is_translation: bool
    note: str = ""


@dataclass(frozen=True)
class VoiceChoice:
    """The voice to speak with: median pitch in Hz (None: unknown), the speaker's name, and samples."""

    pitch_hz: float | None
    key: str
    reference: Sound | None = None

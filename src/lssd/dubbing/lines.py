"""What passes between the steps that deal in words and times."""

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
    """A text to translate, how long its speech may take, and the line's name."""

    text: str
    seconds: float
    key: str


@dataclass(frozen=True)
class Translation:
    """Words in the target language; `is_translation` is False where they merely fit. `note`: what to know."""

    text: str
    is_translation: bool
    note: str = ""


@dataclass(frozen=True)
class VoiceChoice:
    """Whom to sound like: median pitch in Hz (None: unknown), a name that is stable, and samples."""

    pitch_hz: float | None
    key: str
    reference: Sound | None = None

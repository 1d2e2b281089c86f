"""Lines spoken again: the takes that a title's lines were timed with, from what the truth keeps of them."""

from filmset.settings import SAMPLE_RATE
from filmset.truth import Line, Title, Track
from filmset.words.protocol import Sentence, SpeechSource, Take


def retake(title: Title, line: Line, track: Track, speech: SpeechSource) -> Take:
    """What is heard of a line in a track, before gain and room: the very take that it was timed with."""
    spoken, original = line.spoken[track.key], title.tracks[0]
    seconds = None  # a dub is spoken to the length of the original
    if track.key != original.key:
        first, last = line.spoken[original.key].start_s, line.spoken[original.key].end_s
        seconds = (sample_of(title, last) - sample_of(title, first)) / SAMPLE_RATE
    sentence = sentence_alone(line.key, track.language, spoken.text, spoken.written, line.keywords)
    voice = title.speaker(line.speaker).voices[track.key]
    return speech.say(sentence, track.language, voice, line.style, seconds)


def sentence_alone(key: str, language: str, text: str, written: str, keywords: tuple[str, ...]) -> Sentence:
    """One language of a sentence: all that the truth keeps, and so all that a take may depend on."""
    asks = written.rstrip().endswith(("?", "？"))
    return Sentence(key, {language: text}, {language: written}, keywords, asks)


def seconds_of(title: Title, sample: int) -> float:
    """The time of a sample, as it is written."""
    return round(sample / title.sample_rate, 6)


def sample_of(title: Title, seconds: float) -> int:
    """The sample of a written time."""
    return round(seconds * title.sample_rate)

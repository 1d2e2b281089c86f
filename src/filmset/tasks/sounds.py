"""An item's sound: a background, speech over it at a level, and events."""

from dataclasses import dataclass

import numpy as np

from filmset.backgrounds import SYNTHESIS
from filmset.events import event_sound
from filmset.scenes import Scene
from filmset.settings import SAMPLE_RATE
from filmset.synthesis import add, faded
from filmset.tasks.task import Clip, Sources
from filmset.truth import Event
from filmset.words import Sentence
from lssd.speech import Voice

_PEAK = 0.97
_PAUSES_S = (0.12, 0.45)  # between sentences


@dataclass(frozen=True)
class Talk:
    """One voice that says sentences one after the other, from `start_s` on.

    A negative start begins within a sentence; at `end_s` the voice breaks off. seed: of its pauses.
    """

    voice: Voice
    language: str
    sentences: tuple[Sentence, ...]
    start_s: float
    seed: int
    style: str = "calm"
    end_s: float = float("inf")


@dataclass(frozen=True)
class Sound:
    """What is heard in one item.

    background_db: RMS in dB of full scale; tilt_db: the title's colour; over_db: all speech together
    over the background, where anybody speaks.
    """

    seconds: float
    scene: Scene
    background_db: float
    tilt_db: float = 0.0
    talks: tuple[Talk, ...] = ()
    over_db: float = 0.0
    events: tuple[Event, ...] = ()


def make_sound(sound: Sound, sources: Sources) -> Clip:
    """The samples of one item."""
    samples = round(sound.seconds * SAMPLE_RATE)
    mixed = sources.backgrounds.sound(
        sound.scene, SYNTHESIS, samples, SAMPLE_RATE, sound.background_db, sound.tilt_db
    )
    for event in sound.events:
        start_s, dry = event_sound(event, SAMPLE_RATE)
        add(mixed, round(start_s * SAMPLE_RATE), np.float32(10 ** (event.gain_db / 20)) * dry)
    talking = np.zeros(samples, dtype=np.float32)
    for talk in sound.talks:
        voice = np.zeros(samples, dtype=np.float32)
        for first, take in takes(talk, sound.seconds, sources):
            add(voice, first, take)
        talking += voice / max(_active_rms(voice), 1e-9)
    if sound.talks:
        mixed += np.float32(10 ** ((sound.background_db + sound.over_db) / 20)) * (
            talking / max(_active_rms(talking), 1e-9)
        )
    return Clip(sound=mixed * np.float32(min(1.0, _PEAK / max(float(np.abs(mixed).max()), 1e-9))))


def takes(talk: Talk, seconds: float, sources: Sources) -> list[tuple[int, np.ndarray]]:
    """What is heard of a talk: the first sample (perhaps negative) and samples (S,) of each sentence."""
    rng = np.random.default_rng(talk.seed)
    now, found, end_s = talk.start_s, [], min(seconds, talk.end_s)
    for sentence in talk.sentences:
        if now >= end_s:
            break
        take = sources.speech.say(sentence, talk.language, talk.voice, talk.style)
        heard = take.samples[: round((end_s - now) * SAMPLE_RATE)]
        found.append((round(now * SAMPLE_RATE), faded(heard.copy(), SAMPLE_RATE)))
        now += take.duration_s + rng.uniform(*_PAUSES_S)
    return found


def _active_rms(voice: np.ndarray) -> float:
    """RMS of the samples at which anything is heard."""
    heard = voice[np.abs(voice) > 0]
    return float(np.sqrt(np.mean(np.square(heard, dtype=np.float64)))) if len(heard) else 0.0

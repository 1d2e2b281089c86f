"""Who speaks in which track: the people of a title and their voices."""

import numpy as np

from filmset.truth import Speaker, Track
from filmset.words import SpeechSource
from lssd.speech import Voice


def sample_cast(
    rng: np.random.Generator, speech: SpeechSource, tracks: tuple[Track, ...], held_out: bool, people: int
) -> tuple[Speaker, ...]:
    """The people of a title, women and men, each with a voice in every track.

    No two people of a track share a timbre, nor do two tracks of a person, as far as there are enough;
    a person keeps their sex in every track where there is a voice of it.
    """
    sexes = ["f", "m", *rng.permutation(["f", "m"])][:people]
    cast: list[Speaker] = []
    for number, sex in enumerate(sexes):
        voices: dict[str, Voice] = {}
        for track in tracks:
            open_to = speech.voices(track.language, held_out)
            taken = {other.voices[track.key].variant for other in cast}
            own = {voice.variant for voice in voices.values()}
            voices[track.key] = _choose(rng, open_to, str(sex), taken, own)
        look_seed = int(rng.integers(2**31))
        cast.append(Speaker(chr(ord("a") + number), str(sex), look_seed, voices))
    return tuple(cast)


def _choose(
    rng: np.random.Generator, open_to: list[Voice], sex: str, taken: set[str], own: set[str]
) -> Voice:
    """A voice of the sex if there is one, then unlike other people's, then unlike the person's own."""
    fitting = [voice for voice in open_to if voice.sex == sex] or open_to
    apart = [voice for voice in fitting if voice.variant not in taken] or fitting
    free = [voice for voice in apart if voice.variant not in own] or apart
    return free[int(rng.integers(len(free)))]

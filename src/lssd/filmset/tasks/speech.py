"""Who speaks and what is said in a fold: voices and sentences that no other fold has."""

from collections.abc import Sequence

import numpy as np

from lssd.filmset.settings import LANGUAGES
from lssd.filmset.tasks.sounds import Talk
from lssd.filmset.tasks.task import Fold, Studio, rounds
from lssd.filmset.words import Sentence
from lssd.filmset.words.timbres import held_out_variants
from lssd.speech import Voice, voices

_TURNS = 4  # of one exchange


def fold_voices(fold: Fold) -> list[Voice]:
    """The fold's voices, from all its timbres; each speaks every language."""
    kept = held_out_variants()[fold.number]
    return [voice for voice in voices("en") if voice.variant in kept]


def fold_sentences(fold: Fold, studio: Studio, rng: np.random.Generator, count: int) -> list[Sentence]:
    """Different sentences that belong to this fold alone."""
    found: dict[str, Sentence] = {}
    while len(found) < count:
        for sentence in studio.voicing.exchange(rng, True, _TURNS):
            if fold.owns(sentence.key.partition(":")[0]):
                found[sentence.key] = sentence
    return list(found.values())[:count]


def draw_talks(
    fold: Fold,
    studio: Studio,
    rng: np.random.Generator,
    count: int,
    sentences: int,
    languages: Sequence[str] = LANGUAGES,
) -> list[Talk]:
    """`count` talks whose voices and languages go round evenly. Most begin within a sentence."""
    people = rounds(rng, fold_voices(fold), count)
    spoken = rounds(rng, languages, count)
    stock = fold_sentences(fold, studio, rng, max(12, sentences))
    return [
        Talk(
            voice=voice,
            language=language,
            sentences=tuple(stock[int(place)] for place in rng.permutation(len(stock))[:sentences]),
            start_s=round(float(rng.uniform(-1.0, 0.2)), 4),
            seed=int(rng.integers(2**31)),
        )
        for voice, language in zip(people, spoken, strict=True)
    ]

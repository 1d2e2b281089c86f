"""Who speaks and what is said in a fold: voices and sentences that no other fold has."""

from collections.abc import Sequence

import numpy as np

from filmset.settings import LANGUAGES
from filmset.tasks.sounds import Talk
from filmset.tasks.task import Fold, Sources, sample_evenly
from filmset.words import Sentence
from filmset.words.grammar import sentences as every_sentence
from filmset.words.timbres import held_out_variants
from lssd.errors import InputError
from lssd.speech import Voice, voices

_TURNS = 4  # of one exchange
_PATIENCE = 500  # exchanges without a new sentence, before the stock is counted


def fold_voices(fold: Fold) -> list[Voice]:
    """The fold's voices, from all its timbres; each speaks every language."""
    kept = held_out_variants()[fold.number]
    return [voice for voice in voices("en") if voice.variant in kept]


def fold_sentences(fold: Fold, sources: Sources, rng: np.random.Generator, count: int) -> list[Sentence]:
    """Different sentences that belong to this fold alone. InputError when it has fewer than `count`."""
    found: dict[str, Sentence] = {}
    fruitless = 0
    while len(found) < count:
        before = len(found)
        for sentence in sources.speech.exchange(rng, True, _TURNS):
            if _owned(fold, sentence):
                found[sentence.key] = sentence
        fruitless = fruitless + 1 if len(found) == before else 0
        if fruitless == _PATIENCE:
            stock = sum(_owned(fold, sentence) for sentence in every_sentence(True))
            if stock < count:
                raise InputError(
                    f"too many items a class for the sentences of {fold.name} of {fold.task}: {count} are "
                    f"asked for, it has {stock}; ask for fewer"
                )
    return list(found.values())[:count]


def _owned(fold: Fold, sentence: Sentence) -> bool:
    return fold.owns(sentence.key.partition(":")[0])


def sample_talks(
    fold: Fold,
    sources: Sources,
    rng: np.random.Generator,
    count: int,
    sentences: int,
    languages: Sequence[str] = LANGUAGES,
) -> list[Talk]:
    """`count` talks whose voices and languages go round evenly. Most begin within a sentence."""
    people = sample_evenly(rng, fold_voices(fold), count)
    spoken = sample_evenly(rng, languages, count)
    stock = fold_sentences(fold, sources, rng, max(12, sentences))
    return [
        Talk(
            voice=voice,
            language=language,
            sentences=tuple(stock[int(index)] for index in rng.permutation(len(stock))[:sentences]),
            start_s=round(float(rng.uniform(-1.0, 0.2)), 4),
            seed=int(rng.integers(2**31)),
        )
        for voice, language in zip(people, spoken, strict=True)
    ]

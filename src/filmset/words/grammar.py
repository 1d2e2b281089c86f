"""Endless dialogue: conversations sampled from exchanges, in seven languages at once.

Held-out titles and all others sample from different exchanges, so that they share no sentence; every
keyword occurs in both.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from filmset.settings import LANGUAGES
from filmset.words import languages
from filmset.words.exchanges import Exchange, category, exchanges, replies, statements
from filmset.words.lexicon import KEYWORDS, Value, keyword_values
from filmset.words.protocol import Sentence
from lssd.errors import InputError

__all__ = ["KEYWORDS", "keyword_sentence", "sample_exchange", "sentences"]

_STATEMENT, _REPLY, _KEEP = 0.2, 0.35, 0.7  # shares: of openings, of replies after one, of slots kept
_RELATED = 4.0  # how much likelier an exchange about the same things follows


def sample_exchange(rng: np.random.Generator, held_out: bool, turns: int) -> list[Sentence]:
    """A conversation of `turns` sentences, at least 1, to be spoken in turn.

    Questions get their answers as far as there are turns; what follows is likely about the same people
    and things. No sentence comes twice before the stock of exchanges is exhausted.
    """
    if turns < 1:
        raise InputError(f"a conversation has at least 1 turn, not {turns}")
    sampled: list[Sentence] = []
    known: dict[str, Value] = {}
    while len(sampled) < turns:
        keys = {sentence.key for sentence in sampled}
        names = {sentence.key.partition(".")[0] for sentence in sampled}
        if rng.uniform() < _STATEMENT:
            sampled += _one(rng, statements(held_out), keys)
        else:
            exchange = _choose(rng, exchanges(held_out), names, known)
            known = _bind(rng, exchange, known)
            sampled += [turn.sentence(known) for turn in exchange.turns]
        if rng.uniform() < _REPLY:
            sampled += _one(rng, replies(held_out), keys)
    return sampled[:turns]


def _one(rng: np.random.Generator, stock: tuple[Sentence, ...], keys: set[str]) -> list[Sentence]:
    fresh = [sentence for sentence in stock if sentence.key not in keys] or stock
    return [fresh[int(rng.integers(len(fresh)))]]


def _choose(
    rng: np.random.Generator, stock: tuple[Exchange, ...], used: set[str], known: Mapping[str, Value]
) -> Exchange:
    fresh = [exchange for exchange in stock if exchange.name not in used] or stock
    weights = np.array([_RELATED if set(one.slots) & set(known) else 1.0 for one in fresh])
    return fresh[int(rng.choice(len(fresh), p=weights / weights.sum()))]


def _bind(rng: np.random.Generator, exchange: Exchange, known: Mapping[str, Value]) -> dict[str, Value]:
    """Values for an exchange's slots, some kept from what was talked about before."""
    filled: dict[str, Value] = {}
    for slot in exchange.slots:
        choices = exchange.open_to(slot, filled.values())
        kept = [value for value in choices if value == known.get(category(slot))]
        if kept and rng.uniform() < _KEEP:
            filled[slot] = kept[0]
        else:
            filled[slot] = choices[int(rng.integers(len(choices)))]
    return filled


def sentences(held_out: bool) -> Iterator[Sentence]:
    """Every sentence that titles of a split can have, each once; 6,000 to 7,000 a split."""
    for exchange in exchanges(held_out):
        yield from exchange.sentences()
    yield from statements(held_out)
    yield from replies(held_out)


def keyword_sentence(concept: str) -> Sentence:
    """A keyword of KEYWORDS said alone, as one word, such as "station". InputError for another word."""
    if concept not in KEYWORDS:
        raise InputError(f"'{concept}' is no keyword; choose of {', '.join(KEYWORDS)}")
    value = keyword_values()[concept]
    said = {language: languages.finished(language, value.word(language)) for language in LANGUAGES}
    return Sentence(
        key=f"keyword.{concept}",
        spoken={language: spoken for language, (spoken, _) in said.items()},
        written={language: written for language, (_, written) in said.items()},
        keywords=(concept,),
        question=False,
    )

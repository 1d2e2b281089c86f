"""Sound tasks of speech: who and how many, how, which word, which language.

Item k of every class has the same voice (or voices), background and levels, and where it can be the same
sentences, so none of these gives the class away.
"""

from dataclasses import replace

import numpy as np

from filmset.scenes import KINDS, Scene, sample_scene
from filmset.settings import LANGUAGES, STYLES
from filmset.tasks.audio import sample_levels
from filmset.tasks.sounds import Sound, Talk, make_sound
from filmset.tasks.speech import fold_voices, sample_talks
from filmset.tasks.task import Fold, Item, Sources, Task, sample_evenly
from filmset.words.grammar import KEYWORDS, keyword_sentence

_COUNTS = ("one", "two", "three", "four")
_COUNT_S, _PROSODY_S, _KEYWORD_S, _LANGUAGE_S = 5.0, 3.0, 2.0, 6.0
_OVERLAP_S = (0.8, 1.6)  # of a turn with the next, at each of its ends
_CONCEPTS = tuple(KEYWORDS)[:12]


def _over_backgrounds(
    rng: np.random.Generator, count: int, over_db: tuple[float, float]
) -> list[tuple[Scene, float, float]]:
    """Scene, level of the background and of the speech over it, for each item of a class."""
    scenes = [sample_scene(kind, rng) for kind in sample_evenly(rng, KINDS, count)]
    over = rng.uniform(*over_db, count).round(3).tolist()
    return list(zip(scenes, sample_levels(rng, count), over, strict=True))


def _voice_group(talk: Talk) -> str:
    return talk.voice.name.partition("-")[2]


def _plan_count(fold: Fold, sources: Sources) -> list[Item]:
    """Somebody always speaks; two voices overlap where turns change."""
    rng, count = fold.rng(), fold.items_a_class
    settings = _over_backgrounds(rng, count, (18.0, 28.0))
    talks = sample_talks(fold, sources, rng, count, 6)
    items = []
    for number, (talk, (scene, level, over)) in enumerate(zip(talks, settings, strict=True)):
        people = fold_voices(fold)
        others = [people[int(index)] for index in rng.permutation(len(people))]
        voices = [talk.voice, *(voice for voice in others if voice != talk.voice)]
        for many, label in enumerate(_COUNTS, start=1):
            turns = _turns(rng, talk, tuple(voices[:many]))
            sound = Sound(_COUNT_S, scene, level, talks=turns, over_db=over)
            items.append(Item((label,), f"scene-{fold.number}{number:02d}", sound))
    return items


def _turns(rng: np.random.Generator, talk: Talk, voices: tuple) -> tuple[Talk, ...]:
    """The voices one after the other over the whole item, each beginning before the last has ended."""
    turn_s = _COUNT_S / len(voices)
    turns = []
    for turn, voice in enumerate(voices):
        first, last = turn == 0, turn == len(voices) - 1
        start_s = talk.start_s if first else turn * turn_s - rng.uniform(*_OVERLAP_S)
        end_s = _COUNT_S if last else (turn + 1) * turn_s + rng.uniform(*_OVERLAP_S)
        turned = talk.sentences[turn:] + talk.sentences[:turn]
        turns.append(replace(talk, voice=voice, sentences=turned, start_s=start_s, end_s=end_s))
    return tuple(turns)


def _plan_prosody(fold: Fold, sources: Sources) -> list[Item]:
    rng, count = fold.rng(), fold.items_a_class
    settings = _over_backgrounds(rng, count, (12.0, 22.0))
    talks = sample_talks(fold, sources, rng, count, 3)
    return [
        Item(
            (style,),
            _voice_group(talk),
            Sound(_PROSODY_S, scene, level, talks=(replace(talk, style=style),), over_db=over),
        )
        for style in STYLES
        for talk, (scene, level, over) in zip(talks, settings, strict=True)
    ]


def _plan_keyword(fold: Fold, sources: Sources) -> list[Item]:
    rng, count = fold.rng(), fold.items_a_class
    settings = _over_backgrounds(rng, count, (12.0, 22.0))
    voices = sample_evenly(rng, fold_voices(fold), count)
    starts = rng.uniform(0.05, 0.7, count).round(4).tolist()
    items = []
    for concept in _CONCEPTS:
        said = (keyword_sentence(concept),)
        for voice, start_s, (scene, level, over) in zip(voices, starts, settings, strict=True):
            talk = Talk(voice, "en", said, start_s, 0)
            sound = Sound(_KEYWORD_S, scene, level, talks=(talk,), over_db=over)
            items.append(Item((concept,), _voice_group(talk), sound))
    return items


def _plan_language(fold: Fold, sources: Sources) -> list[Item]:
    rng, count = fold.rng(), fold.items_a_class
    settings = _over_backgrounds(rng, count, (20.0, 30.0))
    talks = sample_talks(fold, sources, rng, count, 8)
    return [
        Item(
            (language,),
            _voice_group(talk),
            Sound(_LANGUAGE_S, scene, level, talks=(replace(talk, language=language),), over_db=over),
        )
        for language in LANGUAGES
        for talk, (scene, level, over) in zip(talks, settings, strict=True)
    ]


TASKS = (
    Task(
        "filmset_speaker_count",
        "How many people speak",
        _COUNTS,
        "scene",
        "audio",
        _COUNT_S,
        _plan_count,
        make_sound,
    ),
    Task(
        "filmset_prosody",
        "How it is said",
        STYLES,
        "voice",
        "audio",
        _PROSODY_S,
        _plan_prosody,
        make_sound,
    ),
    Task(
        "filmset_keyword",
        "Word said",
        _CONCEPTS,
        "voice",
        "audio",
        _KEYWORD_S,
        _plan_keyword,
        make_sound,
    ),
    Task(
        "filmset_language",
        "Language spoken",
        LANGUAGES,
        "voice",
        "audio",
        _LANGUAGE_S,
        _plan_language,
        make_sound,
    ),
)

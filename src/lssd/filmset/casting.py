"""Which voices speak in which titles: those of held-out titles are heard nowhere else."""

import numpy as np

from lssd.speech import Voice, voices

FOLDS = 5


def held_out_variants() -> list[tuple[str, str]]:
    """Timbres kept for held-out titles and probe tasks: FOLDS pairs of (a man's, a woman's)."""
    listed = list(dict.fromkeys((voice.sex, voice.variant) for voice in voices("en")))
    men = [variant for sex, variant in listed if sex == "m"][1::4][:FOLDS]
    women = [variant for sex, variant in listed if sex == "f"][1::3][:FOLDS]
    return list(zip(men, women, strict=True))


def voices_for(language: str, held_out: bool) -> list[Voice]:
    """The voices of a language that training titles (or held-out titles) may use."""
    kept = {variant for pair in held_out_variants() for variant in pair}
    return [voice for voice in voices(language) if (voice.variant in kept) == held_out]


def cast_voices(
    rng: np.random.Generator, languages: tuple[str, ...], sexes: list[str], held_out: bool
) -> list[dict[str, Voice]]:
    """A voice for each person (by sex) in each language.

    No two people of a track share a timbre, nor do two tracks of a person, as far as there are enough.
    """
    cast: list[dict[str, Voice]] = []
    for sex in sexes:
        person: dict[str, Voice] = {}
        for language in languages:
            others = {other[language].variant for other in cast}
            own = {voice.variant for voice in person.values()}
            open_to = [voice for voice in voices_for(language, held_out) if voice.sex == sex]
            apart = [voice for voice in open_to if voice.variant not in others] or open_to
            free = [voice for voice in apart if voice.variant not in own] or apart
            person[language] = free[int(rng.integers(len(free)))]
        cast.append(person)
    return cast

"""Which of the synthesiser's voices speak in which titles: held-out titles have timbres of their own."""

from lssd.speech import Voice
from lssd.speech import voices as all_voices

FOLDS = 5


def held_out_variants() -> list[tuple[str, str]]:
    """Timbres kept for held-out titles and probe tasks: FOLDS pairs of (a man's, a woman's)."""
    listed = list(dict.fromkeys((voice.sex, voice.variant) for voice in all_voices("en")))
    men = [variant for sex, variant in listed if sex == "m"][1::4][:FOLDS]
    women = [variant for sex, variant in listed if sex == "f"][1::3][:FOLDS]
    return list(zip(men, women, strict=True))


def voices_for(language: str, held_out: bool) -> list[Voice]:
    """The voices of a language that training titles (or held-out titles) may use."""
    kept = {variant for pair in held_out_variants() for variant in pair}
    return [voice for voice in all_voices(language) if (voice.variant in kept) == held_out]

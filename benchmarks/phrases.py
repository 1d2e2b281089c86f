"""How well a phrase's time is known before it is spoken, and how well chosen phrases fit the lines asked for.

    python benchmarks/phrases.py

Speaks every phrase of every language with two espeak-ng voices, a man's and a woman's; prints the least
squares fit that `lssd.dubbing.translation.timing` holds, the error of the estimate, and the ratio of spoken
to asked-for seconds of lines of 0.3 to 12 s. Stretching by 0.8 to 1.25 is inaudible enough; the last column
is the share of lines within.
"""

import numpy as np

from lssd.dubbing.lines import Request
from lssd.dubbing.translation import Phrasebook
from lssd.dubbing.translation.phrasebook import phrases
from lssd.dubbing.translation.timing import LANGUAGES, seconds_to_say, sounds
from lssd.speech import Synthesiser, Voice, voices

_VARIANTS = ("m3", "f2")
_LINES = 150


def spoken_s(synthesiser: Synthesiser, text: str, language: str, people: list[Voice]) -> float:
    return float(np.mean([synthesiser.utter(text, language, one).trimmed().duration_s for one in people]))


def main() -> None:
    print(
        "| language | phrases | seconds | a vowel, consonant, pause, offset | error median, 90 % "
        "| fit of lines 5..95 % | within 0.8..1.25 |"
    )
    print("|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    with Synthesiser() as synthesiser:
        for language in sorted(LANGUAGES):
            people = [voice for voice in voices(language) if voice.variant in _VARIANTS]
            texts = phrases(language)
            texts += [f"{a} {b}" for a, b in zip(texts[10:60], texts[60:110], strict=True)]  # tell a pause
            told = np.array([spoken_s(synthesiser, text, language, people) for text in texts])
            counts = np.array([(*sounds(text, language), 1) for text in texts], float)
            weight = 1 / np.sqrt(told)
            fit = np.linalg.lstsq(counts * weight[:, None], told * weight, rcond=None)[0]
            error = np.abs([seconds_to_say(text, language) for text in texts] / told - 1)
            asked = np.exp(rng.uniform(np.log(0.3), np.log(12.0), _LINES))
            lines = [Request("", float(seconds), str(number)) for number, seconds in enumerate(asked)]
            made = Phrasebook().translate(lines, "und", language)
            ratio = [spoken_s(synthesiser, one.text, language, people) for one in made] / asked
            print(
                f"| {language} | {len(phrases(language))} | {told.min():.2f} to {told[:-50].max():.2f} "
                f"| {', '.join(f'{value:.3f}' for value in fit)} "
                f"| {100 * np.median(error):.0f} %, {100 * np.quantile(error, 0.9):.0f} % "
                f"| {np.quantile(ratio, 0.05):.2f} to {np.quantile(ratio, 0.95):.2f} "
                f"| {100 * np.mean((ratio >= 0.8) & (ratio <= 1.25)):.0f} % |"
            )


if __name__ == "__main__":
    main()

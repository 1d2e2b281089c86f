"""Dialogue: seven languages that say the same, splits that share nothing, takes that repeat and fit."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from filmset.settings import LANGUAGES, STYLES
from filmset.words import SynthesisedSpeech, grammar, open_speech, timbres
from filmset.words.exchanges import exchanges
from lssd.errors import InputError

KANJI = re.compile("[\u3400-\u9fff]")
MASCULINE_GERMAN = {
    *("Schlüssel", "Brief", "Ring", "Regenschirm", "Mantel", "Tisch", "Stuhl", "Spiegel", "Schrank"),
    *("Vorhang", "Arzt", "Lehrer", "Kapitän", "Bürgermeister", "Koch", "Gärtner", "Strand", "Hafen"),
    *("Markt", "Park", "Flughafen", "Bahnhof", "Bruder", "Vater", "Onkel", "Monat", "Namen"),
    *("anderen", "besseren"),  # before a masculine noun
}


@pytest.fixture(scope="module")
def stock():
    return {held_out: list(grammar.sentences(held_out)) for held_out in (False, True)}


@pytest.fixture(scope="module")
def speech():
    with SynthesisedSpeech() as opened:
        yield opened


def test_there_are_thousands_of_sentences_and_the_splits_share_none(stock):
    assert all(6000 < len(sentences) < 7000 for sentences in stock.values())  # as the docstring says
    for language in LANGUAGES:
        trained, held = (
            {sentence.spoken[language].lower() for sentence in stock[held_out]} for held_out in (False, True)
        )
        assert not trained & held
        assert len(trained) == len(stock[False]) and len(held) == len(stock[True])
    keys = [sentence.key for sentences in stock.values() for sentence in sentences]
    assert len(set(keys)) == len(keys)


def tokens(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def test_a_keyword_is_listed_where_it_is_said_in_every_language_and_nowhere_else(stock):
    alone = {concept: grammar.keyword_sentence(concept).spoken for concept in grammar.KEYWORDS}
    for sentence in [one for sentences in stock.values() for one in sentences]:
        for language in LANGUAGES:
            said = tokens(sentence.spoken[language])
            # Particles follow the noun without a space in Japanese and Korean.
            found = tuple(
                concept
                for concept, words in alone.items()
                if any(
                    token.startswith(words[language])
                    if language in ("ja", "ko")
                    else token == words[language].lower()
                    for token in said
                )
            )
            assert found == sentence.keywords, sentence


def test_every_keyword_is_heard_in_both_splits_in_different_sentences(stock):
    for sentences in stock.values():
        counts = Counter(concept for sentence in sentences for concept in sentence.keywords)
        assert min(counts[concept] for concept in grammar.KEYWORDS) >= 15
        templates = {
            concept: {s.key.partition(":")[0] for s in sentences if concept in s.keywords}
            for concept in grammar.KEYWORDS
        }
        assert min(map(len, templates.values())) >= 2


def test_japanese_is_spoken_in_kana_and_written_with_kanji(stock):
    sentences = stock[False] + stock[True]
    assert not any(KANJI.search(sentence.spoken["ja"]) for sentence in sentences)
    assert np.mean([bool(KANJI.search(sentence.written["ja"])) for sentence in sentences]) > 0.9
    assert not any(set(" []|") & set(sentence.written["ja"]) for sentence in sentences)


def test_sentences_are_whole(stock):
    """No slot, mark or choice of particles is left over, sentences begin large and end with a sign."""
    for sentence in stock[False] + stock[True]:
        for language, text in sentence.written.items():
            assert not set("{}[]|/;_") & set(text), text
            assert text == text.strip() and "  " not in text
            assert text[-1] in ".?!。？！", text
            if language not in ("ja", "ko"):
                assert text.lstrip("¿¡")[0].isupper(), text
        assert sentence.question == sentence.written["en"].endswith("?")
        assert sentence.written["es"].count("¿") == sentence.written["es"].count("?")


WRONG = {
    "en": r"\ba (?=[aeio])|\ban (?![aeiou]|hour)",
    "es": r"\b(de|a) el\b",
    "fr": r"\b(de|à) les? |\b([ldjn]e|la|que) (?=[aeiouéèêôh])",
    "it": r"\b(a|di|da|in|su) (il |lo |la |l')|\b(il|la|una) (?=[aeiou])|\b(il|un) (?=s[^aeiou]|z)",
    "de": r"\b(von|bei|an|zu) dem\b|\b(ein|der|das|den|einen) (?=meine|deine)",
    "ko": r"[가-힣]/",
}


@pytest.mark.parametrize("language", WRONG)
def test_articles_are_joined_and_elided(stock, language):
    wrong = re.compile(WRONG[language])
    texts = (sentence.written[language].lower() for sentence in stock[False] + stock[True])
    found = [text for text in texts if wrong.search(text)]
    assert not found, found[:5]


def test_german_accusatives_agree(stock):
    for sentence in stock[False] + stock[True]:
        for noun in re.findall(r"\b(?:einen|den|meinen|deinen) (\w+)", sentence.written["de"]):
            assert noun in MASCULINE_GERMAN, sentence


def test_korean_particles_follow_the_final_consonant(stock):
    final = {"을": True, "를": False, "은": True, "는": False}
    nouns = ["열쇠", "편지", "돈", "책", "우산", "램프", "의사", "삼촌", "선장", "데이비드", "마틴"]
    checked = 0
    for sentence in stock[False] + stock[True]:
        for noun, particle in re.findall(f"({'|'.join(nouns)})([을를은는])(?= )", sentence.written["ko"]):
            # The Hangul block counts 28 finals a syllable, none first.
            assert final[particle] == ((ord(noun[-1]) - ord("가")) % 28 > 0)
            checked += 1
    assert checked > 500


EXPECTED = {
    "give.1:key,doctor": {
        "en": "Give the key to the doctor, please.",
        "es": "Dale la llave al médico, por favor.",
        "fr": "Donne la clé au médecin, s'il te plaît.",
        "ja": "鍵を医者に渡してください。",
        "de": "Gib dem Arzt bitte den Schlüssel.",
        "it": "Da' la chiave al medico, per favore.",
        "ko": "열쇠를 의사에게 전해 줘.",
    },
    "contents.2:umbrella,knife": {
        "en": "Just an umbrella and a knife.",
        "fr": "Juste un parapluie et un couteau.",
        "de": "Nur einen Regenschirm und ein Messer.",
        "it": "Solo un ombrello e un coltello.",
        "ko": "우산과 칼뿐이야.",
    },
    "hidden.2:mirror": {"es": "Detrás del espejo, como siempre.", "it": "Dietro lo specchio, come sempre."},
    "belongs.1:watch,captain": {"es": "¿Es del capitán el reloj?", "it": "L'orologio è del capitano?"},
    "memory.1:teacher": {"fr": "Tu te souviens du professeur ?", "de": "Erinnerst du dich an den Lehrer?"},
    "parked.1:green,bridge": {
        "de": "Auf der Brücke steht ein grünes Auto.",
        "fr": "Il y a une voiture verte sur le pont.",
        "ja": "橋に緑の車がある。",
    },
    "waiting.1:airport,half": {"fr": "J'attends à l'aéroport depuis une demi-heure."},
}


def test_sentences_are_as_a_speaker_would_write_them(stock):
    by_key = {sentence.key: sentence for sentence in stock[False] + stock[True]}
    for key, texts in EXPECTED.items():
        written = by_key[key].written
        assert {language: written[language] for language in texts} == texts


def test_conversations_hang_together_and_repeat_for_the_same_seed(stock):
    for held_out in (False, True):
        known = {sentence.key for sentence in stock[held_out]}
        turns_of = {one.name: len(one.turns) for one in exchanges(held_out)}
        for seed in range(20):
            drawn = grammar.sample_exchange(np.random.default_rng(seed), held_out, 12)
            assert drawn == grammar.sample_exchange(np.random.default_rng(seed), held_out, 12)
            keys = [sentence.key for sentence in drawn]
            assert len(drawn) == 12 == len(set(keys)) and set(keys) <= known
            for one, following in pairwise(keys):
                name, number = one.partition(":")[0].split(".")
                if name in turns_of and int(number) < turns_of[name]:
                    assert following.startswith(f"{name}.{int(number) + 1}")
    assert len(grammar.sample_exchange(np.random.default_rng(0), True, 200)) == 200
    with pytest.raises(InputError, match="at least 1 turn"):
        grammar.sample_exchange(np.random.default_rng(0), True, 0)


def test_answers_speak_of_what_was_asked():
    asked = answered = 0
    for seed in range(120):
        for one, following in pairwise(grammar.sample_exchange(np.random.default_rng(seed), False, 6)):
            if one.key.startswith("where.1:"):
                asked += 1
                answered += following.key.split(":")[1].split(",")[0] == one.key.split(":")[1]
    assert asked == answered > 5


def test_a_keyword_alone_is_one_word_in_every_language():
    for concept in grammar.KEYWORDS:
        sentence = grammar.keyword_sentence(concept)
        assert sentence.keywords == (concept,) and set(sentence.spoken) == set(LANGUAGES)
        assert all(len(text.split()) == 1 and "'" not in text for text in sentence.spoken.values())
    with pytest.raises(InputError, match="no keyword"):
        grammar.keyword_sentence("zebra")


def test_held_out_timbres_are_heard_in_no_other_title(speech):
    for language in LANGUAGES:
        trained, held = (speech.voices(language, held_out) for held_out in (False, True))
        assert not {voice.variant for voice in trained} & {voice.variant for voice in held}
        assert len(trained) + len(held) == 108 and {voice.sex for voice in held} == {"f", "m"}
    pairs = timbres.held_out_variants()
    assert len(pairs) == timbres.FOLDS == 5 and len({one for pair in pairs for one in pair}) == 10


def drawn_lines(count: int):
    rng = np.random.default_rng(5)
    for number in range(count):
        sentence = grammar.sample_exchange(rng, bool(number % 2), 1)[0]
        yield sentence, LANGUAGES[number % 7], STYLES[number % 6], int(rng.integers(70))


def test_takes_last_a_line_of_film_and_begin_and_end_with_sound(speech):
    for sentence, language, style, number in drawn_lines(42):
        take = speech.say(sentence, language, speech.voices(language, False)[number], style)
        assert 0.6 < take.duration_s < 4.6
        assert take.samples.dtype == np.float32 and np.abs(take.samples).max() <= 1.0
        edge = np.abs(take.samples).max() / 300
        assert np.abs(take.samples[:480]).max() > edge and np.abs(take.samples[-480:]).max() > edge
        times = [time for word in take.words for time in (word.start_s, word.end_s)]
        assert times == sorted(times) and times[0] < 0.02 and take.duration_s - times[-1] < 0.25
        spoken = re.sub(r"[^\w]", "", sentence.spoken[language])
        assert re.sub(r"[^\w]", "", "".join(word.text for word in take.words)) == spoken


def test_takes_repeat_in_another_process(speech):
    lines = list(drawn_lines(12))
    with SynthesisedSpeech() as another:
        for sentence, language, style, number in reversed(lines):
            voice = speech.voices(language, False)[number]
            one, other = (who.say(sentence, language, voice, style, 1.6) for who in (speech, another))
            np.testing.assert_array_equal(one.samples, other.samples)
            assert one.words == other.words
            assert speech.say(sentence, language, voice, style, 1.6).samples is one.samples


def test_takes_fit_a_wished_length_as_far_as_pace_allows(speech):
    for sentence, language, style, number in drawn_lines(14):
        voice = speech.voices(language, False)[number]
        natural = speech.say(sentence, language, voice, style).duration_s
        for pace in (0.85, 1.15):
            fitted = speech.say(sentence, language, voice, style, natural / pace)
            assert fitted.duration_s == pytest.approx(natural / pace, rel=0.05)
        long = speech.say(sentence, language, voice, style, 4 * natural)
        short = speech.say(sentence, language, voice, style, natural / 4)
        assert natural < long.duration_s < 1.35 * natural
        assert natural > short.duration_s > 0.72 * natural


def test_impossible_takes_are_refused(speech):
    sentence = grammar.keyword_sentence("key")
    voice = speech.voices("en", False)[0]
    with pytest.raises(InputError, match="no style"):
        speech.say(sentence, "en", voice, "bored")
    with pytest.raises(InputError, match="not written in ru"):
        speech.say(sentence, "ru", voice, "calm")
    with pytest.raises(InputError, match="longer than 0"):
        speech.say(sentence, "en", voice, "calm", 0.0)
    with pytest.raises(InputError, match="no dialogue is written in ru"):
        SynthesisedSpeech(("en", "ru"))


def test_without_a_folder_the_synthesiser_speaks():
    with open_speech(None, ("en", "ja")) as made:
        assert isinstance(made, SynthesisedSpeech) and made.languages == ("en", "ja")

import re
from collections import Counter

import numpy as np
import pytest

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.lines import Request
from lssd.dubbing.translation import Phrasebook
from lssd.dubbing.translation.phrasebook import phrases
from lssd.dubbing.translation.timing import LANGUAGES, seconds_to_say, sounds
from lssd.errors import InputError

KANA = re.compile(r"[ぁ-ゖァ-ー 。]+")
HANGUL = re.compile(r"[가-힣 .,?]+")
ROMAN = re.compile(r"[^\W\d_]|[ .,?'’¿¡!\-]")


def requests(seconds):
    return [Request("", float(one), f"line {number}") for number, one in enumerate(seconds)]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_enough_phrases_of_all_lengths(language):
    texts = phrases(language)
    lengths = np.array([seconds_to_say(text, language) for text in texts])
    assert len(texts) >= 150 and len(set(texts)) == len(texts)
    assert lengths.min() < 0.4 and lengths.max() > 5.5
    ordered = np.sort(lengths)
    among = ordered[(ordered > 0.5) & (ordered < 6)]
    assert (np.diff(among) / among[:-1]).max() < 0.25  # no length is out of reach
    for text in texts:
        if language == "ja":
            assert KANA.fullmatch(text), text
        elif language == "ko":
            assert HANGUL.fullmatch(text), text
        else:
            assert all(ROMAN.match(sign) for sign in text), text


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_is_chosen_lasts_as_long_as_asked(language):
    seconds = np.geomspace(0.45, 20, 60)
    made = Phrasebook().translate(requests(seconds), "en", language)
    lasting = np.array([seconds_to_say(one.text, language) for one in made])
    assert not any(one.is_translation for one in made) and {one.note for one in made} == {"not a translation"}
    assert np.quantile(np.abs(lasting / seconds - 1), 0.9) < 0.12


def test_the_same_keys_choose_the_same_and_others_others():
    seconds = np.full(20, 1.5)
    first = Phrasebook().translate(requests(seconds), "en", "es")
    assert Phrasebook().translate(requests(seconds), "ja", "es") == first
    others = [Request("", 1.5, f"other {number}") for number in range(20)]
    assert Phrasebook().translate(others, "en", "es") != first


def test_no_phrase_comes_twice_before_all_of_its_length_have_come():
    made = Counter(one.text for one in Phrasebook().translate(requests(np.full(60, 0.6)), "en", "es"))
    near = [text for text in phrases("es") if abs(seconds_to_say(text, "es") - 0.6) <= 0.06]
    assert len(made) >= len(near) > 6
    assert max(made.values()) - min(made.values()) <= 1
    spread = Phrasebook().translate(requests(np.random.default_rng(0).uniform(0.5, 6, 60)), "en", "fr")
    assert Counter(Counter(one.text for one in spread).values())[1] >= 50


def test_long_lines_join_phrases_and_none_is_too_short():
    made = Phrasebook().translate(requests([30.0, 0.01]), "en", "de")
    assert 4 <= len(re.findall(r"[.?]", made[0].text)) <= 8
    assert made[1].text in phrases("de") and seconds_to_say(made[1].text, "de") < 0.4


def test_unknown_languages_are_refused_with_those_known():
    with pytest.raises(BackendError, match="the phrasebook has no pl; it has de, en"):
        Phrasebook().translate(requests([1.0]), "en", "pl")
    with pytest.raises(BackendError, match="no rule times speech of 'pl'"):
        sounds("tak", "pl")
    with pytest.raises(InputError, match="near lies in"):
        Phrasebook.Settings(near=0.9)


def test_estimated_times_are_those_of_a_synthesiser():
    """espeak-ng, which the pace was fitted to, on other voices and sentences that are in no phrasebook."""
    pytest.importorskip("espeakng_loader")
    from lssd.speech import Synthesiser, voices

    unseen = {
        "en": ["The ferry was late again, so we missed the concert.", "Hand me that cup.", "Certainly not."],
        "es": ["El barco llegó tarde y perdimos el concierto.", "Pásame esa taza.", "Por supuesto que no."],
        "fr": ["Le bateau était en retard, on a raté le concert.", "Passe-moi la tasse.", "Surtout pas."],
        "de": ["Die Fähre kam wieder zu spät zum Konzert.", "Gib mir die Tasse da.", "Auf keinen Fall."],
        "it": ["Il traghetto era in ritardo per il concerto.", "Passami quella tazza.", "Assolutamente no."],
        "ja": ["ふねが おくれて コンサートに まにあわなかった。", "その カップを とって。"],
        "ko": ["배가 늦어서 음악회를 놓쳤어요.", "그 컵 좀 줘.", "절대로 안 돼."],
    }
    errors = []
    with Synthesiser() as synthesiser:
        for language, texts in unseen.items():
            voice = next(one for one in voices(language) if one.name == f"{language}-m1-middle")
            for text in texts:
                told = synthesiser.utter(text, language, voice).trimmed().duration_s
                errors.append(abs(seconds_to_say(text, language) / told - 1))
    assert np.median(errors) < 0.12 and max(errors) < 0.45

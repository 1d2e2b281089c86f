"""Speech: same line, same samples; voices that differ; a process that may die without taking us along."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.errors import InputError, MissingExtraError
from lssd.speech import SpeechError, Synthesiser, Voice, voices, worker
from lssd.speech import synthesiser as synthesiser_module

GREETINGS = {
    "en": "Good morning, my friend.",
    "es": "Buenos días, amigo mío.",
    "fr": "Bonjour, mon ami.",
    "ja": "おはよう、ともだち。",
    "de": "Guten Morgen, mein Freund.",
    "it": "Buongiorno, amico mio.",
    "ko": "좋은 아침이야, 친구야.",
}


@pytest.fixture(scope="module")
def synthesiser():
    with Synthesiser() as open_synthesiser:
        yield open_synthesiser


def test_same_line_same_samples_whatever_came_before(synthesiser):
    first = synthesiser.speak("We are going home.", "en", voices("en")[0])
    for language, text in GREETINGS.items():
        synthesiser.speak(text, language, voices(language)[40])
    again = synthesiser.speak("We are going home.", "en", voices("en")[0])
    with Synthesiser() as another:
        elsewhere = another.speak("We are going home.", "en", voices("en")[0])
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, elsewhere)


def test_every_timbre_repeats_in_another_process_at_another_time():
    """Breathy variants once drew their noise from a generator that was seeded by the clock."""
    timbres = list({voice.variant: voice for voice in voices("en")}.values())
    takes = []
    for _ in range(2):
        with Synthesiser() as synthesiser:
            takes.append([synthesiser.speak("Come.", "en", voice) for voice in timbres])
        time.sleep(1.05)  # the clock's whole seconds were the seed
    for voice, one, other in zip(timbres, *takes, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=voice.name)


@pytest.mark.parametrize("language", GREETINGS)
def test_every_language_speaks(synthesiser, language):
    samples = synthesiser.speak(GREETINGS[language], language)
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert 0.5 < len(samples) / synthesiser.sample_rate < 5.0
    assert 0.05 < np.abs(samples).max() <= 1.0


def test_japanese_kana_are_read_as_japanese(synthesiser):
    # The library reads kanji as the English words "Chinese letter": far longer than their kana.
    kana = synthesiser.speak("やま", "ja")
    kanji = synthesiser.speak("山", "ja")
    assert len(kanji) > 1.5 * len(kana)


def test_languages_differ_for_the_same_letters(synthesiser):
    # Sounds of one spelling under two languages' rules.
    english, german = (synthesiser.speak("die Rage", language) for language in ("en", "de"))
    assert len(english) != len(german) or not np.array_equal(english, german)


def test_words_are_where_they_are_heard(synthesiser):
    utterance = synthesiser.utter("Stop. Over there, quickly.", "en")
    assert [word.text for word in utterance.words] == ["Stop", "Over", "there", "quickly"]
    rate = utterance.sample_rate
    previous_end = 0.0
    for word in utterance.words:
        assert previous_end <= word.start_s < word.end_s <= utterance.duration_s
        previous_end = word.end_s
        heard = utterance.samples[int(word.start_s * rate) : int(word.end_s * rate)]
        assert np.sqrt(np.mean(heard**2)) > 0.01
    spoken_alone = synthesiser.utter("Stop.", "en").trimmed().duration_s
    first = utterance.words[0]
    assert abs((utterance.words[1].start_s - first.start_s) - spoken_alone) < 0.5


def test_words_of_non_ascii_text_are_cut_at_characters(synthesiser):
    words = synthesiser.utter("Où est l'été ?", "fr").words
    assert words[0].text == "Où" and words[1].text == "est"


def test_trimmed_starts_and_ends_with_sound(synthesiser):
    whole = synthesiser.utter(GREETINGS["en"], "en")
    trimmed = whole.trimmed()
    peak = np.abs(whole.samples).max()
    assert trimmed.duration_s < whole.duration_s
    assert min(abs(trimmed.samples[0]), abs(trimmed.samples[-1])) > 0.01 * peak
    start = int(np.flatnonzero(np.abs(whole.samples) > 0.01 * peak)[0])
    np.testing.assert_array_equal(trimmed.samples, whole.samples[start : start + len(trimmed.samples)])
    assert trimmed.words[-1].end_s <= trimmed.duration_s


def test_voices_are_the_same_people_in_every_language():
    def without_language(voice: Voice):
        return voice.variant, voice.sex, voice.pitch, voice.pitch_range, voice.rate

    lists = [voices(language) for language in GREETINGS]
    assert lists[0] == voices("eng")
    assert len({voice.name for one in lists for voice in one}) == sum(map(len, lists))
    assert len(lists[0]) >= 36
    for one in lists[1:]:
        assert [*map(without_language, one)] == [*map(without_language, lists[0])]


def fundamental(samples: np.ndarray, rate: int) -> float:
    """The lag of the largest autocorrelation between 50 and 400 Hz, as a frequency; median over frames."""
    found = []
    for start in range(0, len(samples) - 2048, 512):
        frame = samples[start : start + 2048] * np.hanning(2048)
        correlation = np.correlate(frame, frame, "full")[2047:]
        lags = np.arange(rate // 400, rate // 50)
        if correlation[0] > 1.0 and correlation[lags].max() > 0.4 * correlation[0]:
            found.append(rate / lags[np.argmax(correlation[lags])])
    return float(np.median(found))


def test_pitch_and_sex_are_audible(synthesiser):
    chosen = {voice.name: voice for voice in voices("en")}
    heard = {
        name: fundamental(synthesiser.speak(GREETINGS["en"], "en", chosen[f"en-{name}"]), 22050)
        for name in ("m1-low", "m1-high", "f2-middle", "m2-middle")
    }
    assert heard["m1-high"] > 1.1 * heard["m1-low"]
    assert heard["f2-middle"] > 1.3 * heard["m2-middle"]


def test_a_voice_keeps_its_timbre_in_another_language(synthesiser):
    voice = voices("en")[0]
    own = synthesiser.speak(GREETINGS["fr"], "fr", voices("fr")[0])
    np.testing.assert_array_equal(synthesiser.speak(GREETINGS["fr"], "fr", voice), own)


@settings(max_examples=40, deadline=None)
@given(text=st.text(min_size=1, max_size=60))
def test_any_text_is_spoken_or_refused_in_one_line(synthesiser, text):
    try:
        utterance = synthesiser.utter(text, "en")
    except SpeechError as error:
        assert "\n" not in str(error)
        return
    assert np.isfinite(utterance.samples).all()
    assert all(word.text in text for word in utterance.words)


@pytest.mark.parametrize(
    ("text", "language", "error", "message"),
    [
        ("  ", "en", SpeechError, "no text"),
        ("a\0b", "en", SpeechError, "NUL"),
        ("\ud800", "en", SpeechError, "Unicode"),
        ("hello", "qqq", InputError, "is no language"),
        ("hello", "gsw", SpeechError, "no voice for the language"),
    ],
)
def test_bad_requests_are_refused(synthesiser, text, language, error, message):
    with pytest.raises(error, match=message):
        synthesiser.utter(text, language)
    assert synthesiser.speak("Still here.", "en").size > 0


def test_unknown_variant_and_impossible_pitch_are_refused(synthesiser):
    with pytest.raises(SpeechError, match="no voice variant 'nobody'"):
        synthesiser.speak("hello", "en", Voice("en", "x", "nobody", "m", 50, 50, 160))
    with pytest.raises(InputError, match="pitch"):
        Voice("en", "x", "m1", "m", 100, 50, 160)
    with pytest.raises(InputError, match="rate"):
        Voice("en", "x", "m1", "m", 50, 50, 20)


def test_a_dead_process_is_an_error_not_a_hang():
    with Synthesiser() as synthesiser:
        os.kill(synthesiser._process.pid, 9)
        synthesiser._process.wait()
        with pytest.raises(SpeechError, match="died"):
            synthesiser.speak("hello", "en")
        with pytest.raises(SpeechError, match="closed"):
            synthesiser.speak("hello", "en")
    synthesiser.close()


def test_a_line_that_crashes_the_library_costs_only_that_line():
    class Crashing:
        def espeak_SetVoiceByName(self, name):  # noqa: N802 - the library's own name
            os.kill(os.getpid(), 9)

    request = {"text": "hello", "voice": "en", "variant": "m1"}
    reply = json.loads(worker._in_fresh_child(Crashing(), frozenset({"m1"}), request))
    assert "crashed" in reply["error"] and "-9" in reply["error"]


def test_no_process_outlives_us():
    with Synthesiser() as synthesiser:
        for language in ("en", "es", "fr"):
            synthesiser.speak(GREETINGS[language], language)
        worker_id = synthesiser._process.pid
        children = Path(f"/proc/{worker_id}/task/{worker_id}/children").read_text().split()
        assert len(children) == 3  # a process a language
    deadline = time.monotonic() + 20.0
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [child for child in children if _running(child)]


def _running(process: str) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"  # a zombie that nobody has collected has ended


def test_a_language_process_that_dies_is_reported_and_replaced():
    with Synthesiser() as synthesiser:
        before = synthesiser.speak(GREETINGS["it"], "it")
        worker_id = synthesiser._process.pid
        (child,) = Path(f"/proc/{worker_id}/task/{worker_id}/children").read_text().split()
        os.kill(int(child), 9)
        with pytest.raises(SpeechError, match="crashed while loading"):
            synthesiser.speak(GREETINGS["it"], "it")
        np.testing.assert_array_equal(synthesiser.speak(GREETINGS["it"], "it"), before)


def test_without_the_extra_the_message_names_it(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        synthesiser_module.importlib.util,
        "find_spec",
        lambda name: None if name == "espeakng_loader" else real(name),
    )
    with pytest.raises(MissingExtraError, match=r"-e '.\[filmset\]'"):
        Synthesiser()


def test_the_process_holds_espeak_and_we_do_not():
    """GPL code stays on the other side of a pipe, and the forking side stays light."""
    script = """
import json, sys
from lssd.speech import Synthesiser
with Synthesiser() as synthesiser:
    synthesiser.speak("hello", "en")
    worker = open(f"/proc/{synthesiser._process.pid}/maps").read()
    print(json.dumps({"here": open("/proc/self/maps").read(), "worker": worker,
                      "torch": "torch" in sys.modules}))
"""
    source = Path(synthesiser_module.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    maps = json.loads(done.stdout)
    assert "espeak" not in maps["here"]
    assert "espeak" in maps["worker"]
    assert "torch" not in maps["worker"] and "numpy" not in maps["worker"]

"""espeak-ng as a dub's voices: who speaks, how fast, and what it refuses."""

import json
from collections.abc import Iterator
from importlib import resources
from importlib.metadata import version

import numpy as np
import pytest

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.speaking import Espeak, median_pitch
from lssd.errors import InputError

pytest.importorskip("espeakng_loader")
LINES = {
    "en": "We should have left before the rain started.",
    "es": "Tenemos que salir antes de la lluvia.",
    "fr": "Il faut partir avant la pluie.",
    "de": "Wir müssen los, bevor es regnet.",
    "it": "Dobbiamo partire prima della pioggia.",
    "ja": "あめ が ふる まえ に でかけましょう",
    "ko": "비가 오기 전에 나가야 합니다",
}


@pytest.fixture(scope="module")
def espeak() -> Iterator[Espeak]:
    speaker = Espeak()
    yield speaker
    speaker.close()


@pytest.mark.parametrize("language", LINES)
@pytest.mark.parametrize("pitch_hz", (95.0, 200.0))
def test_a_line_has_about_the_speakers_pitch(espeak: Espeak, language: str, pitch_hz: float) -> None:
    samples, rate = espeak.speak(LINES[language], language, VoiceChoice(pitch_hz, "S1"), 0)
    found = median_pitch(samples, rate)
    assert found is not None and abs(12 * np.log2(found / pitch_hz)) < 3
    assert samples.dtype == np.float32 and np.abs(samples).max() <= 1
    assert np.abs(samples[:20]).max() > 0 and 0.5 < len(samples) / rate < 5


def test_a_speaker_keeps_one_voice_and_others_get_others(espeak: Espeak) -> None:
    chosen = {key: espeak.voice(VoiceChoice(120.0, key)) for key in ("S1", "S2", "S3", "S4", "S5")}
    assert all(espeak.voice(VoiceChoice(120.0, key)) == voice for key, voice in chosen.items())
    fresh = Espeak()
    assert all(fresh.voice(VoiceChoice(120.0, key)) == voice for key, voice in chosen.items())
    fresh.close()
    assert len({voice.variant for voice in chosen.values()}) >= 3
    assert len({espeak.voice(VoiceChoice(None, f"S{n}")).name for n in range(20)}) > 10


def test_a_speaker_keeps_the_voice_in_another_film(espeak: Espeak) -> None:
    one, other = (espeak.voice(VoiceChoice(pitch_hz, "ANA")).name for pitch_hz in (196.0, 203.0))
    assert one == other


def test_results_repeat_whatever_was_said_before(espeak: Espeak) -> None:
    voice = VoiceChoice(180.0, "S1")
    first, _ = espeak.speak(LINES["en"], "en", voice, 2.0)
    espeak.speak(LINES["de"], "de", VoiceChoice(90.0, "S9"), 1.0)
    again, _ = espeak.speak(LINES["en"], "en", voice, 2.0)
    assert np.array_equal(first, again)


@pytest.mark.parametrize("share", (0.9, 1.1))
def test_the_pace_meets_the_time(espeak: Espeak, share: float) -> None:
    voice = VoiceChoice(150.0, "S1")
    natural, rate = espeak.speak(LINES["es"], "es", voice, 0)
    goal = share * len(natural) / rate
    paced, _ = espeak.speak(LINES["es"], "es", voice, goal)
    assert abs(len(paced) / rate / goal - 1) < 0.06


@pytest.mark.parametrize(("seconds", "pace"), ((0.2, 1.25), (60.0, 0.85)))
def test_the_pace_has_limits(espeak: Espeak, seconds: float, pace: float) -> None:
    voice = VoiceChoice(150.0, "S1")
    natural, _ = espeak.speak(LINES["it"], "it", voice, 0)
    paced, _ = espeak.speak(LINES["it"], "it", voice, seconds)
    assert abs(len(natural) / len(paced) / pace - 1) < 0.08


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    (
        ("今日は雨です", "ja", "kana"),
        ("だれも いない 町", "ja", "kana"),
        ("人々", "ja", "kana"),
        ("...", "en", "no letters"),
        ("", "en", "no letters"),
        ("hello", "xx", "language"),
    ),
)
def test_what_cannot_be_spoken_is_one_line(espeak: Espeak, text: str, language: str, reason: str) -> None:
    with pytest.raises(BackendError, match=reason) as caught:
        espeak.speak(text, language, VoiceChoice(120.0, "S1"), 1.0)
    assert "\n" not in str(caught.value)


def test_kana_of_both_kinds_are_spoken(espeak: Espeak) -> None:
    samples, rate = espeak.speak("コーヒー を のみましょう", "ja", VoiceChoice(120.0, "S1"), 0)
    assert len(samples) / rate > 0.8


def test_chinese_may_be_written_as_it_is(espeak: Espeak) -> None:
    samples, _ = espeak.speak("今天下雨", "zh", VoiceChoice(120.0, "S1"), 0)
    assert samples.size


def test_every_declared_language_speaks(espeak: Espeak) -> None:
    languages = sorted(Espeak.declaration.languages or ())
    assert set(LINES) <= set(languages)
    for language in languages:
        samples, _ = espeak.speak("12", language, VoiceChoice(120.0, "S1"), 0)
        assert samples.size, language


def test_impossible_dials_are_refused() -> None:
    with pytest.raises(InputError, match="slowest"):
        Espeak(Espeak.Settings(slowest=1.5))


def test_the_table_of_pitches_is_what_is_measured(espeak: Espeak) -> None:
    """Of the installed version; another one is measured anew each time a process starts."""
    table = json.loads(resources.files("lssd.dubbing.speaking").joinpath("espeak_pitches.json").read_text())
    assert table == {"espeakng-loader": version("espeakng-loader"), "pitches": espeak.measure()}

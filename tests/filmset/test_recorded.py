"""Recordings as voices: a generated folder whose every number is known, and real prompts where they are."""

import csv
import zlib
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import REAL

from filmset.words import RecordedSpeech, open_speech, recorded
from filmset.words.stretch import stretched
from lssd.errors import InputError
from lssd.media import encode_sound

PROMPTS = REAL / "prompts5"
RATE = 16000
PITCHES = {"Ann": 220.0, "Bob": 110.0, "Cy": 120.0, "Dee": 230.0, "Eva": 210.0}


def spoken(pitch: float, seconds: float, seed: int) -> np.ndarray:
    """A buzz with syllables, between silences of 0.2 s."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * k * pitch * t + rng.uniform(0, 6)) / k for k in range(1, 12))
    sound = 0.05 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t) ** 2)
    return np.pad(sound, round(0.2 * RATE)).astype(np.float32)


def write_folder(folder: Path, speakers: dict[str, tuple[str, ...]], prompts: int = 9, **more) -> Path:
    """Recordings of every prompt by every speaker, and their manifest; more: further columns."""
    folder.mkdir(exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "language", "speaker", "prompt_id", "seconds", *more])
        for language, names in speakers.items():
            for name in names:
                for number in range(prompts):
                    seconds = 0.7 + 0.2 * number
                    path = f"{language}-{name}-{number}.wav"
                    sound = spoken(PITCHES[name], seconds, number)
                    (folder / path).write_bytes(encode_sound(sound[None], RATE, "wav"))
                    extra = [value.format(n=number) for value in more.values()]
                    writer.writerow([path, language, name, f"say-{number}", seconds + 0.4, *extra])
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    speakers = {"en": ("Ann", "Bob", "Cy", "Dee", "Eva"), "ru": ("Bob",)}
    return write_folder(tmp_path_factory.mktemp("voices"), speakers)


def test_prompts_are_split_and_mean_the_same_in_every_language(folder):
    with RecordedSpeech(folder) as speech:
        assert speech.languages == ("en", "ru")
        rng = np.random.default_rng(0)
        trained, held = (
            {sentence.key for sentence in speech.exchange(rng, held_out, 30)} for held_out in (False, True)
        )
        assert not trained & held and trained | held == {f"say-{number}" for number in range(9)}
        one = speech.exchange(rng, False, 1)[0]
        assert one.spoken == one.written == dict.fromkeys(("en", "ru"), one.key.replace("-", " "))
        drawn = speech.exchange(np.random.default_rng(3), False, 7)
        assert len({sentence.key for sentence in drawn}) == 7
        assert drawn == speech.exchange(np.random.default_rng(3), False, 7)


def held_keys(speech, held_out=True) -> set[str]:
    return {sentence.key for sentence in speech.exchange(np.random.default_rng(0), held_out, 60)}


def test_what_is_held_out_does_not_depend_on_the_languages(tmp_path):
    """French lacks one prompt, so that the prompts in common differ; what both have stays on its side."""
    folder = write_folder(tmp_path / "v", {"en": ("Ann", "Bob", "Cy"), "fr": ("Ann", "Bob")}, prompts=20)
    manifest = folder / "manifest.csv"
    rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join(row for row in rows if ",fr,Ann,say-5," not in row) + "\n")
    with RecordedSpeech(folder, ["en"]) as english, RecordedSpeech(folder, ["fr", "en"]) as both:
        assert held_keys(english, True) - held_keys(both, True) == {"say-5"}
        assert held_keys(english, False) == held_keys(both, False)
        assert 2 <= len(held_keys(english)) <= 8
        for held_out in (False, True):
            assert english.voices("en", held_out) == both.voices("en", held_out)
            french = {voice.variant for voice in both.voices("fr", held_out)}
            assert french <= {voice.variant for voice in both.voices("en", held_out)}


@pytest.mark.parametrize(
    ("names", "held"),
    [
        (("say-0", "say-1", "say-2", "say-3"), {"SMALLEST"}),  # none by its hash
        (("say-5", "say-7", "Ann"), {"OTHERS"}),  # all by their hashes
        (("say-4", "say-5", "say-6"), {"say-5"}),
    ],
)
def test_neither_side_of_a_split_is_empty(names, held):
    smallest = min(names, key=lambda name: zlib.crc32(name.encode()))
    expected = {"SMALLEST": {smallest}, "OTHERS": set(names) - {smallest}}.get(*held, held)
    assert recorded._held_out(names) == recorded._held_out(names[::-1]) == expected


def test_a_file_that_is_no_sound_is_found_at_once_and_a_silent_one_when_it_is_spoken(tmp_path):
    folder = write_folder(tmp_path / "v", {"en": ("Ann",)}, prompts=3, sex="f")
    file = folder / "en-Ann-1.wav"
    RecordedSpeech(folder, ["en"])
    for damaged in (b"", b"no sound at all" * 40):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match=r"^\S*en-Ann-1.wav cannot be read as sound; mend it") as caught:
            RecordedSpeech(folder, ["en"])
        assert "\n" not in str(caught.value)
    silence = encode_sound(np.zeros((1, RATE), np.float32), RATE, "wav")
    for content, message in ((silence, "is silent; take it out"), (b"gone", "cannot be read as sound; mend")):
        file.write_bytes(silence)
        with RecordedSpeech(folder) as speech:
            found = speech._sentence("say-1")
            voice = speech.voices("en", False)[0]
            file.write_bytes(content)
            with pytest.raises(InputError, match=rf"^\S*en-Ann-1.wav {message}") as caught:
                speech.say(found, "en", voice, "calm")
            assert "\n" not in str(caught.value)


def test_speakers_are_voices_split_where_there_are_enough(folder):
    with RecordedSpeech(folder) as speech:
        trained, held = (speech.voices("en", held_out) for held_out in (False, True))
        assert {voice.name for voice in trained} | {voice.name for voice in held} == {
            f"en-{name}" for name in ("Ann", "Bob", "Cy", "Dee", "Eva")
        }
        assert held and not {voice.name for voice in trained} & {voice.name for voice in held}
        sexes = {voice.name: voice.sex for voice in trained + held}
        assert sexes == {"en-Ann": "f", "en-Bob": "m", "en-Cy": "m", "en-Dee": "f", "en-Eva": "f"}
        assert speech.voices("ru", False) == speech.voices("ru", True)
        assert len({voice.variant for voice in trained}) == len(trained)


def test_texts_and_sexes_of_the_manifest_count(tmp_path):
    more = {"text": "Where is {n}?", "sex": "f"}
    folder = write_folder(tmp_path / "v", {"en": ("Bob",), "fr": ("Bob",)}, prompts=4, **more)
    with open_speech(folder, ("fr", "en")) as speech:
        assert speech.languages == ("fr", "en")
        assert speech.voices("en", True)[0].sex == "f"
        (sentence,) = speech.exchange(np.random.default_rng(0), True, 1)
        number = sentence.key[-1]
        assert sentence.written["fr"] == f"Where is {number}?" and sentence.question
        take = speech.say(sentence, "fr", speech.voices("fr", True)[0], "sad")
        assert [word.text for word in take.words] == [f"Where is {number}?"]


def test_takes_are_trimmed_levelled_and_repeat(folder):
    with RecordedSpeech(folder) as speech, RecordedSpeech(folder, ["en"]) as another:
        voice = speech.voices("en", False)[0]
        for sentence in speech.exchange(np.random.default_rng(1), False, 5):
            take = speech.say(sentence, "en", voice, "calm")
            seconds = 0.7 + 0.2 * int(sentence.key[-1])
            assert take.duration_s == pytest.approx(seconds, abs=0.03)
            assert take.samples.dtype == np.float32
            assert np.sqrt(np.mean(take.samples**2)) == pytest.approx(0.1, rel=0.01)
            assert (take.words[0].start_s, take.words[0].end_s) == (0.0, take.duration_s)
            again = another.say(sentence, "en", voice, "angry")
            np.testing.assert_array_equal(take.samples, again.samples)


def test_takes_fit_a_length_without_a_change_of_pitch(folder):
    with RecordedSpeech(folder) as speech:
        voice = next(voice for voice in speech.voices("en", False) if voice.name == "en-Bob")
        sentence = speech.exchange(np.random.default_rng(1), False, 1)[0]
        natural = speech.say(sentence, "en", voice, "calm")
        for factor in (0.85, 1.2):
            take = speech.say(sentence, "en", voice, "calm", factor * natural.duration_s)
            assert take.duration_s == pytest.approx(factor * natural.duration_s, abs=0.001)
            spectrum = np.abs(np.fft.rfft(take.samples * np.hanning(len(take.samples)), 480000))
            assert np.argmax(spectrum) / 10 == pytest.approx(110.0, abs=1.5)
        assert speech.say(sentence, "en", voice, "calm", 99.0).duration_s == pytest.approx(
            1.25 * natural.duration_s, abs=0.001
        )
        assert speech.say(sentence, "en", voice, "calm", 0.1).duration_s == pytest.approx(
            0.8 * natural.duration_s, abs=0.001
        )


@pytest.mark.parametrize("factor", [0.8, 0.93, 1.1, 1.25])
def test_stretching_joins_periods_and_moves_events_to_their_places(factor):
    t = np.arange(48000) / 48000
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 8)).astype(np.float32)
    longer = stretched(tone, 48000, factor)
    assert len(longer) == round(48000 * factor)
    inner = longer[2400:-2400]
    power = np.abs(np.fft.rfft(inner * np.hanning(len(inner)))) ** 2
    hz = np.fft.rfftfreq(len(inner), 1 / 48000)
    harmonic = sum(power[np.abs(hz - 130 * k) < 5].sum() for k in range(1, 8))
    assert harmonic > 0.995 * power.sum()
    # A loud stretch of noise at a known place.
    burst = 0.01 * np.random.default_rng(0).standard_normal(48000).astype(np.float32)
    burst[20000:30000] *= 50
    loud = np.flatnonzero(np.abs(stretched(burst, 48000, factor)) > 0.3)
    assert loud[0] == pytest.approx(20000 * factor, abs=1200)
    assert loud[-1] == pytest.approx(30000 * factor, abs=1200)


def test_what_is_missing_is_said_in_one_line(folder, tmp_path):
    def fails(message: str, at: Path, languages=None):
        with pytest.raises(InputError, match=message) as caught:
            RecordedSpeech(at, languages)
        assert "\n" not in str(caught.value)

    fails("is no folder", tmp_path / "nowhere")
    fails("no manifest.csv", tmp_path)
    fails("no recordings in ja; it has en, ru", folder, ["en", "ja"])
    broken = write_folder(tmp_path / "broken", {"en": ("Ann",)}, prompts=3)
    (broken / "en-Ann-1.wav").unlink()
    fails("en-Ann-1.wav is in the manifest but not", broken)
    manifest = broken / "manifest.csv"
    whole = manifest.read_text()
    manifest.write_text(whole.replace("speaker", "who", 1))
    fails("lacks the columns speaker", broken)
    manifest.write_text(whole.replace(",1.1\n", ",long\n").replace("1.1\r\n", "long\r\n"))
    fails("line 2: 'long' is no number", broken)
    manifest.write_text(whole.splitlines()[0] + "\n")
    fails("lists no recordings", broken)
    manifest.write_text(whole.replace("say-0", "").replace("\r\n", "\n"))
    fails("line 2: no prompt_id", broken)
    for way in ("../", "/", "a/../../"):
        manifest.write_text(whole.replace("en-Ann-0.wav", f"{way}en-Ann-0.wav"))
        fails("line 2: .* leads out of the folder", broken)
    apart = tmp_path / "apart"
    write_folder(apart, {"en": ("Ann",)}, prompts=3)
    text = (apart / "manifest.csv").read_text()
    rows = text.splitlines()[1:]
    moved = [row.replace(",en,", ",fr,").replace("say-", "dire-") for row in rows]
    (apart / "manifest.csv").write_text("\n".join([*text.splitlines(), *moved]) + "\n")
    fails("have 0 prompts of 0.5 to 8 s in common", apart)


def test_a_sentence_that_a_voice_has_not_recorded_is_refused(folder):
    with RecordedSpeech(folder) as speech:
        sentence = speech.exchange(np.random.default_rng(0), False, 1)[0]
        stranger = next(voice for voice in speech.voices("en", True) if voice.name != "en-Bob")
        with pytest.raises(InputError, match=rf"has no 'say-\d' in ru by {stranger.name}"):
            speech.say(sentence, "ru", stranger, "calm")
        with pytest.raises(InputError, match="longer than 0"):
            speech.say(sentence, "en", stranger, "calm", -1.0)


@pytest.mark.skipif(not PROMPTS.exists(), reason="the real prompts are not here")
def test_real_prompts_speak_in_five_languages():
    languages = ("en", "es", "fr", "it", "ru")
    with RecordedSpeech(PROMPTS, languages) as speech:
        voices = {language: speech.voices(language, False) for language in languages}
        assert {language: [one.name for one in found] for language, found in voices.items()} == {
            "en": ["en-Allison"],
            "es": ["es-Allison"],
            "fr": ["fr-June"],
            "it": ["it-Carlo"],
            "ru": ["ru-IvrvoiceRU"],
        }
        assert [found[0].sex for found in voices.values()] == ["f", "f", "f", "m", "f"]
        for sentence in speech.exchange(np.random.default_rng(0), True, 3):
            lengths = []
            for language in languages:
                take = speech.say(sentence, language, voices[language][0], "calm", 1.5)
                lengths.append(take.duration_s)
                assert 0.05 < np.sqrt(np.mean(take.samples**2)) < 0.11
            assert max(lengths) < 10

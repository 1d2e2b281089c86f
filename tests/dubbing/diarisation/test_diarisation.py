import numpy as np
import pytest

from lssd.dubbing.diarisation import BACKENDS, One, Voices
from lssd.dubbing.diarisation.features import describe, pitches
from lssd.dubbing.lines import Line
from lssd.dubbing.sound import write_sound
from lssd.errors import InputError
from lssd.media import resample

TEXTS = (
    "We have plenty of time.",
    "Who is on the phone?",
    "The tea is getting cold.",
    "I will think about it tomorrow.",
    "Somebody left the light on.",
    "Nothing ever happens around here.",
)


@pytest.fixture(scope="module")
def conversation(tmp_path_factory):
    """A man and a woman in no fixed turn: (sound, lines, who)."""
    pytest.importorskip("espeakng_loader")
    from lssd.speech import Synthesiser, voices

    names = ("en-m1-low", "en-f2-high")
    people = {voice.name: voice for voice in voices("en") if voice.name in names}
    pieces, lines, who, reached = [], [], [], 0.0
    with Synthesiser() as synthesiser:
        for number in range(24):
            name = names[number * number % 7 % 2]
            said = synthesiser.utter(TEXTS[number // 3 % len(TEXTS)], "en", people[name]).trimmed()
            samples = resample(said.samples[None], said.sample_rate, 48000)
            pieces += [samples, np.zeros((1, 12000), np.float32)]
            lines.append(Line(reached, reached + samples.shape[1] / 48000, ""))
            who.append(name)
            reached = lines[-1].end_s + 0.25
    sound = write_sound(tmp_path_factory.mktemp("talk") / "a.npy", np.concatenate(pieces, axis=1), 48000)
    return sound, lines, who


def test_plainly_different_voices_are_told_apart(conversation):
    sound, lines, who = conversation
    names = Voices().diarise(sound, lines)
    assert names[0] == "S1" and sorted(set(names)) == ["S1", "S2"]
    assert len(set(zip(names, who, strict=True))) == 2
    assert Voices().diarise(sound, lines) == names


def test_at_most_so_many_speakers(conversation):
    sound, lines, who = conversation
    names = Voices(Voices.Settings(most=2, apart=0.1, evidence=0.1)).diarise(sound, lines)
    assert set(names) == {"S1", "S2"}
    assert len(set(zip(names, who, strict=True))) == 2, "a speaker was torn apart"
    assert set(Voices(Voices.Settings(most=1)).diarise(sound, lines)) == {"S1"}
    assert len(set(Voices(Voices.Settings(apart=0.1, evidence=0.1)).diarise(sound, lines))) > 5


def test_one_voice_is_one_speaker(conversation):
    sound, lines, who = conversation
    own = [line for line, name in zip(lines, who, strict=True) if name == who[0]]
    assert set(Voices().diarise(sound, own)) == {"S1"}


def test_lines_without_a_voice_go_with_the_line_before(conversation):
    sound, lines, who = conversation
    silent = Line(sound.duration_s + 1, sound.duration_s + 2, "")
    first, second = lines[0], next(line for line, one in zip(lines, who, strict=True) if one != who[0])
    every = Voices(Voices.Settings(apart=0.1, evidence=0.1))
    names = every.diarise(sound, [silent, first, silent, second, silent, silent])
    assert names[0] == names[1] == names[2] and names[3] == names[4] == names[5] != names[0]
    assert Voices().diarise(sound, []) == [] and Voices().diarise(sound, [silent, silent]) == ["S1", "S1"]
    with pytest.raises(InputError, match="not negative"):
        Voices.Settings(most=-1)


@pytest.mark.parametrize("hz", [80.0, 120.0, 200.0, 333.0])
def test_pitch_of_pulses_is_theirs(hz):
    time_s = np.arange(16000) / 16000
    pulses = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 12))
    frames = np.lib.stride_tricks.sliding_window_view(pulses, 512)[::160]
    found, clear = pitches(frames)
    assert np.abs(1200 * np.log2(found / hz)).max() < 60 and clear.min() > 0.8


def test_level_does_not_matter_and_noise_is_no_voice():
    rng = np.random.default_rng(0)
    time_s = np.arange(16000) / 16000
    voice = np.sin(2 * np.pi * 150 * time_s) + 0.5 * np.sin(2 * np.pi * 300 * time_s)
    np.testing.assert_allclose(describe(voice), describe(0.01 * voice), atol=1e-3)
    assert describe(rng.normal(0, 0.1, 16000)) is None and describe(np.zeros(100)) is None


def test_one(conversation):
    sound, lines, _ = conversation
    assert One().diarise(sound, lines) == ["S1"] * len(lines)
    assert [one.declaration.name for one in BACKENDS] == ["voices", "one"]

"""Styles can be told apart by ear's simplest measures, and words begin where they are heard to begin."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from filmset import settings
from lssd.errors import InputError
from lssd.speech import STYLES, Synthesiser, Word, refined, voices
from lssd.speech.styles import marked, unmarked_positions, word_spans

RATE = 22050
TEXTS = {
    "en": "I left the blue suitcase at the station.",
    "es": "El puente estaba cerrado esta mañana.",
    "ja": "でんしゃは じゅっぷんで でるよ。",
}


@pytest.fixture(scope="module")
def synthesiser():
    with Synthesiser() as open_synthesiser:
        yield open_synthesiser


def pitch_track(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(semitones, level, periodicity 0..1) of frames of 45 ms, from their autocorrelation."""
    size, hop = 992, 330
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop] * np.hanning(size)
    likeness = np.fft.irfft(np.abs(np.fft.rfft(frames, 2 * size)) ** 2)[:, :size]
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), 2 * size)) ** 2)[:size]
    lags = np.arange(RATE // 450, RATE // 60)
    normal = likeness[:, lags] / taper[lags] * taper[0] / (likeness[:, :1] + 1e-9)
    best = normal.argmax(1)
    return 12 * np.log2(RATE / lags[best]), np.sqrt(likeness[:, 0]), normal.max(1)


def measures(samples: np.ndarray) -> list[float]:
    """Pitch, its range and its movements, voicing, tilt, liveliness: nothing that a gain would change."""
    semitones, level, periodicity = pitch_track(samples)
    loud = level > 0.05 * level.max()
    voiced = (periodicity > 0.6) & (level > 0.1 * level.max())
    pitch = semitones[voiced] if voiced.sum() > 8 else np.full(8, 80.0)
    power, hz = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / RATE)
    low, middle, high = (
        10 * np.log10(power[(hz > first) & (hz < last)].sum())
        for first, last in ((60, 800), (800, 2500), (2500, 8000))
    )
    middle_pitch, third = np.median(pitch), len(pitch) // 3
    return [
        middle_pitch,
        np.subtract(*np.percentile(pitch, [90, 10])),
        pitch[-6:].mean() - middle_pitch,
        pitch[:third].mean() - pitch[-third:].mean(),
        voiced.sum() / loud.sum(),
        low - middle,
        middle - high,
        len(samples) / RATE,
    ]


@pytest.mark.slow
def test_a_classifier_of_simple_measures_names_the_style_of_voices_it_never_heard(synthesiser):
    rows, labels, groups = [], [], []
    for language, text in TEXTS.items():
        for number in range(1, 108, 9):
            for style in STYLES:
                spoken = synthesiser.utter(text, language, voices(language)[number], style).trimmed()
                rows.append(measures(spoken.samples))
                labels.append(style)
                groups.append(voices(language)[number].variant)
    table, labels, known = np.array(rows), np.array(labels), sorted(set(groups))
    learnt = np.isin(groups, known[::2])
    named = LinearDiscriminantAnalysis().fit(table[learnt], labels[learnt]).predict(table[~learnt])
    right = named == labels[~learnt]
    assert right.mean() > 0.7  # chance is 1 in 6
    for style in STYLES:
        assert right[labels[~learnt] == style].mean() > 0.45, style


def test_the_film_set_knows_the_same_styles():
    assert set(settings.STYLES) == set(STYLES)


def test_calm_is_the_voice_as_it_is(synthesiser):
    plain = synthesiser.utter(TEXTS["en"], "en")
    np.testing.assert_array_equal(plain.samples, synthesiser.utter(TEXTS["en"], "en", style="calm").samples)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_repeats_and_keeps_its_words(synthesiser, style):
    text = "Sa voiture s'est arrêtée dans la forêt."
    one, again = (synthesiser.utter(text, "fr", voices("fr")[60], style) for _ in range(2))
    np.testing.assert_array_equal(one.samples, again.samples)
    assert [word.text for word in one.words] == text.rstrip(".").split()
    assert one.samples.dtype == np.float32 and np.abs(one.samples).max() <= 1.0


def test_whisper_has_no_voice_and_keeps_the_mouth(synthesiser):
    shapes = {}
    for number in (4, 40, 70, 100):
        voice = voices("en")[number]
        for style in ("calm", "whispered"):
            spoken = synthesiser.utter(TEXTS["en"], "en", voice, style).trimmed().samples
            _, level, periodicity = pitch_track(spoken)
            periodic = np.mean(periodicity[level > 0.1 * level.max()] > 0.6)
            assert periodic > 0.5 if style == "calm" else periodic < 0.05
            shapes[number, style] = spectrum_shape(spoken)
    for number in (4, 40, 70, 100):
        own = np.corrcoef(shapes[number, "calm"], shapes[number, "whispered"])[0, 1]
        others = [
            np.corrcoef(shapes[other, "calm"], shapes[number, "whispered"])[0, 1]
            for other in (4, 40, 70, 100)
            if other != number
        ]
        assert own > max(others)


def spectrum_shape(samples: np.ndarray) -> np.ndarray:
    """Level in dB of thirds of an octave from 500 Hz to 8 kHz, without its overall tilt."""
    power, hz = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / RATE)
    edges = 500 * 2 ** (np.arange(13) / 3)
    bands = [10 * np.log10(power[(hz >= a) & (hz < b)].mean()) for a, b in pairwise(edges)]
    steps = np.arange(len(bands))
    return bands - np.polyval(np.polyfit(steps, bands, 1), steps)


def test_questions_end_high_and_the_sad_end_low(synthesiser):
    ends = {}
    for style in ("calm", "questioning", "sad"):
        pitch = []
        for number in (1, 40, 70, 100):
            spoken = synthesiser.utter(TEXTS["es"], "es", voices("es")[number], style).trimmed().samples
            semitones, level, periodicity = pitch_track(spoken)
            voiced = semitones[(periodicity > 0.6) & (level > 0.1 * level.max())]
            pitch.append(voiced[-6:].mean() - np.median(voiced))
        ends[style] = np.mean(pitch)
    assert ends["questioning"] > 1.0 > ends["calm"]


def test_pace_is_speed_without_pitch(synthesiser):
    slow, fast = (synthesiser.utter(TEXTS["en"], "en", pace=pace).trimmed() for pace in (0.8, 1.25))
    assert 1.35 < slow.duration_s / fast.duration_s < 1.75
    pitches = [np.median(pitch_track(one.samples)[0]) for one in (slow, fast)]
    assert abs(pitches[0] - pitches[1]) < 1.0


def test_an_unknown_style_is_refused(synthesiser):
    with pytest.raises(InputError, match="'bored' is no style"):
        synthesiser.utter("Hello.", "en", style="bored")


def test_commands_do_not_move_positions():
    text = "¿Dov'eri, l'altra sera? 저 소리."
    given = marked(text, STYLES["excited"], 50)
    assert given.count("\x01") == len(word_spans(text)) == 5
    positions = unmarked_positions(given)
    ended = text[:-1] + STYLES["excited"].ending
    for place, character in enumerate(given):
        if "\x01" not in given[max(0, place - 3) : place + 1]:
            assert ended[positions[place]] == character


def test_words_are_cut_at_spaces_and_signs():
    text = "Qu'est-ce que c'est, «ça»? やあ、ともだち。"
    words = [text[start:end] for start, end in word_spans(text)]
    assert words == ["Qu'est-ce", "que", "c'est", "ça", "やあ", "ともだち"]


def test_planted_onsets_are_found_from_rough_times():
    rng = np.random.default_rng(0)
    onsets, ends = np.array([0.1, 0.5, 0.83, 1.3]), np.array([0.42, 0.8, 1.2, 1.6])
    samples = (1e-4 * rng.standard_normal(2 * RATE)).astype(np.float32)
    for onset, end in zip(onsets, ends, strict=True):
        samples[int(onset * RATE) : int(end * RATE)] += 0.1 * rng.standard_normal(
            int(end * RATE) - int(onset * RATE)
        ).astype(np.float32)
    # The library's border of two words lies anywhere in the silence between them.
    told = [0.0, 0.44, 0.81, 1.22, 2.0]
    rough = [Word("x", start, end) for start, end in pairwise(told)]
    found = refined(rough, samples, RATE)
    np.testing.assert_allclose([word.start_s for word in found], onsets, atol=0.004)
    np.testing.assert_allclose([word.end_s for word in found], ends, atol=0.004)
    assert all(word.clear for word in found)


def test_a_word_that_runs_on_keeps_its_time_and_says_so():
    t = np.arange(RATE) / RATE
    hum = (0.2 * np.sin(2 * np.pi * 110 * t) * (1 + 0.3 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)
    first, second = refined([Word("a", 0.0, 0.4), Word("b", 0.4, 1.0)], hum, RATE)
    assert (second.start_s, second.clear) == (0.4, False)
    assert first.end_s == 0.4


def heard_onset(samples: np.ndarray, start_s: float) -> float:
    """By hand: after the quietest 4 ms around a time, the first sample over a tenth of what follows."""
    first, last = int((start_s - 0.02) * RATE), int((start_s + 0.02) * RATE)
    peaks = [np.abs(samples[place : place + 88]).max() for place in range(first, last - 88)]
    quiet = first + int(np.flatnonzero(peaks <= min(peaks) + 1e-9)[-1])
    follows = np.abs(samples[quiet : quiet + int(0.03 * RATE)]).max()
    return (quiet + int(np.argmax(np.abs(samples[quiet:]) > 0.1 * follows))) / RATE


def test_clear_words_begin_within_10_ms_of_where_they_are_heard(synthesiser):
    misses = []
    for language, text in TEXTS.items():
        for number in range(0, 108, 12):
            utterance = synthesiser.utter(text, language, voices(language)[number])
            misses += [
                abs(word.start_s - heard_onset(utterance.samples, word.start_s))
                for word in utterance.words[1:]
                if word.clear
            ]
    assert len(misses) > 70
    assert np.percentile(misses, 95) < 0.010
    assert np.median(misses) < 0.003

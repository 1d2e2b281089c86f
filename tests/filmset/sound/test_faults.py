"""Every fault, found again in the samples by a measure of its own."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate, welch

from filmset.dialogue import write_lines
from filmset.faults import complete_faults, reader, role_in_film, sample_fault, tagged_language
from filmset.mixing import LazyTrack, Mixer
from filmset.narration import Narration
from filmset.settings import FAULTS
from filmset.truth import Fault, Title, Track
from lssd.speech import Voice

pytestmark = pytest.mark.slow

RATE = 48000
LENGTHS = (4.0, 5.0, 3.0, 4.0, 4.0)


@pytest.fixture
def faulty(make_title, settings, speech, noise):
    """faulty(kind, values): (mixer, track of the fault, what it would be without)."""

    def make(kind, values, channels=1):
        title = make_title(LENGTHS, channels, fault=Fault(kind, values))
        title = write_lines(title, settings, speech)
        mixer = Mixer(title, settings, speech, noise())
        right = replace(title, tracks=tuple(replace(track, fault=None) for track in title.tracks))
        sound = LazyTrack(mixer, "de")[:, :]
        return mixer, sound, LazyTrack(Mixer(right, settings, speech, noise()), "de")[:, :]

    return make


def lag(sound: np.ndarray, reference: np.ndarray) -> float:
    """By how many samples a sound is later than a reference, between samples by a parabola."""
    product = correlate(sound.astype(np.float64), reference.astype(np.float64), method="fft")
    top = int(np.argmax(product))
    left, peak, right = product[top - 1 : top + 2]
    return top - (len(reference) - 1) + 0.5 * (left - right) / (left - 2 * peak + right)


@pytest.mark.parametrize("offset_s", [0.25, -0.4, 0.0500625])
def test_offset(faulty, offset_s):
    _, sound, right = faulty("offset", {"offset_s": offset_s})
    assert sound.shape == right.shape
    assert lag(sound[0], right[0]) == pytest.approx(offset_s * RATE, abs=0.01)
    samples = round(offset_s * RATE)
    if samples > 0:
        np.testing.assert_array_equal(sound[:, samples:], right[:, :-samples])
        assert not sound[:, :samples].any()
    else:
        np.testing.assert_array_equal(sound[:, :samples], right[:, -samples:])
        assert not sound[:, samples:].any()


@pytest.mark.parametrize(
    ("slope", "offset_s"), [(0.9995, 0.1), (1.001, -0.05), (1.04270833, 0.0), (0.959, 0.02)]
)
def test_slope(faulty, slope, offset_s):
    _, sound, right = faulty("slope", {"slope": slope, "offset_s": offset_s})
    assert sound.shape == right.shape
    times, lags = [], []
    for at_s in np.arange(1.0, 17.0, 2.0):
        # Where it is expected, stretched back to the film's speed by linear interpolation.
        film = np.arange(round(at_s * RATE), round((at_s + 1) * RATE))
        found = np.interp(film * slope, np.arange(sound.shape[1]), sound[0])
        lags.append(lag(found, right[0, film]) / RATE)
        times.append(at_s)
    drift, start = np.polyfit(times, lags, 1)
    assert start == pytest.approx(offset_s / slope, abs=3e-4)
    assert drift == pytest.approx(0.0, abs=2e-5)


def test_speed_changes_keep_tones_clean():
    """A tone at another speed is the tone of the other pitch, within -70 dB."""

    class Tone:
        title = type("Title", (), {"sample_rate": RATE, "channels": 1})()

        def mix(self, key, first, last, background_CS=None):
            return np.sin(2 * np.pi * 3000 * np.arange(first, last) / RATE)[None].astype(np.float32)

    for slope in (1.001, 0.959):
        track = Track("de", "de", "dub", "de", Fault("slope", {"slope": slope, "offset_s": 0.25}))
        out = reader(track, Tone())(5000, 29000)[0]
        expected = np.sin(2 * np.pi * 3000 * (np.arange(5000, 29000) / RATE - 0.25) / slope)
        assert np.sqrt(np.mean((out - expected) ** 2)) < 3e-4


@pytest.mark.parametrize("seconds", [0.75, -0.75])
def test_edit(faulty, seconds):
    mixer, sound, right = faulty("edit", {"at_s": 8.0, "seconds": seconds})
    at, more = 8 * RATE, round(seconds * RATE)
    assert sound.shape == right.shape
    np.testing.assert_array_equal(sound[:, :at], right[:, :at])
    assert lag(sound[0, 10 * RATE : 15 * RATE], right[0, 10 * RATE : 15 * RATE]) == pytest.approx(
        more, abs=0.01
    )
    if more > 0:
        np.testing.assert_array_equal(sound[:, at + more :], right[:, at:-more])
        put_in = mixer.stem("background", at - more, at)
        np.testing.assert_array_equal(sound[:, at : at + more], put_in[:, ::-1])
    else:
        np.testing.assert_array_equal(sound[:, at:more], right[:, at - more :])
        assert not sound[:, more:].any()


def test_mislabel_is_in_the_tag_alone(faulty, make_title):
    fault = Fault("mislabel", {"true": "de", "claimed": "fr"})
    _, sound, right = faulty("mislabel", fault.values)
    np.testing.assert_array_equal(sound, right)
    track = make_title((2.0,), fault=fault).tracks[1]
    assert tagged_language(track) == "fr" and track.language == "de"
    assert tagged_language(replace(track, fault=None)) == "de"


def test_duplicate(faulty):
    mixer, sound, right = faulty("duplicate", {"of": "en"})
    np.testing.assert_array_equal(sound, mixer.track("en", 0, mixer.samples))
    assert np.abs(sound - right).max() > 0.05


@pytest.mark.parametrize(("kind", "mix_db"), [("commentary", -10.0), ("description", 0.0)])
def test_somebody_talks_over_the_original(faulty, speech, kind, mix_db):
    mixer, sound, _ = faulty(kind, {"mix_db": mix_db}, channels=2)
    track = mixer.title.tracks[1]
    values = track.fault.values
    original = np.float32(10 ** (mix_db / 20)) * mixer.track("en", 0, mixer.samples)
    talk = sound - original
    voice = Voice(**values["voice"])
    cast = {person.voices["de"].variant for person in mixer.title.cast}
    assert voice.language == "de" and voice.variant not in cast
    assert len(values["lines"]) >= (5 if kind == "commentary" else 2)
    reached = 0
    for line in values["lines"]:
        start, end = round(line["start_s"] * RATE), round(line["end_s"] * RATE)
        assert start >= reached
        assert np.abs(talk[:, reached:start]).max(initial=0) < 1e-6
        level_db = 10 * np.log10(np.mean(talk[0, start:end].astype(np.float64) ** 2) * 2)
        assert level_db == pytest.approx(-28.0 - 1.0, abs=0.1)  # 2 dB louder than the cast, in stereo
        np.testing.assert_allclose(talk[0], talk[1], atol=1e-6)
        reached = end
    assert np.abs(talk[:, reached:]).max() < 1e-6
    if kind == "description":
        quiet = [
            (spoken.start_s, spoken.end_s)
            for shot in mixer.title.shots
            for spoken in (line.spoken["en"] for line in shot.lines)
        ]
        for line in values["lines"]:
            assert all(line["end_s"] <= start or line["start_s"] >= end for start, end in quiet)
        assert values["over_dialogue"] == 0.0
    assert role_in_film(track) == kind and tagged_language(track) == "de"
    assert Title.from_json(json.loads(json.dumps(mixer.title.to_json()))) == mixer.title


def test_silent(faulty):
    _, sound, _ = faulty("silent", {"noise_db": None})
    assert not sound.any() and sound.shape == (1, 20 * RATE)
    _, sound, _ = faulty("silent", {"noise_db": -80.0})
    assert 10 * np.log10(np.mean(sound.astype(np.float64) ** 2)) == pytest.approx(-80.0, abs=0.05)
    _, density = welch(sound[0], RATE)
    assert density[2:-2].max() < 1.5 * density[2:-2].min()


def test_truncated(faulty):
    mixer, sound, right = faulty("truncated", {"seconds": 7.5})
    assert sound.shape == (1, 360000) == LazyTrack(mixer, "de").shape
    np.testing.assert_array_equal(sound, right[:, :360000])
    assert mixer.length("en") == mixer.samples == 20 * RATE


@pytest.mark.parametrize("db", [4.0, -9.0])
def test_level(faulty, db):
    mixer, sound, right = faulty("level", {"db": db})
    background = mixer.stem("background", 0, mixer.samples)
    voices = mixer.stem("voices.de", 0, mixer.samples)
    ratio = (sound - voices)[background != 0] / background[background != 0]
    assert 20 * np.log10(np.median(ratio)) == pytest.approx(db, abs=0.01)
    np.testing.assert_allclose(sound - right, (10 ** (db / 20) - 1) * background, atol=1e-6)


def test_filtered(faulty):
    mixer, sound, right = faulty("filtered", {"low_hz": 250.0, "high_hz": 3000.0})
    voices = mixer.stem("voices.de", 0, mixer.samples)
    hz, density = welch((sound - voices)[0], RATE, nperseg=4096)
    _, wanted = welch((right - voices)[0], RATE, nperseg=4096)
    kept_db = 10 * np.log10(density / wanted)
    assert np.abs(kept_db[(hz > 400) & (hz < 2000)]).max() < 0.5
    assert kept_db[(hz > 5000) & (hz < 20000)].max() < -25 and kept_db[(hz > 1) & (hz < 130)].max() < -20


@pytest.mark.parametrize(("channels", "reverb_s"), [(1, 0.0), (2, 0.0), (2, 0.6), (6, 0.0)])
def test_clipped(make_title, settings, speech, noise, channels, reverb_s):
    """At `crest` times the RMS of the loudest line, where lines of a quiet shot are not touched."""
    fault = Fault("clipped", {"crest": 1.2})
    title = make_title(LENGTHS, channels, fault=fault, reverb_s=reverb_s)
    shots = list(title.shots)
    shots[1] = replace(shots[1], background_db=-36.0, speech_over_background_db=11.0)
    shots[2] = replace(shots[2], background_db=-46.0)
    title = write_lines(replace(title, shots=tuple(shots)), replace(settings, overlaps=0.0), speech)
    level = title.tracks[1].fault.values["level"]
    mixer = Mixer(title, settings, speech, noise())
    sound, voices = mixer.track("de", 0, mixer.samples), mixer.stem("voices.de", 0, mixer.samples)
    right = mixer.mix("de", 0, mixer.samples)
    by_shot = []
    for shot in title.shots:
        spans = [
            tuple(round(time_s * RATE) for time_s in (line.spoken["de"].start_s, line.spoken["de"].end_s))
            for line in shot.lines
        ]
        by_shot.append(max(np.sqrt((voices[:, a:b] ** 2).mean(axis=1)).max() for a, b in spans))
    assert level / max(by_shot) == pytest.approx(1.2, rel=0.1)
    assert np.argmax(by_shot) == 1
    assert sound.max() == pytest.approx(level) and sound.min() == pytest.approx(-level)
    assert 2e-4 < np.mean(np.abs(right) > level) < 0.3
    untouched = np.abs(right) <= level
    np.testing.assert_array_equal(sound[untouched], right[untouched])
    quiet = slice(title.sample(title.shots[2].start_frame), title.sample(title.shots[2].end_frame))
    assert untouched[:, quiet].all()


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_clipped_backgrounds_where_nobody_speaks(make_title, settings, speech, noise, channels):
    title = make_title((3.0, 3.0), channels, fault=Fault("clipped", {"crest": 1.5}))
    shots = (title.shots[0], replace(title.shots[1], background_db=-30.0))
    title = write_lines(replace(title, shots=shots), replace(settings, silent=1.0), speech)
    mixer = Mixer(title, settings, speech, noise())
    loudest = mixer.stem("background", title.sample(title.shots[1].start_frame), mixer.samples)
    measured = np.sqrt((loudest**2).mean(axis=1)).max()
    assert title.tracks[1].fault.values["level"] / measured == pytest.approx(1.5, rel=0.05)


def with_a_line(title, start_s, end_s):
    """A title in which nothing but one line of these times is said in the original."""
    shot = title.shots[0]
    spoken = {"en": replace(shot.lines[0].spoken["en"], start_s=start_s, end_s=end_s)}
    return replace(title, shots=(replace(shot, lines=(replace(shot.lines[0], spoken=spoken),)),))


@pytest.mark.parametrize(("words", "over"), [((2, 3), False), ((7, 8), True)])
def test_descriptions_of_short_films_keep_to_pauses_where_they_can(
    make_title, settings, humming, noise, words, over
):
    """One pause of 0.86 s, and sentences that fit it, some only when spoken faster, or do not fit at all."""
    speech = humming(words=words, slow={"en": 1.0, "de": 1.6})
    found = []
    for index in range(6):
        fault = Fault("description", {"mix_db": 0.0})
        title = make_title((3.0,), fault=fault, index=index)
        title = complete_faults(with_a_line(write_lines(title, settings, speech), 0.86, 2.9), speech)
        values = title.tracks[1].fault.values
        talk = [line.spoken["en"] for shot in title.shots for line in shot.lines]
        assert len(talk) == len(values["lines"]) == 1
        (line,) = values["lines"]
        clash = any(line["start_s"] < one.end_s and line["end_s"] > one.start_s for one in talk)
        assert values["over_dialogue"] == float(clash)
        assert 0 <= line["start_s"] < line["end_s"] <= 3.0
        sound = Narration(title, title.tracks[1], speech).samples(0, 3 * RATE)[0]
        end = round(line["end_s"] * RATE)
        assert np.abs(sound[end - 2000 : end]).max() > 0.01 and not sound[end:].any()
        found.append((clash, line["seconds"] is not None))
    assert all(clash == over for clash, _ in found)
    assert any(paced for _, paced in found)


def test_every_fault_can_be_sampled_and_done(make_title, settings, speech, noise):
    plain = make_title((2.5, 3.5))
    options = replace(settings, faults=FAULTS, seconds=6.0)
    drawn = {}
    for seed in range(4):
        for kind in FAULTS:
            rng = np.random.default_rng([seed, FAULTS.index(kind)])
            fault = sample_fault(kind, rng, plain.tracks[1], plain.tracks, options)
            assert fault.kind == kind and json.loads(json.dumps(fault.values)) == fault.values
            drawn.setdefault(kind, []).append(fault.values)
            tracks = (plain.tracks[0], replace(plain.tracks[1], fault=fault), plain.tracks[2])
            if seed:
                continue
            title = write_lines(replace(plain, tracks=tracks), options, speech)
            faulted, right = (
                LazyTrack(Mixer(one, options, speech, noise()), "de")
                for one in (title, replace(title, tracks=plain.tracks))
            )
            assert faulted.shape[1] <= right.shape[1]
            same = faulted.shape == right.shape and np.array_equal(faulted[:, :], right[:, :])
            assert same == (kind == "mislabel")
    for values in drawn["offset"]:
        assert 0.04 <= abs(values["offset_s"]) <= 0.6
        assert values["offset_s"] * RATE == pytest.approx(round(values["offset_s"] * RATE), abs=0.03)
    assert all(0.3 <= abs(values["seconds"]) <= 2.0 for values in drawn["edit"])
    assert all(values["claimed"] not in ("de", None) for values in drawn["mislabel"])
    assert len({values["slope"] for values in drawn["slope"]}) == 4

"""Mixed sound against the truth and against itself: stems, tracks, transitions, mouths, memory."""

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from filmset.dialogue import write_lines
from filmset.layouts import pan, position
from filmset.mixing import BED_PEAK, LazyStem, LazyTrack, Mixer
from filmset.retakes import retake
from filmset.rooms import Room
from filmset.truth import Event, Fault

RATE = 48000
CHANGES = {1: ("dissolve", 0.8), 3: ("fade", 0.6)}


def with_events(title, gain_db=-14.0):
    def events(shot):
        start = shot.start_frame / float(title.rate) + 0.5
        return (
            Event("knock", (round(start, 6), round(start + 0.6, 6)), (20, 10, 60, 50), gain_db, 3),
            Event("clap", (round(start + 1.0, 6),), (20, 250, 60, 290), gain_db, 4),
        )

    return replace(title, shots=tuple(replace(shot, events=events(shot)) for shot in title.shots))


@pytest.fixture
def mixed(make_title, settings, speech, noise):
    """mixed(channels, ...): a mixer of four shots, two of them dissolving."""

    def make(
        channels=1, reverb_s=0.0, fault=None, backgrounds=None, events=True, lengths=(4.0, 3.0, 2.0, 3.0)
    ):
        title = make_title(lengths, channels, changes=CHANGES, reverb_s=reverb_s, fault=fault)
        title = write_lines(with_events(title) if events else title, replace(settings, overlaps=0.4), speech)
        return Mixer(title, settings, speech, backgrounds or noise())

    return make


def spoken_mask(title, key, tail_s=0.0) -> np.ndarray:
    mask = np.zeros(title.sample(title.frames), dtype=bool)
    for line in (line for shot in title.shots for line in shot.lines):
        spoken = line.spoken[key]
        mask[round(spoken.start_s * RATE) : round((spoken.end_s + tail_s) * RATE)] = True
    return mask


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_track_is_the_sum_of_its_stems_and_tracks_differ_in_voices_alone(mixed, channels):
    mixer = mixed(channels, reverb_s=0.5)
    end = mixer.samples
    background, events = mixer.stem("background", 0, end), mixer.stem("events", 0, end)
    assert background.shape == (channels, end) and events.dtype == np.float32
    assert all(np.abs(stem).max() > 0.02 for stem in (background, events))
    for key in ("en", "de", "ja"):
        voices = mixer.stem(f"voices.{key}", 0, end)
        np.testing.assert_array_equal(mixer.track(key, 0, end), background + events + voices)
        quiet = ~spoken_mask(mixer.title, key, tail_s=0.6)
        assert not voices[:, quiet].any() and np.abs(voices).max() > 0.05
    silent = ~(spoken_mask(mixer.title, "en", 0.6) | spoken_mask(mixer.title, "de", 0.6))
    assert silent.mean() > 0.1
    np.testing.assert_array_equal(mixer.track("en", 0, end)[:, silent], mixer.track("de", 0, end)[:, silent])


@pytest.mark.parametrize("reverb_s", [0.0, 0.7])
def test_voices_are_those_of_the_truth(mixed, speech, reverb_s):
    """Each line spoken anew, put in its room and at its place, is what the stem holds."""
    mixer = mixed(2, reverb_s=reverb_s)
    title = mixer.title
    for shot in title.shots:
        first, last = title.sample(shot.seen_from), title.sample(shot.seen_to)
        impulse = Room(shot.scene.seed, reverb_s, RATE).impulse.astype(np.float64)
        stems = mixer.stems(shot)
        for track in title.tracks:
            wanted: dict[str, np.ndarray] = {}
            for line in shot.lines:
                spoken = line.spoken[track.key]
                voice = 10 ** (spoken.gain_db / 20) * retake(title, line, track, speech).samples
                start = round(spoken.start_s * RATE) - first
                heard = fftconvolve(voice.astype(np.float64), impulse)[: last - first - start]
                if start + len(heard) == last - first:
                    heard[-240:] *= np.linspace(1, 0, 240)
                mouth = next(person.mouth for person in shot.people if person.name == line.speaker)
                total = wanted.setdefault(line.speaker, np.zeros((2, last - first)))
                total[:, start : start + len(heard)] += pan(position(mouth, 320), 2)[:, None] * heard
            assert set(stems.voices[track.key]) == set(wanted)
            for name, voice in wanted.items():
                np.testing.assert_allclose(stems.voices[track.key][name], voice, atol=3e-6)


def test_dissolves_crossfade_and_cuts_cut(mixed, noise):
    steady = mixed(backgrounds=noise(constant=0.1))
    np.testing.assert_allclose(steady.stem("background", 0, steady.samples), 0.1, atol=1e-7)
    mixer = mixed()
    one, two, three = mixer.title.shots[:3]
    first, last = mixer.title.sample(two.seen_from), mixer.title.sample(one.seen_to)
    assert last - first == round(0.8 * RATE)
    share = (np.arange(last - first) + 0.5) / (last - first)
    ends = [mixer.stems(shot).background_CS[0] for shot in (one, two)]
    expected = (1 - share) * ends[0][-len(share) :] + share * ends[1][: len(share)]
    np.testing.assert_allclose(mixer.stem("background", first, last)[0], expected, atol=1e-7)
    cut = mixer.title.sample(three.start_frame)
    np.testing.assert_array_equal(
        mixer.stem("background", cut, cut + 1000), mixer.stems(three).background_CS[:, :1000]
    )


FAULTS = (
    None,
    Fault("slope", {"slope": 0.999, "offset_s": 0.1}),
    Fault("edit", {"at_s": 4.0, "seconds": 0.5}),
    Fault("silent", {"noise_db": -80.0}),
    Fault("filtered", {"low_hz": 200.0, "high_hz": 3000.0}),
)


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.kind if fault else "faultless")
def whole(request, mixed):
    mixer = mixed(2, reverb_s=0.3, fault=request.param)
    return mixer, mixer.track("de", 0, mixer.samples)


def test_spans_agree_in_any_order(whole):
    mixer, whole_CS = whole
    end = whole_CS.shape[1]

    @effort(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, end), st.integers(0, 30000)), min_size=1, max_size=4))
    def check(spans):
        for first, length in spans:
            last = min(end, first + length)
            np.testing.assert_array_equal(mixer.track("de", first, last), whole_CS[:, first:last])

    check()


def test_lazy_tracks_are_sliced_like_arrays(mixed):
    mixer = mixed(2)
    track, whole_CS = LazyTrack(mixer, "ja"), mixer.track("ja", 0, mixer.samples)
    assert track.shape == whole_CS.shape
    for piece in (np.s_[:, 100:5000], np.s_[:, 570000:], np.s_[1:, 570000:580000], np.s_[:, 7:7]):
        np.testing.assert_array_equal(track[piece], whole_CS[piece])
    stem = LazyStem(mixer, "events")
    assert stem.shape == whole_CS.shape
    np.testing.assert_array_equal(stem[:, 9:90000], mixer.stem("events", 9, 90000))


def test_mouths_follow_the_original(mixed, speech):
    mixer = mixed(reverb_s=0.5)
    title = mixer.title
    for shot in title.shots:
        openings = mixer.openings(shot)
        assert set(openings) == {person.name for person in shot.people}
        for name, opening in openings.items():
            dry = np.zeros(title.sample(title.frames))
            for line in (line for line in shot.lines if line.speaker == name):
                take = retake(title, line, title.tracks[0], speech).samples
                start = round(line.spoken["en"].start_s * RATE)
                dry[start : start + len(take)] += take
            frames = dry.reshape(-1, 1920)[shot.seen_from : shot.seen_to]
            loudness = np.sqrt((frames**2).mean(axis=1))
            assert opening.shape == loudness.shape and 0 <= opening.min() <= opening.max() <= 1
            if not loudness.any():
                assert not opening.any()
                continue
            assert opening.max() == pytest.approx(1)
            lags = [np.corrcoef(opening, np.roll(loudness, lag))[0, 1] for lag in range(-4, 5)]
            assert np.argmax(lags) == 4 and lags[4] > 0.9
            near = np.convolve(loudness > 0, (1, 1, 1), "same") > 0
            assert not opening[~near].any()


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_nothing_clips(make_title, settings, speech, noise, channels):
    title = make_title((6.0, 6.0), channels, reverb_s=1.5, people=4)
    shots = (replace(shot, background_db=-14.0, speech_over_background_db=40.0) for shot in title.shots)
    title = with_events(replace(title, shots=tuple(shots)), gain_db=-3.0)
    title = write_lines(title, replace(settings, overlaps=1.0), speech)
    assert any(
        two.spoken["en"].start_s < one.spoken["en"].end_s
        for shot in title.shots
        for one, two in itertools.pairwise(shot.lines)
    )
    mixer = Mixer(title, settings, speech, noise())
    bed = mixer.stem("background", 0, mixer.samples) + mixer.stem("events", 0, mixer.samples)
    assert BED_PEAK - 0.06 < np.abs(bed).max() <= BED_PEAK
    for key in ("en", "de", "ja"):
        assert 0.4 < np.abs(mixer.track(key, 0, mixer.samples)).max() < 1.0
    heard = mixer.title_as_mixed()
    lowered = [event.gain_db for shot in heard.shots for event in shot.events]
    assert max(lowered) < -10.0
    again = Mixer(heard, settings, speech, noise())
    np.testing.assert_array_equal(
        again.stem("events", 0, again.samples), mixer.stem("events", 0, mixer.samples)
    )
    assert again.title_as_mixed() == heard


@pytest.mark.slow
def test_memory_does_not_grow_with_the_film(make_title, settings, forgetful_speech, noise):
    peaks = []
    for count in (8, 40):
        title = write_lines(make_title((2.5,) * count, reverb_s=0.3), settings, forgetful_speech)
        mixer = Mixer(title, settings, forgetful_speech, noise())
        tracemalloc.start()
        for first in range(0, mixer.samples, 12000):
            for track in title.tracks:
                mixer.track(track.key, first, first + 12000)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.4 * peaks[0]  # the most that five shots in a row hold


def test_unknown_stems_are_refused(mixed):
    with pytest.raises(ValueError, match=r"voices\.xx"):
        mixed().stem("voices.xx", 0, 10)

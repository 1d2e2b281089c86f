"""Samples lie where they belong: clicks to a millisecond, windows to the sample, against other readers."""

import io
import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.errors import InputError, MediaError
from lssd.media import SoundTrack, encode_sound, read_sound, resample, write_film

NTSC = Fraction(24000, 1001)
FILMS = list(itertools.product([Fraction(25), NTSC], ["libx264", "libvpx-vp9"], [".mkv", ".mp4"]))


@pytest.mark.parametrize(("fps", "codec", "suffix"), FILMS)
def test_clicks_are_within_a_millisecond_after_any_seek(marked_film, marks, fps, codec, suffix):
    film = marked_film(fps, codec, suffix)
    random = np.random.default_rng(3)
    for index, track in enumerate(film.tracks):
        errors = []
        for start_s in [0.0, 2.6, *random.uniform(0, marks.seconds - 3, 3)]:
            sound = read_sound(film.path, index, start_s, 3.0)
            assert sound.shape == (1, 144_000) and sound.dtype == np.float32
            errors += marks.click_errors_ms(sound[0], 48000, start_s, track.start_s)
        assert len(errors) >= 10
        assert max(map(abs, errors)) < 0.2, (track.codec, track.start_s)  # 1 ms is promised


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("rate", [48000, 44100, 16000])
def test_windows_are_slices_of_the_whole(marked_film, suffix, rate):
    film = marked_film(NTSC, "libx264", suffix)
    for index in (1, 3, 5):  # AAC, Opus, FLAC, each starting at 0.2 s
        whole = read_sound(film.path, index, 0.0, 12.3, rate)
        assert whole.shape[1] == round(12.3 * rate)
        for start_s in (0.1, 3.21, 7.7777, 9.6):
            window = read_sound(film.path, index, start_s, 2.5, rate)
            first = round(start_s * rate)
            np.testing.assert_allclose(window, whole[:, first : first + window.shape[1]], atol=2e-5)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_windows_start_converged(tmp_path, marks, suffix):
    """Transform codecs need past blocks: a window must not begin with their fade-in."""
    time_s = np.arange(48000 * 8) / 48000
    tones = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (331, 1250, 2917)) / 4
    codecs = ("aac", "mp3", "ac3") if suffix == ".ts" else ("aac", "opus", "mp3", "ac3")
    tracks = [SoundTrack(tones[None].astype(np.float32), 48000, "en", codec=codec) for codec in codecs]
    path = tmp_path / f"tones{suffix}"
    write_film(path, map(marks.paint, range(200)), Fraction(25), tracks, gop=25)
    for index, codec in enumerate(codecs):
        whole = read_sound(path, index)[0]
        for start_s in (3.0, 5.0003, 6.51):
            window = read_sound(path, index, start_s, 1.0)[0]
            first = round(start_s * 48000)
            assert np.abs(window - whole[first : first + 48000]).max() < 0.002, (codec, start_s)


def test_a_lossless_film_returns_the_very_samples(tmp_path, marks):
    rng = np.random.default_rng(0)
    samples = rng.integers(-32768, 32768, (2, 44100 * 5)).astype(np.float32) / 32768
    for suffix, codec in ((".mkv", "flac"), (".mkv", "pcm_s16le"), (".mp4", "flac"), (".mkv", "pcm_f32le")):
        path = tmp_path / f"{codec}{suffix}"
        track = SoundTrack(samples, 44100, "en", codec=codec, start_s=0.2)
        write_film(path, map(marks.paint, range(150)), Fraction(25), [track], gop=25)
        sound = read_sound(path, 0, 0.0, 5.5, 44100)
        assert not sound[:, :8820].any() and not sound[:, 8820 + samples.shape[1] :].any()
        np.testing.assert_array_equal(sound[:, 8820 : 8820 + samples.shape[1]], samples)
        np.testing.assert_array_equal(read_sound(path, 0, 3.3, 1.0, 44100), sound[:, 145530 : 145530 + 44100])


@pytest.mark.parametrize(
    ("kind", "subtype"), [("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("WAV", "FLOAT"), ("FLAC", "PCM_24")]
)
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_files_agree_with_soundfile(tmp_path, kind, subtype, channels):
    rng = np.random.default_rng(1)
    path = tmp_path / f"sound.{kind.lower()}"
    soundfile.write(path, rng.uniform(-1, 1, (50_000, channels)), 16000, subtype, format=kind)
    theirs, rate = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_allclose(read_sound(path, sample_rate=rate), theirs.T, atol=1e-7)
    np.testing.assert_allclose(read_sound(path, 0, 1.5, 1.0, rate), theirs.T[:, 24000:40000], atol=1e-7)
    mono = read_sound(path.read_bytes(), 0, 0.25, 0.5, rate, channels=1)
    np.testing.assert_allclose(mono[0], theirs[4000:12000].mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("codec", ["flac", "wav", "pcm_f32le"])
def test_encoded_sound_is_read_by_soundfile(codec):
    samples = np.random.default_rng(2).integers(-32768, 32768, (2, 12_345)).astype(np.float32) / 32768
    theirs, rate = soundfile.read(io.BytesIO(encode_sound(samples, 22050, codec)), dtype="float32")
    assert rate == 22050
    np.testing.assert_array_equal(theirs.T, samples)
    np.testing.assert_array_equal(read_sound(encode_sound(samples, 22050, codec), sample_rate=22050), samples)
    assert encode_sound(samples, 22050, codec) == encode_sound(samples, 22050, codec)


@pytest.mark.parametrize("codec", ["opus", "aac"])
def test_lossy_sound_files_keep_their_clicks(marks, codec):
    sound = read_sound(encode_sound(marks.clicks(48000), 48000, codec), 0, 0, 12.0)
    assert sound.shape == (1, 12 * 48000)
    assert max(map(abs, marks.click_errors_ms(sound[0], 48000, 0, 0))) < 0.2


@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [(44100, 48000), (48000, 44100), (48000, 16000), (8000, 48000)]
)
def test_resampling_agrees_with_scipy_and_with_theory(rate_in, rate_out):
    time_s = np.arange(rate_in * 2) / rate_in
    tone = np.sin(2 * np.pi * 997 * time_s + 0.3).astype(np.float32)[None]
    ours = read_sound(encode_sound(tone, rate_in, "pcm_f32le"), sample_rate=rate_out)
    assert ours.shape == (1, 2 * rate_out)
    inner = slice(rate_out // 10, -rate_out // 10)
    truth = np.sin(2 * np.pi * 997 * np.arange(2 * rate_out) / rate_out + 0.3)
    assert np.abs(ours[0] - truth)[inner].max() < 1e-3
    common = np.gcd(rate_in, rate_out)
    theirs = scipy.signal.resample_poly(tone[0], rate_out // common, rate_in // common)
    assert np.abs(ours[0] - theirs)[inner].max() < 5e-3
    np.testing.assert_allclose(resample(tone, rate_in, rate_out)[0][inner], ours[0][inner], atol=1e-5)
    # A window that starts between two source samples is still on the output's own grid.
    window = read_sound(encode_sound(tone, rate_in, "pcm_f32le"), 0, 0.70001, 0.5, rate_out)
    first = round(0.70001 * rate_out)
    assert np.abs(window[0] - truth[first : first + window.shape[1]]).max() < 1e-3


@settings(max_examples=30, deadline=None)
@given(start_s=st.floats(-1, 3), duration_s=st.floats(0, 3), rate=st.sampled_from([8000, 22050, 48000]))
def test_always_the_exact_number_of_samples(start_s, duration_s, rate):
    data = encode_sound(np.full((1, 16000), 0.5, np.float32), 16000, "flac")
    sound = read_sound(data, 0, start_s, duration_s, rate, channels=2)
    assert sound.shape == (2, round(duration_s * rate))
    inside = (np.arange(sound.shape[1]) + round(start_s * rate)) / rate
    assert np.abs(sound[:, (inside > 0.01) & (inside < 0.99)] - 0.5).max(initial=0) < 0.01
    assert np.abs(sound[:, (inside < -0.01) | (inside > 1.01)]).max(initial=0) < 0.001


def test_gaps_are_silent_and_do_not_shift_what_follows(tmp_path, marks):
    path = tmp_path / "gap.mkv"
    clicks = marks.clicks(48000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        for first in range(0, clicks.shape[1], 4800):
            if 4.5 * 48000 <= first < 6.5 * 48000:
                continue  # nothing between 4.5 and 6.5 s
            piece = (clicks[:, first : first + 4800] * 32767).astype(np.int16) + 100
            frame = av.AudioFrame.from_ndarray(piece, "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, first, Fraction(1, 48000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for start_s in (0.0, 3.0):
        sound = read_sound(path, 0, start_s, 8.0)[0]
        first, last = round((4.5 - start_s) * 48000), round((6.5 - start_s) * 48000)
        assert not sound[first:last].any() and sound[first - 1] and sound[last]
        loud = sound.copy()
        loud[np.abs(loud) < 0.01] = 0
        seventh = loud[round((6.9 - start_s) * 48000) :][: round(0.2 * 48000)]
        assert np.abs(np.abs(seventh).argmax() / 48000 - 0.1) < 0.0005


def test_channels(tmp_path):
    rng = np.random.default_rng(5)
    six = rng.uniform(-0.5, 0.5, (6, 4800)).astype(np.float32)
    path = tmp_path / "six.wav"
    # 5.1 in WAV's order: FL FR FC LFE BL BR
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=48000, layout="5.1(side)")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(six.T).reshape(1, -1), "flt", "5.1(side)")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    np.testing.assert_array_equal(read_sound(path), six)
    np.testing.assert_allclose(read_sound(path, channels=1)[0], six.mean(axis=0), atol=1e-6)
    left = (six[0] + 0.5**0.5 * (six[2] + six[4])) / (1 + 2 * 0.5**0.5)
    right = (six[1] + 0.5**0.5 * (six[2] + six[5])) / (1 + 2 * 0.5**0.5)
    np.testing.assert_allclose(read_sound(path, channels=2), [left, right], atol=1e-6)
    with pytest.raises(InputError, match="cannot turn 6 sound channels into 4"):
        read_sound(path, channels=4)
    mono = encode_sound(six[:1], 48000, "pcm_f32le")
    np.testing.assert_array_equal(read_sound(mono, channels=2), six[[0, 0]])


def test_real_tracks_windows_agree_with_the_whole(real):
    film = real / "angel_one" / "angel_one_5lang_480p.mkv"
    for track in (0, 1, 4):
        whole = read_sound(film, track, channels=1)[0]
        window = read_sound(film, track, 31.7, 3.0, channels=1)[0]
        expected = whole[round(31.7 * 48000) :][:144_000]
        # Decoders fill noise bands at random, so samples differ a little; positions must not.
        lag = scipy.signal.correlate(window, expected, method="fft").argmax() - 143_999
        assert lag == 0 and np.corrcoef(window, expected)[0, 1] > 0.95
    assert read_sound(film, 1, 58.5, 1.5).shape == (2, 72_000)  # German ends at 59.22 s


def test_requests_that_cannot_be_met(marked_film, tmp_path):
    film = marked_film()
    with pytest.raises(InputError, match="no sound track 6; it has 6"):
        read_sound(film.path, 6)
    with pytest.raises(MediaError, match="does not exist"):
        read_sound(tmp_path / "none.mkv")
    with pytest.raises(InputError, match="must be positive"):
        read_sound(film.path, 0, 0, 1, 0)
    with pytest.raises(InputError, match="cannot encode sound"):
        encode_sound(np.zeros((1, 10), np.float32), 48000, "wma")
    silent = tmp_path / "silent.mp4"
    write_film(silent, [np.zeros((32, 32, 3), np.uint8)] * 5, Fraction(25), [])
    with pytest.raises(MediaError, match="has no sound track"):
        read_sound(silent)


@pytest.mark.parametrize("channels", [1, 6, 8])
@pytest.mark.parametrize(("codec", "suffix"), [("flac", "flac"), ("libopus", "mkv"), ("pcm_s16le", "mkv")])
def test_sound_of_up_to_eight_channels(tmp_path, channels, codec, suffix):
    """Each channel holds a tone of its own; a decoder gives 8 of them packed or in planes of their own."""
    layout = {1: "mono", 6: "5.1", 8: "7.1"}[channels]
    hertz = 50 * (1 + np.arange(channels))
    samples_CS = 0.3 * np.sin(2 * np.pi * hertz[:, None] * np.arange(48000) / 48000)
    path = tmp_path / f"sound.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48000, layout=layout)
        packed = np.round(samples_CS.T * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, "s16", layout)
        frame.sample_rate, frame.pts = 48000, 0
        container.mux([*stream.encode(frame), *stream.encode(None)])
    found_CS = read_sound(path, duration_s=1.0)
    assert found_CS.shape == (channels, 48000)
    loudest = np.abs(np.fft.rfft(found_CS * np.hanning(48000))).argmax(axis=1)  # bins of 1 Hz
    assert loudest.tolist() == hertz.tolist()
    assert np.isfinite(read_sound(path, channels=2)).all()

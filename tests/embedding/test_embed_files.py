"""Any sound or picture file: containers, lengths, rates, channels; and what is wrong with the others."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile
from tests.conftest import REAL

from lssd.embedding.batching import windows_of
from lssd.embedding.embed import embed, find_media
from lssd.embedding.windows import PictureWindows, SoundWindows
from lssd.errors import InputError
from lssd.media import SoundTrack, read_frames, write_film

RATE = 16000


def sound(seconds, rate=RATE, seed=0, loud_until_s=None):
    """Twelve tones below 1 kHz, so that rates from 2 kHz up hold it; quieter after a while."""
    hertz, phases = np.random.default_rng(seed).uniform((150, 0), (900, 6.3), (12, 2)).T
    time_s = np.arange(round(seconds * rate)) / rate
    samples = 0.07 * np.sin(2 * np.pi * hertz[:, None] * time_s + phases[:, None]).sum(axis=0)
    if loud_until_s is not None:
        samples[round(loud_until_s * rate) :] *= 1e-3
    return samples.astype(np.float32)


def write_sound(path, samples_S, rate, container, codec, options=None):
    """Encode mono sound with PyAV alone."""
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        kind = stream.codec_context.format
        resampler = av.AudioResampler(kind.name if kind else "fltp", "mono", rate)
        for start in range(0, len(samples_S), 8000):
            frame = av.AudioFrame.from_ndarray(samples_S[None, start : start + 8000], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for converted in resampler.resample(frame):
                out.mux(stream.encode(converted))
        for converted in resampler.resample(None):
            out.mux(stream.encode(converted))
        out.mux(stream.encode(None))
    return path


def write_picture(path, count, container, codec, pixels, options=None, size=(64, 48)):
    """Grey frames that grow brighter by one a frame, 25 a second; of "holes", every third is not there."""
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        for index in range(count):
            if path.stem == "holes" and index % 3 == 2:
                continue
            grey = np.full((size[1], size[0], 3), 20 + index % 200, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "container", "codec", "options"),
    [
        ("a.flac", "flac", "flac", {}),
        ("a.mp3", "mp3", "libmp3lame", {}),
        ("guessed.mp3", "mp3", "libmp3lame", {"write_xing": "0"}),
        ("guessed.aac", "adts", "aac", {}),  # FFmpeg guesses half of its length from its loud beginning
        ("a.opus", "ogg", "libopus", {}),
        ("live.webm", "webm", "libopus", {"live": "1"}),  # no length in its header
        ("live.mka", "matroska", "flac", {"live": "1"}),
        ("a.m4a", "ipod", "aac", {}),
        ("fragments.mp4", "mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
        ("a.ts", "mpegts", "aac", {}),
        ("a.au", "au", "pcm_s16be", {}),
        ("a.w64", "w64", "pcm_s16le", {}),
        ("a.ac3", "ac3", "ac3", {}),
    ],
)
def test_a_sound_is_whole_in_any_container(model, tmp_path, name, container, codec, options):
    samples = sound(10.0, 48000, loud_until_s=2.0)
    soundfile.write(tmp_path / "plain.wav", samples, 48000, subtype="FLOAT")
    path = write_sound(tmp_path / name, samples, 48000, container, codec, options)
    plain, coded = (embed(model, [p], pool="window") for p in (tmp_path / "plain.wav", path))
    assert coded.start_s.tolist() == plain.start_s.tolist() == [0.0, 3.0, 6.0]
    assert coded.end_s[-1] == pytest.approx(9.0, abs=0.05)
    extent = windows_of(model, "audio", None).examine(path)
    assert extent.duration_s == pytest.approx(10.0, abs=0.05)
    assert np.isfinite(coded.vectors).all()


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_sound_of_any_rate_is_resampled(model, tmp_path, rate):
    windows = windows_of(model, "audio", None)
    path = tmp_path / f"{rate}.wav"
    soundfile.write(path, sound(4.0, rate), rate, subtype="FLOAT")
    extent = windows.examine(path)
    assert extent.length == 4 * RATE
    (window_CS,) = windows.read(path, extent, [0])
    expected = sound(4.0, RATE)[: 3 * RATE]
    assert np.abs(window_CS[0] - expected)[100:-100].max() < 0.01


def test_sound_of_any_channels_becomes_the_models(model, tmp_path):
    layers = np.stack([sound(3.0, seed=seed) for seed in range(6)], axis=1)
    for channels in (1, 2, 6):
        path = tmp_path / f"{channels}.wav"
        soundfile.write(path, layers[:, :channels], RATE, subtype="FLOAT")
        mono = windows_of(model, "audio", None)
        (window_CS,) = mono.read(path, mono.examine(path), [0])
        np.testing.assert_allclose(window_CS[0], layers[:, :channels].mean(axis=1), atol=1e-6)
        stereo = SoundWindows(RATE, 3 * RATE, 2)
        (window_CS,) = stereo.read(path, stereo.examine(path), [0])
        assert window_CS.shape == (2, 3 * RATE)
        if channels < 6:
            np.testing.assert_allclose(window_CS.T, np.broadcast_to(layers[:, :channels], (3 * RATE, 2)))
    assert len(embed(model, [tmp_path / f"{channels}.wav" for channels in (1, 2, 6)])) == 3


@pytest.mark.parametrize(
    ("name", "container", "codec", "pixels", "options"),
    [
        ("a.mp4", "mp4", "libx264", "yuv420p", {}),
        ("live.mkv", "matroska", "libx264", "yuv420p", {"live": "1"}),  # no length, no index
        ("holes.mkv", "matroska", "libx264", "yuv420p", {"live": "1"}),
        ("raw.h264", "h264", "libx264", "yuv420p", {}),  # no time stamps either
        ("a.avi", "avi", "mpeg4", "yuv420p", {}),
        ("a.mpg", "mpeg", "mpeg2video", "yuv420p", {}),
        ("a.gif", "gif", "gif", "rgb8", {}),
        ("a.mjpeg", "mjpeg", "mjpeg", "yuvj420p", {}),
    ],
)
def test_a_picture_is_whole_in_any_container(model, tmp_path, name, container, codec, pixels, options):
    path = write_picture(tmp_path / name, 180, container, codec, pixels, options)
    rows = embed(model, [path], modality="video", pool="window")
    assert rows.start_s.tolist() == [0.0, 3.0] and rows.end_s.tolist() == [3.0, 6.0]
    windows = windows_of(model, "video", None)
    extent = windows.examine(path)
    # An MPEG programme stream has no length; FFmpeg takes its last time stamp, which not every frame has.
    assert extent.duration_s == pytest.approx(7.2, abs=1.0 if container == "mpeg" else 0.05)
    starts = [0, 75, extent.length - 75]
    blocks = list(windows.read_in_order(path, extent, starts))
    np.testing.assert_array_equal(np.concatenate(blocks), windows.read(path, extent, starts))
    brightness = np.concatenate(blocks).mean(axis=(2, 3, 4))
    assert (np.diff(brightness, axis=1) > 10).all(), "the frames of a window are those of its time"


def test_a_file_without_an_index_is_decoded_once(tmp_path, model, monkeypatch):
    """By seeking, a minute of AVI would be decoded twenty times."""
    from lssd.embedding import windows

    path = write_picture(tmp_path / "long.avi", 1500, "avi", "mpeg4", "yuv420p")
    monkeypatch.setattr(windows, "read_frames", lambda *args, **more: pytest.fail("it was sought in"))
    rows = embed(model, [path], modality="video", pool="window")
    assert len(rows) == 20


def test_a_clip_shorter_than_a_window_repeats_its_last_frame_and_ends_in_silence(model, tmp_path):
    film = tmp_path / "short.mp4"
    frames = np.stack([np.full((48, 64, 3), 20 + 10 * index, np.uint8) for index in range(20)])
    write_film(film, iter(frames), Fraction(25), [SoundTrack(sound(0.8)[None], RATE, "en")])
    picture = PictureWindows(4, 32, 75, 32)
    extent = picture.examine(film)
    (window_TCHW,) = picture.read(film, extent, [0])
    shown = read_frames(film, [0.02, 0.78], short_side=32).mean(axis=(1, 2, 3))
    means = window_TCHW.mean(axis=(1, 2, 3))
    assert means[0] == pytest.approx(shown[0], abs=1) and np.allclose(means[1:], shown[1], atol=1)
    windows = windows_of(model, "audio", None)
    (window_CS,) = windows.read(film, windows.examine(film), [0])
    assert np.abs(window_CS[:, : RATE // 2]).max() > 0.1 and not window_CS[:, RATE:].any()
    for modality in ("audio", "video"):
        (end_s,) = embed(model, [film], modality=modality).end_s
        assert end_s == pytest.approx(0.8, abs=0.05)


def bad_files(folder: Path) -> dict[str, str]:
    """Files by name, and what must be said of each when its sound is embedded."""
    (folder / "text.wav").write_text("no sound at all")
    (folder / "nothing.wav").touch()
    (folder / "folder.wav").mkdir()
    soundfile.write(folder / "empty.wav", np.zeros(0, np.float32), RATE)
    soundfile.write(folder / "nan.wav", np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    late = sound(9.0)
    late[-5] = np.inf
    soundfile.write(folder / "late.wav", late, RATE, subtype="FLOAT")
    frames = [np.full((48, 64, 3), 90, np.uint8)] * 30
    write_film(folder / "mute.mp4", iter(frames), Fraction(25), [])
    write_film(folder / "english.mkv", iter(frames), Fraction(25), [SoundTrack(sound(1.2)[None], RATE, "en")])
    whole = write_sound(folder / "whole.m4a", sound(8.0), RATE, "ipod", "aac").read_bytes()
    (folder / "cut.m4a").write_bytes(whole[: len(whole) // 2])
    write_sound(folder / "whole.mka", sound(8.0), RATE, "matroska", "flac")
    whole = (folder / "whole.mka").read_bytes()
    (folder / "cut.mka").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(folder / "still.jpg"), frames[0])
    cv2.imwrite(str(folder / "still.png"), frames[0])
    return {
        "text.wav": "not a film or sound file",
        "nothing.wav": "is empty",
        "empty.wav": "holds no sound sample",
        "nan.wav": "NaN or infinite",
        "late.wav": "NaN or infinite",
        "mute.mp4": "no sound in",
        "cut.m4a": "broken beyond reading",
        "cut.mka": "truncated",
        "still.jpg": "still image",
        "still.png": "still image",
        "gone.wav": "no such file",
    }


def test_what_cannot_be_embedded_is_named_and_counted(model, tmp_path):
    """A file that fails late takes none of its windows along, and no other file's."""
    reasons = bad_files(tmp_path)
    good = [tmp_path / "a.wav", tmp_path / "z.wav"]
    for seed, path in enumerate(good):
        soundfile.write(path, sound(5.0, seed=seed), RATE, subtype="FLOAT")
    paths = [good[0], *(tmp_path / name for name in reasons), good[1]]
    rows = embed(model, paths, pool="window", batch_size=3)
    assert rows.path == tuple(str(path) for path in good for _ in range(2))
    found = {Path(failure.path).name: failure.reason for failure in rows.failed}
    assert list(found) == list(reasons), "each of them, in order"
    for name, reason in reasons.items():
        assert reason in found[name] and "\n" not in found[name]


def test_windows_of_a_file_that_fails_late_are_not_computed(model, tmp_path, monkeypatch):
    late, good = sound(300.0), tmp_path / "good.wav"
    late[-5] = np.nan
    soundfile.write(tmp_path / "late.wav", late, RATE, subtype="FLOAT")
    soundfile.write(good, sound(5.0), RATE, subtype="FLOAT")
    expected = embed(model, [good], pool="window", batch_size=2).vectors
    seen = []
    real = type(model).embed_audio
    monkeypatch.setattr(
        type(model),
        "embed_audio",
        lambda self, x_BCS, batch: seen.append(len(x_BCS)) or real(self, x_BCS, batch),
    )
    rows = embed(
        model, [good, tmp_path / "late.wav", good.with_name("gone.wav")], pool="window", batch_size=90
    )
    assert seen == [2] and len(rows.failed) == 2
    np.testing.assert_array_equal(rows.vectors, expected)


def test_a_language_that_a_film_lacks_is_named(model, tmp_path):
    bad_files(tmp_path)
    with pytest.raises(InputError, match=r"the first, .*: no track in German in .*; it has English"):
        embed(model, [tmp_path / "english.mkv"], language="de")


def test_what_cannot_be_seen_is_named(model, tmp_path):
    bad_files(tmp_path)
    rows = embed(
        model,
        [tmp_path / name for name in ("mute.mp4", "late.wav", "still.jpg", "still.png", "text.wav")],
        modality="video",
    )
    assert [Path(path).name for path in rows.path] == ["mute.mp4"]
    reasons = {Path(failure.path).name: failure.reason for failure in rows.failed}
    assert "no picture" in reasons["late.wav"] and "still image" in reasons["still.jpg"]
    assert len(reasons) == 4


def test_a_file_that_changes_while_it_is_read_is_not_kept(model, tmp_path, monkeypatch):
    from lssd.embedding import windows

    path = tmp_path / "growing.wav"
    soundfile.write(path, sound(4.0), RATE, subtype="FLOAT")
    real = windows.read_sound

    def grown(*args):
        soundfile.write(path, sound(5.0), RATE, subtype="FLOAT")
        return real(*args)

    monkeypatch.setattr(windows, "read_sound", grown)
    with pytest.raises(InputError, match="changed while it was read"):
        embed(model, [path], cache=tmp_path / "cache")
    monkeypatch.undo()
    assert embed(model, [path], cache=tmp_path / "cache").end_s[0] == 5.0


def test_an_embedding_that_is_not_finite_is_a_failure(model, tmp_path, monkeypatch):
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for seed, path in enumerate(paths):
        soundfile.write(path, sound(2.0, seed=seed), RATE, subtype="FLOAT")
    real = type(model).embed_audio

    def poisoned(self, waveform_BCS, batch):
        vectors_BD = real(self, waveform_BCS, batch)
        vectors_BD[-1, 3] = float("nan")
        return vectors_BD

    monkeypatch.setattr(type(model), "embed_audio", poisoned)
    rows = embed(model, paths, cache=tmp_path / "cache")
    assert [failure.reason for failure in rows.failed] == ["its embedding is not finite"]
    monkeypatch.undo()
    assert len(embed(model, paths, cache=tmp_path / "cache")) == 2, "and it was not kept"


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the real media are not here")
def test_real_media_of_all_kinds(model):
    """A few of each folder; `benchmarks/embedding.py --media` takes them all."""
    folders = ["angel_one", "paper_clips", "prompts5/en", "prompts5/ru", "digits", "formats"]
    paths = [path for folder in folders for path in find_media([REAL / folder])[:4]]
    heard = embed(model, paths)
    mute = {failure.path for failure in heard.failed}
    assert all("no sound in" in failure.reason for failure in heard.failed)
    assert len(heard) + len(mute) == len(paths) > 20 and np.isfinite(heard.vectors).all()
    films = [path for path in paths if path.suffix not in (".wav", ".opus")]
    seen = embed(model, films, modality="video")
    assert len(seen) == len(films) and not seen.failed
    assert mute <= set(map(str, films)), "what is mute is a film"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real media are not here")
def test_a_real_episode_in_two_languages(model):
    path = next((REAL / "angel_one").glob("*.mkv"))
    english, german = (embed(model, [path], pool="window", language=code) for code in ("en", "de"))
    assert len(english) == 20 and np.isfinite(english.vectors).all()
    assert 19 <= len(german) <= 20 and np.abs(english.vectors[:19] - german.vectors[:19]).max() > 1e-3

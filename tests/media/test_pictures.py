"""Frames arrive by number: what a time shows, from any container, codec and start."""

import itertools
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lssd.errors import InputError, MediaError
from lssd.media import (
    SoundTrack,
    encode_picture,
    iterate_frames,
    iterate_windows,
    probe,
    read_frames,
    write_film,
)

NTSC = Fraction(24000, 1001)
RATES = [Fraction(25), NTSC]
FILMS = list(itertools.product(RATES, ["libx264", "libvpx-vp9"], [".mkv", ".mp4"]))


def shown(times_s: np.ndarray, fps: Fraction) -> list[int]:
    """The frame that each time shows, in exact arithmetic but for a microsecond."""
    return [int((Fraction(float(t)) + Fraction(1, 1_000_000)) * fps) for t in times_s]


@pytest.mark.parametrize(("fps", "codec", "suffix"), FILMS)
def test_windows_at_many_starts_are_frame_exact(marked_film, marks, fps, codec, suffix):
    film = marked_film(fps, codec, suffix)
    random = np.random.default_rng(7)
    for start_s in [0.0, 1.0, 5.005, 8.9, *random.uniform(0, marks.seconds - 3.1, 8)]:
        times_s = start_s + np.linspace(0, 74, 16).round() / 25
        frames = read_frames(film.path, times_s)
        assert frames.shape == (16, 64, 96, 3) and frames.dtype == np.uint8
        assert marks.numbers(frames) == shown(times_s, fps), start_s


@pytest.mark.parametrize(("fps", "codec", "suffix"), FILMS)
def test_source_frames_come_in_order_with_their_ordinals(marked_film, marks, fps, codec, suffix):
    film = marked_film(fps, codec, suffix)
    frames = [(frame.ordinal, marks.number(frame.image)) for frame in iterate_frames(film.path)]
    assert frames == [(n, n) for n in range(film.frames)]
    some = list(iterate_frames(film.path, 32, 130, 171, threads=1))
    assert [(frame.ordinal, marks.number(frame.image)) for frame in some] == [(n, n) for n in range(130, 171)]
    assert all(frame.time_s == pytest.approx(frame.ordinal / float(fps), abs=1e-9) for frame in some)
    assert some[0].image.shape == (32, 48, 3)


def test_every_frame_by_its_own_time(marked_film, marks):
    film = marked_film()
    ordinals = np.arange(film.frames)
    assert marks.numbers(read_frames(film.path, ordinals / float(film.fps), 32)) == list(ordinals)
    rounded = np.round(ordinals / float(film.fps), 6)
    assert marks.numbers(read_frames(film.path, rounded, 32)) == list(ordinals)


def test_times_in_any_order_with_repeats_and_from_bytes(marked_film, marks):
    film = marked_film()
    places = [200, 7, 7, 0, 199, 64]
    times_s = [(place + 0.5) / float(film.fps) for place in places]
    assert marks.numbers(read_frames(film.path, times_s)) == places
    assert marks.numbers(read_frames(film.path.read_bytes(), times_s, 48)) == places


def test_the_last_frame_holds_for_half_a_second(marked_film, marks):
    film = marked_film()
    end_s = film.frames / float(film.fps)
    assert marks.numbers(read_frames(film.path, [end_s - 0.01, end_s + 0.45])) == [film.frames - 1] * 2
    with pytest.raises(MediaError, match=r"no picture at 13\.\d+ s; it ends at 11\.97"):
        read_frames(film.path, [1.0, end_s + 1.5])
    with pytest.raises(InputError, match="before the start"):
        read_frames(film.path, [-0.1])
    with pytest.raises(InputError, match="no times"):
        read_frames(film.path, [])


def assert_both_ways_agree(path, windows_s, short_side=32):
    found = list(iterate_windows(path, windows_s, short_side))
    assert len(found) == len(windows_s)
    for times_s, frames in zip(windows_s, found, strict=True):
        np.testing.assert_array_equal(frames, read_frames(path, times_s, short_side))


def windows_until(end_s, step_s=0.9):
    """Overlapping windows of 16 frames in 3 s, the last one's last frame at `end_s`."""
    starts_s = [*np.arange(0, end_s - 2.96, step_s), end_s - 2.96]
    return [start_s + np.linspace(0, 74, 16).round() / 25 for start_s in starts_s]


def test_one_pass_gives_what_reading_each_window_gives(marked_film, remux, raw_film, real, tmp_path):
    film = marked_film()
    films = {
        film.path: 12.4,  # its last frames are held
        remux(film.path, tmp_path / "live.mkv", "matroska", live="1"): 12.0,
        remux(film.path, tmp_path / "a.ts", "mpegts"): 12.0,
        marked_film(Fraction(25), "libvpx-vp9", ".mkv").path: 12.0,
        raw_film(tmp_path / "late.mkv", list(range(50, 150)), Fraction(1, 25)): 4.4,
        raw_film(
            tmp_path / "early.mp4",
            list(range(-10, 90)),
            Fraction(1, 25),
            muxing={"avoid_negative_ts": "disabled"},
        ): 3.5,
        raw_film(tmp_path / "holes.mp4", [n for n in range(100) if n % 9], Fraction(1, 25), {"bf": "0"}): 4.0,
        sorted((real / "formats").rglob("*.avi"))[0]: 3.0,
    }
    for path, end_s in films.items():
        assert_both_ways_agree(path, windows_until(end_s))
    assert_both_ways_agree(film.path, [[5.0, 4.0, 4.0], [4.5], [4.5, 9.0, 6.0]], None)
    assert list(iterate_windows(film.path, [])) == []


def test_one_pass_over_a_picture_that_starts_late_or_ends_early(marks, raw_film, remux, tmp_path):
    sound = SoundTrack(marks.clicks(48000, 5), 48000, "en", codec="flac")
    path = tmp_path / "short.mkv"  # a picture of 3 s under sound of 5 s
    write_film(path, map(marks.paint, range(75)), Fraction(25), [sound])
    assert_both_ways_agree(path, [[0.0, 1.0], [2.0, 2.9], [2.5, 3.45]])
    for windows_s in ([[0.0, 1.0], [2.0, 3.6]], [[1.0], [4.9]]):
        windows = iterate_windows(path, windows_s)
        next(windows)
        with pytest.raises(MediaError) as one_pass:
            next(windows)
        with pytest.raises(MediaError) as sought:
            read_frames(path, windows_s[1])
        assert str(one_pass.value) == str(sought.value)
    picture = raw_film(tmp_path / "picture.mkv", list(range(50, 125)), Fraction(1, 25))
    late = remux(picture, tmp_path / "late.mkv", "matroska", more_sound=path)  # 2 s after the sound
    assert probe(late).video.start_s == pytest.approx(2.0, abs=0.1)
    assert_both_ways_agree(late, [[0.0, 1.0], [0.0, 2.9], [2.5, 3.45]])


def test_windows_out_of_order_or_before_the_start_are_refused(marked_film):
    path = marked_film().path
    for windows_s, reason in (
        ([[4.0], [3.0]], "out of order"),
        ([[-0.1, 2.0]], "before the start"),
        ([[1.0], []], "no times"),
    ):
        with pytest.raises(InputError, match=reason):
            list(iterate_windows(path, windows_s))


def test_transport_stream_and_film_without_an_index(marked_film, marks, remux, tmp_path):
    film = marked_film()
    stream = remux(film.path, tmp_path / "a.ts", "mpegts")
    # Written as if live: no cues, no duration.
    live = remux(film.path, tmp_path / "live.mkv", "matroska", live="1")
    for path in (stream, live):
        for start_s in (0.0, 4.3, 8.0):
            times_s = start_s + np.arange(0, 75, 5) / 25
            assert marks.numbers(read_frames(path, times_s)) == shown(times_s, film.fps), path.suffix


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_open_groups_of_pictures(raw_film, marks, tmp_path, suffix):
    options = {"x264-params": "open-gop=1:keyint=20:min-keyint=20:bframes=3:b-adapt=0:scenecut=0"}
    path = raw_film(tmp_path / f"open{suffix}", list(range(150)), Fraction(1, 25), options)
    for first in range(18, 110, 7):
        places = list(range(first, first + 30, 3))
        assert marks.numbers(read_frames(path, [(n + 0.5) / 25 for n in places])) == places, first


def test_timestamps_that_start_late_or_before_zero(raw_film, marks, tmp_path):
    late = raw_film(tmp_path / "late.mkv", list(range(50, 150)), Fraction(1, 25))
    assert probe(late).video.start_s == pytest.approx(2.0, abs=0.1)
    early = raw_film(
        tmp_path / "early.mp4",
        list(range(-10, 90)),
        Fraction(1, 25),
        muxing={"avoid_negative_ts": "disabled"},
    )
    for path in (late, early):
        numbers = [(frame.ordinal, marks.number(frame.image)) for frame in iterate_frames(path)]
        first = numbers[0][1]
        assert numbers == [(n, n + first) for n in range(100 - first)]
        places = [0, 30, 60, 80]
        assert marks.numbers(read_frames(path, [(n + 0.5) / 25 for n in places])) == [
            n + first for n in places
        ]
    assert marks.number(read_frames(late, [0.0])[0]) == 0


def test_variable_frame_rate_is_read_by_presentation_time(raw_film, marks, tmp_path):
    times = [0, 1, 2, 5, 6, 10, 20, 21, 22, 30]  # twenty-fifths of a second
    path = raw_film(tmp_path / "variable.mp4", times, Fraction(1, 25), {"bf": "0"})
    wanted = np.arange(0, 30)
    expected = [max(n for n, t in enumerate(times) if t <= time) for time in wanted]
    fps = probe(path).video.fps
    numbers = marks.numbers(read_frames(path, (wanted + 0.5) / 25))
    # Every frame keeps its own time to within half a place of the nominal grid.
    assert sum(a != b for a, b in zip(numbers, expected, strict=True)) <= (0 if fps == 25 else 3)
    assert [marks.number(frame.image) for frame in iterate_frames(path)][-1] == 9


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_is_applied(raw_film, marks, tmp_path, degrees):
    path = raw_film(
        tmp_path / "phone.mp4",
        list(range(60)),
        Fraction(1, 25),
        prepare=lambda stream: stream.set_display_rotation(degrees),
    )
    assert probe(path).video.rotation == degrees % 360
    frame = read_frames(path, [42.5 / 25])[0]
    upright = np.rot90(frame, -degrees // 90)  # back to the coded picture
    assert upright.shape == (64, 96, 3) and marks.number(upright) == 42
    assert min(read_frames(path, [0], 32).shape[1:3]) == 32


def test_pixel_aspect_and_short_side(raw_film, tmp_path):
    def anamorphic(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    path = raw_film(tmp_path / "wide.mkv", [0, 1, 2], Fraction(1, 25), prepare=anamorphic)
    video = probe(path).video
    assert (video.width, video.height, video.pixel_aspect) == (96, 64, Fraction(4, 3))
    assert read_frames(path, [0]).shape == (1, 64, 96, 3)
    assert read_frames(path, [0], 48).shape == (1, 48, 96, 3)
    assert read_frames(path, [0], 320).shape == (1, 320, 640, 3)


def test_pictures_agree_with_plain_decoding(marked_film):
    film = marked_film(Fraction(25))
    with av.open(str(film.path)) as container:
        plain = [
            frame.to_ndarray(format="rgb24") for frame in itertools.islice(container.decode(video=0), 30)
        ]
    ours = read_frames(film.path, np.arange(30) / 25)
    assert np.abs(ours.astype(int) - np.stack(plain)).max() <= 4  # chroma is interpolated otherwise


def test_real_film_and_avi_clips(real):
    film = real / "angel_one" / "angel_one_5lang_480p.mkv"
    some = [frame.ordinal for frame in iterate_frames(film, 32, 700, 760)]
    assert some == list(range(700, 760))
    one = next(iterate_frames(film, 96, 733))
    np.testing.assert_array_equal(read_frames(film, [733 / 25], 96)[0], one.image)
    for clip in sorted((real / "formats").rglob("*.avi"))[::4]:
        with av.open(str(clip)) as container:
            count = sum(1 for _ in container.decode(video=0))
        ordinals = [frame.ordinal for frame in iterate_frames(clip, 32)]
        assert len(ordinals) == count and ordinals == sorted(set(ordinals)) and ordinals[0] == 0


def resident_bytes() -> int:
    """Memory held by this process, FFmpeg's buffers included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's process table")
def test_memory_stays_flat_over_a_long_film(tmp_path):
    image = np.zeros((240, 320, 3), np.uint8)
    path = tmp_path / "long.mp4"
    path.write_bytes(encode_picture(itertools.repeat(image, 1500), preset="ultrafast"))
    held = []
    for number, _ in enumerate(iterate_frames(path, threads=1)):
        if number in (300, 1499):
            held.append(resident_bytes())
    assert number == 1499
    assert held[1] < held[0] + 20_000_000  # the 1200 frames between are 276 MB

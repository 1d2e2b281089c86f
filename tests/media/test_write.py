"""Films and clip members as written: structure, repeatability, refusals."""

import io
import itertools
import weakref
from fractions import Fraction

import av
import numpy as np
import pytest

from lssd.errors import InputError
from lssd.media import SoundTrack, encode_picture, iterate_frames, probe, read_frames, write_film


def test_a_clip_member_holds_its_frames_in_h264_with_close_keyframes(marks):
    data = encode_picture(map(marks.paint, range(80)), gop=25)
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and not container.streams.audio
        assert stream.start_time == 0 and stream.average_rate == 25
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert len(packets) == 80
    keys = [packet.pts * packet.time_base * 25 for packet in packets if packet.is_keyframe]
    assert keys[0] == 0 and max(b - a for a, b in itertools.pairwise([*keys, 80])) <= 25
    assert marks.numbers(read_frames(data, np.arange(80) / 25)) == list(range(80))


def test_the_same_input_gives_the_same_bytes(tmp_path, marks):
    tracks = [
        SoundTrack(marks.clicks(48000, 3), 48000, "fr", codec=codec) for codec in ("aac", "opus", "flac")
    ]
    for suffix in (".mkv", ".mp4"):
        twice = [tmp_path / f"{name}{suffix}" for name in "ab"]
        for path in twice:
            write_film(path, map(marks.paint, range(75)), Fraction(25), tracks, metadata={"title": "Film"})
        assert twice[0].read_bytes() == twice[1].read_bytes()
    assert encode_picture(map(marks.paint, range(9))) == encode_picture(map(marks.paint, range(9)))


def test_colours_survive(tmp_path):
    colours = np.array([[200, 30, 40], [30, 180, 60], [40, 60, 210], [128, 128, 128]], np.uint8)
    image = np.repeat(np.repeat(colours[None], 32, axis=1), 64, axis=0)
    write_film(tmp_path / "film.mkv", [image] * 3, Fraction(25), [], crf=5)
    back = read_frames(tmp_path / "film.mkv", [0.04])[0]
    centres = back[32, [16, 48, 80, 112]].astype(int)
    assert np.abs(centres - colours).max() <= 6


def test_tracks_are_interleaved(marked_film):
    film = marked_film(Fraction(25))
    furthest: dict[int, float] = {}
    with av.open(str(film.path)) as container:
        for packet in container.demux():
            if packet.pts is not None:
                furthest[packet.stream.index] = float(packet.pts * packet.time_base)
                if len(furthest) == 7 and max(furthest.values()) < 11:
                    assert max(furthest.values()) - min(furthest.values()) < 1.5


def test_frames_are_taken_one_at_a_time(tmp_path, marks):
    given, most = [], 0

    def frames():
        nonlocal most
        for number in range(200):
            image = marks.paint(number)
            given.append(weakref.ref(image))
            most = max(most, sum(reference() is not None for reference in given))
            yield image

    write_film(tmp_path / "film.mkv", frames(), Fraction(25), [])
    assert len(list(iterate_frames(tmp_path / "film.mkv"))) == 200
    assert most <= 4  # the first, for the size, and those passing through


def test_sound_alone_and_picture_alone(tmp_path, marks):
    write_film(tmp_path / "a.mka", [], Fraction(25), [SoundTrack(marks.clicks(44100, 2, 2), 44100, "ko")])
    info = probe(tmp_path / "a.mka")
    assert info.video is None and (info.tracks[0].channels, info.tracks[0].sample_rate) == (2, 44100)
    write_film(tmp_path / "b.webm", map(marks.paint, range(25)), Fraction(25), [], codec="vp9")
    assert probe(tmp_path / "b.webm").video.codec == "vp9"


def test_refusals(tmp_path, marks):
    image, sound = marks.paint(0), marks.clicks(48000, 2)
    path = tmp_path / "film.mkv"

    def refused(match: str, target=path, frames=(image,), tracks=(), **options) -> None:
        with pytest.raises(InputError, match=match):
            write_film(target, frames, Fraction(25), tracks, **options)
        assert list(tmp_path.iterdir()) == []

    refused("no container for suffix '.doc'", tmp_path / "film.doc")
    refused("neither frames nor tracks", frames=())
    refused("must be even, not 95 x 64", frames=[image[:, :95]])
    refused("of one size", frames=[image, image[:32]])
    refused("of one size", frames=[image.astype(np.float32)])
    refused("cannot put codec nonsense in matroska", codec="nonsense")
    refused("cannot put codec flac in webm", tmp_path / "film.webm", (), [SoundTrack(sound, 48000, "en")])
    refused("is no role", tracks=[SoundTrack(sound, 48000, "en", role="singer")])
    refused("before the first picture", tracks=[SoundTrack(sound, 48000, "en", start_s=-1)])
    refused("cannot be coded", tracks=[SoundTrack(sound[0], 48000, "en")])
    with pytest.raises(InputError, match="no frames"):
        encode_picture([])

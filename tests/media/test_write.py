"""Films and clip members as written: structure, repeatability, refusals."""

import io
import itertools
import weakref
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from lssd.errors import InputError
from lssd.media import (
    SoundTrack,
    encode_picture,
    encode_sound,
    iterate_frames,
    probe,
    read_frames,
    read_sound,
    write_film,
    write_sounds,
)


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


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_pixels_keep_their_shape(tmp_path, suffix):
    rows, columns = np.mgrid[:90, :120]
    round_seen = ((rows - 44.5) / 30) ** 2 + ((columns - 59.5) * 16 / 15 / 30) ** 2 < 1
    image = np.repeat(np.where(round_seen, 235, 20).astype(np.uint8)[..., None], 3, axis=2)
    path = tmp_path / f"film{suffix}"
    write_film(path, [image] * 3, Fraction(25), [], crf=5, pixel_aspect=Fraction(16, 15))
    video = probe(path).video
    assert (video.pixel_aspect, video.width, video.height) == (Fraction(16, 15), 120, 90)
    coded = next(iter(iterate_frames(path))).image
    assert coded.shape == (90, 120, 3)
    seen = next(iter(iterate_frames(path, short_side=90))).image
    assert seen.shape == (90, 128, 3)
    disc = seen[..., 0] > 128
    wide, tall = np.ptp(np.nonzero(disc.any(axis=0))[0]), np.ptp(np.nonzero(disc.any(axis=1))[0])
    assert abs(int(wide) - int(tall)) <= 1


def test_square_pixels_are_written_as_before(tmp_path, marks):
    for name, options in (("a", {}), ("b", {"pixel_aspect": Fraction(1)})):
        write_film(tmp_path / f"{name}.mkv", map(marks.paint, range(5)), Fraction(25), [], **options)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()
    assert probe(tmp_path / "a.mkv").video.pixel_aspect == 1


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


class Counted:
    """Sound made when asked: the 24-bit integers count samples up from a channel's own number."""

    shape = (2, 200_001)

    def __init__(self):
        self.asked = []

    def __getitem__(self, key):
        channels, samples = key
        first, last, _ = samples.indices(self.shape[1])
        self.asked.append((first, last))
        counted = (np.arange(first, last) * 83 + np.array([[7], [4_000_001]])) % 2**24 - 2**23
        return (counted / 2**23).astype(np.float32)[channels]


def test_sound_is_made_a_piece_at_a_time(tmp_path, marks):
    lazy, path = Counted(), tmp_path / "film.mkv"
    write_film(
        path, map(marks.paint, range(100)), Fraction(25), [SoundTrack(lazy, 48000, "en", codec="flac24")]
    )
    assert [last for _, last in lazy.asked] == [*range(12000, 200_001, 12000), 200_001]
    assert all(one[1] == two[0] for one, two in itertools.pairwise(lazy.asked))
    np.testing.assert_array_equal(read_sound(path), lazy[:, :])
    with pytest.raises(InputError, match="cannot be coded"):
        write_film(path, [], Fraction(25), [SoundTrack(np.zeros(9, np.float32), 48000, "en")])


def test_flac_holds_24_bits_where_asked():
    sound_CS = Counted()[:, :]
    deep, shallow = (read_sound(encode_sound(sound_CS, 48000, codec)) for codec in ("flac24", "flac"))
    np.testing.assert_array_equal(deep, sound_CS)
    samples, _ = soundfile.read(io.BytesIO(encode_sound(sound_CS, 48000, "flac24")), dtype="int32")
    np.testing.assert_array_equal(samples >> 8, np.rint(sound_CS.T.astype(np.float64) * 2**23))
    assert 0 < np.abs(shallow - sound_CS).max() <= 2**-15
    loud = read_sound(encode_sound(np.array([[1.5, -1.5]], np.float32), 48000, "flac24"))
    assert loud.tolist() == [[1 - 2**-23, -1.0]]


def test_files_of_sound_are_written_in_step(tmp_path):
    one, two = Counted(), Counted()
    paths = [tmp_path / name for name in ("one.flac", "two.flac", "three.wav")]
    sounds = [one, two, Counted()[:, :50]]
    codecs = ["flac24", "flac24", "pcm_f32le"]
    tracks = [
        SoundTrack(sound, 48000, None, codec=codec) for sound, codec in zip(sounds, codecs, strict=True)
    ]
    with pytest.raises(InputError, match=r"no container for suffix '\.wav'"):
        write_sounds(dict(zip(paths, tracks, strict=True)))
    assert list(tmp_path.iterdir()) == []
    write_sounds(dict(zip(paths[:2], tracks[:2], strict=True)))
    assert one.asked == two.asked[: len(one.asked)] and len(one.asked) == 17
    for path in paths[:2]:
        np.testing.assert_array_equal(read_sound(path), Counted()[:, :])
    broken = SoundTrack(Counted(), 44100, None, codec="nonsense")
    with pytest.raises(InputError, match="cannot put codec nonsense"):
        write_sounds({tmp_path / "four.flac": tracks[0], tmp_path / "five.flac": broken})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.flac", "two.flac"]


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
    refused("must be positive", pixel_aspect=Fraction(-1))
    vp9 = {"codec": "vp9", "pixel_aspect": Fraction(16, 15)}
    refused("VP9 has no room", tmp_path / "film.webm", **vp9)
    refused("is no role", tracks=[SoundTrack(sound, 48000, "en", role="singer")])
    refused("before the first picture", tracks=[SoundTrack(sound, 48000, "en", start_s=-1)])
    refused("cannot be coded", tracks=[SoundTrack(sound[0], 48000, "en")])
    with pytest.raises(InputError, match="no frames"):
        encode_picture([])

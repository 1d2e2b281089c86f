import errno
from fractions import Fraction

import av
import numpy as np
import pytest

from lssd.errors import InputError, MediaError, StorageError
from lssd.media import (
    SoundTrack,
    add_tracks,
    iterate_sound,
    picture_hash,
    probe,
    read_sound,
    remux,
    track_hash,
    write_film,
)

RATE = 48000


def noise(seed: int, seconds: float = 3.0, channels: int = 1) -> np.ndarray:
    sound = np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, round(seconds * RATE)))
    return (np.rint(sound * 32768) / 32768).astype(np.float32)  # of 16 bits, so that FLAC is exact


@pytest.fixture(params=[".mkv", ".mp4"])
def film(request, tmp_path):
    frames = np.random.default_rng(1).integers(0, 255, (75, 48, 64, 3)).astype(np.uint8)
    track = SoundTrack(noise(0), RATE, "en", role="original", default=True, codec="aac")
    path = tmp_path / f"film{request.param}"
    write_film(path, frames, Fraction(25), [track], gop=12)
    return path


def packets(path, kind):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(**{kind: 0}) if packet.size]


def test_picture_and_own_track_are_copied_and_new_ones_are_exact(film, tmp_path):
    out = tmp_path / "out.mkv"
    dub = SoundTrack(noise(2), RATE, "es", "Spanish (synthetic)", tags={"SYNTHETIC_MEDIA": "yes"})
    add_tracks(film, out, [dub], {"COMMENT": "made by a machine"})
    assert packets(out, "video") == packets(film, "video")
    assert packets(out, "audio") == packets(film, "audio")
    assert picture_hash(out) == picture_hash(film) and track_hash(out, 0) == track_hash(film, 0)
    np.testing.assert_array_equal(read_sound(out, 1), dub.samples_CS)
    before, after = probe(film), probe(out)
    assert [track.role for track in after.tracks][1] == "dub"
    assert [track.language for track in after.tracks] == ["en", "es"]
    assert after.tracks[0].default and not after.tracks[1].default
    assert after.tracks[1].title == "Spanish (synthetic)" and after.tracks[1].start_s == 0
    assert after.duration_s == pytest.approx(before.duration_s, abs=0.05)
    with av.open(str(out)) as container:
        assert container.metadata["COMMENT"] == "made by a machine"
        assert container.streams.audio[1].metadata["SYNTHETIC_MEDIA"] == "yes"


def test_new_tracks_count_from_the_first_picture_wherever_that_lies(tmp_path):
    film, late, out = tmp_path / "film.mp4", tmp_path / "late.mkv", tmp_path / "out.mkv"
    frames = np.zeros((50, 48, 64, 3), np.uint8)
    write_film(film, frames, Fraction(25), [SoundTrack(noise(0, 2.0), RATE, "en")])
    with av.open(str(film)) as source, av.open(str(late), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                shift = int(Fraction(1) / packet.time_base)  # all of it a second later
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    assert probe(late).video.start_s == pytest.approx(1.0)
    dub = noise(3, 2.0)
    add_tracks(late, out, [SoundTrack(dub, RATE, "fr")])
    assert probe(out).tracks[1].start_s == pytest.approx(0, abs=1e-3)
    np.testing.assert_array_equal(read_sound(out, 1, duration_s=2.0), dub)
    np.testing.assert_array_equal(read_sound(out, 0, duration_s=2.0), read_sound(film, 0, duration_s=2.0))


def test_sound_alone_and_many_channels(tmp_path):
    film, out = tmp_path / "sound.flac", tmp_path / "out.mka"
    write_film(film, [], Fraction(25), [SoundTrack(noise(0, channels=6), RATE, None)])
    add_tracks(film, out, [SoundTrack(noise(4, channels=6), RATE, "de")])
    np.testing.assert_array_equal(read_sound(out, 0), noise(0, channels=6))
    np.testing.assert_array_equal(read_sound(out, 1), noise(4, channels=6))


def test_faults_are_one_line_and_leave_nothing(film, tmp_path):
    dub = SoundTrack(noise(2), RATE, "es")
    with pytest.raises(InputError, match="is the film itself"):
        add_tracks(film, film, [dub])
    with pytest.raises(InputError, match="no container for suffix"):
        add_tracks(film, tmp_path / "out.txt", [dub])
    with pytest.raises(MediaError, match="does not exist"):
        add_tracks(tmp_path / "gone.mkv", tmp_path / "out.mkv", [dub])
    (tmp_path / "text.mkv").write_text("no film")
    with pytest.raises(MediaError):
        add_tracks(tmp_path / "text.mkv", tmp_path / "out.mkv", [dub])
    with pytest.raises(MediaError, match="cannot write"):
        add_tracks(film, tmp_path / "out.webm", [dub])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["text.mkv", film.name])


def test_a_full_disk_is_not_the_films_fault(film, tmp_path, monkeypatch):
    def full(*_):
        raise av.error.OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(remux, "_interleave", full)
    with pytest.raises(StorageError, match=r"out\.mkv: No space left on device"):
        add_tracks(film, tmp_path / "out.mkv", [SoundTrack(noise(2), RATE, "es")])


def test_pieces_of_a_track_are_the_track(film):
    for rate, channels in ((RATE, None), (16000, 1), (44100, 2)):
        pieces = list(iterate_sound(film, 0, rate, channels))
        assert len(pieces) > 1
        np.testing.assert_array_equal(
            np.concatenate(pieces, axis=1), read_sound(film, 0, sample_rate=rate, channels=channels)
        )

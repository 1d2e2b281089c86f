"""One film has one identity, whatever it is packed in; another film has another."""

from fractions import Fraction

import av
import numpy as np
import pytest

from lssd.errors import InputError, MediaError
from lssd.media import SoundTrack, picture_hash, probe, track_hash, write_film
from lssd.media.identity import split_units


@pytest.fixture
def film(marks, tmp_path):
    tracks = [SoundTrack(marks.clicks(48000, 4), 48000, "en", codec="aac")]
    write_film(tmp_path / "film.mkv", map(marks.paint, range(96)), Fraction(24), tracks, gop=24)
    return tmp_path / "film.mkv"


def test_remuxes_agree(film, remux, tmp_path):
    mp4 = remux(film, tmp_path / "a.mp4", "mp4")
    stream = remux(film, tmp_path / "a.ts", "mpegts")
    again = [remux(stream, tmp_path / "b.mkv", "matroska"), remux(stream, tmp_path / "b.mp4", "mp4")]
    mine = picture_hash(film)
    assert len(mine) == 32 and set(mine) <= set("0123456789abcdef")
    assert {picture_hash(path) for path in (mp4, stream, *again)} == {mine}
    assert {track_hash(path, 0) for path in (film, mp4, stream, *again)} == {track_hash(film, 0)}


def test_more_tracks_leave_the_picture_alone(film, marks, remux, tmp_path):
    other = tmp_path / "sound.mka"
    write_film(other, [], Fraction(25), [SoundTrack(-marks.clicks(48000, 4), 48000, "fr", codec="aac")])
    both = remux(film, tmp_path / "both.mp4", "mp4", more_sound=other)
    assert len(probe(both).tracks) == 2
    assert picture_hash(both) == picture_hash(film)
    assert [track_hash(both, 0), track_hash(both, 1)] == [track_hash(film, 0), track_hash(other, 0)]
    assert track_hash(both, 0) != track_hash(both, 1)


def test_other_films_differ(film, marks, tmp_path):
    write_film(tmp_path / "other.mkv", map(marks.paint, range(1, 97)), Fraction(24), [])
    write_film(tmp_path / "shorter.mkv", map(marks.paint, range(95)), Fraction(24), [])
    hashes = {picture_hash(path) for path in tmp_path.glob("*.mkv")}
    assert len(hashes) == 3


def test_tags_play_no_part_in_a_tracks_identity(marks, tmp_path):
    sound = marks.clicks(48000, 3)
    for number, (language, role, suffix) in enumerate([("en", "original", "mkv"), ("ja", "dub", "mp4")]):
        tracks = [SoundTrack(sound, 48000, language, role=role)]
        write_film(tmp_path / f"{number}.{suffix}", map(marks.paint, range(10)), Fraction(25), tracks)
    assert track_hash(tmp_path / "0.mkv", 0) == track_hash(tmp_path / "1.mp4", 0)


@pytest.mark.parametrize(("encoder", "suffix"), [("libx265", ".mp4"), ("libvpx-vp9", ".mkv")])
def test_other_codecs(raw_film, remux, tmp_path, encoder, suffix):
    if encoder not in av.codecs_available:
        pytest.skip(f"no {encoder} here")
    options = {"x265-params": "log-level=none:pools=1"} if encoder == "libx265" else {"deadline": "realtime"}
    path = raw_film(tmp_path / f"film{suffix}", list(range(30)), Fraction(1, 25), options, encoder)
    target = remux(path, tmp_path / "again.mkv", "matroska")
    assert picture_hash(path) == picture_hash(target)
    if encoder == "libx265":
        assert picture_hash(remux(path, tmp_path / "a.ts", "mpegts")) == picture_hash(path)


def test_units_are_split_alike_with_prefixes_and_start_codes():
    rng = np.random.default_rng(0)
    units = [bytes([1 + n]) + rng.integers(1, 256, 50 + n).astype(np.uint8).tobytes() for n in range(5)]
    start_codes = b"\0\0\0\1" + b"\0\0\1".join(units[:3]) + b"\0\0\0\1" + b"\0\0\0\1".join(units[3:])
    assert list(split_units(start_codes, 0)) == units
    for prefix in (2, 4):
        prefixed = b"".join(len(unit).to_bytes(prefix, "big") + unit for unit in units)
        assert list(split_units(prefixed, prefix)) == units


def test_the_six_languages_of_a_real_shot_are_one_picture(real):
    shots: dict[str, set[str]] = {}
    sounds = []
    for path in sorted((real / "paper_clips").glob("*.mp4"))[:24]:
        shots.setdefault(path.stem.rsplit("_", 1)[0], set()).add(picture_hash(path))
        sounds.append(track_hash(path, 0))
    assert len(shots) == 4 and all(len(hashes) == 1 for hashes in shots.values())
    assert len(set.union(*shots.values())) == 4
    assert len(set(sounds)) == len(sounds)


def test_without_picture_or_file(tmp_path, marks):
    sound = tmp_path / "sound.mka"
    write_film(sound, [], Fraction(25), [SoundTrack(marks.clicks(48000, 2), 48000, "en")])
    with pytest.raises(MediaError, match="has no picture"):
        picture_hash(sound)
    with pytest.raises(MediaError, match="does not exist"):
        picture_hash(tmp_path / "none.mkv")
    with pytest.raises(InputError, match="no sound track 1"):
        track_hash(sound, 1)

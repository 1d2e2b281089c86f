"""What a film says about itself."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition

from lssd.media import SoundTrack, encode_picture, probe, read_frames, read_sound, write_film
from lssd.media.tracks import role_of

TAGS = [
    ("en", "original", True),
    ("de", "dub", False),
    ("en", "commentary", False),
    ("en", "description", False),
    (None, "background", False),
    ("ja", "revoiced", False),
]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_tags_survive_the_container(tmp_path, marks, suffix):
    tracks = [
        SoundTrack(marks.clicks(48000, 3), 48000, language, role=role, default=default, codec="aac")
        for language, role, default in TAGS
    ]
    path = tmp_path / f"film{suffix}"
    write_film(path, map(marks.paint, range(72)), Fraction(24000, 1001), tracks)
    info = probe(path)
    assert [(track.language, track.role, track.default) for track in info.tracks] == TAGS
    assert [track.index for track in info.tracks] == list(range(6))
    assert info.video is not None and info.video.fps == Fraction(24000, 1001)
    assert (info.video.codec, info.video.width, info.video.height) == ("h264", 96, 64)
    assert info.video.duration_s == pytest.approx(72 * 1001 / 24000, abs=0.002)
    assert info.duration_s == pytest.approx(3.003, abs=0.03)
    assert all(track.duration_s == pytest.approx(3, abs=0.03) for track in info.tracks)


def test_starts_are_relative_to_the_first_picture(marked_film, remux, tmp_path):
    film = marked_film()
    shifted = remux(film.path, tmp_path / "a.ts", "mpegts")  # a stream that begins well after zero
    for path in (film.path, shifted):
        starts = [track.start_s for track in probe(path).tracks]
        expected = [0, 0.2] * (len(starts) // 2)
        # Where a container does not mark encoder delay it counts as sound: 21 ms of AAC, 7 of Opus.
        assert all(-0.022 < a - b < 0.002 for a, b in zip(starts, expected, strict=True)), starts
    assert probe(shifted).video.start_s > 0.01


def test_json_form(marked_film):
    film = marked_film()
    value = json.loads(json.dumps(probe(film.path).to_json()))
    assert {"path", "duration_s", "video", "tracks"} <= set(value)
    assert value["path"] == str(film.path) and value["video"]["fps"] == "24000/1001"
    wanted = {"index", "language", "role", "channels", "sample_rate", "start_s", "duration_s"}
    assert len(value["tracks"]) == 6 and all(wanted <= set(track) for track in value["tracks"])
    assert value["tracks"][0]["language"] == "de" and value["tracks"][0]["sample_rate"] == 48000


@pytest.mark.parametrize(
    ("flags", "title", "role"),
    [
        (Disposition(0), "", "unknown"),
        (Disposition.default, "English 5.1", "unknown"),
        (Disposition.default | Disposition.original, "", "original"),
        (Disposition.dub, "Deutsch", "dub"),
        (Disposition.original | Disposition.comment, "", "commentary"),
        (Disposition.original, "Director's Commentary", "commentary"),
        (Disposition(0), "Audiokommentar", "commentary"),
        (Disposition.visual_impaired, "", "description"),
        (Disposition.dub, "Audio Description (German)", "description"),
        (Disposition.clean_effects, "", "background"),
        (Disposition(0), "M&E", "background"),
        (Disposition(0), "Music and Effects", "background"),
        (Disposition(0), "Original Version", "original"),
        (Disposition(0), "Original score", "unknown"),
        (Disposition(0), "German dub", "dub"),
    ],
)
def test_roles(flags, title, role):
    assert role_of(flags, title) == role


def test_cover_art_is_no_picture(tmp_path, marks):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000, layout="mono")
        cover = container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "rgb24"
        cover.disposition = Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(marks.clicks(48000, 2), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")))
        container.mux(cover.encode(None))
    info = probe(path)
    assert info.video is None and len(info.tracks) == 1
    assert read_sound(path, 0, 0, 1.5).shape == (1, 72_000)


def test_a_clip_member_in_memory():
    data = encode_picture([np.full((64, 96, 3), n, np.uint8) for n in range(0, 250, 10)])
    info = probe(data)
    assert info.video is not None and info.video.fps == 25 and info.duration_s == 1.0 and not info.tracks
    assert read_frames(data, [0.5], 32).shape == (1, 32, 48, 3)


def test_a_real_film_with_five_languages(real):
    info = probe(real / "angel_one" / "angel_one_5lang_480p.mkv")
    assert [track.language for track in info.tracks] == ["en", "de", "fr", "it", "es"]
    assert info.video is not None and (info.video.fps, info.video.codec) == (25, "vp9")
    assert info.tracks[1].duration_s == pytest.approx(59.22, abs=0.01)
    clip = probe(real / "paper_clips" / "80114859_228_de.mp4")
    assert clip.video is not None and clip.video.fps == Fraction(24000, 1001)
    assert clip.tracks[0].language is None and clip.tracks[0].role == "unknown"

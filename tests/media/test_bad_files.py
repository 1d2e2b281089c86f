"""Whatever is wrong with a file, one line says what and where, and nothing else reaches the terminal."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lssd.errors import InputError, LssdError, MediaError
from lssd.media import (
    encode_picture,
    iterate_frames,
    picture_hash,
    probe,
    read_frames,
    read_sound,
    write_film,
)

READERS = [
    probe,
    picture_hash,
    lambda path: list(iterate_frames(path)),
    lambda path: read_frames(path, [0.0]),
    lambda path: read_sound(path),
]


def message_of(kind: type[LssdError], call, *args) -> str:
    with pytest.raises(kind) as caught:
        call(*args)
    message = str(caught.value)
    assert message and "\n" not in message and len(message) < 400
    return message


def frames_until_error(path: Path) -> tuple[list[int], str]:
    """The ordinals that are read before reading fails, and what the failure says."""
    seen: list[int] = []
    return seen, message_of(MediaError, lambda: seen.extend(frame.ordinal for frame in iterate_frames(path)))


@pytest.mark.usefixtures("silent_terminal")
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_film(tmp_path, reader):
    assert "none.mkv does not exist" in message_of(MediaError, reader, tmp_path / "none.mkv")
    assert "is a folder" in message_of(MediaError, reader, tmp_path)
    (tmp_path / "empty.mkv").touch()
    assert "is empty" in message_of(MediaError, reader, tmp_path / "empty.mkv")
    for name in ("letter.txt", "letter.mkv", "letter.mp4"):
        (tmp_path / name).write_text("Dear all,\nthis is no film.\n" * 40)
        assert name in message_of(MediaError, reader, tmp_path / name)
    noise = np.random.default_rng(0).integers(0, 256, 20_000).astype(np.uint8)
    (tmp_path / "noise.mkv").write_bytes(noise.tobytes())
    assert "noise.mkv" in message_of(MediaError, reader, tmp_path / "noise.mkv")


def test_a_still_image_is_no_film(tmp_path):
    # A minimal bitmap of 2 x 2 pixels.
    header = b"BM" + (70).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    info = b"".join(n.to_bytes(4, "little") for n in (40, 2, 2)) + b"\1\0\x18\0" + bytes(24)
    (tmp_path / "picture.bmp").write_bytes(header + info + bytes(16))
    assert "still image" in message_of(MediaError, probe, tmp_path / "picture.bmp")


@pytest.mark.usefixtures("silent_terminal")
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_truncated_film_is_usable_up_to_its_end(marked_film, marks, tmp_path, suffix):
    film = marked_film(Fraction(25), "libx264", suffix)
    data = film.path.read_bytes()
    path = tmp_path / f"part{suffix}"
    path.write_bytes(data[: len(data) * 3 // 4])
    assert len(probe(path).tracks) == 6
    assert marks.numbers(read_frames(path, [0.0, 2.0])) == [0, 50]
    np.testing.assert_array_equal(read_sound(path, 4, 1, 2), read_sound(film.path, 4, 1, 2))
    past = message_of(MediaError, read_frames, path, [11.5])
    assert path.name in past and re.search(r"\d+\.\d{3} s", past)
    past = message_of(MediaError, read_sound, path, 0, 11.0, 1.0)
    assert path.name in past and "truncated" in past
    seen, message = frames_until_error(path)
    assert seen[:-4] == list(range(len(seen) - 4)) and 75 < len(seen) < 290
    assert f"picture ends at {(seen[-1] + 1) / 25:.3f} s" in message


@pytest.mark.usefixtures("silent_terminal")
def test_truncated_beyond_use(tmp_path):
    data = encode_picture([np.full((64, 96, 3), n, np.uint8) for n in range(50)])
    for source in (data[: len(data) // 2], data[:100]):  # the index is at the end
        message_of(MediaError, probe, source)
        message_of(MediaError, read_frames, source, [0.0])


@pytest.mark.usefixtures("silent_terminal")
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_damage_in_the_middle_names_file_and_time(marked_film, tmp_path, suffix):
    film = marked_film(Fraction(25), "libx264", suffix)
    data = bytearray(film.path.read_bytes())
    middle, noise = len(data) // 2, np.random.default_rng(1).integers(0, 256, 20_000)
    data[middle : middle + len(noise)] = noise.astype(np.uint8).tobytes()
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(data)
    seen, message = frames_until_error(path)
    # Frames next to the damage that refer to lost ones are missing; the others keep their ordinals.
    assert seen[:-4] == list(range(len(seen) - 4)) and 50 < len(seen) < 250
    near_s = float(re.search(r"near (\d+\.\d+) s", message).group(1))
    assert path.name in message and abs(near_s - seen[-1] / 25) < 0.5


def test_every_file_is_closed_again(marked_film, tmp_path):
    film = marked_film()
    half = tmp_path / "half.mkv"
    half.write_bytes(film.path.read_bytes()[:100_000])
    handles = Path("/proc/self/fd")
    if not handles.exists():
        pytest.skip("counts open files in Linux's process table")
    before = len(list(handles.iterdir()))
    for path in (film.path, half):
        probe(path)
        picture_hash(path)
        next(iterate_frames(path))
        read_sound(path, 0, 0.5, 0.5)
        with pytest.raises(MediaError):
            read_frames(path, [100.0])
        with pytest.raises(InputError):
            read_sound(path, 9)
    assert len(list(handles.iterdir())) == before


def test_a_name_like_a_protocol(tmp_path, marked_film, monkeypatch):
    (tmp_path / "http:film.mkv").write_bytes(marked_film().path.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe("http:film.mkv").video is not None


def test_a_failed_write_leaves_what_was_there(tmp_path, marks):
    path = tmp_path / "film.mkv"
    path.write_bytes(b"before")

    def breaking():
        yield from map(marks.paint, range(5))
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_film(path, breaking(), Fraction(25), [])
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("silent_terminal")
@pytest.mark.parametrize("reader", READERS)
def test_a_list_of_other_files_is_not_followed(tmp_path, reader, make_film):
    film = make_film(tmp_path / "film.mkv", (1.0,))
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    lists = {
        "list.mkv": f"ffconcat version 1.0\nfile '{film.name}'\n",
        "absolute.mp4": f"ffconcat version 1.0\nfile '{film}'\n",
        "list.m3u8": hls.format(f"file://{film}"),
        "remote.m3u8": hls.format("http://127.0.0.1:9/film.ts"),
        "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>',
        "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        message = message_of(MediaError, reader, tmp_path / name)
        assert name in message
        assert "list of other files" in message or name == "list.mpd"  # which FFmpeg does not know here
    with pytest.raises(MediaError, match="list of other files"):
        probe(lists["absolute.mp4"].encode())

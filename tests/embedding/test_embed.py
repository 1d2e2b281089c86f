import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch

from lssd.embedding import file_hashes, windows
from lssd.embedding.batching import windows_of
from lssd.embedding.embed import Embeddings, embed, find_media
from lssd.embedding.windows import pick_track
from lssd.errors import InputError
from lssd.media import FilmInfo, SoundTrack, TrackInfo, read_frames, write_film

RATE = 16000


def tone(path: Path, hertz: float, seconds: float, seed: int = 0) -> Path:
    time_s = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 0.02, len(time_s))
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * hertz * time_s) + noise).astype(np.float32), RATE)
    return path


def direct(model, path, spans):
    """The windows' embeddings by hand: soundfile, slices, zero padding, one model call a window."""
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    vectors = []
    for start_s, end_s in spans:
        part = samples[round(start_s * RATE) : round(end_s * RATE)]
        part = np.pad(part, (0, 3 * RATE - len(part)))
        vectors.append(model.embed_audio(torch.from_numpy(part)[None, None])[0].numpy())
    return np.stack(vectors)


@pytest.mark.parametrize(
    ("seconds", "spans"),
    [
        (1.0, [(0, 1.0)]),
        (3.0, [(0, 3)]),
        (7.4, [(0, 3), (3, 6)]),
        (7.6, [(0, 3), (3, 6), (4.6, 7.6)]),
        (62.0, [(3 * i, 3 * i + 3) for i in range(20)] + [(59.0, 62.0)]),  # longer than a block
    ],
)
def test_windows_and_vectors_against_slicing_by_hand(model, tmp_path, seconds, spans):
    path = tone(tmp_path / "a.wav", 700, seconds)
    rows = embed(model, [path], pool="window", batch_size=4)
    assert rows.path == (str(path),) * len(spans) and rows.modality == "audio"
    np.testing.assert_allclose(np.stack([rows.start_s, rows.end_s], axis=1), spans, atol=1e-6)
    expected = direct(model, path, spans)
    # media may round to 16 bits where soundfile does; the same samples reach the model
    np.testing.assert_allclose(rows.vectors, expected, atol=2e-4)
    pooled = embed(model, [path], pool="file")
    np.testing.assert_allclose(pooled.vectors[0], expected.mean(axis=0), atol=2e-4)
    assert (pooled.start_s[0], pooled.end_s[0]) == (0.0, spans[-1][1])


def test_batches_across_files_change_nothing_and_keep_the_order(model, tmp_path):
    paths = [
        tone(tmp_path / f"{i}.wav", 200 + 300 * i, length, i) for i, length in enumerate([4.6, 0.4, 7.0, 3.1])
    ]
    alone = np.concatenate([embed(model, [path], pool="window").vectors for path in paths])
    for batch_size in (1, 2, 3, 100):
        together = embed(model, paths, pool="window", batch_size=batch_size)
        np.testing.assert_allclose(together.vectors, alone, atol=1e-5)
        assert [Path(path).name for path in together.path] == [
            "0.wav",
            "0.wav",
            "1.wav",
            "2.wav",
            "2.wav",
            "3.wav",
        ]


@pytest.mark.parametrize("suffix", [".parquet", ".npz"])
def test_what_is_written_holds_the_rows(model, tmp_path, suffix):
    path, out = tone(tmp_path / "a.wav", 500, 6), tmp_path / f"rows{suffix}"
    (tmp_path / "text.wav").write_text("no sound at all")
    rows = embed(model, [path, tmp_path / "text.wav"], out, pool="window")
    if suffix == ".parquet":
        read = pq.read_table(out).to_pydict()
        vectors = np.array(read["vector"], dtype=np.float32)
        assert list(read) == ["path", "start_s", "end_s", "modality", "vector"]
        about = json.loads(pq.read_schema(out).metadata[b"lssd"])
    else:
        read = np.load(out, allow_pickle=False)
        vectors = read["vector"]
        about = json.loads(str(read["lssd"]))
    np.testing.assert_array_equal(vectors, rows.vectors)
    assert list(read["path"]) == list(rows.path) and list(read["end_s"]) == [3.0, 6.0]
    ((name, reason),) = about["failed"]
    assert name == str(tmp_path / "text.wav") and "not a film or sound file" in reason
    again = Embeddings.read(out)
    assert (again.path, again.modality, again.failed, again.about) == (
        rows.path,
        "audio",
        rows.failed,
        rows.about,
    )
    for name in ("start_s", "end_s", "vectors"):
        np.testing.assert_array_equal(getattr(again, name), getattr(rows, name))
    assert sorted(found.name for found in tmp_path.iterdir()) == sorted(["a.wav", out.name, "text.wav"])
    with pytest.raises(InputError, match=r"must end in .parquet or .npz"):
        embed(model, [path], tmp_path / "rows.csv")


def test_what_stands_is_not_made_again(model, new_model, tmp_path, calls, monkeypatch):
    monkeypatch.setattr(file_hashes, "_RECENT_NS", 0)  # hashes of these files may be written down
    paths, out = [tone(tmp_path / f"{i}.wav", 500, 2 + i, i) for i in range(2)], tmp_path / "rows.parquet"
    first = embed(model, paths, out)
    before, made = out.read_bytes(), out.stat().st_mtime_ns

    def computed(**changes):
        calls.clear()
        found = embed(**({"model": model, "paths": paths, "out": out} | changes))
        return bool(calls), found

    again, found = computed()
    assert not again and out.stat().st_mtime_ns == made
    np.testing.assert_array_equal(found.vectors, first.vectors)
    assert not list(tmp_path.glob(".*")), "nothing is left beside it"
    for changes in ({"pool": "window"}, {"paths": paths[:1]}, {"model": new_model(seed=1)}):
        assert computed(**changes)[0], changes
        assert computed()[0] and out.read_bytes() == before
    tone(paths[0], 900, 2)
    assert computed()[0] and out.read_bytes() != before
    for damage in (b"", out.read_bytes()[:-20], b"rubbish"):
        out.write_bytes(damage)
        assert computed()[0] and len(Embeddings.read(out)) == 2


def test_what_is_no_file_of_embeddings_is_refused(tmp_path):
    pq.write_table(pa.table({"path": ["a"]}), tmp_path / "other.parquet")
    (tmp_path / "text.npz").write_text("rubbish")
    for name in ("other.parquet", "text.npz", "gone.parquet"):
        with pytest.raises(InputError, match=f"{name} is no readable file of embeddings"):
            Embeddings.read(tmp_path / name)


def test_folders_are_searched_and_files_taken_once(tmp_path):
    for name in ("b.wav", "a.mp4", "sub/c.FLAC", ".hidden.wav", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_media([tmp_path, tmp_path / "b.wav", tmp_path / "notes.txt"])
    assert [path.name for path in found] == ["a.mp4", "b.wav", "c.FLAC", "notes.txt"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no sound or film in"):
        find_media([tmp_path / "empty"])


def film(path: Path, seconds: float = 4.0) -> Path:
    """Picture: a grey that grows with time. Sound: English 400 Hz, German 2 kHz, the latter the default."""
    time_s = np.arange(round(seconds * 48000)) / 48000
    tracks = [
        SoundTrack(
            (0.3 * np.sin(2 * np.pi * hertz * time_s))[None].astype(np.float32), 48000, language, **kind
        )
        for hertz, language, kind in ((400, "en", {"role": "original"}), (2000, "de", {"default": True}))
    ]
    frames = (np.full((48, 64, 3), 40 + index, dtype=np.uint8) for index in range(round(seconds * 25)))
    write_film(path, frames, Fraction(25), tracks)
    return path


def test_the_language_picks_the_track(model, tmp_path):
    path = film(tmp_path / "film.mkv")
    german = embed(model, [path], language="ger").vectors
    english = embed(model, [path], language="en").vectors
    assert np.abs(german - english).max() > 1e-2
    np.testing.assert_array_equal(embed(model, [path]).vectors, english)  # the original, not the default
    rows = embed(model, [path, tone(tmp_path / "a.wav", 500, 1)], language="de")
    assert "no track in German" in rows.failed[0].reason
    with pytest.raises(InputError, match="'x!' is no language"):
        embed(model, [path], language="x!")


def test_the_name_of_a_file_says_what_its_only_track_speaks(model, tmp_path):
    paths = [tone(tmp_path / name, 500, 1) for name in ("x_de.wav", "x_fr.wav", "x.wav")]
    rows = embed(model, paths, language="de")
    assert rows.path == (str(paths[0]),)
    assert [failure.reason.split("; ")[1] for failure in rows.failed] == [
        "it has French",
        "it has undetermined",
    ]


def track(index, role, default=False):
    return TrackInfo(index, "en", role, "", default, 2, "stereo", 48000, "aac", 0.0, 1.0)


def test_without_a_language_the_original_comes_before_default_and_first():
    def pick(*tracks):
        return pick_track(FilmInfo("f.mkv", "matroska", 1.0, None, tracks), None)

    assert pick(track(0, "dub", True), track(1, "original")) == 1
    assert pick(track(0, "unknown"), track(1, "unknown", True)) == 1
    assert pick(track(0, "unknown"), track(1, "unknown")) == 0


@pytest.mark.parametrize("role", ["commentary", "description", "background"])
def test_speech_about_a_film_is_taken_where_there_is_nothing_else(role):
    def pick(*tracks):
        return pick_track(FilmInfo("f.mkv", "matroska", 1.0, None, tracks), "en")

    assert pick(track(0, role, True), track(1, "dub")) == 1
    assert pick(track(0, role), track(1, "unknown"), track(2, "unknown", True)) == 2
    assert pick(track(0, role)) == 0


def test_picture_windows_against_reading_by_hand(model, tmp_path):
    path = film(tmp_path / "film.mkv", seconds=5.0)
    rows = embed(model, [path], modality="video", pool="window")
    np.testing.assert_allclose(rows.start_s, [0, 2.0])
    np.testing.assert_allclose(rows.end_s, [3.0, 5.0])
    for vector, first in zip(rows.vectors, (0, 50), strict=True):
        ordinals = first + np.array([0, 24, 49, 74])  # 4 frames spread over 75
        images = read_frames(path, (ordinals + 0.5) / 25, short_side=41)  # 9/7 of 32
        top, left = 4, round((images.shape[2] - 32) / 2)
        square = images[:, top : top + 32, left : left + 32]
        crop = np.ascontiguousarray(square.transpose(0, 3, 1, 2))
        expected = model.embed_video(torch.from_numpy(crop)[None])[0].numpy()
        np.testing.assert_allclose(vector, expected, atol=1e-5)
    sound = tone(tmp_path / "a.wav", 500, 1)
    assert "no picture" in embed(model, [path, sound], modality="video").failed[0].reason
    audio_only = type(model)(audio=model.audio)
    with pytest.raises(InputError, match="no video encoder"):
        embed(audio_only, [path], modality="video")


def test_memory_does_not_grow_with_the_file(model, tmp_path, monkeypatch):
    """Whatever the length, no read asks for more than a block."""
    asked = []
    real = windows.read_sound
    monkeypatch.setattr(windows, "read_sound", lambda *args: asked.append(args[3]) or real(*args))
    path = tone(tmp_path / "long.wav", 500, 400)
    rows = embed(model, [path], pool="window")
    assert len(rows) == 133 and len(asked) == 3
    seconds = windows._BLOCK_BYTES / (4 * RATE)
    assert max(asked) <= seconds < 200
    assert windows.block_length(windows_of(model, "audio", None)) * 3 <= seconds

import numpy as np
import pytest

from lssd.dubbing.sound import Sound, SoundWriter, write_sound


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32)


def test_numpy_reads_what_was_written_in_pieces(samples, tmp_path):
    with SoundWriter(tmp_path / "a.npy", 3, 48000) as writer:
        for piece in np.array_split(samples, 7, axis=1):
            writer.write(piece)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), samples.T)
    assert (writer.sound.length, writer.sound.channels, writer.sound.duration_s) == (1000, 3, 1000 / 48000)


@pytest.mark.parametrize(("start", "stop"), [(0, 1000), (10, 20), (-5, 5), (990, 1010), (2000, 2010), (7, 7)])
def test_reads_any_piece_and_zeros_beyond(samples, tmp_path, start, stop):
    sound = write_sound(tmp_path / "a.npy", samples, 48000)
    padded = np.pad(samples, ((0, 0), (100, 2000)))
    np.testing.assert_array_equal(sound.read(start, stop), padded[:, start + 100 : stop + 100])


def test_blocks_overlap_and_cover_everything_once(samples, tmp_path):
    sound = write_sound(tmp_path / "a.npy", samples, 48000)
    np.testing.assert_array_equal(np.concatenate(list(sound.blocks(300)), axis=1), samples)
    first, second, *_ = sound.blocks(300, overlap=50)
    np.testing.assert_array_equal(first[:, 250:], second[:, :50])
    with pytest.raises(ValueError, match="overlap"):
        next(sound.blocks(10, overlap=10))


def test_other_channels_are_refused(samples, tmp_path):
    with (
        SoundWriter(tmp_path / "a.npy", 2, 48000) as writer,
        pytest.raises(ValueError, match=r"must be \(2, S\), not \(3, 1000\)"),
    ):
        writer.write(samples)
    assert isinstance(writer.sound, Sound) and writer.sound.length == 0

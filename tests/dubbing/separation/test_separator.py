import numpy as np
import pytest

from lssd.dubbing.declaration import BackendError
from lssd.dubbing.separation import BACKENDS, NoSeparation
from lssd.dubbing.separation.separator import channel_groups, crossfaded, write_parts
from lssd.dubbing.sound import write_sound


@pytest.fixture
def sound(tmp_path):
    samples_CS = np.random.default_rng(0).normal(size=(2, 5003)).astype(np.float32)
    return write_sound(tmp_path / "mix.npy", samples_CS, 1000)


@pytest.mark.parametrize(
    ("size", "context", "fade"), [(700, 100, 30), (5003, 10, 0), (9000, 50, 50), (40, 60, 30)]
)
def test_an_estimate_without_memory_is_not_changed_by_blocks(sound, size, context, fade):
    made_CS = np.concatenate(
        list(crossfaded(sound, lambda mix_CS: 0.5 * mix_CS, size, context, fade)), axis=1
    )
    np.testing.assert_allclose(made_CS, 0.5 * sound.read(), atol=1e-7)


def test_a_block_knows_the_sound_around_it_and_fades_from_the_one_before(sound):
    calls = []

    def estimate(mix_CS):
        calls.append(mix_CS)
        return np.full_like(mix_CS, len(calls))

    first, second, *_ = crossfaded(sound, estimate, 1000, 200, 100)
    np.testing.assert_array_equal(calls[1], sound.read(800, 2200))
    np.testing.assert_array_equal(first, 1.0)
    np.testing.assert_allclose(second[0, :100], 1 + (np.arange(100) + 0.5) / 100, rtol=1e-6)
    np.testing.assert_array_equal(second[:, 100:], 2.0)


def test_parts_add_up_and_appear_whole(sound, tmp_path):
    speech, background = tmp_path / "speech.npy", tmp_path / "background.npy"
    write_parts(sound, (np.sin(block_CS) for block_CS in sound.blocks(600)), speech, background)
    np.testing.assert_allclose(np.load(speech) + np.load(background), sound.read().T, atol=1e-6)
    np.testing.assert_array_equal(np.load(speech), np.sin(sound.read().T))


def test_a_failure_leaves_no_file(sound, tmp_path):
    def broken():
        yield sound.read(0, 100)
        raise BackendError("lost")

    with pytest.raises(BackendError):
        write_parts(sound, broken(), tmp_path / "speech.npy", tmp_path / "background.npy")
    with pytest.raises(BackendError, match="speech of 100 samples was found in a sound of 5003"):
        write_parts(sound, [sound.read(0, 100)], tmp_path / "speech.npy", tmp_path / "background.npy")
    with pytest.raises(BackendError, match="no numbers after 1000 samples"):
        list(
            crossfaded(
                sound,
                lambda mix_CS: mix_CS * (np.nan if mix_CS[0, 200] == sound.read()[0, 1000] else 1),
                1000,
                200,
                10,
            )
        )
    assert [file.name for file in tmp_path.iterdir()] == ["mix.npy"]


def test_none_is_all_background(sound, tmp_path):
    NoSeparation().separate(sound, tmp_path / "speech.npy", tmp_path / "background.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "background.npy"), sound.read().T)
    assert not np.load(tmp_path / "speech.npy").any()


def test_channels_that_are_heard_together():
    assert channel_groups(1) == [(0,)]
    assert channel_groups(2) == [(0, 1)]
    assert channel_groups(3) == [(0,), (1,), (2,)]
    assert channel_groups(6) == [(0, 1), (2,), (4, 5)]
    assert channel_groups(8) == [(0, 1), (2,), (4, 5), (6, 7)]


def test_every_backend_declares_itself():
    names = [backend.declaration.name for backend in BACKENDS]
    assert names == ["deepfilter", "demucs", "stems", "none"]
    for backend in BACKENDS:
        declaration = backend.declaration
        assert declaration.step == "separation"
        assert declaration.code_license and declaration.weights_license and declaration.about
        assert not declaration.modules or declaration.install

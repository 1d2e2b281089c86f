import copy

import numpy as np
import pytest
import soundfile
import torch

from lssd.evaluation import embed
from lssd.evaluation.cache import EmbeddingCache, WindowVectors, cache_key


def noise(path, seed=0, seconds=4.0):
    rng = np.random.default_rng(seed)
    soundfile.write(path, rng.normal(0, 0.1, round(16000 * seconds)).astype(np.float32), 16000)
    return path


def test_the_second_time_nothing_is_computed(model, tmp_path, calls):
    paths, cache = [noise(tmp_path / f"{i}.wav", i, 2 + 2 * i) for i in range(3)], tmp_path / "cache"
    first = embed(model, paths, cache=cache)
    assert calls
    calls.clear()
    again = embed(model, paths, cache=cache)
    windows = embed(model, paths, cache=cache, pool="window")
    assert not calls
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert (again.path, again.end_s.tolist()) == (first.path, first.end_s.tolist()) and len(windows) == 4


def test_the_same_bytes_under_another_name_are_known(model, tmp_path, calls):
    path, cache = noise(tmp_path / "a.wav"), tmp_path / "cache"
    first = embed(model, [path], cache=cache)
    calls.clear()
    moved = path.rename(tmp_path / "renamed.wav")
    np.testing.assert_array_equal(embed(model, [moved], cache=cache).vectors, first.vectors)
    assert not calls


def test_other_weights_are_never_served(model, new_model, tmp_path, calls):
    path, cache = noise(tmp_path / "a.wav"), tmp_path / "cache"
    first = embed(model, [path], cache=cache)
    calls.clear()
    other = embed(new_model(seed=1), [path], cache=cache)
    assert calls and np.abs(other.vectors - first.vectors).max() > 1e-4
    calls.clear()
    touched = copy.deepcopy(model)  # same architecture, same seed, one number changed
    with torch.no_grad():
        next(touched.audio.encoder.parameters()).view(-1)[0] += 1e-3
    embed(touched, [path], cache=cache)
    assert calls


def test_other_preprocessing_is_never_served(model, new_model, tmp_path, calls):
    from lssd.models import weights_hash

    path, cache = noise(tmp_path / "a.wav"), tmp_path / "cache"
    first = embed(model, [path], cache=cache)
    calls.clear()
    config = model.audio.front.config
    other = copy.deepcopy(model)
    other.audio.front.config = type(config)(**{**vars(config), "floor": 100.0})
    other.audio.front.log_mel.config = other.audio.front.config
    assert weights_hash(other) == weights_hash(model), "the two must differ in preprocessing alone"
    second = embed(other, [path], cache=cache)
    assert calls and np.abs(second.vectors - first.vectors).max() > 0


def test_other_data_is_never_served(model, tmp_path, calls):
    path, cache = noise(tmp_path / "a.wav"), tmp_path / "cache"
    first = embed(model, [path], cache=cache)
    calls.clear()
    noise(path, seed=1)  # same name, same length
    assert np.abs(embed(model, [path], cache=cache).vectors - first.vectors).max() > 0
    assert calls


def test_language_and_modality_are_part_of_the_key():
    keys = {
        cache_key("w", {"a": 1}, "d", modality, language)
        for modality in ("audio", "video")
        for language in (None, "en", "de")
    }
    assert len(keys) == 6


def test_a_damaged_entry_is_computed_again(model, tmp_path, calls):
    path, cache = noise(tmp_path / "a.wav"), tmp_path / "cache"
    first = embed(model, [path], cache=cache)
    (entry,) = cache.rglob("*.npz")
    assert entry.parent.name == entry.name[:2]
    for damage in (entry.read_bytes()[:100], b"", b"rubbish"):
        entry.write_bytes(damage)
        calls.clear()
        np.testing.assert_array_equal(embed(model, [path], cache=cache).vectors, first.vectors)
        assert calls


def test_entries_hold_what_was_put(tmp_path):
    cache = EmbeddingCache(tmp_path)
    assert cache.get("ab" * 32) is None
    value = WindowVectors(np.array([0.0, 3.0]), np.array([3.0, 6.0]), np.eye(2, dtype=np.float32))
    cache.put("ab" * 32, value)
    read = cache.get("ab" * 32)
    np.testing.assert_array_equal(read.vectors, value.vectors)
    assert read.mean().tolist() == [0.5, 0.5] and read.mean().dtype == np.float32
    assert pytest.approx(read.end_s) == value.end_s

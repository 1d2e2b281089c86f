"""What is kept is served for the same weights, preprocessing and data, and for nothing else."""

import copy
import dataclasses
import multiprocessing
import os

import numpy as np
import pytest
import soundfile
import torch

from lssd.embedding.cache import EmbeddingCache, WindowVectors, encoder_identity, rows_of
from lssd.embedding.embed import embed
from lssd.errors import InputError

IDENTITY = encoder_identity("weights", {"a": 1}, "audio", None)


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


def test_other_preprocessing_is_never_served(model, tmp_path, calls):
    from lssd.models import weights_hash

    path, cache = noise(tmp_path / "a.wav"), tmp_path / "cache"
    first = embed(model, [path], cache=cache)
    calls.clear()
    other = copy.deepcopy(model)
    other.audio.front.config = dataclasses.replace(model.audio.front.config, floor=100.0)
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


def test_an_edit_that_restores_size_and_date_is_noticed(model, tmp_path, monkeypatch, calls):
    from lssd.embedding import file_hashes

    monkeypatch.setattr(file_hashes, "_RECENT_NS", 0)  # as if the file had lain there for long
    path, cache = noise(tmp_path / "a.wav"), tmp_path / "cache"
    first, before = embed(model, [path], cache=cache), path.stat()
    hashed = []
    monkeypatch.setattr(file_hashes, "hash_file", lambda path: hashed.append(path) or "")
    monkeypatch.setattr("lssd.embedding.reading.worker.hash_file", lambda path: hashed.append(path) or "")
    embed(model, [path], cache=cache)
    assert not hashed, "the hash of a file that has not changed is remembered"
    monkeypatch.undo()
    noise(path, seed=1)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )
    assert np.abs(embed(model, [path], cache=cache).vectors - first.vectors).max() > 1e-4


def test_a_file_of_this_moment_is_hashed_but_its_hash_not_remembered(model, tmp_path):
    path, cache = noise(tmp_path / "a.wav"), tmp_path / "cache"
    embed(model, [path], cache=cache)
    assert not list((cache / "files").glob("*"))
    os.utime(path, (1, 1))  # the kernel's time of change stays that of this moment
    embed(model, [path], cache=cache)
    assert not list((cache / "files").glob("*"))


def test_all_but_the_data_is_part_of_the_folder(tmp_path):
    identities = [
        encoder_identity(weights, settings, modality, language)
        for weights in ("v", "w")
        for settings in ({"a": 1}, {"a": 2})
        for modality in ("audio", "video")
        for language in (None, "en", "de")
    ]
    identities.append({**identities[0], "windows": identities[0]["windows"] + 1})
    assert len({EmbeddingCache(tmp_path, identity, 4).folder for identity in identities}) == 25


def value(windows, seed=0, size=4):
    rng = np.random.default_rng(seed)
    starts = 3.0 * np.arange(windows)
    return WindowVectors(starts, starts + 3, rng.normal(size=(windows, size)).astype(np.float32))


def data(number):
    return f"{number:064x}"


def opened(folder):
    return EmbeddingCache(folder, IDENTITY, 4)


def assert_same(found, expected):
    got, windows = found
    assert windows == len(expected)
    for name in ("start_s", "end_s", "vectors"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name)[: len(got)])


def test_entries_hold_what_was_put(tmp_path):
    cache = opened(tmp_path)
    assert cache.get(data(1)) is None
    cache.put(rows_of(data(1), value(3)) + rows_of(data(2), value(1, seed=1)))
    cache.put(rows_of(data(3), value(2, seed=2)))
    for again in (cache, opened(tmp_path)):
        for number, windows in ((1, 3), (2, 1), (3, 2)):
            assert_same(again.get(data(number)), value(windows, seed=number - 1))
        assert again.whole() == {data(1), data(2), data(3)}
    assert value(2).pooled().vectors.dtype == np.float32
    np.testing.assert_allclose(value(2).pooled().vectors[0], value(2).vectors.mean(axis=0), rtol=1e-6)


def test_the_beginning_of_a_long_file_is_served_up_to_its_first_hole(tmp_path):
    cache, rows = opened(tmp_path), rows_of(data(1), value(5))
    cache.put(rows[2:3])
    assert cache.get(data(1)) is None and not cache.whole()
    cache.put(rows[:1])
    assert len(cache.get(data(1))[0]) == 1
    cache.put(rows[1:2])
    assert len(opened(tmp_path).get(data(1))[0]) == 3
    assert_same(cache.get(data(1)), value(5))


@pytest.mark.parametrize("suffix", [".index", ".vectors"])
def test_any_damage_is_a_miss_and_never_a_wrong_vector(tmp_path, suffix):
    """Every byte of a small pack is flipped, and the pack cut short at every length."""
    cache = opened(tmp_path)
    for number in (1, 2):
        cache.put(rows_of(data(number), value(2, seed=number)))
    cache.close()
    (pack,) = tmp_path.rglob(f"*{suffix}")
    whole = pack.read_bytes()
    damaged = [whole[:length] for length in range(len(whole))]
    damaged += [whole[:i] + bytes([whole[i] ^ 0x41]) + whole[i + 1 :] for i in range(len(whole))]
    served = 0
    for content in [*damaged, whole]:
        pack.write_bytes(content)
        again = opened(tmp_path)
        for number in (1, 2):
            found = again.get(data(number))
            if found is not None:
                assert_same(found, value(2, seed=number))
                served += len(found[0]) == 2
        again.close()
    assert served >= len(whole), "what is not damaged is still served"


def test_a_commit_cut_short_counts_for_nothing(tmp_path):
    """Resumed runs fill their batches as the killed one did only if half a batch is none."""
    cache = opened(tmp_path)
    cache.put(rows_of(data(1), value(2)))
    cache.put(rows_of(data(2), value(2)) + rows_of(data(3), value(2)))
    cache.close()
    (index,) = tmp_path.rglob("*.index")
    whole = index.read_bytes()
    for cut in range(1, 4 * 64):
        index.write_bytes(whole[: len(whole) - cut])
        assert opened(tmp_path).whole() == {data(1)}


def write_some(folder, first):
    cache = opened(folder)
    for number in range(first, first + 200):
        cache.put(rows_of(data(number), value(2, seed=number)))
    cache.close()


def test_several_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("fork")  # nothing here has threads, and nothing is imported again
    writers = [context.Process(target=write_some, args=(tmp_path, first)) for first in (0, 100)]
    for writer in writers:  # half of the entries are written by both
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    cache = opened(tmp_path)
    assert len(cache.whole()) == 300
    for number in range(300):
        assert_same(cache.get(data(number)), value(2, seed=number))


def test_a_cache_that_cannot_be_written_is_named(model, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(InputError, match=r"cannot write .*cache"):
        embed(model, [noise(tmp_path / "a.wav")], cache=tmp_path / "cache")

"""Who reads changes nothing, and a reading process that dies costs its file alone."""

import os
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import soundfile
import torch

from lssd.embedding import reading, windows
from lssd.embedding.embed import embed
from lssd.engine import TimeLimit, available_cpus
from lssd.errors import InputError, LssdError
from lssd.media import write_film
from lssd.models import save_model

RATE = 16000


def noise(path, seconds, seed=0):
    samples = np.random.default_rng(seed).normal(0, 0.1, round(RATE * seconds)).astype(np.float32)
    soundfile.write(path, samples, RATE)
    return path


def film(path, seconds, seed=0):
    frames = np.random.default_rng(seed).integers(0, 256, (round(seconds * 25), 48, 64, 3)).astype(np.uint8)
    if path.suffix != ".avi":
        write_film(path, iter(frames), Fraction(25), [])
        return path
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Short ones, one of several blocks, broken ones, one of them after its first block."""
    folder = tmp_path_factory.mktemp("sounds")
    paths = [noise(folder / f"{index}.wav", 0.4 + 1.9 * index, index) for index in range(8)]
    paths.insert(3, noise(folder / "long.wav", 420, 99))
    late = np.random.default_rng(7).normal(0, 0.1, 300 * RATE).astype(np.float32)
    late[-RATE] = np.nan
    soundfile.write(folder / "late.wav", late, RATE, subtype="FLOAT")
    (folder / "text.wav").write_text("no sound")
    paths[5:5] = [folder / "text.wav", folder / "late.wav", folder / "gone.wav"]
    return paths


def assert_equal(found, expected):
    assert (found.path, found.failed) == (expected.path, expected.failed)
    for name in ("start_s", "end_s", "vectors"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.fixture(scope="module")
def here(model, sounds):
    """What this process gets by itself, with one thread, as `conftest` has it for the tests."""
    torch.set_num_threads(1)
    return embed(model, sounds, pool="window", batch_size=7, workers=0)


def test_the_number_of_workers_changes_no_bit(model, sounds, here):
    assert [Path(failure.path).name for failure in here.failed] == ["text.wav", "late.wav", "gone.wav"]
    assert len(here) == 140 + sum(
        len(embed(model, [path], pool="window")) for path in sounds if path.stem.isdigit()
    )
    for workers in (1, 3):
        assert_equal(embed(model, sounds, pool="window", batch_size=7, workers=workers), here)


def test_files_of_one_content_are_embedded_once_whoever_reads(model, sounds, tmp_path, calls):
    copies = [tmp_path / path.name for path in sounds if path.name in ("5.wav", "long.wav", "late.wav")]
    for copy in copies:
        shutil.copy(sounds[0].with_name(copy.name), copy)
    paths = [*sounds, *copies]
    alone = embed(model, paths, pool="window", batch_size=7, workers=0, cache=tmp_path / "a")
    once = len(calls)
    assert_equal(embed(model, paths, pool="window", batch_size=7, workers=1, cache=tmp_path / "b"), alone)
    calls.clear()
    embed(model, sounds, pool="window", batch_size=7, workers=0)
    assert once == len(calls)
    late = alone.failed[-1]
    assert late.path == str(tmp_path / "late.wav") and str(tmp_path) in late.reason


def test_of_pictures_neither(model, tmp_path):
    paths = [film(tmp_path / f"{index}.mp4", 1.5 + 4 * index, index) for index in range(3)]
    paths[1:1] = [film(tmp_path / "order.avi", 9, 5), tmp_path / "gone.mp4"]
    alone = embed(model, paths, modality="video", pool="window", workers=0)
    assert_equal(embed(model, paths, modality="video", pool="window", workers=2), alone)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_long_file_that_breaks_at_its_beginning_costs_itself_alone(model, tmp_path, workers):
    """Its other blocks are dropped; a process that is busy with one looks at the last file all the same."""
    samples = np.random.default_rng(0).normal(0, 0.1, 420 * RATE).astype(np.float32)
    samples[RATE] = np.nan
    soundfile.write(tmp_path / "long.wav", samples, RATE, subtype="FLOAT")
    paths = [noise(tmp_path / "a.wav", 1.0), tmp_path / "long.wav", noise(tmp_path / "b.wav", 4.0)]
    rows = embed(model, paths, workers=workers)
    assert rows.path == (str(paths[0]), str(paths[2]))
    assert [failure.path for failure in rows.failed] == [str(paths[1])]


def test_batch_size_and_order_change_rounding_alone(model, sounds, here):
    paths = [path for path in sounds if path.stem.isdigit()]
    expected = {path: here.vectors[[row == path for row in here.path]] for path in map(str, paths)}
    for batch_size, order in ((1, 1), (32, 1), (5, -1)):
        rows = embed(model, paths[::order], pool="window", batch_size=batch_size)
        for path, vectors in expected.items():
            found = rows.vectors[[row == path for row in rows.path]]
            np.testing.assert_allclose(found, vectors, atol=1e-5)


def test_others_are_called_in_where_reading_takes_long(model, sounds, here, monkeypatch):
    if available_cpus() < 2:
        pytest.skip("one core: nobody to call in")
    for name in ("_WATCH_S", "_SHARE", "_WORTH_S"):
        monkeypatch.setattr(reading, name, 0.0)
    monkeypatch.setattr(reading, "_MOST_WORKERS", 1)
    started = []
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(real(*a, **k)) or started[-1])
    assert_equal(embed(model, sounds, pool="window", batch_size=7), here)
    assert len(started) == 1
    monkeypatch.setattr(reading, "_WATCH_S", 60.0)
    embed(model, sounds[:3])
    assert len(started) == 1, "but not for a short job"


_POISON = """
import os, signal
import lssd.media
real = lssd.media.read_sound
def read_sound(path, *args):
    if os.environ["POISONED"] in str(path):
        os.kill(os.getpid(), signal.SIGSEGV)
    return real(path, *args)
lssd.media.read_sound = read_sound
"""


def test_a_reading_process_that_crashes_costs_its_file_alone(model, sounds, here, tmp_path, monkeypatch):
    """As a codec does that crashes: in every process that reads `2.wav`."""
    (tmp_path / "sitecustomize.py").write_text(_POISON)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setenv("POISONED", f"{sounds[2].parent}/2.wav")
    rows = embed(model, sounds, pool="window", batch_size=7, workers=1)
    reasons = {Path(failure.path).name: failure.reason for failure in rows.failed}
    assert list(reasons) == ["2.wav", "text.wav", "late.wav", "gone.wav"]
    assert reasons["2.wav"] == "the worker process died (out of memory, or a crash in a codec)"
    others = [path != str(sounds[2]) for path in here.path]
    np.testing.assert_allclose(rows.vectors, here.vectors[others], atol=1e-5)


def test_a_process_killed_from_outside_costs_nothing(model, sounds, here):
    others = psutil.Process().children()  # such as multiprocessing's own, which earlier tests started

    def reading_processes():
        return [child for child in psutil.Process().children() if child not in others]

    class Killer:
        """Called at every batch; at the third it kills a reading process."""

        calls = 0

        def update(self, done, total, note):
            self.calls += 1
            if self.calls == 3:
                reading_processes()[0].kill()

    killer = Killer()
    assert_equal(embed(model, sounds, pool="window", batch_size=7, workers=2, progress=killer), here)
    assert killer.calls > 3 and not reading_processes()


def test_processes_that_cannot_start_are_said_so(model, sounds, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LssdError, match="did not start; run again with 0 workers"):
        embed(model, sounds, workers=1)


def test_the_number_of_workers_and_the_batch_size_are_checked(model, sounds):
    for wrong in ({"workers": -1}, {"batch_size": 0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            embed(model, sounds, **wrong)
    with pytest.raises(InputError, match="engine is local or ray, not spark"):
        embed(model, sounds, engine="spark")


_EMBED = """
import sys
from lssd.embedding.embed import embed
from lssd.models import load_model
# No `if __name__ == "__main__"`: a script need not have it.
embed(load_model(sys.argv[1]), sys.argv[2:], workers=2, batch_size=1)
"""


@pytest.mark.slow
def test_readers_do_not_outlive_a_killed_parent(model, sounds, tmp_path):
    save_model(model, tmp_path / "model")
    script = tmp_path / "script.py"
    script.write_text(_EMBED)
    parent = subprocess.Popen([sys.executable, script, tmp_path / "model", *[sounds[3]] * 1, *sounds])
    watched = psutil.Process(parent.pid)
    wait_for(lambda: len(watched.children()) == 2 or parent.poll() is not None)
    readers = watched.children()
    assert len(readers) == 2
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(reader.is_running() for reader in readers))


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


_SLEEPY = """
import os, time
import lssd.media
real_sound, real_probe = lssd.media.read_sound, lssd.media.probe
def read_sound(path, *args):
    if "read" in os.environ["ASLEEP"] and "2.wav" in str(path):
        time.sleep(3600)
    return real_sound(path, *args)
def probe(path, *args):
    if "probe" in os.environ["ASLEEP"] and "2.wav" in str(path):
        time.sleep(3600)
    return real_probe(path, *args)
lssd.media.read_sound, lssd.media.probe = read_sound, probe
"""


@pytest.mark.parametrize(
    ("workers", "asleep"),
    [
        (0, "probe"),
        (1, "read"),
        pytest.param(0, "read", marks=pytest.mark.slow),
        pytest.param(1, "probe", marks=pytest.mark.slow),
        pytest.param(2, "read", marks=pytest.mark.slow),
        pytest.param(2, "probe", marks=pytest.mark.slow),
    ],
)
def test_a_file_that_is_read_for_ever_costs_itself_alone(
    model, sounds, here, tmp_path, monkeypatch, asleep, workers
):
    monkeypatch.setenv("ASLEEP", asleep)
    if workers:
        (tmp_path / "sitecustomize.py").write_text(_SLEEPY)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    else:
        for name in ("read_sound", "probe"):
            monkeypatch.setattr(windows, name, getattr(windows, name))  # to be put back
        exec(_SLEEPY.replace("lssd.media", "lssd.embedding.windows"), {})
    limit = TimeLimit(4.0, 0.0)
    rows = embed(model, sounds, pool="window", batch_size=7, workers=workers, time_limit=limit)
    reasons = {Path(failure.path).name: failure.reason for failure in rows.failed}
    assert list(reasons) == ["2.wav", "text.wav", "late.wav", "gone.wav"]
    assert reasons["2.wav"] == "did not end within 4 s"
    others = [path != str(sounds[2]) for path in here.path]
    np.testing.assert_allclose(rows.vectors, here.vectors[others], atol=1e-5)

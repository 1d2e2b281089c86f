"""A run that is killed, as often as it may be, ends in the same bytes as one that is not."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lssd.embedding.embed import embed
from lssd.models import save_model

pytestmark = pytest.mark.slow

RATE = 16000

VARIANTS = [  # name of the output, of the cache if any, reading processes, kills
    ("a.parquet", None, 0, 6),
    ("b.npz", "cache", 0, 4),
    ("c.parquet", None, 2, 3),
]

# One process imports all there is to import; each run is a fork of it, killed after a random time.
_RUNS = """
import json, os, random, signal, sys, time
import torch
torch.set_num_threads(1)
from lssd.embedding.embed import embed
from lssd.models import load_model

model, sounds, folder, variants, longest_s = sys.argv[1:]
model, generator = load_model(model), random.Random(7)

def run(out, cache, workers, after_s=None):
    child = os.fork()
    if child == 0:
        embed(model, [sounds], out, pool="window", batch_size=6, cache=cache, workers=workers)
        os._exit(0)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status == 0

os.chdir(folder)
for out, cache, workers, kills in json.loads(variants):
    killed, most_s = 0, float(longest_s) + workers / 2  # reading processes take a while to start
    while killed < kills and not run(out, cache, workers, generator.uniform(0.1, 1) * most_s):
        killed += 1
    run(out, cache, workers)
    print(killed)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sounds of 1 to 90 windows, two of the same content, and some that fail: at once, and late."""
    folder = tmp_path_factory.mktemp("sounds")
    for index in range(24):
        samples = np.random.default_rng(index).normal(0, 0.1, round(RATE * (1 + 2.3 * (index % 7))))
        soundfile.write(folder / f"{index:02}.wav", samples.astype(np.float32), RATE)
    soundfile.write(folder / "10_again.wav", soundfile.read(folder / "10.wav")[0].astype(np.float32), RATE)
    long = np.random.default_rng(77).normal(0, 0.1, RATE * 270).astype(np.float32)
    soundfile.write(folder / "12_long.wav", long, RATE)
    long[-9] = np.nan
    soundfile.write(folder / "14_late.wav", long, RATE, subtype="FLOAT")
    (folder / "15_text.wav").write_text("no sound")
    return folder


def test_killed_runs_end_in_the_same_bytes(model, folder, tmp_path):
    save_model(model, tmp_path / "model")
    begun = time.monotonic()
    rows = embed(model, [folder], tmp_path / "undisturbed.parquet", pool="window", batch_size=6)
    longest_s = 0.35 * (time.monotonic() - begun)
    rows.write(tmp_path / "undisturbed.npz")
    arguments = [tmp_path / "model", folder, tmp_path, json.dumps(VARIANTS), str(longest_s)]
    done = subprocess.run(
        [sys.executable, "-c", _RUNS, *arguments], capture_output=True, text=True, check=True
    )
    assert all(int(killed) >= 2 for killed in done.stdout.split()), "they were killed on their way"
    for name, *_ in VARIANTS:
        undisturbed = (tmp_path / "undisturbed").with_suffix(Path(name).suffix)
        assert (tmp_path / name).read_bytes() == undisturbed.read_bytes(), name
    assert [Path(failure.path).name for failure in rows.failed] == ["14_late.wav", "15_text.wav"]
    left = {found.name for found in tmp_path.iterdir()}
    names = {name for name, *_ in VARIANTS}
    assert left == {"model", "cache", "undisturbed.parquet", "undisturbed.npz"} | names


def test_what_was_done_before_a_stop_is_not_done_again(model, folder, tmp_path, calls):
    """Stopped in the middle of its longest file, a run goes on within that file."""

    class StopError(Exception):
        pass

    class Stop:
        def update(self, done, total, note):
            if note == "102 windows":
                raise StopError

    out, undisturbed = tmp_path / "rows.parquet", tmp_path / "undisturbed.parquet"
    with pytest.raises(StopError):
        embed(model, [folder], out, pool="window", batch_size=6, progress=Stop())
    assert len(calls) == 17 and not out.exists() and (tmp_path / ".rows.parquet.parts").is_dir()
    embed(model, [folder], out, pool="window", batch_size=6)
    together = len(calls)
    calls.clear()
    rows = embed(model, [folder], undisturbed, pool="window", batch_size=6)
    assert together == len(calls) and len(rows) > 150
    assert out.read_bytes() == undisturbed.read_bytes()
    assert not (tmp_path / ".rows.parquet.parts").exists()

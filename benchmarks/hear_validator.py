"""Our HEAR API module under the public validator, and a stranger's module under ours.

    python benchmarks/hear_validator.py --validator PYTHON [--recipes demo controlled/EN]
        [--strangers hearbaseline.naive] [--minutes 20] [--verbose]

PYTHON is that of an environment with lssd's dependencies and hearvalidator 2021.0.2 (`pip install --no-deps`:
its pins are of 2021; a stub stands in for the TensorFlow that it imports), and for `--strangers` the modules,
such as hearbaseline 2021.1.1 with librosa 0.9.2 (both `--no-deps`) and setuptools<81.

Prints for a checkpoint of every recipe (random weights) what the validator says of it, run as its users
run it, and the time and memory that `--minutes` of sound take; then for every stranger's module the largest
difference between what `lssd` gives for files and what the module itself gives for their samples.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lssd.models import save_model
from lssd.pretraining import load_recipe
from lssd.pretraining.network import Network

SOURCE = Path(__file__).resolve().parent.parent / "src"
STUB = "class Module: ...\nfloat32 = None\n"  # of TensorFlow, as much as the validator asks for

LONG = """
import resource, sys, time, torch
from lssd.evaluation import hear
model = hear.load_model(sys.argv[1])
audio = torch.rand(1, round(float(sys.argv[2]) * 60 * model.sample_rate)) * 2 - 1
hear.get_scene_embeddings(audio[:, : 60 * model.sample_rate], model)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.perf_counter()
hear.get_scene_embeddings(audio, model)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
more = (after - before) / 1e3
print(f"{time.perf_counter() - begun:.1f} s, {after / 1e3:.0f} MB in all, {more:.0f} MB more than 1 min")
"""

STRANGER = """
import importlib, sys, tempfile
from pathlib import Path
import numpy as np, soundfile, torch
from lssd.evaluation.foreign.load import load_module
loaded = load_module("hear:" + sys.argv[1])
theirs = importlib.import_module(sys.argv[1])
model = theirs.load_model()
worst = 0.0
with tempfile.TemporaryDirectory() as folder:
    paths = []
    for number in range(12):
        samples = np.random.default_rng(number).uniform(-1, 1, (1 + number % 3) * loaded.sample_rate // 2)
        paths.append(Path(folder) / f"{number}.wav")
        soundfile.write(paths[-1], samples.astype(np.float32), loaded.sample_rate, subtype="FLOAT")
    vectors, failed = loaded.embed(paths, cache=Path(folder) / "cache")
    again, _ = loaded.embed(paths, cache=Path(folder) / "cache")
    assert not failed and all(np.array_equal(vectors[path], again[path]) for path in vectors)
    for path in paths:
        samples, _ = soundfile.read(path, dtype="float32")
        expected = theirs.get_scene_embeddings(torch.from_numpy(samples)[None], model)[0].detach().numpy()
        worst = max(worst, float(abs(vectors[str(path)] - expected).max() / abs(expected).max()))
size, rate = loaded.embedding_size, loaded.sample_rate
print(f"{len(vectors)} files, {size} numbers at {rate} Hz: they differ by {worst:.1e} of the largest")
"""


def run(python: str, arguments: list[str], stub: Path) -> tuple[int, str, float]:
    """Exit code, output and seconds of a program that finds lssd and the stub."""
    environment = {**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{stub}", "PYTHONWARNINGS": "ignore"}
    begun = time.perf_counter()
    done = subprocess.run([python, *arguments], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr, time.perf_counter() - begun


def last_line(output: str) -> str:
    return (output.strip().splitlines() or ["no output"])[-1]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--validator", required=True, metavar="PYTHON")
    parser.add_argument("--recipes", nargs="*", default=["demo", "controlled/EN"])
    parser.add_argument("--strangers", nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--verbose", action="store_true", help="print all that the validator says")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        stub = Path(folder) / "stub"
        stub.mkdir()
        (stub / "tensorflow.py").write_text(STUB)
        for recipe in options.recipes:
            model = Network.create(load_recipe(recipe)).to_model()
            checkpoint = Path(folder) / recipe.replace("/", "-")
            save_model(model, checkpoint)
            asked = [
                "-m",
                "hearvalidator.validate",
                "lssd.evaluation.hear",
                "-m",
                str(checkpoint),
                "-d",
                "cpu",
            ]
            code, output, seconds = run(options.validator, asked, stub)
            if options.verbose:
                print(output)
            failed += code != 0
            print(f"{recipe}: exit {code} after {seconds:.0f} s: {last_line(output)}")
            code, output, _ = run(sys.executable, ["-c", LONG, str(checkpoint), str(options.minutes)], stub)
            failed += code != 0
            print(f"{recipe}: {options.minutes:g} min of sound: {last_line(output)}")
        for stranger in options.strangers:
            code, output, _ = run(options.validator, ["-c", STRANGER, stranger], stub)
            failed += code != 0
            print(f"{stranger}: {last_line(output)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

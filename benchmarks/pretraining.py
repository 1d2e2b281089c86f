"""Speed of the pretraining loop: beside its encoders alone, a plain eager loop, and fed from real shards.

    python benchmarks/pretraining.py
    python benchmarks/pretraining.py --recipe paper/A.2 --batch 1 --steps 3 --no-shards
    python benchmarks/pretraining.py --recipe paper/A.2 --batch 64 --device cuda --corpus CORPUS

In one run, rounds interleaved, one process, instances (two windows of picture and of sound) a second:

  encoders      the encoders' own forward and backward, from a batch in memory: preprocessing included
                (log-mel, normalisation, masks), since it is theirs
  prepared      the same on inputs that are prepared already
  plain loop    a loop as one writes it first: eager, attention as the papers define it, foreach AdamW
  loop          `lssd.pretraining`'s step, from a batch in memory
  from shards   the whole of `lssd.pretraining.train`, decoding a corpus' clips, and its share of waiting

The bar (exit code 1 below it): the loop reaches 90 % of the encoders' speed at the demo's size. With --device
cuda the GPU-hours of the paper's runs follow from the loop's speed: Table 1's instances over instances a
second.
Without --corpus, sixteen films of forty seconds are rendered and ingested first (about a minute).
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from filmset import Settings
from filmset.render import render
from lssd.corpus import Catalog, IngestSettings
from lssd.corpus.ingest import ingest
from lssd.engine.memory import keep_memory
from lssd.models import AccelerationConfig, accelerate
from lssd.models.acceleration import autocast
from lssd.models.draws import Draws
from lssd.pretraining import Recipe, Run, load_recipe, recipe_names
from lssd.pretraining.averaging import WeightAverage
from lssd.pretraining.distributed import World
from lssd.pretraining.hardware import acceleration, describe_device, matmul_peak
from lssd.pretraining.held_out.clips import Monitor
from lssd.pretraining.loop import Training, take_step
from lssd.pretraining.network import Network
from lssd.pretraining.objective import batch_loss
from lssd.pretraining.optimiser import build_optimiser
from lssd.pretraining.pretrain import pretrain
from lssd.views import Batch, ClipIndex, Corpora, batch_size

BAR = 0.9


@dataclass
class Contender:
    """A way to do the work of one batch, and the seconds that it took."""

    name: str
    work: Callable[[], None]
    seconds: list[float] = field(default_factory=list)


def synthetic(recipe: Recipe, instances: int, device: torch.device) -> Batch:
    """A batch of noise in the shapes that the views give."""
    views, generator = recipe.views, torch.Generator().manual_seed(0)
    frames = torch.randint(
        0,
        256,
        (instances, views.windows, views.frames, 3, views.size, views.size),
        generator=generator,
        dtype=torch.uint8,
    )
    sounds = 1 if views.secondary == "none" else 2
    waveform = 0.1 * torch.randn(instances, sounds, views.channels, views.window_samples, generator=generator)
    names = tuple(str(number) for number in range(instances))
    return Batch(
        frames_BWTCHW=frames.to(device) if views.pictures else None,
        waveform_BKCS=waveform.to(device),
        present_BK=torch.ones(instances, sounds, dtype=torch.bool),
        duplicates_B=torch.arange(instances, device=device),
        clip_ids=names,
        title_ids=names,
        languages=(("en",) * sounds,) * instances,
    )


def contenders(recipe: Recipe, batch: Batch, index: ClipIndex, device: torch.device) -> list[Contender]:
    settings = acceleration(recipe.machine, device)
    network = accelerate(Network.create(recipe).to(device), settings).train()
    silent = replace(recipe, monitor=replace(recipe.monitor, clips=0))
    decay = recipe.optimiser.average
    training = Training(
        recipe=recipe,
        index=index,
        network=network,
        parallel=network,
        optimiser=build_optimiser(network, recipe.optimiser),
        monitor=Monitor.prepare(silent, Corpora([index.root]), None),
        world=World(0, 1, 0, device),
        run=Path("unused"),
        cache=None,
        average=None if decay is None else WeightAverage(network, decay),
    )
    bare = accelerate(Network.create(recipe).to(device), settings).train()
    instances = len(batch.clip_ids)
    draws = Draws.of_step(0, 0, np.arange(instances))
    inputs = bare.prepare(batch.frames_BWTCHW, batch.waveform_BKCS, batch.present_BK, draws)

    def encode(prepared: bool) -> None:
        given = inputs
        if not prepared:
            given = bare.prepare(batch.frames_BWTCHW, batch.waveform_BKCS, batch.present_BK, draws)
        outputs = [bare.audio.encode(given.sound_PC1ML, given.sound_draws)]
        if bare.video is not None and given.video_BWCTHW is not None:
            outputs.append(bare.video.encode(given.video_BWCTHW.flatten(0, 1), given.video_draws))
        torch.autograd.backward([output.square().mean() for output in outputs])
        bare.zero_grad(set_to_none=True)

    def step() -> None:
        training.step = 0
        take_step(training, batch)

    plain = plain_loop(recipe, batch, device, settings)
    return [
        Contender("encoders", lambda: encode(False)),
        Contender("prepared", lambda: encode(True)),
        Contender("plain loop", plain),
        Contender("loop", step),
    ]


def plain_loop(
    recipe: Recipe, batch: Batch, device: torch.device, settings: AccelerationConfig
) -> Callable[[], None]:
    """The same network and precision without anything that makes it fast."""
    network = Network.create(recipe).to(device).train()
    accelerate(network, AccelerationConfig(attention="plain"))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.05)
    draws = Draws.of_step(0, 0, np.arange(len(batch.clip_ids)))

    def work() -> None:
        optimiser.zero_grad()
        with autocast(settings.precision, device):
            z = network(network.prepare(batch.frames_BWTCHW, batch.waveform_BKCS, batch.present_BK, draws))
        present = batch.present_BK.to(device)
        losses = batch_loss(z, present, batch.duplicates_B, replace(recipe.objective, gather=False))
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1e9)
        optimiser.step()
        losses.total.item()

    return work


def measure(found: list[Contender], rounds: int, device: torch.device) -> None:
    """Time all contenders in turn, after two warm-ups each."""
    for contender in found:
        contender.work()
        contender.work()
    for _ in range(rounds):
        for contender in found:
            synchronise(device)
            begun = time.perf_counter()
            contender.work()
            synchronise(device)
            contender.seconds.append(time.perf_counter() - begun)


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_corpus(folder: Path) -> Path:
    """Sixteen films of forty seconds, rendered and ingested as the demo does: a batch of 64 and more."""
    from lssd.corpus import ClipSettings

    films = Settings(seed=5, seconds=40.0, sizes=("96x64",), fps=("10",), shots_s=(3.1, 4.0))
    render(folder / "films", 16, films, workers=2)
    clips = ClipSettings(short_side=64)
    settings = IngestSettings(clips=clips, titles=folder / "films/titles.csv", workers=2)
    ingest([folder / "films"], folder / "corpus", settings, quiet=True)
    return folder / "corpus"


def from_shards(recipe: Recipe, corpus: Path, folder: Path, steps: int) -> tuple[float, float]:
    """Instances a second of a whole run and its share of waiting, the first logging interval left out."""
    short = (f"schedule.steps={steps}", "schedule.checkpoint_every=1000000", "monitor.clips=0")
    run = pretrain(recipe, corpus, folder / "run", settings=short, quiet=True)
    assert isinstance(run, Run)
    size = batch_size(
        ClipIndex.read(Catalog.open(corpus), recipe.data, recipe.views), recipe.views, recipe.groups
    )
    return steps * size * recipe.groups / run.seconds, run.wait_share


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--batch", type=int, default=64, help="instances in memory")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100, help="of the run from shards")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--no-shards", action="store_true", help="only what is in memory")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: run this with --device cpu", file=sys.stderr)
        return 2
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    if device.type == "cpu":
        keep_memory()  # as a run does; for all that are compared
    changes = (*options.set, "groups=1", f"machine.threads={options.threads}")
    recipe = load_recipe(options.recipe, (*changes, f"machine.device={options.device}"))
    with tempfile.TemporaryDirectory() as folder:
        corpus = options.corpus or make_corpus(Path(folder))
        index = ClipIndex.read(Catalog.open(corpus), load_recipe("demo").data)
        found = contenders(recipe, synthetic(recipe, options.batch, device), index, device)
        measure(found, options.rounds, device)
        held = report(recipe, found, options, device)
        if not options.no_shards:
            rate, waits = from_shards(recipe, corpus, Path(folder), options.steps)
            cache = recipe.machine.cache_gb
            print(
                f"from shards: {rate:.3g} instances/s over {options.steps} steps, {waits:.1%} of the time "
                f"waiting for data ({recipe.machine.workers} loader processes, {cache:g} GB of clip cache)"
            )
    return 0 if held or options.recipe != "demo" else 1


def report(recipe: Recipe, found: list[Contender], options: argparse.Namespace, device: torch.device) -> bool:
    precision = acceleration(recipe.machine, device).precision
    place = f"torch {torch.__version__}; {describe_device(device)}"
    print(f"{place}; {recipe.name}, batch {options.batch}, {precision}")
    print(f"matrix products: {matmul_peak(device, precision) / 1e12:.3g} TFLOP/s")
    print("| what | instances/s | of the encoders' speed |\n|---|---|---|")
    shares = {}
    for contender in found:
        pairs = zip(found[0].seconds, contender.seconds, strict=True)
        shares[contender.name] = statistics.median(theirs / own for theirs, own in pairs)
        rate = options.batch / statistics.median(contender.seconds)
        print(f"| {contender.name} | {rate:.3g} | {shares[contender.name]:.1%} |")
    plain, loop = (statistics.median(found[number].seconds) for number in (2, 3))
    print(f"the loop is {plain / loop:.2f} x as fast as a plain eager one")
    if device.type == "cuda":
        for name in (name for name in recipe_names() if name.startswith("paper/")):
            paper = load_recipe(name)
            if paper.video == recipe.video:
                seen = (paper.schedule.steps or 0) * paper.groups * paper.views.batch_size
                print(f"{name}: {seen * loop / options.batch / 3600:,.0f} GPU-hours for {seen:,} instances")
    held = shares["loop"] >= BAR
    print(f"bar, the loop at {BAR:.0%} of its encoders: {'held' if held else 'MISSED'}")
    return held


if __name__ == "__main__":
    sys.exit(main())

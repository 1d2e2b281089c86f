"""What a run would be, against what it is."""

import dataclasses
import re
import time

import numpy as np
import pytest
import torch
from tests.conftest import TINY_CONVOLUTIONS, TINY_MVIT
from torch.utils.flop_counter import FlopCounterMode

from lssd.corpus import Member
from lssd.errors import InputError
from lssd.models import AccelerationConfig, accelerate
from lssd.models.draws import Draws
from lssd.pretraining.forecast import Forecast, forecast, training_flops
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import Recipe, load_recipe
from lssd.views import ClipEntry, ClipIndex

SIZES = ("views.batch_size=8", "views.frames=4", "views.size=32", "views.short_side=[32,40]", "groups=2")
SMALL = (*SIZES, *TINY_MVIT, "schedule.steps=500")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _member(language: str | None) -> Member:
    return Member("clip", "sound", None, language, "shard.tar", 0, 0, f"{language}")


def _index(
    titles: int = 5, clips: int = 10, dubs: tuple[tuple[str, ...], ...] = (("es", "fr"),)
) -> ClipIndex:
    """Clips whose dubs are in turn those of `dubs`; there are no files."""
    rows = [
        ClipEntry(
            clip_id=f"{title}-{clip}",
            title_id=str(title),
            duration_s=4.0,
            picture=_member(None),
            original=_member("en"),
            dubs=tuple(_member(code) for code in dubs[clip % len(dubs)]),
            background=None,
            duplicates=0,
        )
        for title in range(titles)
        for clip in range(clips)
    ]
    grouped = tuple(tuple(rows[clips * title : clips * (title + 1)]) for title in range(titles))
    return ClipIndex.of("/nowhere", grouped)


def _row(found: Forecast, name: str) -> str:
    return str(dict(found.rows())[name])


def test_steps_batches_and_clips() -> None:
    found = forecast(load_recipe("demo", SMALL), _index(dubs=(("es",), ())), measure=False)
    assert (found.clips, found.titles, found.dubbed_clips) == (50, 5, 25)
    # 2 groups of 8; floor(50 / 16) = 3 steps an epoch.
    assert (found.batch, found.epoch_steps, found.steps, found.instances) == (16, 3, 500, 8000)
    assert _row(found, "clips") == "50 of 5 titles, 25 with dubs (50%)"
    assert _row(found, "batch") == "16 = 2 groups of 8, on 1 of at most 2 processes"
    assert _row(found, "steps") == "500 (166.7 epochs of 3 on this corpus)"
    assert _row(found, "time") == "not measured"
    assert "activations were not measured" in _row(found, "memory")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ((), (2, 2)),
        (("video={name: frame_cnn}", "audio={name: tdnn}", *TINY_CONVOLUTIONS), (2, 2)),
        (("views.windows=1",), (1, 2)),
        (("views.windows=1", "views.secondary=none", "objective.lambda_a=0"), (1, 1)),
        (("views.pictures=false", "video=null"), (0, 2)),
    ],
)
def test_operations_are_those_that_torch_counts(settings: tuple[str, ...], counts: tuple[int, int]) -> None:
    """Torch's counter over a real forward pass of one instance; matrix products then take twice as much
    backward. (Backward, torch counts the weights of a depthwise convolution as if it were a dense one.)
    Attention is written out, since the padding of fused kernels is no work that an MViT asks for."""
    recipe = load_recipe("demo", [*SMALL, *settings])
    network = accelerate(Network.create(recipe).train(), AccelerationConfig(attention="plain"))
    windows, sounds = counts
    views = recipe.views
    frames = torch.zeros(1, windows, views.frames, 3, views.size, views.size, dtype=torch.uint8)
    waveform = torch.zeros(1, sounds, views.channels, views.window_samples)
    present = torch.ones(1, sounds, dtype=torch.bool)
    inputs = network.prepare(frames if windows else None, waveform, present, Draws(np.zeros(1, np.uint64)))
    with FlopCounterMode(display=False) as forward:
        z = network(inputs)
    with FlopCounterMode(display=False) as backward:
        (z.sound_BKZ.sum() + (z.video_BWZ.sum() if z.video_BWZ is not None else 0)).backward()
    found = forecast(recipe, _index(), measure=False)
    assert found.flops == 3 * forward.get_total_flops()
    assert _products(backward) == pytest.approx(2 * _products(forward), rel=1e-3)
    assert found.flops == training_flops(recipe, _index(), network)
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert found.input_bytes == 16 * (4 * inputs.sound_PC1ML.numel() + _bytes(inputs.video_BWCTHW))


def _products(counter: FlopCounterMode) -> int:
    counts = counter.get_flop_counts()["Global"].items()
    return sum(count for name, count in counts if "convolution" not in str(name))


def _bytes(tensor: torch.Tensor | None) -> int:
    return 0 if tensor is None else tensor.numel() * tensor.element_size()


def test_all_dubs_at_once_count_as_many_as_there_are() -> None:
    """Two dubs, one, and none, whose original stands in: 1 + 4 / 3 sounds on average."""
    recipe = load_recipe("demo", [*SMALL, "views.secondary=all"])
    index = _index(clips=9, dubs=(("es", "fr"), ("ja",), ()))
    assert forecast(recipe, index, measure=False).sounds == pytest.approx(1 + 4 / 3)
    chosen = dataclasses.replace(recipe, views=dataclasses.replace(recipe.views, secondary_languages=("es",)))
    assert forecast(chosen, index, measure=False).sounds == pytest.approx(2)


def _project(recipe: Recipe, network: Network, instances: int) -> torch.Tensor:
    """The sum of a batch's projections."""
    views = recipe.views
    frames = torch.zeros(instances, 2, views.frames, 3, views.size, views.size, dtype=torch.uint8)
    waveform = 0.1 * torch.randn(instances, 2, 1, views.window_samples, generator=torch.Generator())
    present, draws = torch.ones(instances, 2, dtype=torch.bool), Draws(np.arange(instances, dtype=np.uint64))
    z = network(network.prepare(frames, waveform, present, draws))
    assert z.video_BWZ is not None
    return z.sound_BKZ.sum() + z.video_BWZ.sum()


def _step_seconds(recipe: Recipe, network: Network, instances: int) -> float:
    """The best of three forward and backward passes of a batch."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        _project(recipe, network, instances).backward()
        times.append(time.perf_counter() - begun)
    return min(times)


def _saved_bytes(recipe: Recipe, network: Network, instances: int) -> int:
    """What autograd keeps of a whole batch, apart from weights and statistics."""
    kept: dict[int, torch.Tensor] = {}
    own = {tensor.data_ptr() for tensor in (*network.parameters(), *network.buffers())}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        _project(recipe, network, instances)
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own)


@pytest.mark.slow
def test_time_and_memory_are_those_of_the_run() -> None:
    recipe = load_recipe("demo", SMALL)
    # Other work on the machine comes and goes: the fastest of a few counts, here as there.
    found = min((forecast(recipe, _index()) for _ in range(3)), key=lambda one: one.seconds or 0)
    assert found.seconds is not None
    assert found.activation_bytes is not None
    assert found.steps is not None
    real = _step_seconds(recipe, Network.create(recipe).train(), found.batch) * found.steps
    assert real / 3 < found.seconds < 3 * real
    saved = _saved_bytes(recipe, Network.create(recipe).train(), found.batch)
    assert found.activation_bytes == pytest.approx(saved, rel=0.1)
    assert recipe.optimiser.average  # weights, their average, gradients and two moments
    assert found.memory_bytes == 5 * found.weight_bytes + found.input_bytes + found.activation_bytes
    assert found.weight_bytes == 4 * found.parameters


def test_parts_hold_less_and_take_longer() -> None:
    whole, parts = (
        forecast(load_recipe("demo", [*SMALL, f"machine.chunk={chunk}"]), _index()) for chunk in (16, 4)
    )
    assert (whole.held, parts.held) == (16, 4)
    assert parts.activation_bytes == pytest.approx(whole.activation_bytes / 4, rel=0.01)
    assert parts.seconds is not None
    assert parts.video is not None
    assert parts.audio is not None
    once = 500 * 16 * 2 * (parts.video.training_s + parts.audio.training_s)
    again = 500 * 16 * 2 * (parts.video.forward_s + parts.audio.forward_s)
    assert parts.seconds == pytest.approx(once + again)


@pytest.mark.slow
def test_processes_share_the_work() -> None:
    recipe, index = load_recipe("demo", SMALL), _index()
    alone, two = (forecast(recipe, index, processes=count) for count in (1, 2))
    assert (two.batch, two.held, two.input_bytes) == (16, 8, alone.input_bytes // 2)
    assert _row(two, "batch").endswith("on 2 of at most 2 processes")
    assert two.seconds is not None
    assert alone.seconds is not None
    assert two.seconds < alone.seconds


def test_the_share_that_was_measured_is_told() -> None:
    found = forecast(load_recipe("demo", SMALL), _index())
    assert found.video is not None
    assert found.audio is not None
    # 32 windows of each, of 8000 instances with two.
    assert (found.video.windows, found.audio.windows) == (32, 32)
    pattern = r"[\d.e+]+ (s|minutes|hours) of computing on cpu, from 32 windows of sound and 32 windows of "
    assert re.fullmatch(pattern + r"picture \(0\.002 of it\)", _row(found, "time"))


def test_parity_with_the_recipes_that_are_to_run_as_long() -> None:
    small = ("video.name=mvit", "video.dials={depth: 1, stage_starts: [], width: 8}", "audio.name=mvit")
    settings = [*SIZES, *small, "audio.dials={depth: 1, stage_starts: [], width: 8}"]
    for name, other, steps in (("A.1", "A.2", 26952), ("B.1", "B.3", 113664), ("C.2", "B.5", 29880)):
        found = forecast(load_recipe(f"paper/{name}", settings), _index(), measure=False)
        assert _row(found, f"same steps as paper/{other}") == f"yes, {steps}"
    shorter = forecast(load_recipe("paper/A.1", [*settings, "schedule.steps=20"]), _index(), measure=False)
    assert _row(shorter, "same steps as paper/A.2") == "no: 26952 as packaged, 20 here"
    unknown = dataclasses.replace(load_recipe("demo", SMALL), same_steps_as=("paper/A.9",))
    with pytest.raises(InputError, match=r"no recipe 'paper/A\.9'"):
        forecast(unknown, _index(), measure=False)


def test_a_recipe_is_sized_up_as_it_stands_where_the_clips_do_not_do() -> None:
    for name, index in (("paper/B.5", None), ("paper/B.5", _index(titles=1, clips=3))):
        small = ("video.name=mvit", "video.dials={depth: 1, stage_starts: [], width: 8}", "audio.name=mvit")
        recipe = load_recipe(name, [*small, "audio.dials={depth: 1, stage_starts: [], width: 8}"])
        found = forecast(recipe, index, measure=False, obstacle="too few clips")
        assert (found.batch, found.steps, found.epoch_steps) == (2048, 29880, None)
        assert _row(found, "on this corpus") == "cannot be trained: too few clips"
        assert _row(found, "steps") == "29880" and _row(found, "instances") == "61194240"
        assert _row(found, "same steps as paper/B.4") == "yes, 29880"
        assert _row(found, "clips").startswith("3 of 1 titles" if index else "none of those that paper/B.5")
    epochs = load_recipe("demo", [*SMALL, "schedule.steps=null", "schedule.epochs=7", "views.secondary=all"])
    found = forecast(epochs, None, obstacle="no clips")
    assert (found.steps, found.seconds, found.sounds) == (None, None, 2.0)
    assert _row(found, "steps") == "unknown: 7 epochs of a corpus that has the clips"
    assert _row(found, "time").endswith("of computing a step on cpu")
    assert "in all" not in _row(found, "compute")


def test_quantities_in_words() -> None:
    recipe = load_recipe("demo", SMALL)
    base = forecast(recipe, _index(), measure=False)
    cases = {
        "compute": [(791e9, "791 GFLOP an instance, 6.33 PFLOP in all"), (9.999e8, "1 GFLOP an instance")],
        "time": [(7201.0, "2 hours of"), (119.0, "119 s of"), (1.4e9, "44.4 years of")],
    }
    for flops, words in cases["compute"]:
        assert words in _row(dataclasses.replace(base, flops=int(flops)), "compute")
    measured = forecast(recipe, _index())
    for seconds, words in cases["time"]:
        assert _row(dataclasses.replace(measured, step_seconds=seconds / 500), "time").startswith(words)

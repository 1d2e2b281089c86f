"""Statistics over processes: real gloo processes beside one process that holds the whole batch."""

import copy
import multiprocessing
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lssd.errors import InputError
from lssd.models import FrameInput, SoundInput, SoundInputConfig
from lssd.models.batch_norm import BatchNorm, frozen_statistics, span_processes

SPLITS = {"equal": (3, 3), "unequal": (1, 5), "one empty": (0, 6)}


def network(momentum: float | None = None) -> nn.Sequential:
    """A network whose norms need each other's gradients; float64, so that 1e-6 means exact."""
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv3d(2, 4, 1),
        nn.BatchNorm3d(4),
        nn.Tanh(),
        nn.Conv3d(4, 3, 1),
        nn.BatchNorm3d(3, momentum=momentum),
    )
    for norm in (layers[1], layers[4]):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return layers.double()


def batch() -> torch.Tensor:
    # Far from zero, and items far from each other: naive sums of squares would lose digits.
    torch.manual_seed(1)
    return torch.randn(6, 2, 2, 3, 4).double() * torch.linspace(0.1, 3, 6).view(-1, 1, 1, 1, 1).double() + 50


def answers(layers: nn.Module, x: torch.Tensor, first: int) -> dict[str, torch.Tensor]:
    """Two training steps' outputs, gradients and statistics; items are weighted by their place."""
    x = x.clone().requires_grad_()
    weights = torch.arange(first + 1, first + 1 + len(x)).view(-1, 1, 1, 1, 1) * torch.linspace(-1, 2, 4)
    for _ in range(2):
        layers.zero_grad()
        y = layers(x)
        (y.square() * weights).sum().backward()
    gradients = {f"grad {name}": parameter.grad for name, parameter in layers.named_parameters()}
    return {"y": y.detach(), "dx": x.grad, **gradients, **layers.state_dict()}


class Waits(TorchDispatchMode):
    """Counts what makes the host wait for a GPU: tensors whose value is asked for."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def poisoned(rank: int = 1) -> torch.Tensor:
    """A batch of which one value of one channel, on process 1, is not finite."""
    x = batch()[:3].clone()
    if rank == 1:
        x[1, 0, 0, 0, 0] = torch.inf
    return x


def process(rank: int, folder: str) -> None:
    """One of two processes: answers to every case, saved for the test to compare."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found: dict[str, dict[str, torch.Tensor]] = {}
    for name, split in SPLITS.items():
        first = split[0] * rank
        part = batch()[first : first + split[rank]]
        found[name] = answers(span_processes(network()), part, first)
    front = SoundInput(SoundInputConfig(mask_fraction=0.0)).train()
    found["stem"] = {"y": front(sounds()[2 * rank : 2 * rank + 2]), **front.state_dict()}
    with Waits() as waits:
        answers(span_processes(network(momentum=0.2)), batch()[3 * rank : 3 * rank + 3], 3 * rank)
    found["waits"] = {"count": torch.tensor(waits.count)}
    layers = span_processes(network())
    layers(batch()[3 * rank : 3 * rank + 3])
    before = copy.deepcopy(layers.state_dict())
    assert not layers(poisoned(rank)).isfinite().all()
    found["poisoned"], found["before"] = dict(layers.state_dict()), dict(before)
    half = span_processes(nn.BatchNorm1d(2)).train()(torch.full((2, 2), 1.0 + rank).bfloat16())
    found["half"] = {"y": half.float().detach()}
    try:
        span_processes(nn.BatchNorm1d(2))(torch.ones(1 - rank, 2))
    except InputError as error:
        found["refused"] = {str(error): torch.ones(())}
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def sounds() -> torch.Tensor:
    torch.manual_seed(2)
    return torch.randn(4, 1, 24000) * torch.logspace(-3, 0, 4).view(-1, 1, 1)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, torch.Tensor]]]:
    folder = tmp_path_factory.mktemp("gloo")
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=process, args=(rank, str(folder))) for rank in range(2)]
    for one in started:
        one.start()
    for one in started:
        one.join(60)
        one.kill()
        assert one.exitcode == 0
    return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("split", SPLITS)
def test_two_processes_equal_one_with_the_whole_batch(found, split):
    expected = answers(network(), batch(), 0)
    first, second = (one[split] for one in found)
    for name, value in expected.items():
        if name in ("y", "dx"):
            together = torch.cat([first[name], second[name]])
        elif name.startswith("grad"):
            together = first[name] + second[name]
        else:
            together = first[name]
            assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(
            together, value, rtol=1e-9, atol=1e-9, msg=lambda text, n=name: f"{n}: {text}"
        )


def test_statistics_of_each_process_alone_would_not_do():
    # What the comparison above must be able to see.
    whole = answers(network(), batch(), 0)
    parts = [answers(network(), batch()[start : start + 3], start) for start in (0, 3)]
    assert (torch.cat([part["dx"] for part in parts]) - whole["dx"]).abs().max() > 1e-2


def test_the_stem_of_a_sound_encoder_spans_processes(found):
    alone = SoundInput(SoundInputConfig(mask_fraction=0.0)).train()
    y = alone(sounds())
    torch.testing.assert_close(torch.cat([one["stem"]["y"] for one in found]), y, rtol=1e-5, atol=1e-5)
    for one in found:
        torch.testing.assert_close(one["stem"]["stem.running_var"], alone.stem.running_var)


def test_low_precision_keeps_its_type_and_one_value_is_refused(found):
    torch.testing.assert_close(found[0]["half"]["y"], torch.full((2, 2), -1.0))
    torch.testing.assert_close(found[1]["half"]["y"], torch.full((2, 2), 1.0))
    assert "at least 2 values" in next(iter(found[0]["refused"]))


def test_alone_it_is_torch_s_own():
    plain, spanning = network(), span_processes(network())
    assert isinstance(spanning[1], BatchNorm)
    expected, found = answers(plain, batch(), 0), answers(spanning, batch(), 0)
    assert list(found) == list(expected)
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    plain.eval(), spanning.eval()
    assert torch.equal(spanning(batch()), plain(batch()))


def test_the_host_does_not_wait_for_statistics(found):
    """Two steps of two norms, forward and backward, in two processes; PyTorch's average over all batches
    (momentum None) needs their number."""
    assert [int(one["waits"]["count"]) for one in found] == [0, 0]
    with Waits() as waits:
        answers(span_processes(network(momentum=0.2)), batch(), 0)
    assert waits.count == 0
    with Waits() as waits:
        answers(span_processes(network()), batch(), 0)
    assert waits.count == 2


def test_a_batch_that_is_not_finite_leaves_running_statistics_as_they_are(found):
    layers = span_processes(network())
    layers(batch())
    before = copy.deepcopy(layers.state_dict())
    assert not layers(poisoned()).isfinite().all()
    with frozen_statistics(layers):
        layers(poisoned())
    # In two processes, of which only one holds what is not finite, as well.
    for known, after in ((before, layers.state_dict()), *((one["before"], one["poisoned"]) for one in found)):
        assert all(torch.equal(after[key], value) for key, value in known.items())
        assert int(after["1.num_batches_tracked"]) == 1
    plain = network()
    plain(batch())
    plain(poisoned())
    assert plain[1].running_mean.isnan().any() or plain[1].running_mean.isinf().any(), "torch's own"


def test_conversion_keeps_parameters_keys_and_modes():
    plain = network().eval()
    parameters, keys = list(plain.parameters()), list(plain.state_dict())
    spanning = span_processes(plain)
    assert all(a is b for a, b in zip(spanning.parameters(), parameters, strict=True))
    assert list(spanning.state_dict()) == keys
    assert not spanning[1].training
    assert spanning[4].momentum is None
    assert span_processes(spanning)[1] is spanning[1]
    alone = span_processes(nn.BatchNorm2d(3, affine=False))
    assert isinstance(alone, BatchNorm)
    assert alone.weight is None
    copy.deepcopy(spanning)


def test_stems_keep_the_keys_of_saved_checkpoints():
    expected = ["stem.running_mean", "stem.running_var", "stem.num_batches_tracked"]
    assert list(FrameInput().state_dict()) == expected
    assert list(SoundInput().state_dict()) == expected


def test_frozen_statistics_measure_but_do_not_learn():
    norm = BatchNorm(2).train()
    x = torch.randn(8, 2, 5) + 3
    with frozen_statistics(norm):
        y = norm(x)
    assert torch.equal(norm.running_mean, torch.zeros(2))
    assert int(norm.num_batches_tracked) == 0
    torch.testing.assert_close(y.mean(dim=(0, 2)), torch.zeros(2), atol=1e-6, rtol=0)
    norm(x)
    assert int(norm.num_batches_tracked) == 1


def test_a_wrong_shape_is_named():
    with pytest.raises(InputError, match=r"\(batch, 3, ...\), not \(2,\)"):
        BatchNorm(3).eval()(torch.zeros(2, 3)[:, 0])

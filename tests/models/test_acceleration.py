"""Everything that runs differently must compute the same."""

import copy
import shutil

import pytest
import torch
from torch import Tensor, nn

from lssd.errors import InputError
from lssd.models import build_model, create, load_model, save_model
from lssd.models.acceleration import AccelerationConfig, accelerate, autocast, blocks_of
from lssd.models.encoder import Encoder

TINY = {
    "input_size": (4, 16, 16),
    "depth": 3,
    "width": 8,
    "stage_starts": (1,),
    "kv_stride": 2,
    "patch_kernel": (2, 4, 4),
    "patch_stride": (2, 4, 4),
    "patch_padding": (0, 0, 0),
    "drop_path": 0.5,
}


def encoder() -> Encoder:
    return create("mvit", "video", **TINY).train()


def step(network: nn.Module, seed: int = 0) -> dict[str, Tensor]:
    """Output, gradients and the generator's state after one training step's forward and backward."""
    network.zero_grad()
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 3, 4, 16, 16, generator=torch.Generator().manual_seed(9))
    y = network(x, generator)
    (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    gradients = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    return {"y": y.detach(), "drawn": generator.get_state(), **gradients}


def assert_equal_steps(found: dict[str, Tensor], expected: dict[str, Tensor], atol: float) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-4, atol=atol, msg=lambda t, n=name: f"{n}: {t}"
        )


class TestCheckpointing:
    CONFIG = AccelerationConfig(activation_checkpointing=True)

    def test_same_draws_outputs_and_gradients(self):
        network = encoder()
        expected, other = step(network), step(network, seed=1)
        assert not torch.equal(expected["y"], other["y"])  # stochastic depth is at work
        accelerate(network, self.CONFIG)
        for _ in range(2):
            found = step(network)
            assert all(torch.equal(found[name], value) for name, value in expected.items())

    def test_it_keeps_less(self):
        def kept(network: Encoder) -> int:
            sizes: list[int] = []

            def pack(tensor: Tensor) -> Tensor:
                sizes.append(tensor.numel())
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                network(torch.randn(4, 3, 4, 16, 16), torch.Generator())
            return sum(sizes)

        network = encoder()
        plain = kept(network)
        assert kept(accelerate(network, self.CONFIG)) < plain / 3

    def test_running_statistics_learn_once(self):
        network = create(
            "x3d_m", "video", input_size=(4, 32, 32), depths=(1, 1), widths=(8, 8), strides=(2, 2)
        )
        network.train()
        again = accelerate(copy.deepcopy(network), self.CONFIG)
        for one in (network, again):
            one(torch.randn(3, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))).sum().backward()
        tracked = dict(network.named_buffers())
        assert any("num_batches" in name for name in tracked)
        for name, value in again.named_buffers():
            torch.testing.assert_close(value, tracked[name], msg=name)


class TestPrecision:
    def test_bf16_is_near_and_its_output_is_float32(self):
        network = encoder()
        exact = step(network)
        found = step(accelerate(network, AccelerationConfig(precision="bf16")))
        assert found["y"].dtype == torch.float32
        assert torch.equal(found["drawn"], exact["drawn"])
        assert not torch.equal(found["y"], exact["y"])
        # bfloat16 keeps 8 bits: 0.4 % a rounding, a few dozen roundings deep.
        for name in ("y", "blocks.1.mlp.0.weight", "patches.conv.weight"):
            error = (found[name] - exact[name]).norm() / exact[name].norm()
            assert error < 0.03, name

    def test_unknown_settings_are_named(self):
        with pytest.raises(InputError, match="'fp8'"):
            autocast("fp8", torch.device("cpu"))
        with pytest.raises(InputError, match="'all'"):
            AccelerationConfig(compile="all")


class TestAttention:
    def test_plain_and_fast_are_the_same_numbers(self):
        network = encoder()
        fast = step(network)
        plain = step(accelerate(network, AccelerationConfig(attention="plain")))
        assert network.config.attention == "plain"
        assert_equal_steps(plain, fast, 1e-5)
        assert not torch.equal(plain["y"], fast["y"])  # it did run otherwise
        assert torch.equal(step(accelerate(network))["y"], fast["y"])


class TestCompile:
    def test_blocks_are_traced_one_by_one_with_equal_numbers(self, monkeypatch):
        """With the compiler's front alone, which needs no C++ compiler."""
        traced = []

        def backend(graph, inputs):
            traced.append(graph)
            return graph.forward

        compiler = torch.compile
        monkeypatch.setattr(torch, "compile", lambda f, **options: compiler(f, backend=backend, **options))
        network = create("mvit", "video", **{**TINY, "depth": 2, "drop_path": 0.0}).train()
        expected = step(network)
        accelerate(network, AccelerationConfig(compile="block"))
        assert_equal_steps(step(network), expected, 1e-5)
        assert len(traced) == 2
        assert_equal_steps(step(network), expected, 1e-5)
        assert len(traced) == 2

    @pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
    @pytest.mark.slow
    def test_compiled_code_gives_the_same_step(self):
        class Layer(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.linear = nn.Linear(4, 4)

            def forward(self, x: Tensor) -> Tensor:
                return torch.tanh(self.linear(x)) + x

        class Small(Encoder):
            def __init__(self) -> None:
                super().__init__()
                self.blocks = nn.ModuleList([Layer()])

            def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
                for block in self.blocks:
                    x = block(x)
                return x

        network = Small()
        x = torch.randn(8, 4)
        expected = network(x)
        with torch.no_grad():
            compiled = accelerate(network, AccelerationConfig(compile="block"))(x)
        torch.testing.assert_close(compiled, expected, rtol=1e-5, atol=1e-5)


ALL = AccelerationConfig(activation_checkpointing=True, precision="bf16", attention="plain")


def test_keys_stay_and_checkpoints_pass_both_ways(settings, tmp_path):
    model = build_model(**settings, seed=1).eval()
    frames = torch.randint(0, 256, (2, 4, 3, 32, 32), dtype=torch.uint8)
    keys, before = list(model.state_dict()), model.embed_video(frames)
    accelerate(model, ALL)
    assert list(model.state_dict()) == keys
    save_model(model, tmp_path / "model")
    loaded = accelerate(load_model(tmp_path / "model"))
    assert torch.equal(loaded.embed_video(frames), before)
    torch.testing.assert_close(model.embed_video(frames), before, rtol=0.05, atol=0.05)
    assert torch.equal(accelerate(model).embed_video(frames), before)
    assert not any("forward" in module.__dict__ for module in model.modules())


def test_a_copy_runs_its_own_weights():
    network = accelerate(encoder(), ALL).eval()
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    x = torch.randn(1, 3, 4, 16, 16)
    assert network(x).abs().max() == 0
    assert copied(x).abs().max() > 0


@pytest.mark.parametrize("name", ["mvit_v2_s", "mvit_v1_s", "x3d_m"])
def test_every_encoder_has_blocks(name):
    with torch.device("meta"):
        assert len(blocks_of(create(name))) > 3


def test_a_network_without_an_encoder_is_refused():
    with pytest.raises(InputError, match="Linear"):
        accelerate(nn.Linear(2, 2))

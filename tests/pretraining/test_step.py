"""One step's gradient: whole, in parts, and what of it reaches the weights."""

import copy

import pytest
import torch
from tests.conftest import TINY_MVIT
from torch import Tensor, nn

from lssd.models import AccelerationConfig, accelerate
from lssd.models.draws import Draws
from lssd.pretraining import Recipe, load_recipe
from lssd.pretraining.network import Inputs, Network
from lssd.pretraining.objective import Losses, Projections, batch_loss
from lssd.pretraining.optimiser import build_optimiser, update
from lssd.pretraining.step import backpropagate

SMALL = (
    *TINY_MVIT,
    "views.batch_size=6",
    "views.frames=2",
    "views.size=32",
    "views.short_side=[32,40]",
    "video.dials.drop_path=0.5",
    "audio.dials.drop_path=0.5",
    "head={size: 16}",
)

RESNET = (  # whose blocks hold batch norms, for sound
    "audio.name=acoustic_resnet50",
    "audio.dials={width: 4, depths: [1, 1], strides: [1, 2], stem_stride: [4, 4]}",
)


def recipe(*settings: str) -> Recipe:
    return load_recipe("demo", (*SMALL, *settings))


def batch(instances: int = 6, windows: int = 2, sounds: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (instances, windows, 2, 3, 32, 32), generator=generator, dtype=torch.uint8)
    waveform = 0.1 * torch.randn(instances, sounds, 1, 144_000, generator=generator)
    return frames, waveform, torch.ones(instances, sounds, dtype=torch.bool)


def gradients(network: Network, made: Recipe, inputs: Inputs, chunk: int | None) -> dict[str, Tensor]:
    network.zero_grad()
    present = inputs.rows_BK >= 0

    def objective(z: Projections) -> Losses:
        return batch_loss(z, present, torch.arange(len(present)), made.objective)

    losses = backpropagate(network, inputs, objective, chunk)
    found = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    return {"total": losses.total.detach(), **found}


class TestParts:
    @pytest.mark.parametrize("chunk", [1, 4, 5])
    def test_parts_give_the_gradient_of_the_whole(self, chunk):
        """With stochastic depth and masks drawn: an item's numbers do not depend on its part."""
        made = recipe("objective.learn_temperature=true", "objective.lambda_v=0.3")
        network = Network.create(made).train().double()
        inputs = network.prepare(*batch(), Draws.of_step(0, 0, range(6)))
        whole, parts = (gradients(network, made, inputs, size) for size in (None, chunk))
        assert list(whole) == list(parts) and "log_scale" in whole
        for name, value in whole.items():
            torch.testing.assert_close(parts[name], value, rtol=1e-6, atol=1e-9, msg=name)

    def test_negatives_are_those_of_the_whole_batch(self):
        made = recipe()
        network = Network.create(made).train()
        inputs = network.prepare(*batch(), Draws.of_step(0, 0, range(6)))
        whole = gradients(network, made, inputs, None)["total"]
        halves = [gradients(network, made, inputs.part(*span), None)["total"] for span in ((0, 3), (3, 6))]
        assert whole > sum(halves) / 2 + 0.1  # more candidates, a larger loss
        assert gradients(network, made, inputs, 3)["total"] == pytest.approx(whole.item(), abs=1e-5)

    def test_batch_norms_inside_an_encoder_learn_once(self):
        made = recipe()
        network = Network.create(made).train()
        network.audio_head = nn.Sequential(nn.BatchNorm1d(network.audio.embedding_size), network.audio_head)
        inputs = network.prepare(*batch(), Draws.of_step(0, 0, range(6)))
        gradients(network, made, inputs, 3)
        assert network.audio_head[0].num_batches_tracked.item() == 2

    def test_less_is_held(self):
        def held(chunk: int | None) -> int:
            made = recipe()
            network = Network.create(made).train()
            inputs = network.prepare(*batch(), Draws.of_step(0, 0, range(6)))
            most = now = 0

            def pack(tensor: Tensor) -> Tensor:
                nonlocal most, now
                now += tensor.numel()
                most = max(most, now)
                return tensor

            forward = network.forward

            def counted(part: Inputs) -> Projections:
                nonlocal now
                now = 0
                return forward(part)

            network.forward = counted  # type: ignore[method-assign]
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                gradients(network, made, inputs, chunk)
            return most

        assert held(1) < held(None) / 3


class TestInputs:
    def test_absent_sounds_are_not_computed_and_end_as_zeros(self):
        made = recipe("views.secondary=all")
        network = Network.create(made).train()
        frames, waveform, present = batch(instances=3, sounds=3)
        present[1, 2] = present[2, 1] = False
        inputs = network.prepare(frames, waveform, present, Draws.of_step(0, 0, range(3)))
        assert len(inputs.sound_PC1ML) == 7
        z = network(inputs)
        assert torch.equal(z.sound_BKZ.norm(dim=-1) > 0.5, present)
        waveform[1, 2] = 7.0
        again = network(network.prepare(frames, waveform, present, Draws.of_step(0, 0, range(3))))
        torch.testing.assert_close(again.sound_BKZ, z.sound_BKZ)

    @pytest.mark.slow
    @pytest.mark.parametrize("settings", [(), RESNET], ids=["mvit", "resnet"])
    def test_blocks_compile_once_for_any_number_of_sounds(self, settings, monkeypatch):
        """With the compiler's front alone, which needs no C++ compiler."""
        traced = []

        def backend(graph, _):
            traced.append(graph)
            return graph.forward

        compiler = torch.compile
        monkeypatch.setattr(torch, "compile", lambda f, **options: compiler(f, backend=backend, **options))
        network = Network.create(recipe("views.secondary=all", *settings)).train()
        plain = copy.deepcopy(network)
        accelerate(network, AccelerationConfig(compile="block"))
        frames, waveform, present = batch(sounds=3)
        for absent in range(3, 7):  # from 16 items on a CPU convolves otherwise, which compiles once more
            present[:absent, 2] = False
            inputs = network.prepare(frames, waveform, present, Draws.of_step(0, absent, range(6)))
            assert len(inputs.sound_PC1ML) == 18 - absent
            z, expected = network(inputs), plain(inputs)
            torch.testing.assert_close(z.sound_BKZ, expected.sound_BKZ)
            z.sound_BKZ.square().sum().backward()
        blocks = [*network.audio.encoder.blocks, *network.video.encoder.blocks]
        assert len(traced) == len(blocks)

    def test_primary_and_secondary_sounds_may_have_heads_of_their_own(self):
        one, two = recipe(), recipe("head.separate_sounds=true")
        shared, apart = Network.create(one).eval(), Network.create(two).eval()
        inputs = shared.prepare(*batch(), Draws.of_step(0, 0, range(6)))
        a, b = shared(inputs).sound_BKZ, apart(inputs).sound_BKZ
        torch.testing.assert_close(a[:, 0], b[:, 0])
        assert not torch.allclose(a[:, 1], b[:, 1], atol=0.1)

    def test_masks_belong_to_the_instance(self):
        network = Network.create(recipe()).train()
        frames, waveform, present = batch()
        whole = network.prepare(frames, waveform, present, Draws.of_step(0, 0, range(6))).sound_PC1ML
        same = network.prepare(frames, waveform, present, Draws.of_step(0, 0, range(6))).sound_PC1ML
        other = network.prepare(frames, waveform, present, Draws.of_step(0, 1, range(6))).sound_PC1ML
        assert torch.equal(whole, same)
        assert not torch.equal(whole == 0, other == 0)


class TestOptimiser:
    def test_matrices_alone_decay(self):
        network = Network.create(recipe("objective.learn_temperature=true"))
        optimiser = build_optimiser(network, recipe().optimiser)
        decays = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
        assert len(decays) == len(list(network.parameters()))
        decayed = {name for name, p in network.named_parameters() if decays[id(p)]}
        kept = {name for name, p in network.named_parameters() if not decays[id(p)]}
        assert "video.encoder.patches.conv.weight" in decayed and "audio_head.layers.0.weight" in decayed
        assert any("positions" in name or "relative" in name for name in kept), sorted(kept)
        assert "log_scale" in kept and all(not name.endswith("bias") for name in decayed)

    def test_equal_to_plain_adamw_by_hand(self):
        torch.manual_seed(0)
        layer, settings = nn.Linear(3, 2), recipe("optimiser.lr=0.1").optimiser
        by_hand = copy.deepcopy(layer)
        optimiser = build_optimiser(layer, settings)
        m, v = torch.zeros(2, 3), torch.zeros(2, 3)
        for step in range(1, 4):
            gradient = torch.randn(2, 3)
            layer.weight.grad, layer.bias.grad = gradient.clone(), torch.zeros(2)
            update(optimiser, None)
            m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
            moved = (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
            by_hand.weight.data = by_hand.weight.data * (1 - 0.1 * settings.weight_decay) - 0.1 * moved
        torch.testing.assert_close(layer.weight, by_hand.weight)

    @pytest.mark.parametrize("poison", [float("nan"), float("inf")])
    def test_what_is_not_finite_changes_nothing(self, poison):
        layer = nn.Linear(3, 2)
        before, optimiser = copy.deepcopy(layer.state_dict()), build_optimiser(layer, recipe().optimiser)
        layer.weight.grad, layer.bias.grad = torch.full((2, 3), poison), torch.ones(2)
        assert not torch.isfinite(update(optimiser, 1.0))
        assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
        assert not optimiser.state

    def test_a_step_on_sound_that_is_not_finite_leaves_a_sound_network(self):
        made = recipe()
        network = Network.create(made).train()
        optimiser = build_optimiser(network, made.optimiser)
        frames, waveform, present = batch()
        for step, poison in enumerate((0.0, float("nan"))):
            before = copy.deepcopy(network.state_dict())
            waveform[2, 1, 0, 700] += poison
            inputs = network.prepare(frames, waveform, present, Draws.of_step(0, step, range(6)))
            gradients(network, made, inputs, 3)
            norm = update(optimiser, 1.0)
        assert not norm.isfinite()
        changed = {
            name for name, value in network.state_dict().items() if not torch.equal(value, before[name])
        }
        # The pictures were sound, and their statistics hold for the steps to come.
        stem = ("running_mean", "running_var", "num_batches_tracked")
        assert changed == {f"video.front.stem.{name}" for name in stem}
        assert all(value.isfinite().all() for value in network.state_dict().values())

    def test_a_learned_temperature_comes_back_from_its_limit(self):
        made = recipe("objective.learn_temperature=true", "objective.temperature=0.01", "optimiser.lr=0.1")
        network = Network.create(made)
        optimiser = build_optimiser(network, made.optimiser)
        scales = []
        for direction in (-1.0, 1.0, 1.0, 1.0):
            optimiser.zero_grad()
            (direction * network.scale()).backward()
            assert network.log_scale.grad.item() == pytest.approx(direction * network.scale().item())
            update(optimiser, None)
            scales.append(network.scale().item())
        assert scales[0] == pytest.approx(100.0, rel=1e-5)
        assert scales[3] < 95.0

    def test_clipping(self):
        layer = nn.Linear(3, 2)
        optimiser = build_optimiser(layer, recipe().optimiser)
        layer.weight.grad, layer.bias.grad = torch.full((2, 3), 4.0), torch.zeros(2)
        assert update(optimiser, 1.0).item() == pytest.approx(4 * 6**0.5)
        assert layer.weight.grad.norm().item() == pytest.approx(1.0, abs=1e-4)

"""Frozen towers: as they start, in evaluation mode, without gradients."""

import pytest
import torch

from lssd.errors import InputError
from lssd.models.draws import Draws
from lssd.pretraining import load_recipe
from lssd.pretraining.network import Network
from lssd.pretraining.objective import batch_loss
from lssd.pretraining.optimiser import build_optimiser, set_rate, update
from lssd.pretraining.step import backpropagate


@pytest.mark.parametrize("chunk", [None, 2])
def test_a_frozen_tower_stays_as_it_is_and_the_rest_learns(
    small_mvit: tuple[str, ...], chunk: int | None
) -> None:
    dials = ("video.dials.drop_path=0.5", "optimiser.frozen=[video]", "optimiser.average=null")
    recipe = load_recipe("demo", (*small_mvit, *dials))
    network = Network.create(recipe)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimiser = build_optimiser(network, recipe.optimiser)
    generator = torch.Generator().manual_seed(0)
    size = recipe.views.size
    frames = torch.randint(0, 256, (4, 2, 2, 3, size, size), generator=generator, dtype=torch.uint8)
    sounds = 0.1 * torch.randn(4, 2, 1, recipe.views.window_samples, generator=generator)
    present = torch.ones(4, 2, dtype=torch.bool)
    network.train()
    assert network.video is not None
    assert not any(module.training for module in network.video.modules())
    assert all(module.training for module in network.audio.modules())
    draws = [Draws.of_step(0, step, range(4)) for step in range(2)]
    seen = [network(network.prepare(frames, sounds, present, one)).video_BWZ for one in draws]
    assert torch.equal(*seen)  # no stochastic depth
    inputs = network.prepare(frames, sounds, present, draws[0])
    backpropagate(
        network,
        inputs,
        lambda z: batch_loss(z, present, torch.arange(4), recipe.objective, groups=1),
        chunk,
    )
    assert all(parameter.grad is None for parameter in network.video.parameters())
    set_rate(optimiser, 1e-3)
    update(optimiser, None)
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    towers = {name.partition(".")[0] for name in changed}
    assert towers == {"audio", "audio_head", "video_head"}
    assert "audio.front.stem.running_mean" in changed


def test_a_tower_that_is_not_there_cannot_be_frozen(small: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"optimiser\.frozen names video, but there is none"):
        load_recipe("controlled/AUD", ("optimiser.frozen=[video]",))

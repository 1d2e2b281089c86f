"""A network that was evaluated goes on as it was, module by module."""

import pytest
import torch
from torch import nn

from lssd.models import Model
from lssd.models.evaluating import evaluating


def frozen() -> nn.Sequential:
    """A network in training whose statistics are frozen."""
    network = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Dropout()))
    network.train()
    network[1][0].eval()
    return network


def test_each_module_gets_its_own_mode_back() -> None:
    network = frozen()
    modes = [module.training for module in network.modules()]
    with evaluating(network):
        assert not any(module.training for module in network.modules())
    assert [module.training for module in network.modules()] == modes == [True, True, True, False, True]
    with pytest.raises(KeyError), evaluating(network):
        raise KeyError
    assert [module.training for module in network.modules()] == modes


def test_embedding_leaves_frozen_statistics_frozen(model: Model) -> None:
    model.train()
    assert model.audio is not None and model.video is not None
    model.audio.front.stem.eval()
    model.video.front.stem.eval()
    modes = [module.training for module in model.modules()]
    model.embed_audio(torch.zeros(1, 1, 4000))
    model.embed_video(torch.zeros((1, 4, 3, 32, 32), dtype=torch.uint8))
    assert [module.training for module in model.modules()] == modes

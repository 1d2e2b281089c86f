"""Measured costs against counts by hand."""

import pytest
import torch
from torch import nn

from lssd.models import AccelerationConfig, ProjectionHead, build_model
from lssd.pretraining.costs import Saved, count_saved, measure_cost

B = 5


def _block(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU())


def test_saved_tensors_of_an_mlp_by_hand() -> None:
    """A linear layer keeps its input, a ReLU its output, which the next layer's input is: no second time."""
    mlp = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    saved, projected = count_saved(lambda: mlp(torch.zeros(B, 4)), [mlp])
    assert saved == Saved(inside=[], inputs=0, outside=4 * B * (4 + 8))
    assert projected.shape == (B, 2)


def test_what_is_inside_blocks_is_told_apart() -> None:
    """Inputs of 6 numbers; the first block's ReLU output is the second one's input and counts once."""
    blocks = [_block(6), _block(6), nn.Sequential(_block(6), _block(6))]
    chain = nn.Sequential(*blocks, nn.Linear(6, 3))
    saved, _ = count_saved(lambda: chain(torch.zeros(B, 6)), [chain], blocks)
    row = 4 * B * 6
    # Each block keeps the input (counted as such) and its ReLUs' outputs.
    assert saved == Saved(inside=[row, row, 2 * row], inputs=row, outside=0)
    assert saved.total == 5 * row
    assert saved.when_checkpointing == 3 * row
    assert not any(block._forward_hooks or block._forward_pre_hooks for block in blocks)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_tower_is_measured_in_windows(checkpointing: bool) -> None:
    dials = {"depth": 3, "width": 16, "stage_starts": [1], "kv_stride": 2}
    dials |= {"patch_kernel": [1, 8, 8], "patch_stride": [1, 8, 8], "patch_padding": [0, 0, 0]}
    sound = {"sample_rate": 16_000, "hop": 800, "mels": 32}
    model = build_model(audio={"name": "mvit", "dials": dials, "preprocessing": sound})
    assert model.audio is not None
    tower, head = model.audio.train(), ProjectionHead(model.embedding_size, 8)
    state = {name: tensor.clone() for name, tensor in tower.state_dict().items() if "stem" not in name}
    how = AccelerationConfig(activation_checkpointing=checkpointing)
    raw = torch.randn(1, 1, 48_000, generator=torch.Generator().manual_seed(0))
    cost = measure_cost(tower, head, raw, 8, how)
    # As fast as this is, all of what was allowed passes at once; on a busy machine perhaps half of it.
    assert cost.windows in (4, 8)
    assert 0 < cost.forward_s < cost.training_s < 5
    plain = measure_cost(tower, head, raw, 8, AccelerationConfig()).saved
    assert (cost.saved < plain) if checkpointing else (cost.saved == plain)
    # Twice the windows keep twice the memory: what is saved is an instance's, not the weights'.
    one, two = (
        count_saved(lambda n=n: head(tower(raw.expand(n, 1, -1))), [tower, head])[0].total for n in (4, 8)
    )
    assert two == pytest.approx(2 * one, rel=0.02)
    assert all(torch.equal(tensor, tower.state_dict()[name]) for name, tensor in state.items())

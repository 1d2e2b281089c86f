"""The learning rate against torch's own schedulers."""

import pytest
import torch
from torch import nn

from lssd.models import create
from lssd.pretraining.optimiser import build_optimiser, layers_above, learning_rate, set_rate, total_steps
from lssd.pretraining.recipe import OptimiserRecipe, ScheduleRecipe


def test_half_cosine_equals_torchs() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=90)
    for step in range(10, 100):
        assert learning_rate(step, 0.3, 10, 100) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-9)
        optimiser.step()
        scheduler.step()


def test_warm_up_is_linear_and_reaches_the_peak() -> None:
    rates = [learning_rate(step, 2.0, 4, 20) for step in range(5)]
    assert rates == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert learning_rate(19, 2.0, 4, 20) < 0.05


@pytest.mark.parametrize(
    ("name", "modality", "blocks", "first", "last"),
    [
        ("mvit_v2_s", "video", 16, {"patches", "positions", "class_token"}, {"norm"}),
        ("x3d_m", "video", 26, {"stem"}, {"conv5", "norm5", "head"}),
        ("acoustic_resnet50", "audio", 16, {"stem"}, set()),
    ],
)
def test_layers_are_numbered_from_the_top(
    name: str, modality: str, blocks: int, first: set[str], last: set[str]
) -> None:
    with torch.device("meta"):
        encoder = create(name, modality)
    above = layers_above(encoder)
    found = {one: above[id(parameter)] for one, parameter in encoder.named_parameters()}
    for one, layers in found.items():
        part, _, rest = one.partition(".")
        if part == "blocks":
            assert layers == blocks - int(rest.partition(".")[0]), one
        else:
            assert layers == (blocks + 1 if part in first else 0), one
            assert part in first | last, one
    assert set(found.values()) == {*([0] if last else []), *range(1, blocks + 2)}


def test_each_layer_has_its_share_of_the_rate_and_the_first_group_all() -> None:
    """Against the rule of BEiT and MAE, decay ** (layers - layer), written out."""
    with torch.device("meta"):
        encoder = create("mvit_v2_s", "audio")
    network = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(2, 2)})
    optimiser = build_optimiser(network, OptimiserRecipe(layer_decay=0.5, weight_decay=0.1))
    set_rate(optimiser, 0.01)
    rates = {id(one): group["lr"] for group in optimiser.param_groups for one in group["params"]}
    decays = {id(one): group["weight_decay"] for group in optimiser.param_groups for one in group["params"]}
    for name, parameter in network.named_parameters():
        layer = 17
        if name.startswith("encoder.blocks."):
            layer = int(name.split(".")[2]) + 1
        elif name.startswith(("encoder.patches", "encoder.positions", "encoder.class_token")):
            layer = 0
        assert rates[id(parameter)] == pytest.approx(0.01 * 0.5 ** (17 - layer)), name
        assert decays[id(parameter)] == (0.1 if name.endswith("weight") and parameter.ndim > 1 else 0.0), name
    assert optimiser.param_groups[0]["lr"] == 0.01
    plain = build_optimiser(network, OptimiserRecipe())
    assert [group["scale"] for group in plain.param_groups] == [1.0, 1.0]


def test_steps_win_over_epochs() -> None:
    assert total_steps(ScheduleRecipe(epochs=3), 10) == 30
    assert total_steps(ScheduleRecipe(epochs=3, steps=7), 10) == 7

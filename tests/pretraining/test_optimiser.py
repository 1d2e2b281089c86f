"""The learning rate against torch's own schedulers."""

import pytest
import torch

from lssd.pretraining.optimiser import learning_rate, total_steps
from lssd.pretraining.recipe import ScheduleRecipe


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


def test_steps_win_over_epochs() -> None:
    assert total_steps(ScheduleRecipe(epochs=3), 10) == 30
    assert total_steps(ScheduleRecipe(epochs=3, steps=7), 10) == 7

"""AdamW and its learning rate: what decays, what rate a step has, and when an update is left out."""

import math

import torch
from torch import Tensor, nn

from lssd.pretraining.network import Network
from lssd.pretraining.recipe import OptimiserRecipe, ScheduleRecipe

_MATRICES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def build_optimiser(network: nn.Module, settings: OptimiserRecipe) -> torch.optim.Optimizer:
    """AdamW, fused. The weights of linear layers and convolutions decay; norms, biases, positions, class
    tokens and a learned temperature do not. Each of its steps ends with `Network.limit_scale`."""
    decayed = {id(module.weight) for module in network.modules() if isinstance(module, _MATRICES)}
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {
            "params": [parameter for parameter in parameters if id(parameter) in decayed],
            "weight_decay": settings.weight_decay,
        },
        {
            "params": [parameter for parameter in parameters if id(parameter) not in decayed],
            "weight_decay": 0.0,
        },
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas, fused=True)
    if isinstance(network, Network):
        optimiser.register_step_post_hook(lambda *_: network.limit_scale())
    return optimiser


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next update."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def update(optimiser: torch.optim.Optimizer, clip_norm: float | None) -> Tensor:
    """Clip the gradients to `clip_norm`, update, and return their norm before clipping, ().

    Nothing is updated when the norm is not finite. All processes hold equal gradients, so they agree.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    if torch.isfinite(norm):
        if clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(parameters, clip_norm, norm)
        optimiser.step()
    return norm


def total_steps(schedule: ScheduleRecipe, steps_per_epoch: int) -> int:
    """Steps of the whole run: `steps` when the recipe states them, else its epochs."""
    return schedule.steps if schedule.steps is not None else schedule.epochs * steps_per_epoch


def warmup_steps(schedule: ScheduleRecipe, steps_per_epoch: int, steps: int) -> int:
    """Steps of warm-up: as stated, else its epochs; at most half of a run of few steps."""
    stated = schedule.warmup_steps
    wanted = round(schedule.warmup_epochs * steps_per_epoch) if stated is None else stated
    return min(wanted, steps // 2)


def learning_rate(step: int, peak: float, warmup_steps: int, steps: int) -> float:
    """Linear warm-up to `peak`, then half a cosine to zero at `steps` (paper, appendix A).

    The first step already moves: step 0 has peak / warmup_steps.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

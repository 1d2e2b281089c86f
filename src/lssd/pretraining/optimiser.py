"""AdamW as the recipes have it: what decays, and updates that are never made of what is not finite."""

import torch
from torch import Tensor, nn

from lssd.pretraining.network import Network
from lssd.pretraining.recipe import OptimiserRecipe

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

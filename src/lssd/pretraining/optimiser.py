"""AdamW and its learning rate: what decays, what rate a step has, and when an update is left out."""

import math

import torch
from torch import Tensor, nn

from lssd.models.acceleration import blocks_of
from lssd.models.encoder import Encoder
from lssd.pretraining.network import Network
from lssd.pretraining.recipe import OptimiserRecipe, ScheduleRecipe

_MATRICES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def build_optimiser(network: nn.Module, settings: OptimiserRecipe) -> torch.optim.Optimizer:
    """AdamW, fused, over what is not frozen. The weights of linear layers and convolutions decay; norms,
    biases, positions, class tokens and a learned temperature do not. A group of parameters has a `scale`: its
    share of the learning rate, 1 in the first group. Each step ends with `Network.limit_scale`."""
    decayed = {id(module.weight) for module in network.modules() if isinstance(module, _MATRICES)}
    above = layers_above(network) if settings.layer_decay is not None else {}
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {(0, True): [], (0, False): []}
    for parameter in network.parameters():
        if parameter.requires_grad:
            key = above.get(id(parameter), 0), id(parameter) in decayed
            groups.setdefault(key, []).append(parameter)
    settings_of_groups = [
        {
            "params": groups[layers, decays],
            "weight_decay": settings.weight_decay if decays else 0.0,
            "scale": (settings.layer_decay or 1.0) ** layers,
        }
        for layers, decays in sorted(groups, key=lambda key: (key[0], not key[1]))
    ]
    optimiser = torch.optim.AdamW(settings_of_groups, lr=settings.lr, betas=settings.betas, fused=True)
    if isinstance(network, Network):
        optimiser.register_step_post_hook(lambda *_: network.limit_scale())
    return optimiser


def layers_above(network: nn.Module) -> dict[int, int]:
    """How many layers lie above each parameter of the encoders in a network, by the parameter's `id`.

    Of L blocks the last has 1 and the first L; what an encoder holds before its blocks (patches, a stem,
    positions) has L + 1, what it holds after them (a last norm or convolution) 0, as the heads have.
    """
    found: dict[int, int] = {}
    for encoder in network.modules():
        if not isinstance(encoder, Encoder):
            continue
        blocks = blocks_of(encoder)
        of_block = {id(one): number for number, block in enumerate(blocks) for one in block.parameters()}
        above = len(blocks) + 1
        for parameter in encoder.parameters():  # in the order in which the encoder has its parts
            if id(parameter) in of_block:
                found[id(parameter)] = len(blocks) - of_block[id(parameter)]
                above = 0
            else:
                found[id(parameter)] = above
    return found


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next update; each group has its share of it."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["scale"]


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

"""The gradient of one step, all at once or in parts.

In parts (GradCache: Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited
Setup", 2021): projections of all parts without gradients, the loss and its gradient over all of them,
then each part again with gradients. Only one part's activations are held, and the negatives of every
instance are still the whole batch.

Shape suffixes: B instances, W windows, K sounds, Z size of a projection.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lssd.models.batch_norm import frozen_statistics
from lssd.pretraining.network import Inputs
from lssd.pretraining.objective import Losses, Projections

Objective = Callable[[Projections], Losses]


def backpropagate(network: nn.Module, inputs: Inputs, objective: Objective, chunk: int | None) -> Losses:
    """Add the gradient of the objective of a local batch to the parameters; returns the losses.

    network: a `Network`, or one in DistributedDataParallel, whose gradients are then averaged over the
    processes. chunk: instances a part; None computes all at once. The parts give the same gradient as the
    whole, up to rounding; only batch norms inside an encoder (X3D, Acoustic ResNet) see the part alone.
    """
    if chunk is None or chunk >= len(inputs):
        losses = objective(network(inputs))
        losses.total.backward()
        return losses
    parts = [inputs.part(first, last) for first, last in _spans(len(inputs), chunk)]
    cached = _leaves(_project_all(network, parts))
    losses = objective(cached)
    losses.total.backward()
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        with nullcontext() if last else _unsynchronised(network):
            _backward_part(network(part), cached, number * chunk, with_scale=last)
    return losses


def _spans(length: int, chunk: int) -> Iterator[tuple[int, int]]:
    for first in range(0, length, chunk):
        yield first, min(first + chunk, length)


@torch.no_grad()
def _project_all(network: nn.Module, parts: list[Inputs]) -> Projections:
    """The projections of all parts. Batch norms learn in the second pass alone."""
    bare = network.module if isinstance(network, DistributedDataParallel) else network
    with frozen_statistics(bare):
        found: list[Projections] = [bare(part) for part in parts]
    videos = [z.video_BWZ for z in found if z.video_BWZ is not None]
    sound_BKZ = torch.cat([z.sound_BKZ for z in found])
    return Projections(torch.cat(videos) if videos else None, sound_BKZ, found[0].scale)


def _leaves(z: Projections) -> Projections:
    def leaf(tensor: Tensor) -> Tensor:
        return tensor.detach().requires_grad_()

    return Projections(None if z.video_BWZ is None else leaf(z.video_BWZ), leaf(z.sound_BKZ), leaf(z.scale))


def _backward_part(z: Projections, cached: Projections, first: int, with_scale: bool) -> None:
    """Pass the cached gradient of the projections from instance `first` on into the parameters."""
    pairs = [(z.sound_BKZ, cached.sound_BKZ)]
    if z.video_BWZ is not None and cached.video_BWZ is not None:
        pairs.append((z.video_BWZ, cached.video_BWZ))
    outputs, gradients = [], []
    for output, whole in pairs:
        assert whole.grad is not None
        outputs.append(output)
        gradients.append(whole.grad[first : first + len(output)])
    if z.scale.requires_grad:
        # The whole batch has one temperature: its gradient is counted once.
        scale_gradient = cached.scale.grad
        assert scale_gradient is not None
        outputs.append(z.scale)
        gradients.append(scale_gradient if with_scale else torch.zeros_like(scale_gradient))
    torch.autograd.backward(outputs, gradients)


def _unsynchronised(network: nn.Module) -> AbstractContextManager[None]:
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()

"""An exponential moving average of a network's weights, kept beside the trained ones.

Averaged weights wander less around where training leads (Polyak & Juditsky, "Acceleration of Stochastic
Approximation by Averaging", 1992); the warm-up is that of TensorFlow's `ExponentialMovingAverage`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of a network's parameters and buffers (float32, as they are trained) over its steps.

    decay: what the average so far weighs, in (0, 1). Of the first steps it is less, min(decay, (1 + n) /
    (10 + n)) after n steps, so that the freshly drawn weights are soon forgotten. Buffers that count are
    copied as they are. Each process averages by itself: equal networks have equal averages.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._tensors = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after an update; `step` were made before it."""
        decay = min(self._decay, (1 + step) / (10 + step))
        averages, values = [], []
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                averages.append(self._tensors[name])
                values.append(value)
            else:
                self._tensors[name].copy_(value)
        torch._foreach_lerp_(averages, values, 1 - decay)

    @contextmanager
    def applied(self, network: nn.Module) -> Iterator[None]:
        """Inside the block the network has the averaged weights; afterwards its own again, to the bit."""
        own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        network.load_state_dict(self._tensors)
        try:
            yield
        finally:
            network.load_state_dict(own)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by the network's names; they are not copied."""
        return dict(self._tensors)

    @torch.no_grad()
    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Take averages that were saved; KeyError where one is missing, RuntimeError for another shape."""
        for name, average in self._tensors.items():
            average.copy_(tensors[name])

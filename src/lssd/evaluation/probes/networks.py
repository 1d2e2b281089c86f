"""Networks of one shape, with stacked parameters and derivatives that are written out.

A hidden layer is Linear, BatchNorm, Dropout, ReLU; the last layer is Linear. Activations have one column per
item, so that the first layers of networks that see the same items are one product. The bias before a
BatchNorm is left out, since subtracting the mean cancels it; but its first value is part of the first running
mean, which forgets it within some forty batches, as it does in torch.

Shapes: G networks, S = G or 1 where all share them, N items of a batch, D features, H hidden units,
C classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lssd.evaluation.probes.products import product

_EPSILON = 1e-5  # BatchNorm's, and its share of the newest batch in the running statistics: torch's defaults
_MOMENTUM = 0.1


class Networks:
    """Parameters and running statistics, each tensor with a leading G.

    `parameters`: of each hidden layer weight (G, H, D or H), scale and shift (G, H); then weight (G, C, H)
    and bias (G, C). `statistics`: of each hidden layer the running mean and variance (G, H).
    """

    def __init__(self, parameters: Sequence[Tensor], statistics: Sequence[Tensor]) -> None:
        self.parameters, self.statistics = list(parameters), list(statistics)

    @classmethod
    def start(
        cls, weights: Sequence[Sequence[Tensor]], biases: Sequence[Sequence[Tensor]], device: torch.device
    ) -> "Networks":
        """Networks with the given first weights and biases of each layer."""
        parameters: list[Tensor] = []
        statistics: list[Tensor] = []
        for weight, bias in zip(zip(*weights, strict=True), zip(*biases, strict=True), strict=True):
            weight_GHD, bias_GH = torch.stack(weight).to(device), torch.stack(bias).to(device)
            ones_GH = torch.ones_like(bias_GH)
            parameters += [weight_GHD, ones_GH, torch.zeros_like(ones_GH)]
            statistics += [-bias_GH, ones_GH.clone()]
        return cls([*parameters[:-2], bias_GH], statistics[:-2])

    def __len__(self) -> int:
        return len(self.parameters[0])

    @property
    def hidden_layers(self) -> int:
        return len(self.statistics) // 2

    def state(self, network: int) -> list[Tensor]:
        """A copy of one network: its parameters, then its statistics."""
        return [tensor[network].clone() for tensor in (*self.parameters, *self.statistics)]

    @classmethod
    def of_state(cls, state: Sequence[Tensor]) -> "Networks":
        """The one network of a `state`."""
        layers = (len(state) - 2) // 5
        stacked = [tensor[None] for tensor in state]
        return cls(stacked[: 3 * layers + 2], stacked[3 * layers + 2 :])

    def keep(self, networks: Sequence[int]) -> None:
        """Keep these networks alone."""
        for tensors in (self.parameters, self.statistics):
            tensors[:] = [tensor[list(networks)] for tensor in tensors]

    def derive(
        self,
        part: slice,
        x_SND: Tensor,
        targets_SNC: Tensor,
        keep_SHN: Sequence[Tensor],
        share: float,
        multilabel: bool,
    ) -> list[Tensor]:
        """The gradients of the parameters of `part` for one batch, which also updates the running statistics.

        `keep_SHN`: for each hidden layer, 0 where an activation is dropped, else 1; `share` of them are 0.
        The loss is the mean cross-entropy over items or, with several labels, over items and classes.
        """
        parameters = [tensor[part] for tensor in self.parameters]
        a_SDN, steps = x_SND.transpose(1, 2), []
        for layer, keep in enumerate(keep_SHN):
            weight_GHD, scale_GH, shift_GH = parameters[3 * layer : 3 * layer + 3]
            z_GHN = product(weight_GHD, a_SDN)
            root_GH = self._normalise(z_GHN, layer, part)
            # Dropout scales what is kept by 1 / (1 - share); here scale and shift do it, at no cost.
            y_GHN = torch.mul(z_GHN, (scale_GH * root_GH / (1 - share))[..., None])
            y_GHN.add_((shift_GH / (1 - share))[..., None]).relu_().mul_(keep)
            steps.append((a_SDN, z_GHN, root_GH, y_GHN))
            a_SDN = y_GHN
        weight_GCH, bias_GC = parameters[-2:]
        d_GCN = product(weight_GCH, a_SDN).add_(bias_GC[..., None])
        d_GCN = d_GCN.sigmoid_() if multilabel else d_GCN.softmax(dim=1)
        d_GCN -= targets_SNC.transpose(1, 2)
        d_GCN /= targets_SNC.shape[1] * (targets_SNC.shape[2] if multilabel else 1)
        gradients = [product(d_GCN, a_SDN.transpose(1, 2)), d_GCN.sum(dim=2)]
        above_GCH, d_GHN = weight_GCH, d_GCN
        for layer in reversed(range(len(steps))):
            a_SDN, z_GHN, root_GH, y_GHN = steps[layer]
            d_GHN = product(above_GCH.transpose(1, 2), d_GHN)
            d_GHN = torch.ops.aten.threshold_backward(d_GHN, y_GHN, 0)
            above_GCH, scale_GH = parameters[3 * layer], parameters[3 * layer + 1]
            d_GHN, by_scale, by_shift = self._through_normalisation(
                d_GHN, z_GHN, scale_GH / (1 - share), root_GH
            )
            by_weight = product(d_GHN, a_SDN.transpose(1, 2))
            gradients[:0] = [by_weight, by_scale / (1 - share), by_shift / (1 - share)]
        return gradients

    def _normalise(self, z_GHN: Tensor, layer: int, part: slice) -> Tensor:
        """Centre z in place, update the running statistics, and return 1 / deviation (G, H)."""
        items = z_GHN.shape[2]
        mean_GH = z_GHN.mean(dim=2)
        z_GHN -= mean_GH[..., None]
        squares_GH = torch.linalg.vector_norm(z_GHN, dim=2).square_()
        self.statistics[2 * layer][part].lerp_(mean_GH, _MOMENTUM)
        self.statistics[2 * layer + 1][part].lerp_(squares_GH / (items - 1), _MOMENTUM)
        return (squares_GH / items).add_(_EPSILON).rsqrt_()

    @staticmethod
    def _through_normalisation(
        d_GHN: Tensor, z_GHN: Tensor, scale_GH: Tensor, root_GH: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Derivatives with respect to the normalisation's input, scale and shift; z is already centred."""
        stack, hidden, items = z_GHN.shape
        flat = (1, stack * hidden, items)
        scale, root = scale_GH.reshape(-1), root_GH.reshape(-1)
        still = torch.zeros_like(root)
        d, by_scale, by_shift = torch.ops.aten.native_batch_norm_backward(
            d_GHN.reshape(flat),
            z_GHN.reshape(flat),
            scale,
            still,
            still,
            still,
            root,
            True,
            _EPSILON,
            [True] * 3,
        )
        return d.view_as(z_GHN), by_scale.view_as(root_GH), by_shift.view_as(root_GH)

    def scores(self, part: slice, x_MD: Tensor, batch: int, multilabel: bool) -> Tensor:
        """Scores (G, M, C): log-probabilities, or logits where items have several labels."""
        pieces = [self._logits(part, x_ND) for x_ND in x_MD.split(batch)]
        logits_GMC = torch.cat(pieces, dim=2).transpose(1, 2)
        return logits_GMC if multilabel else logits_GMC.log_softmax(dim=2)

    def _logits(self, part: slice, x_ND: Tensor) -> Tensor:
        """Logits (G, C, N), with the running statistics and without dropout."""
        parameters = [tensor[part] for tensor in self.parameters]
        a_SDN = x_ND.T[None]
        for layer in range(self.hidden_layers):
            weight_GHD, scale_GH, shift_GH = parameters[3 * layer : 3 * layer + 3]
            mean_GH, variance_GH = (tensor[part] for tensor in self.statistics[2 * layer : 2 * layer + 2])
            factor_GH = scale_GH * (variance_GH + _EPSILON).rsqrt()
            a_SDN = product(weight_GHD, a_SDN).sub_(mean_GH[..., None]).mul_(factor_GH[..., None])
            a_SDN.add_(shift_GH[..., None]).relu_()
        return product(parameters[-2], a_SDN).add_(parameters[-1][..., None])

"""Ridge regression on one-hot or several labels: after one eigendecomposition, penalties are nearly free.

In float64; features are standardised, and targets centred, by the training items; the bias is not penalised.
The penalty is chosen on the validation items by the primary metric; of equally good ones, the strongest wins.

Shape suffixes: N training, M validation and K test items, D features, R axes, C classes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lssd.evaluation.metrics import metric_per_network
from lssd.evaluation.probes.division import DeviceDivision, Division, ProbeOutput, double_device, moments

# Beside the squared error per item: five per decade, the strongest first.
LAMBDAS = tuple(10.0 ** (exponent / 5) for exponent in range(14, -31, -1))


def judge_ridge(
    divisions: Sequence[Division], classes: int, multilabel: bool, metric: str, device: torch.device
) -> ProbeOutput:
    """One regression per division, each with its own penalty."""
    scores, validation, chosen = [], [], []
    for division in divisions:
        solutions = _Solutions(division, classes, double_device(device))
        values = [solutions.value(strength, multilabel, metric) for strength in LAMBDAS]
        best = int(np.argmax(values))
        scores.append(solutions.test(LAMBDAS[best]).float().cpu().numpy())
        validation.append(values[best])
        chosen.append({"lambda": LAMBDAS[best]})
    return ProbeOutput(tuple(scores), tuple(validation), tuple(chosen))


class _Solutions:
    """The solutions for all penalties: along the training items' principal axes, each is one quotient."""

    def __init__(self, division: Division, classes: int, device: torch.device) -> None:
        data = DeviceDivision.of(0, division, classes, device, torch.float64)
        mean_D, deviation_D = moments(data.x_train_ND)
        x_ND, valid_MD, test_KD = (
            (x - mean_D) / deviation_D for x in (data.x_train_ND, data.x_valid_MD, data.x_test_KD)
        )
        targets_NC, self._valid_MC = data.train_NC, data.valid_MC
        self._mean_C = targets_NC.mean(dim=0)
        targets_NC = targets_NC - self._mean_C
        items, features = x_ND.shape
        if items < features:  # then the axes are sums of items, and the smaller matrix gives them
            values_R, axes_NR = torch.linalg.eigh(x_ND @ x_ND.T)
            self._covariance_RC = axes_NR.T @ targets_NC
            to_axes_DR = x_ND.T @ axes_NR
        else:
            values_R, to_axes_DR = torch.linalg.eigh(x_ND.T @ x_ND)
            self._covariance_RC = to_axes_DR.T @ (x_ND.T @ targets_NC)
        self._variance_R, self._covariance_RC = values_R / items, self._covariance_RC / items
        self._valid_MR, self._test_KR = valid_MD @ to_axes_DR, test_KD @ to_axes_DR

    def value(self, strength: float, multilabel: bool, metric: str) -> float:
        return metric_per_network(metric, self._scores(self._valid_MR, strength)[None], self._valid_MC).item()

    def test(self, strength: float) -> Tensor:
        return self._scores(self._test_KR, strength)

    def _scores(self, x_MR: Tensor, strength: float) -> Tensor:
        return torch.addmm(self._mean_C, x_MR, self._covariance_RC / (self._variance_R + strength)[:, None])

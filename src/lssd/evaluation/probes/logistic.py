"""Logistic regression on frozen embeddings, fitted by L-BFGS: multinomial, or one by one for several labels.

Deterministic (it starts at zero and ends in float64) and invariant to the embeddings' scale, since features
are standardised by the training items. The one hyperparameter, the strength of the L2 penalty, is chosen on
the validation items alone.

Shape suffixes: N training and M validation items, D features, R their rank, C classes, A = R + 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from lssd.evaluation.metrics import metric_per_network
from lssd.evaluation.probes.descent import Objective, minimise
from lssd.evaluation.probes.division import Division, ProbeOutput, double_device, moments, targets
from lssd.evaluation.probes.products import product

# Weight of the penalty beside the mean loss per item; scikit-learn's C is 1 / (penalty x items).
PENALTIES = tuple(10.0**exponent for exponent in (1, 0, -1, -2, -3, -4, -5))
_TOLERANCE = 2e-6  # on the largest entry of the gradient, in the scaled axes
_PRECISIONS = (torch.float32, torch.float64)
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe: x -> (x - mean) / deviation @ weight + bias, arrays in float64.

    `validation` is the metric it was chosen by.
    """

    mean_D: np.ndarray
    deviation_D: np.ndarray
    weight_DC: np.ndarray
    bias_C: np.ndarray
    penalty: float
    validation: float

    def scores(self, x_ND: np.ndarray) -> np.ndarray:
        """Logits (N, C): log-probabilities up to a constant per row."""
        standard_ND = (np.asarray(x_ND, dtype=np.float64) - self.mean_D) / self.deviation_D
        return standard_ND @ self.weight_DC + self.bias_C

    def predict(self, x_ND: np.ndarray) -> np.ndarray:
        """The most probable class of each row, int64 (N,)."""
        return self.scores(x_ND).argmax(axis=1)


def judge_logistic(
    divisions: Sequence[Division], classes: int, multilabel: bool, metric: str, device: torch.device
) -> ProbeOutput:
    """One probe per division, each with its own penalty."""
    scores, probes = [], []
    for division in divisions:
        probe = fit_probe(
            division.x_train_ND,
            division.y_train,
            division.x_valid_MD,
            division.y_valid,
            classes,
            multilabel=multilabel,
            metric=metric,
            device=device,
        )
        logits_KC = torch.from_numpy(probe.scores(division.x_test_KD))
        scores.append((logits_KC if multilabel else logits_KC.log_softmax(dim=1)).float().numpy())
        probes.append(probe)
    chosen = tuple({"penalty": probe.penalty} for probe in probes)
    return ProbeOutput(tuple(scores), tuple(probe.validation for probe in probes), chosen)


def fit_probe(
    train_ND: np.ndarray,
    train_y: np.ndarray,
    valid_MD: np.ndarray,
    valid_y: np.ndarray,
    classes: int,
    penalties: Sequence[float] = PENALTIES,
    *,
    multilabel: bool = False,
    metric: str = "top1_acc",
    device: torch.device = _CPU,
) -> LinearProbe:
    """Fit on the training rows with each penalty, and keep the probe that does best on the validation rows.

    Labels are class numbers in [0, classes), or bool (rows, classes). Best: highest metric, ties by the
    lower validation loss, then by the stronger penalty. The validation rows are never trained on.
    ValueError without a penalty above 0.
    """
    if not penalties or min(penalties) <= 0:
        raise ValueError(f"penalties must be above 0, not {penalties}")
    x_ND, x_MD, y_NC, y_MC = (
        torch.from_numpy(np.asarray(array)).to(double_device(device), torch.float64)
        for array in (train_ND, valid_MD, targets(train_y, classes), targets(valid_y, classes))
    )
    mean_D, deviation_D = moments(x_ND)
    x_ND, x_MD = (x_ND - mean_D) / deviation_D, (x_MD - mean_D) / deviation_D
    ordered = sorted(penalties, reverse=True)
    fits = zip(ordered, _solve(x_ND, y_NC, ordered, multilabel), strict=True)
    fitted = [
        (_value(x_MD @ weight + bias, y_MC, multilabel, metric), p, weight, bias)
        for p, (weight, bias) in fits
    ]
    (validation, _), penalty, weight_DC, bias_C = max(fitted, key=lambda fit: fit[0])
    mean, deviation, weight, bias = (t.cpu().numpy() for t in (mean_D, deviation_D, weight_DC, bias_C))
    return LinearProbe(mean, deviation, weight, bias, penalty, validation)


def _value(logits_MC: Tensor, valid_MC: Tensor, multilabel: bool, metric: str) -> tuple[float, float]:
    """The metric and the negative loss: greater is better in both."""
    if multilabel:
        loss = binary_cross_entropy_with_logits(logits_MC, valid_MC)
    else:
        loss = cross_entropy(logits_MC, valid_MC.argmax(dim=1))
        logits_MC = logits_MC.log_softmax(dim=1)
    return metric_per_network(metric, logits_MC[None], valid_MC).item(), -loss.item()


def _solve(
    x_ND: Tensor, y_NC: Tensor, penalties: Sequence[float], multilabel: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each penalty, weights (D, C) and bias (C,) of least mean loss per item + penalty / 2 |weights|^2.

    Works in the principal axes of x. That is exact, since the penalty does not change under rotation, and
    there the curvature is nearly diagonal, so that scaling each axis by it makes L-BFGS converge in few
    steps. Each fit starts from the previous one. Most steps are made in float32, which takes a quarter of
    the time, and the last ones in float64, which ends at the same minimum.
    """
    items, classes = y_NC.shape
    x_NR, axes_DR = _principal(x_ND)
    variance_R = x_NR.square().mean(dim=0)
    if multilabel:
        share_C = y_NC.mean(dim=0).clamp(0.5 / items, 1 - 0.5 / items)
    else:
        share_C = torch.full((classes,), 1 / max(classes, 2), dtype=torch.float64, device=x_NR.device)
    curvature_C1 = (share_C * (1 - share_C))[:, None]
    y_CN = y_NC.T.contiguous()
    data = {dtype: (x_NR.to(dtype), y_CN.to(dtype)) for dtype in _PRECISIONS}
    theta_CA = x_NR.new_zeros(classes, x_NR.shape[1] + 1)  # the last column is the bias
    for penalty in penalties:
        scale_CR = (curvature_C1 * variance_R + penalty).rsqrt()
        scale_CA = torch.cat([scale_CR, curvature_C1.rsqrt()], dim=1)
        objectives = {
            dtype: _objective(*data[dtype], penalty, scale_CA.to(dtype), multilabel) for dtype in _PRECISIONS
        }
        theta_CA = minimise(objectives, theta_CA / scale_CA, _TOLERANCE) * scale_CA
        yield axes_DR @ theta_CA[:, :-1].T, theta_CA[:, -1]


def _principal(x_ND: Tensor) -> tuple[Tensor, Tensor]:
    """x in its principal axes (N, R), and the axes (D, R), orthonormal."""
    items, features = x_ND.shape
    if items < features:
        left_NR, values_R, axes_RD = torch.linalg.svd(x_ND, full_matrices=False)
        return left_NR * values_R, axes_RD.T
    _, axes_DR = torch.linalg.eigh(x_ND.T @ x_ND)
    return x_ND @ axes_DR, axes_DR


def _objective(x_NR: Tensor, y_CN: Tensor, penalty: float, scale_CA: Tensor, multilabel: bool) -> Objective:
    """The loss and its gradient, as a function of the parameters divided by `scale_CA`."""

    def evaluate(phi_CA: Tensor) -> tuple[float, Tensor]:
        theta_CA = phi_CA * scale_CA
        weight_CR = theta_CA[:, :-1]
        logits_CN = product(weight_CR[None], x_NR.T[None])[0] + theta_CA[:, -1:]
        if multilabel:
            loss = binary_cross_entropy_with_logits(logits_CN, y_CN, reduction="sum")
            residual_CN = logits_CN.sigmoid_().sub_(y_CN)
        else:
            log_p_CN = logits_CN.log_softmax(dim=0)
            loss = -(log_p_CN * y_CN).sum()
            residual_CN = log_p_CN.exp_().sub_(y_CN)
        residual_CN /= len(x_NR)
        by_weight_CR = product(residual_CN[None], x_NR[None])[0].add_(weight_CR, alpha=penalty)
        gradient_CA = torch.cat([by_weight_CR, residual_CN.sum(dim=1, keepdim=True)], dim=1) * scale_CA
        return float(loss / len(x_NR) + penalty / 2 * weight_CR.square().sum()), gradient_CA

    return evaluate

"""The linear probe: multinomial logistic regression on frozen embeddings, fitted by L-BFGS.

Deterministic (zero start, float64), and invariant to the embeddings' scale: features are
standardised by the training items. The one choice, the strength of the L2 penalty, is made on the
validation items alone.

Shape suffixes: N training and M validation items, D features, R their rank, C classes, A = R + 1.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

# Weight of the penalty beside the mean loss an item; scikit-learn's C is 1 / (penalty x items).
PENALTIES = tuple(10.0**exponent for exponent in (1, 0, -1, -2, -3, -4, -5))
_ITERATIONS = 500
_TOLERANCE = 1e-5  # on the largest entry of the gradient, in the scaled axes
_HISTORY = 12

Objective = Callable[[Tensor], tuple[float, Tensor]]


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe: x -> (x - mean) / deviation @ weight + bias, arrays in float64."""

    mean_D: np.ndarray
    deviation_D: np.ndarray
    weight_DC: np.ndarray
    bias_C: np.ndarray
    penalty: float

    def scores(self, x_ND: np.ndarray) -> np.ndarray:
        """Log-probabilities (N, C) up to a constant a row."""
        standard_ND = (np.asarray(x_ND, dtype=np.float64) - self.mean_D) / self.deviation_D
        return standard_ND @ self.weight_DC + self.bias_C

    def predict(self, x_ND: np.ndarray) -> np.ndarray:
        """The most probable class of each row, int64 (N,)."""
        return self.scores(x_ND).argmax(axis=1)


def fit_probe(
    train_ND: np.ndarray,
    train_N: np.ndarray,
    valid_MD: np.ndarray,
    valid_M: np.ndarray,
    classes: int,
    penalties: Sequence[float] = PENALTIES,
) -> LinearProbe:
    """Fit on the training rows with each penalty, and keep the probe that does best on the validation rows.

    Labels are class numbers in [0, classes). Best: highest accuracy, ties by the lower validation
    loss, then by the stronger penalty. The validation rows are never trained on. ValueError without a
    penalty above 0.
    """
    if not penalties or min(penalties) <= 0:
        raise ValueError(f"penalties must be above 0, not {penalties}")
    x_ND = np.asarray(train_ND, dtype=np.float64)
    mean_D, deviation_D = x_ND.mean(axis=0), x_ND.std(axis=0)
    # A feature that is constant (to rounding) tells nothing, and must not be blown up.
    deviation_D = np.where(deviation_D > 1e-9 * (np.abs(mean_D) + 1e-9), deviation_D, np.inf)
    best: tuple[tuple[float, float], LinearProbe] | None = None
    target_M = torch.from_numpy(np.asarray(valid_M, dtype=np.int64))
    ordered = sorted(penalties, reverse=True)
    solutions = _solve((x_ND - mean_D) / deviation_D, np.asarray(train_N, dtype=np.int64), classes, ordered)
    for penalty, (weight_DC, bias_C) in zip(ordered, solutions, strict=True):
        probe = LinearProbe(mean_D, deviation_D, weight_DC, bias_C, penalty)
        scores_MC = torch.from_numpy(probe.scores(valid_MD))
        hits = (scores_MC.argmax(1) == target_M).double().mean().item()
        merit = (hits, -cross_entropy(scores_MC, target_M).item())
        if best is None or merit > best[0]:
            best = (merit, probe)
    assert best is not None
    return best[1]


def _solve(
    x_ND: np.ndarray, y_N: np.ndarray, classes: int, penalties: Sequence[float]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Weights (D, C) and bias (C,) of least mean cross-entropy + penalty / 2 |weights|^2, a pair a penalty.

    Works in the principal axes of x: exact, since the penalty does not see a rotation, and there the
    curvature is nearly diagonal, so scaling each axis by it makes L-BFGS converge in few steps. Each
    fit starts from the one before.
    """
    left, values_R, axes_RD = np.linalg.svd(x_ND, full_matrices=False)
    x_NR, y_NC = torch.from_numpy(left * values_R), one_hot(torch.from_numpy(y_N), classes).double()
    curvature = (1 - 1 / classes) / classes if classes > 1 else 1.0  # of a class: p (1 - p) at p = 1 / C
    variance_R = torch.from_numpy(values_R**2 / len(x_ND))
    theta_AC = torch.zeros(len(values_R) + 1, classes, dtype=torch.float64)  # the last row is the bias
    for penalty in penalties:
        scale_R = (curvature * variance_R + penalty).rsqrt()
        scale_A1 = torch.cat([scale_R, torch.full((1,), curvature**-0.5, dtype=torch.float64)])[:, None]
        objective = _objective(x_NR, y_NC, penalty, scale_A1)
        theta_AC = _minimise(objective, theta_AC / scale_A1) * scale_A1
        yield axes_RD.T @ theta_AC[:-1].numpy(), theta_AC[-1].numpy()


def _objective(x_NR: Tensor, y_NC: Tensor, penalty: float, scale_A1: Tensor) -> Objective:
    """The loss and its gradient, as a function of the parameters divided by `scale_A1`."""

    def evaluate(phi_AC: Tensor) -> tuple[float, Tensor]:
        theta_AC = phi_AC * scale_A1
        weight_RC = theta_AC[:-1]
        log_p_NC = torch.log_softmax(torch.addmm(theta_AC[-1], x_NR, weight_RC), dim=1)
        loss = -(log_p_NC * y_NC).sum() / len(x_NR) + penalty / 2 * weight_RC.square().sum()
        residual_NC = (log_p_NC.exp() - y_NC) / len(x_NR)
        by_weight_RC = torch.addmm(penalty * weight_RC, x_NR.T, residual_NC)
        gradient_AC = torch.cat([by_weight_RC, residual_NC.sum(dim=0, keepdim=True)]) * scale_A1
        return float(loss), gradient_AC

    return evaluate


def _minimise(objective: Objective, theta: Tensor) -> Tensor:
    """The minimum of a convex function by L-BFGS with backtracking (Nocedal and Wright, algorithm 7.5)."""
    loss, gradient = objective(theta)
    history: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=_HISTORY)
    for _ in range(_ITERATIONS):
        if gradient.abs().max() <= _TOLERANCE:
            break
        direction = _direction(gradient, history)
        slope = float((gradient * direction).sum())
        step = 1.0
        while step > 1e-9:
            trial = theta + step * direction
            trial_loss, trial_gradient = objective(trial)
            if trial_loss <= loss + 1e-4 * step * slope:
                break
            step /= 2
        else:
            break  # rounding leaves nothing to gain
        move, bend = trial - theta, trial_gradient - gradient
        curvature = float((move * bend).sum())
        if curvature > 0:
            history.append((move, bend, curvature))
        theta, loss, gradient = trial, trial_loss, trial_gradient
    return theta


def _direction(gradient: Tensor, history: deque[tuple[Tensor, Tensor, float]]) -> Tensor:
    """The two-loop recursion: minus the approximate inverse Hessian times the gradient."""
    q, weights = gradient.clone(), []
    for move, bend, curvature in reversed(history):
        alpha = float((move * q).sum()) / curvature
        q = q - alpha * bend
        weights.append(alpha)
    if history:
        _, bend, curvature = history[-1]
        q = q * (curvature / float(bend.square().sum()))
    for (move, bend, curvature), alpha in zip(history, reversed(weights), strict=True):
        q = q + (alpha - float((bend * q).sum()) / curvature) * move
    return -q

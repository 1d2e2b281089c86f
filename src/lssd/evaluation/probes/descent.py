"""L-BFGS with backtracking (Nocedal and Wright, algorithm 7.5) for smooth convex functions.

The two-loop recursion runs on inner products instead of vectors (Chen, Wang and Zhou, 2014): two products
with all of the history an iteration, not fifty with a part of it.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

Objective = Callable[[Tensor], tuple[float, Tensor]]  # a point -> the value and the gradient there
_ITERATIONS = 500
_HISTORY = 12
# In float32 a step this short is an effect of rounding; float64 then goes on.
_LEAST_STEP = {torch.float32: 0.1, torch.float64: 1e-9}


def minimise(objectives: Mapping[torch.dtype, Objective], start: Tensor, tolerance: float) -> Tensor:
    """The minimum of one function, in rising precision; each precision starts where the previous one ended.

    A precision is done when no entry of the gradient is above `tolerance`, or when rounding leaves nothing to
    gain. The curvature estimated in low precision is used in high precision too.
    """
    theta, history = start, _History(start.new_zeros(2 * _HISTORY, start.numel()))
    for dtype, objective in objectives.items():
        history = history.to(dtype)
        theta = _descend(objective, theta.to(dtype), history, tolerance)
    return theta


def _descend(objective: Objective, theta: Tensor, history: "_History", tolerance: float) -> Tensor:
    loss, gradient = objective(theta)
    noise = 10 * torch.finfo(theta.dtype).eps * abs(loss)
    for _ in range(_ITERATIONS):
        if gradient.abs().max() <= tolerance:
            break
        direction, slope = history.direction(gradient)
        step = 1.0
        while step > _LEAST_STEP[theta.dtype]:
            trial = torch.add(theta, direction, alpha=step)
            trial_loss, trial_gradient = objective(trial)
            if trial_loss <= loss + 1e-4 * step * slope:
                break
            # Where rounding hides the decrease, the slope tells it (Hager and Zhang, 2005).
            if trial_loss <= loss + noise and float((trial_gradient * direction).sum()) <= -0.8 * slope:
                break
            step /= 2
        else:
            break
        history.add(trial - theta, trial_gradient - gradient)
        theta, loss, gradient = trial, trial_loss, trial_gradient
    return theta


class _History:
    """The last H steps, then how the gradient changed over each: rows of one matrix, 0 until there is one."""

    def __init__(self, rows_2HP: Tensor) -> None:
        self._rows_2HP = rows_2HP
        self._products = np.zeros((2 * _HISTORY, 2 * _HISTORY))  # of rows with rows
        self._places: list[int] = []  # of the pairs, the oldest first

    def to(self, dtype: torch.dtype) -> "_History":
        converted = _History(self._rows_2HP.to(dtype))
        converted._products, converted._places = self._products.copy(), list(self._places)
        return converted

    def add(self, move: Tensor, bend: Tensor) -> None:
        pair = torch.stack([move.flatten(), bend.flatten()])
        if float(pair[0] @ pair[1]) <= 0:
            return
        place = self._places.pop(0) if len(self._places) == _HISTORY else len(self._places)
        self._places.append(place)
        both = [place, _HISTORY + place]
        self._rows_2HP[both] = pair
        products = (self._rows_2HP @ pair.T).double().cpu().numpy()
        self._products[:, both], self._products[both] = products, products.T

    def direction(self, gradient: Tensor) -> tuple[Tensor, float]:
        """Minus the approximate inverse Hessian times the gradient, and its product with the gradient."""
        flat = gradient.flatten()
        by_gradient = (self._rows_2HP @ flat).double().cpu().numpy()
        weights, of_gradient, alphas = np.zeros(2 * _HISTORY), 1.0, {}
        products = self._products
        for place in reversed(self._places):
            of_q = weights @ products[:, place] + of_gradient * by_gradient[place]
            alphas[place] = of_q / products[place, _HISTORY + place]
            weights[_HISTORY + place] -= alphas[place]
        if self._places:
            newest = self._places[-1]
            scale = products[newest, _HISTORY + newest] / products[_HISTORY + newest, _HISTORY + newest]
            weights, of_gradient = weights * scale, scale
        for place in self._places:
            of_q = weights @ products[:, _HISTORY + place] + of_gradient * by_gradient[_HISTORY + place]
            weights[place] += alphas[place] - of_q / products[place, _HISTORY + place]
        mix = torch.as_tensor(weights, dtype=flat.dtype, device=flat.device)
        found = torch.addmv(flat, self._rows_2HP.T, mix, beta=of_gradient).neg_()
        slope = -(weights @ by_gradient + of_gradient * float(flat @ flat))
        return found.view_as(gradient), float(slope)

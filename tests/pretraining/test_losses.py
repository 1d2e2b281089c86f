"""Equation 1 by itself."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.errors import InputError
from lssd.pretraining.losses import INSTANCE_LOSSES
from lssd.pretraining.objective import nt_xent


def unit_rows(seed: int, batch: int, size: int = 8) -> np.ndarray:
    x = np.random.RandomState(seed).randn(batch, size)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def literal(z_v: np.ndarray, z_a: np.ndarray, temperature: float) -> np.ndarray:
    """Eq. 1 read off the page: for each i, the positive over itself plus its row's and its column's rest."""
    batch = len(z_v)
    losses = []
    for i in range(batch):
        positive = math.exp(float(z_v[i] @ z_a[i]) / temperature)
        denominator = positive
        for j in range(batch):
            if j != i:
                denominator += math.exp(float(z_v[i] @ z_a[j]) / temperature)
                denominator += math.exp(float(z_v[j] @ z_a[i]) / temperature)
        losses.append(-math.log(positive / denominator))
    return np.array(losses)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(1, 16), st.floats(0.05, 5.0), st.integers(0, 10_000))
def test_equals_the_literal_loop(batch, size, temperature, seed):
    z_v, z_a = unit_rows(seed, batch, size), unit_rows(seed + 1, batch, size)
    ours = nt_xent(torch.from_numpy(z_v), torch.from_numpy(z_a), temperature)
    assert ours.shape == (batch,)
    np.testing.assert_allclose(ours.numpy(), literal(z_v, z_a, temperature), rtol=1e-9, atol=1e-9)
    single = nt_xent(torch.from_numpy(z_v).float(), torch.from_numpy(z_a).float(), temperature)
    np.testing.assert_allclose(single.numpy(), literal(z_v, z_a, temperature), rtol=1e-4, atol=1e-4)


def test_by_hand():
    # Equal rows everywhere: 2B - 1 equal candidates, whatever the temperature.
    same = torch.ones(5, 4) / 2
    torch.testing.assert_close(nt_xent(same, same), torch.full((5,), math.log(9)))
    # Perfect pairs of opposite clips at temperature 1: -log(e / (e + 2 / e)).
    pair = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    torch.testing.assert_close(nt_xent(pair, pair, 1.0), torch.full((2,), math.log1p(2 * math.exp(-2))))


def test_is_not_clip_s_two_softmaxes():
    z_v, z_a = (torch.from_numpy(unit_rows(seed, 6)) for seed in (0, 1))
    logits, own = z_v @ z_a.t() / 0.07, torch.arange(6)
    clip = (
        torch.nn.functional.cross_entropy(logits, own) + torch.nn.functional.cross_entropy(logits.t(), own)
    ) / 2
    assert nt_xent(z_v, z_a).mean() > clip + 0.1


def test_symmetry_and_order():
    z_v, z_a = (torch.from_numpy(unit_rows(seed, 7)) for seed in (0, 1))
    loss = nt_xent(z_v, z_a)
    torch.testing.assert_close(nt_xent(z_a, z_v), loss)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(nt_xent(z_v[order], z_a[order]), loss[order])
    rotation = torch.linalg.qr(torch.from_numpy(np.random.RandomState(2).randn(8, 8)))[0]
    torch.testing.assert_close(nt_xent(z_v @ rotation, z_a @ rotation), loss)


def test_gradients_equal_finite_differences():
    z_v, z_a = (torch.from_numpy(unit_rows(seed, 4, 3)).requires_grad_() for seed in (0, 1))
    assert torch.autograd.gradcheck(lambda v, a: nt_xent(v, a, 0.3), (z_v, z_a))

    nt_xent(z_v, z_a, 0.3).mean().backward()
    step = 1e-6
    for index in np.ndindex(4, 3):
        nudged = []
        for sign in (1, -1):
            moved = z_v.detach().numpy().copy()
            moved[index] += sign * step
            nudged.append(literal(moved, z_a.detach().numpy(), 0.3).mean())
        assert z_v.grad[index].item() == pytest.approx((nudged[0] - nudged[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("temperature", [1e-4, 0.07, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_extremes_stay_finite(temperature, dtype):
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], dtype=dtype).requires_grad_()
    for other in (z, z.flip(0)):
        loss = nt_xent(z, other, temperature)
        loss.sum().backward()
        assert loss.isfinite().all()
        assert z.grad.isfinite().all()
        assert loss.dtype == torch.float32


def test_autocast_does_not_lower_the_precision():
    z_v, z_a = (torch.from_numpy(unit_rows(seed, 16)).float() for seed in (0, 1))
    exact = nt_xent(z_v, z_a)
    with torch.autocast("cpu", torch.bfloat16):
        inside = nt_xent(z_v, z_a)
    assert torch.equal(exact, inside)
    assert inside.dtype == torch.float32


@pytest.mark.parametrize(
    ("z_v", "z_a", "temperature", "message"),
    [
        (torch.ones(1, 4), torch.ones(1, 4), 0.07, "at least 2"),
        (torch.ones(0, 4), torch.ones(0, 4), 0.07, "at least 2"),
        (torch.ones(2, 4), torch.ones(3, 4), 0.07, r"\(2, 4\) and \(3, 4\)"),
        (torch.ones(2), torch.ones(2), 0.07, r"\(2,\)"),
        (torch.ones(2, 4), torch.ones(2, 4), 0.0, "temperature"),
        (torch.ones(2, 4), torch.ones(2, 4), float("nan"), "temperature"),
    ],
)
def test_wrong_input_is_named(z_v, z_a, temperature, message):
    with pytest.raises(InputError, match=message):
        nt_xent(z_v, z_a, temperature)


def test_the_public_function_is_the_one_that_trains():
    assert INSTANCE_LOSSES["nt_xent"] is nt_xent

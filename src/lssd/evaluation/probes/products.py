"""Products of stacks of matrices, by the fastest kernel of the device.

On an x86 processor a probe's training is bound by single-precision products 1024 wide. There torch's own
`mm` calls MKL, which leaves AVX-512 unused on processors that are not Intel's; oneDNN's kernels do not,
and take half the time. They come with torch (its compiler emits the same operator) but only through it.
"""

import platform
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor


def product(a_GMK: Tensor, b_SKN: Tensor) -> Tensor:
    """(G, M, K) @ (S, K, N) -> (G, M, N); S is G, or 1 where all share b, which makes it one product."""
    stack, rows, inner = a_GMK.shape
    linear = _onednn() if a_GMK.device.type == "cpu" and a_GMK.dtype == torch.float32 else None
    if linear is not None:
        if len(b_SKN) == 1:
            return linear(a_GMK.reshape(-1, inner), b_SKN[0].T).view(stack, rows, -1)
        return torch.stack([linear(a_MK, b_KN.T) for a_MK, b_KN in zip(a_GMK, b_SKN, strict=True)])
    if len(b_SKN) == 1:
        return torch.mm(a_GMK.reshape(-1, inner), b_SKN[0]).view(stack, rows, -1)
    return torch.bmm(a_GMK, b_SKN)


@cache
def _onednn() -> Callable[[Tensor, Tensor], Tensor] | None:
    """x (M, K), weight (N, K) -> x @ weight.T, or None where this torch or machine has no such kernel."""
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():
        return None
    try:
        operator = torch.ops.mkldnn._linear_pointwise
        operator(torch.ones(2, 3), torch.ones(4, 3), None, "none", [], "")
    except (AttributeError, RuntimeError):  # not a part of torch's stable interface
        return None
    return lambda x_MK, weight_NK: operator(x_MK, weight_NK, None, "none", [], "")

"""Batch normalisation whose statistics span all processes of a run, on CPU (gloo) and GPU (NCCL) alike.

PyTorch's own SyncBatchNorm refuses tensors on the CPU. Batches that hold several clips of one title make
it matter: statistics of one process's items would tell the network which title it looks at.

Shape suffixes: B batch, C channels, P processes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lssd.errors import InputError


class BatchNorm(_BatchNorm):
    """Batch normalisation over dimension 1 of (B, C, ...) tensors of any rank.

    Alone, it is `nn.BatchNorm1d/2d/3d`: the same arguments, state-dict keys and results. In training
    among several processes (`torch.distributed`), mean and variance are those of all processes' items
    together, exactly, also when the processes hold different numbers of items or none. All processes must
    then run it the same number of times. The gradient of the input is that of one process with the whole
    batch; weight and bias get their own process's share, to be summed or averaged like any other gradient.

    Unlike torch's, a batch whose mean or variance is not finite leaves the running statistics as they are:
    they would be NaN from then on, even where the step itself is left out.

    `group`: the processes to span, all by default. Low-precision inputs are measured in float32.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        group: dist.ProcessGroup | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats)
        self.group = group

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, ...) -> the same shape and type. Raises InputError for a wrong rank or channel count."""
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        if processes(self.group) == 1:
            return self._forward_alone(input)
        y, mean_C, variance_C, count = _SpanningNorm.apply(
            input, self.weight, self.bias, self.eps, self.group
        )
        if self.track_running_stats and self.running_mean is not None and self.running_var is not None:
            unbiased_C, share = variance_C * (count / (count - 1)), self._share()
            self._learn(
                self.running_mean.lerp(mean_C.to(self.running_mean), share),
                self.running_var.lerp(unbiased_C.to(self.running_var), share),
            )
        return y

    def _forward_alone(self, input: Tensor) -> Tensor:
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return super().forward(input)
        # Torch writes into copies: autograd keeps what it is given, which must not change afterwards.
        mean_C, variance_C = self.running_mean.clone(), self.running_var.clone()
        share = self._share()
        y = F.batch_norm(input, mean_C, variance_C, self.weight, self.bias, True, share, self.eps)
        self._learn(mean_C, variance_C)
        return y

    def _share(self) -> float:
        """What the coming batch weighs in the running statistics."""
        if self.momentum is not None:
            return self.momentum
        assert self.num_batches_tracked is not None
        return 1.0 / (float(self.num_batches_tracked) + 1.0)

    @torch.no_grad()
    def _learn(self, mean_C: Tensor, variance_C: Tensor) -> None:
        """Take new running statistics if all of them are finite, which a GPU decides for itself."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        finite = torch.stack([mean_C, variance_C]).isfinite().all()
        self.running_mean.copy_(torch.where(finite, mean_C, self.running_mean))
        self.running_var.copy_(torch.where(finite, variance_C, self.running_var))
        self.num_batches_tracked.add_(finite)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2 or input.shape[1] != self.num_features:
            raise InputError(
                f"this BatchNorm takes (batch, {self.num_features}, ...), not {tuple(input.shape)}"
            )


def processes(group: dist.ProcessGroup | None = None) -> int:
    """How many processes train together: 1 where `torch.distributed` is not in use."""
    return dist.get_world_size(group) if dist.is_available() and dist.is_initialized() else 1


def span_processes(network: nn.Module, group: dist.ProcessGroup | None = None) -> nn.Module:
    """Turn every `nn.BatchNorm1d/2d/3d` of a network into a `BatchNorm`, in place; returns the network.

    Parameters, buffers, modes and state-dict keys stay the same objects and names, so optimisers and
    checkpoints remain valid. A network that is itself a batch norm is returned as a new module.
    """
    if isinstance(network, _BatchNorm) and not isinstance(network, BatchNorm):
        return _converted(network, group)
    for name, child in network.named_children():
        setattr(network, name, span_processes(child, group))
    return network


def _converted(norm: _BatchNorm, group: dist.ProcessGroup | None) -> BatchNorm:
    tracks = norm.track_running_stats
    new = BatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, tracks, group)
    new._parameters.update(norm._parameters)
    new._buffers.update(norm._buffers)
    return new.train(norm.training)


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Inside the block, batch norms leave their running statistics as they are, in training mode too.

    For a forward that is done a second time, as activation checkpointing does.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    before = [(norm.momentum, _copied(norm.num_batches_tracked)) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None and tracked is not None:
                norm.num_batches_tracked.copy_(tracked)


def _copied(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.clone()


class _SpanningNorm(torch.autograd.Function):
    """(x - mean) / deviation over all processes' items; also returns mean, biased variance and count."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight_C: Tensor | None,
        bias_C: Tensor | None,
        eps: float,
        group: dist.ProcessGroup | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        precise = x if x.dtype == torch.float64 else x.float()
        mean_C, variance_C, count = _statistics(precise, group)
        # Two values here are two in all: only with fewer must the host wait for the others' count.
        if x.numel() < 2 * x.shape[1] and count < 2:
            raise InputError("BatchNorm in training needs at least 2 values a channel over all processes")
        mean_C, variance_C = mean_C.to(precise.dtype), variance_C.to(precise.dtype)
        y = F.batch_norm(precise, mean_C, variance_C, weight_C, bias_C, eps=eps) if len(x) else precise
        ctx.save_for_backward(x, weight_C, mean_C, (variance_C + eps).rsqrt(), count)
        ctx.group = group
        ctx.mark_non_differentiable(mean_C, variance_C, count)
        return y.to(x.dtype), mean_C, variance_C, count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight_C, mean_C, inverse_C, count = ctx.saved_tensors
        around = (1, -1, *([1] * (x.ndim - 2)))
        dims = [0, *range(2, x.ndim)]
        dy = gradients[0].to(mean_C.dtype)
        normal = (x.to(mean_C.dtype) - mean_C.view(around)) * inverse_C.view(around)
        sums_2C = torch.stack([dy.sum(dims), (dy * normal).sum(dims)])
        dx = None
        if ctx.needs_input_grad[0]:
            # How the shared mean and variance move with each item: sums over all processes.
            whole_2C = sums_2C.to(torch.float64, copy=True)
            dist.all_reduce(whole_2C, group=ctx.group)
            mean_dy_C, mean_product_C = (whole_2C / count).to(dy.dtype)
            scale_C = inverse_C if weight_C is None else inverse_C * weight_C
            dx = dy - mean_dy_C.view(around) - normal * mean_product_C.view(around)
            dx = (dx * scale_C.view(around)).to(x.dtype)
        d_weight_C = sums_2C[1].to(weight_C.dtype) if ctx.needs_input_grad[1] else None
        d_bias_C = sums_2C[0].to(weight_C.dtype) if ctx.needs_input_grad[2] else None
        return dx, d_weight_C, d_bias_C, None, None


def _statistics(x: Tensor, group: dist.ProcessGroup | None) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,), biased variance (C,) and values a channel () over all processes, in float64.

    Each process's mean and squared deviations are gathered and merged (Chan et al. 1979): nothing
    cancels, and every process computes the same bits.
    """
    channels, dims = x.shape[1], [0, *range(2, x.ndim)]
    own = x.new_zeros(2 * channels + 1, dtype=torch.float64)
    count = x.numel() // channels
    if count:
        variance_C, mean_C = torch.var_mean(x, dims, correction=0)
        own[:channels], own[channels:-1], own[-1] = mean_C, variance_C * count, count
    gathered = [torch.empty_like(own) for _ in range(processes(group))]
    dist.all_gather(gathered, own, group=group)
    table = torch.stack(gathered)
    means_PC, squares_PC, counts_P1 = table.split([channels, channels, 1], dim=1)
    total = counts_P1.sum()
    mean_C = (means_PC * counts_P1).sum(0) / total
    between_C = (counts_P1 * (means_PC - mean_C).square()).sum(0)
    return mean_C, (squares_PC.sum(0) + between_C) / total, total

"""Pooling attention of both families, written out and fused.

Shape suffixes: B batch, N tokens (after the class token, where there is one), C channels, n heads,
D channels a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.models.mvit.config import BlockPlan, Grid, MViTConfig, pooled_grid
from lssd.models.mvit.pooling import TokenPool, split_heads
from lssd.models.mvit.positions import RelativePositions


class PoolingAttention(nn.Module):
    """Multi-head attention over pooled queries, keys and values.

    MViT, Section 3.1. MViTv2, Section 4.1 adds decomposed relative positions, and the pooled query
    itself to what attention returns.
    """

    def __init__(self, config: MViTConfig, plan: BlockPlan) -> None:
        super().__init__()
        self.heads = plan.heads
        self.class_token = config.class_token
        self.residual_pooling = config.residual_pooling
        self.plain = config.attention == "plain"
        self.q_stride, self.kv_stride = plan.q_stride, plan.kv_stride
        width, head_width = plan.attention_width, plan.attention_width // plan.heads
        kernel = config.pool_kernel
        self.qkv = nn.Linear(plan.width, 3 * width)
        pools_q = config.pool_queries == "all" or plan.q_stride > 1
        self.pool_q = TokenPool(head_width, kernel, plan.q_stride, self.plain) if pools_q else None
        self.pool_k = TokenPool(head_width, kernel, plan.kv_stride, self.plain)
        self.pool_v = TokenPool(head_width, kernel, plan.kv_stride, self.plain)
        self.positions = (
            RelativePositions(
                head_width, pooled_grid(plan.grid, plan.q_stride), pooled_grid(plan.grid, plan.kv_stride)
            )
            if config.positions == "relative"
            else None
        )
        self.project = nn.Linear(width, width)

    def forward(self, x_BNC: Tensor, grid: Grid) -> Tensor:
        """(B, N, width) over `grid` -> (B, N', attention width) over the queries' grid."""
        q, k, v = self.qkv(x_BNC).chunk(3, dim=-1)
        q_BnND = split_heads(q, self.heads) if self.pool_q is None else self.pool_q(q, grid, self.class_token)
        k_BnND = self.pool_k(k, grid, self.class_token)
        v_BnND = self.pool_v(v, grid, self.class_token)
        q_grid, k_grid = pooled_grid(grid, self.q_stride), pooled_grid(grid, self.kv_stride)
        attend = self._attend_plainly if self.plain else self._attend_fused
        out = attend(q_BnND, k_BnND, v_BnND, q_grid, k_grid)
        if self.residual_pooling and self.class_token:
            # Residual pooling is for the grid's tokens alone.
            out = torch.cat([out[:, :, :1], out[:, :, 1:] + q_BnND[:, :, 1:]], dim=2)
        elif self.residual_pooling:
            out = out + q_BnND
        return self.project(out.transpose(1, 2).flatten(2))

    def _attend_plainly(
        self, q_BnND: Tensor, k_BnND: Tensor, v_BnND: Tensor, q_grid: Grid, k_grid: Grid
    ) -> Tensor:
        """softmax(q k / sqrt(D) + bias) v, each factor in memory."""
        products_BnNN = (q_BnND * q_BnND.shape[-1] ** -0.5) @ k_BnND.transpose(-2, -1)
        if self.positions is not None:
            top = 1 if self.class_token else 0
            bias = self.positions.bias(q_BnND[:, :, top:], q_grid, k_grid)
            products_BnNN = products_BnNN + F.pad(bias, (top, 0, top, 0))
        weights = (products_BnNN - products_BnNN.amax(dim=-1, keepdim=True)).exp()
        return weights / weights.sum(dim=-1, keepdim=True) @ v_BnND

    def _attend_fused(
        self, q_BnND: Tensor, k_BnND: Tensor, v_BnND: Tensor, q_grid: Grid, k_grid: Grid
    ) -> Tensor:
        """The same without a mask, so that flash kernels apply: the bias rides on extra channels.

        The scale is set by hand because it follows D, not the padded width; v is padded to that width,
        since flash kernels take one width for all three.
        """
        head_width = q_BnND.shape[-1]
        if self.positions is None:
            return _attend(q_BnND, k_BnND, v_BnND, head_width**-0.5)
        q_bias, k_places = self.positions(q_BnND, q_grid, k_grid, self.class_token)
        extra = q_bias.shape[-1]
        return _attend(
            torch.cat([q_BnND * head_width**-0.5, q_bias], dim=-1),
            torch.cat([k_BnND, k_places.to(k_BnND.dtype).expand(*k_BnND.shape[:3], extra)], dim=-1),
            F.pad(v_BnND, (0, extra)),
            1.0,
        )[..., :head_width]


def _attend(q_BnND: Tensor, k_BnND: Tensor, v_BnND: Tensor, scale: float) -> Tensor:
    """Fused attention, but for bf16 forwards on a CPU: there a softmax between two products is 1.3 x faster.

    These go item by item, so that one item's weights are in memory at a time.
    """
    if not (q_BnND.device.type == "cpu" and _runs_in_bf16(q_BnND) and not torch.is_grad_enabled()):
        return F.scaled_dot_product_attention(q_BnND, k_BnND, v_BnND, scale=scale)
    items = zip(q_BnND, k_BnND, v_BnND, strict=True)
    return torch.stack(
        [((q * scale) @ k.transpose(-2, -1)).softmax(dim=-1).to(v.dtype) @ v for q, k, v in items]
    )


def _runs_in_bf16(x: Tensor) -> bool:
    if torch.is_autocast_enabled(x.device.type):
        return torch.get_autocast_dtype(x.device.type) == torch.bfloat16
    return x.dtype == torch.bfloat16

"""Where tokens are: separable embeddings (MViT, Section 3.2) and relative biases (MViTv2, Section 4.1).

Shape suffixes: B batch, n heads, N tokens of the grid (without class token), D channels a head,
C channels, L table rows, A = T + H + W of the keys' grid.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lssd.models.mvit.config import Grid


def distance_index(queries: int, keys: int) -> Tensor:
    """(queries, keys) row numbers into a table of 2 * max(queries, keys) - 1 distances along one axis.

    The coarser side is stretched to the finer one's steps, and key distances run from the far end, so
    row 0 is the query farthest before its key.
    """
    q_step, k_step = max(keys / queries, 1.0), max(queries / keys, 1.0)
    q_place = torch.arange(queries, dtype=torch.float64)[:, None] * q_step
    k_place = torch.arange(1 - keys, 1, dtype=torch.float64)[None, :] * k_step
    return (q_place - k_place).long()


def resize_table(table_LD: Tensor, rows: int) -> Tensor:
    """A table of distances stretched linearly to another number of rows (unchanged when it fits)."""
    if len(table_LD) == rows:
        return table_LD
    stretched = F.interpolate(table_LD.t()[None], size=rows, mode="linear")
    return stretched[0].t()


class RelativePositions(nn.Module):
    """The tables of one attention layer, made for one pair of grids and stretched for any other.

    One table an axis holds a vector for every distance between a query and a key; the bias of a pair is
    q . (R_t + R_h + R_w).
    """

    def __init__(self, head_width: int, q_grid: Grid, k_grid: Grid) -> None:
        super().__init__()
        lengths = [2 * max(q, k) - 1 for q, k in zip(q_grid, k_grid, strict=True)]
        # A single frame has no distances in time: no table then.
        self.time = nn.Parameter(torch.zeros(lengths[0], head_width)) if lengths[0] > 1 else None
        self.rows = nn.Parameter(torch.zeros(lengths[1], head_width))
        self.columns = nn.Parameter(torch.zeros(lengths[2], head_width))
        for table in self.parameters():
            nn.init.trunc_normal_(table, std=0.02)
        self._grids = (q_grid, k_grid)
        for name, index, places in self._layout(q_grid, k_grid):
            self.register_buffer(f"_{name}_index", index, persistent=False)
            self.register_buffer(f"_{name}_places", places, persistent=False)

    def bias(self, q_BnND: Tensor, q_grid: Grid, k_grid: Grid) -> Tensor:
        """The biases as the paper writes them, (B, n, N, N'), to be added to the scaled products."""
        b, n = q_BnND.shape[:2]
        bias = q_BnND.new_zeros(b, n, *q_grid, *k_grid)
        q = q_BnND.unflatten(2, q_grid)
        for axis, (name, index, _) in enumerate(self._layout(q_grid, k_grid)):
            table = self._stretched(name, q_grid, k_grid)
            if table is None:
                continue
            vectors = table.to(q.dtype)[index.to(q.device)]
            products = torch.einsum(f"bnthwd,{'thw'[axis]}kd->bnthwk", q, vectors)
            shape = [1, 1, 1]
            shape[axis] = k_grid[axis]
            bias = bias + products.view(b, n, *q_grid, *shape)
        return bias.flatten(5).flatten(2, 4)

    def forward(self, q_BnND: Tensor, q_grid: Grid, k_grid: Grid, class_token: bool) -> tuple[Tensor, Tensor]:
        """The same biases folded: extra channels for queries (B, n, N, A) and keys (N', A).

        The bias is linear in q, so it is the inner product of each query's products with the vectors of
        every key place an axis, and of a 0/1 row that holds each key's three places. A is padded with
        zeros so that D + A is a multiple of 8, as fused kernels want it. The class token, where there is
        one, comes first and has no position: its rows are zero.
        """
        q = (q_BnND[:, :, 1:] if class_token else q_BnND).unflatten(2, q_grid)
        products, places = [], []
        for axis, (name, index, places_NA) in enumerate(self._ready(q_grid, k_grid, q_BnND.device)):
            table = self._stretched(name, q_grid, k_grid)
            if table is not None:
                vectors = table[index].to(q.dtype)
                products.append(torch.einsum(f"bnthwd,{'thw'[axis]}kd->bnthwk", q, vectors))
                places.append(places_NA)
        bias_BnNA = torch.cat(products, dim=-1).flatten(2, 4)
        places_NA = torch.cat(places, dim=1)
        top = 1 if class_token else 0
        right = -(q_BnND.shape[-1] + bias_BnNA.shape[-1]) % 8
        return F.pad(bias_BnNA, (0, right, top, 0)), F.pad(places_NA, (0, right, top, 0))

    def _stretched(self, name: str, q_grid: Grid, k_grid: Grid) -> Tensor | None:
        axis = ("time", "rows", "columns").index(name)
        table = getattr(self, name)
        return None if table is None else resize_table(table, 2 * max(q_grid[axis], k_grid[axis]) - 1)

    def _ready(self, q_grid: Grid, k_grid: Grid, device: torch.device) -> list[tuple[str, Tensor, Tensor]]:
        """`_layout` from the buffers where the grids are the usual ones."""
        if (q_grid, k_grid) != self._grids:
            return [
                (name, index.to(device), places.to(device))
                for name, index, places in self._layout(q_grid, k_grid)
            ]
        return [
            (name, self.get_buffer(f"_{name}_index"), self.get_buffer(f"_{name}_places"))
            for name in ("time", "rows", "columns")
        ]

    @staticmethod
    def _layout(q_grid: Grid, k_grid: Grid) -> list[tuple[str, Tensor, Tensor]]:
        """By axis: its name, the table rows of all pairs of places, and each key's place as 0/1."""
        k_places = torch.cartesian_prod(*(torch.arange(size) for size in k_grid)).view(-1, 3)
        return [
            (
                name,
                distance_index(q_grid[axis], k_grid[axis]),
                F.one_hot(k_places[:, axis], k_grid[axis]).float(),
            )
            for axis, name in enumerate(("time", "rows", "columns"))
        ]


class AbsolutePositions(nn.Module):
    """Learnt embeddings of places: one of rows and columns plus one of time; the class token has its own.

    For another grid both are interpolated linearly (space in two directions), half-pixel aligned.
    """

    def __init__(self, width: int, grid: Grid, class_token: bool) -> None:
        super().__init__()
        self.grid = grid
        self.space = nn.Parameter(torch.zeros(grid[1] * grid[2], width))
        self.time = nn.Parameter(torch.zeros(grid[0], width))
        self.class_token = nn.Parameter(torch.zeros(1, width)) if class_token else None
        for table in self.parameters():
            nn.init.trunc_normal_(table, std=0.02)

    def forward(self, grid: Grid) -> Tensor:
        """(N, C) for the tokens of `grid`, after the class token's where there is one."""
        space: Tensor = self.space
        time = resize_table(self.time, grid[0])
        if grid[1:] != self.grid[1:]:
            picture = space.view(1, *self.grid[1:], -1).permute(0, 3, 1, 2)
            space = F.interpolate(picture, size=grid[1:], mode="bilinear").flatten(2)[0].t()
        places = (time[:, None] + space[None]).flatten(0, 1)
        return places if self.class_token is None else torch.cat([self.class_token, places])

"""Decomposed relative positions (MViTv2, Section 4.1).

One table an axis holds a vector for every distance between a query and a key. The bias of a pair is
q . (R_t + R_h + R_w), so it is linear in q: `RelativePositions` returns the products of each query with
the vectors of every key place an axis, and a 0/1 matrix that hands each key its three places.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Grid = tuple[int, int, int]


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
    """The tables of one attention layer, made for one pair of grids and stretched for any other."""

    _index: Tensor
    _places: Tensor

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
        index_NA, places_NA = self._layout(q_grid, k_grid)
        self.register_buffer("_index", index_NA, persistent=False)
        self.register_buffer("_places", places_NA, persistent=False)

    def forward(self, q_BnND: Tensor, q_grid: Grid, k_grid: Grid, class_token: bool) -> tuple[Tensor, Tensor]:
        """Extra channels for queries (B, n, N, A) and keys (N', A) whose inner product is the bias.

        A is padded with zeros so that D + A is a multiple of 8, as fused kernels want it. The class
        token, where there is one, comes first and has no position: its rows are zero.
        """
        head_width = q_BnND.shape[-1]
        if (q_grid, k_grid) == self._grids:
            index_NA, places_NA = self._index, self._places
        else:
            index_NA, places_NA = self._layout(q_grid, k_grid)
            index_NA, places_NA = index_NA.to(q_BnND.device), places_NA.to(q_BnND.device)
        table_LD = self._table(q_grid, k_grid)
        q = q_BnND[:, :, 1:] if class_token else q_BnND
        b, n, tokens, _ = q.shape
        distances_BnNL = q @ table_LD.t().to(q.dtype)
        bias = distances_BnNL.gather(-1, index_NA.expand(b, n, tokens, -1))
        top = 1 if class_token else 0
        right = -(head_width + bias.shape[-1]) % 8
        return F.pad(bias, (0, right, top, 0)), F.pad(places_NA, (0, right, top, 0))

    def _tables(self) -> list[tuple[int, Tensor]]:
        tables = [(0, self.time), (1, self.rows), (2, self.columns)]
        return [(axis, table) for axis, table in tables if table is not None]

    def _table(self, q_grid: Grid, k_grid: Grid) -> Tensor:
        return torch.cat(
            [resize_table(table, 2 * max(q_grid[axis], k_grid[axis]) - 1) for axis, table in self._tables()]
        )

    def _layout(self, q_grid: Grid, k_grid: Grid) -> tuple[Tensor, Tensor]:
        """For each query the table rows of every key place an axis; for each key its places as 0/1."""
        q_places = torch.cartesian_prod(*(torch.arange(size) for size in q_grid)).view(-1, 3)
        k_places = torch.cartesian_prod(*(torch.arange(size) for size in k_grid)).view(-1, 3)
        indices, places, offset = [], [], 0
        for axis, _ in self._tables():
            indices.append(offset + distance_index(q_grid[axis], k_grid[axis])[q_places[:, axis]])
            places.append(F.one_hot(k_places[:, axis], k_grid[axis]).float())
            offset += 2 * max(q_grid[axis], k_grid[axis]) - 1
        return torch.cat(indices, dim=1), torch.cat(places, dim=1)

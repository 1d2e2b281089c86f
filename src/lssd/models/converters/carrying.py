"""Another project's tensors as the tensors of one of our towers, every name and shape checked."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from lssd.errors import CheckpointError
from lssd.models.encoder import Encoder
from lssd.models.model import TowerConfig
from lssd.models.mvit.model import MViT
from lssd.models.mvit.positions import resize_table
from lssd.models.registry import Modality, create


@dataclass(frozen=True)
class Carried:
    """A tower that rebuilds what was converted: its settings, and its tensors by our names."""

    config: TowerConfig
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class Names:
    """How a project calls what we have: regular expressions over our names, applied in order."""

    source: str
    prefix: str
    rules: tuple[tuple[str, str], ...]

    def theirs(self, ours: str) -> str:
        """The full name of one of our encoder's tensors in their state dict."""
        for pattern, replacement in self.rules:
            ours = re.sub(pattern, replacement, ours)
        return self.prefix + ours


def blank_encoder(name: str, modality: Modality, dials: Mapping[str, Any]) -> MViT:
    """An encoder without memory for its weights: names and shapes alone."""
    with torch.device("meta"):
        return cast(MViT, create(name, modality, **dials))


def carry(
    state: Mapping[str, Tensor],
    encoder: Encoder,
    names: Names,
    table_rows: Mapping[str, int],
    ignored: Callable[[str], bool],
) -> dict[str, Tensor]:
    """Their tensors under our names and in our shapes, for all of `encoder`'s.

    Args:
        state: all their tensors under the prefix, by full name.
        encoder: says which tensors are expected and how large; may lie on the meta device.
        table_rows: rows that each relative position table has with them, by our name. Tables of another
            length than ours are stretched to it, as their code does at every call.
        ignored: says of a full name that it has no place here, as a classifier's.

    Raises CheckpointError for a missing tensor, another shape than theirs would be, and a tensor that
    their architecture does not have.
    """
    tensors, used = {}, set()
    for ours, blank in encoder.state_dict().items():
        theirs = names.theirs(ours)
        if theirs not in state:
            raise CheckpointError(
                f"the checkpoint lacks '{theirs}' {tuple(blank.shape)}, which {names.source} has; "
                "it is truncated or of another architecture"
            )
        used.add(theirs)
        tensors[ours] = _fit(state[theirs], blank, theirs, names.source, table_rows.get(ours))
    for theirs, tensor in state.items():
        if theirs not in used and not ignored(theirs):
            raise CheckpointError(
                f"the checkpoint holds '{theirs}' {tuple(tensor.shape)}, unknown to {names.source}; "
                "it is of another architecture"
            )
    return tensors


def need(state: Mapping[str, Tensor], name: str, shapes: Iterable[tuple[int, ...]], source: str) -> Tensor:
    """The tensor of that name, which must have one of these shapes (0 stands for any size).

    Raises CheckpointError naming the expected and found key or shape.
    """
    wanted = " or ".join(str(shape).replace(" 0", " *").replace("(0", "(*") for shape in shapes)
    if name not in state:
        found = next(iter(state), "nothing")
        raise CheckpointError(
            f"the checkpoint is not {source}: expected '{name}' {wanted}, found '{found}' and other names"
        )
    tensor = state[name]
    for shape in shapes:
        if len(shape) == tensor.ndim and all(
            size in (0, have) for size, have in zip(shape, tensor.shape, strict=True)
        ):
            return tensor
    raise CheckpointError(
        f"the checkpoint is not {source}: '{name}' has shape {tuple(tensor.shape)}, expected {wanted}"
    )


def count_blocks(state: Mapping[str, Tensor], prefix: str) -> int:
    """One more than the highest block number among names of `prefix` + "blocks.<number>."."""
    pattern = re.compile(re.escape(prefix) + r"blocks\.(\d+)\.")
    matches = (pattern.match(name) for name in state)
    return 1 + max((int(match[1]) for match in matches if match), default=-1)


def _fit(tensor: Tensor, blank: Tensor, theirs: str, source: str, rows: int | None) -> Tensor:
    expected = tuple(blank.shape) if rows is None else (rows, blank.shape[1])
    squeezed = tuple(size for size in expected if size != 1)
    # Axes of length 1 are a matter of taste: a class token (C), a 2D patch kernel.
    same_kind = tensor.is_floating_point() == blank.is_floating_point()
    if tuple(size for size in tensor.shape if size != 1) != squeezed or not same_kind:
        raise CheckpointError(
            f"'{theirs}' has shape {tuple(tensor.shape)} ({tensor.dtype}), but {source} expects "
            f"{expected}; the checkpoint is of another architecture or input size"
        )
    table = tensor.to(blank.dtype).reshape(expected)
    return table if rows is None else resize_table(table, len(blank)).contiguous()

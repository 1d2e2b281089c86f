"""Measure what training costs on this machine: memory held between forward and backward, and time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from lssd.models import AccelerationConfig, Tower, accelerate
from lssd.models.acceleration import blocks_of
from lssd.models.draws import Draws

_BUDGET_S = 8.0  # of timing one tower
_LONG_S = 0.5  # a pass that takes as long is timed precisely enough
_SLOW_S = 3.0  # and so is a first pass that takes as long as this, though it loads and sets up a lot
_MOST = 64  # windows in a pass


@dataclass(frozen=True)
class Cost:
    """What one window takes: `saved` bytes from its forward pass to its backward pass, and seconds.

    training_s: of both passes. windows: how many passed at once when they were timed.
    """

    saved: int
    forward_s: float
    training_s: float
    windows: int


def measure_cost(tower: Tower, head: nn.Module, raw: Tensor, most: int, how: AccelerationConfig) -> Cost:
    """Pass copies of a window through a tower and its head, on the tower's device, for about 8 s.

    raw: one window as the tower takes it, (1, ...). most: windows that training passes at once; as many
    are timed where that is quick, else as few as take half a second. how: the blocks are not compiled,
    which would take longer than all the rest. Gradients are left behind.
    """

    def project(count: int) -> Tensor:
        copies = raw.expand(count, *raw.shape[1:])
        embedding: Tensor = tower(copies, Draws(np.arange(count, dtype=np.uint64)))
        projected: Tensor = head(embedding)
        return projected

    accelerate(tower, replace(how, compile="none", activation_checkpointing=False))
    begun = _now(raw.device)
    saved, projected = count_saved(lambda: project(1), [tower, head], blocks_of(tower.encoder))
    forward_s, training_s = _finish(projected, begun, raw.device)
    windows = 1
    if how.activation_checkpointing or training_s < _SLOW_S:
        accelerate(tower, replace(how, compile="none"))
        windows, forward_s, training_s = _time(project, raw.device, min(most, _MOST))
    kept = saved.when_checkpointing if how.activation_checkpointing else saved.total
    return Cost(kept, forward_s / windows, training_s / windows, windows)


@dataclass
class Saved:
    """Bytes that a forward pass keeps for its backward pass: inside each block, their inputs, and the rest.

    Checkpointing keeps the inputs, and what is inside one block at a time.
    """

    inside: list[int]
    inputs: int = 0
    outside: int = 0

    @property
    def total(self) -> int:
        return self.outside + self.inputs + sum(self.inside)

    @property
    def when_checkpointing(self) -> int:
        return self.outside + self.inputs + max(self.inside, default=0)


def count_saved(
    forward: Callable[[], Tensor], owners: list[nn.Module], blocks: list[nn.Module] | None = None
) -> tuple[Saved, Tensor]:
    """Run `forward` and count the tensors that autograd saves; memory that several share counts once.
    Returns what it returned as well.

    Weights and statistics of `owners` are not counted: they stay, whatever is saved.
    """
    blocks = blocks or []
    saved = Saved([0] * len(blocks))
    standing = [tensor for owner in owners for tensor in (*owner.parameters(), *owner.buffers())]
    seen = {_memory(tensor) for tensor in standing}
    kept: list[Tensor] = []  # memory that is freed and used again would pass for the same
    running: list[int] = []  # the blocks that are being passed, the innermost last

    def count(tensor: Tensor) -> int:
        if _memory(tensor) in seen:
            return 0
        seen.add(_memory(tensor))
        kept.append(tensor)
        return tensor.untyped_storage().nbytes()

    def pack(tensor: Tensor) -> Tensor:
        if running:
            saved.inside[running[-1]] += count(tensor)
        else:
            saved.outside += count(tensor)
        return tensor

    def enter(number: int, inputs: tuple[object, ...]) -> None:
        saved.inputs += sum(count(value) for value in inputs if isinstance(value, Tensor))
        running.append(number)

    with _hooks(blocks, enter, running.pop), torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        result = forward()
    return saved, result


@contextmanager
def _hooks(
    blocks: list[nn.Module], enter: Callable[[int, tuple[object, ...]], None], leave: Callable[[], object]
) -> Iterator[None]:
    handles = []
    for number, block in enumerate(blocks):
        handles.append(block.register_forward_pre_hook(lambda _, inputs, n=number: enter(n, inputs)))
        handles.append(block.register_forward_hook(lambda *_: (leave(), None)[1]))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _time(project: Callable[[int], Tensor], device: torch.device, most: int) -> tuple[int, float, float]:
    """(windows, seconds forward, seconds in all) of the last of ever larger passes.

    The first pass, and the first of the largest size, count only where they took long.
    """
    count, spent, enough_s = 1, 0.0, _SLOW_S
    repeated = False
    while True:
        begun = _now(device)
        forward_s, training_s = _finish(project(count), begun, device)
        spent += training_s
        if training_s >= enough_s or spent > _BUDGET_S or repeated:
            return count, forward_s, training_s
        repeated, enough_s = count == most, _LONG_S
        count = min(4 * count, most)


def _finish(projected: Tensor, begun: float, device: torch.device) -> tuple[float, float]:
    """Pass backward; seconds since `begun`, before and after."""
    forward_s = _now(device) - begun
    projected.sum().backward()
    return forward_s, _now(device) - begun


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()

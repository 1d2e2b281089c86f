"""Several processes as one: who takes part, what they exchange, and what happens when one of them stops.

Started by torchrun, processes find each other by its environment variables; without them there is one
process, and every function here does what is right for it alone.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import torch
from torch import Tensor
from torch import distributed as dist
from torch.autograd.function import once_differentiable
from torch.distributed import ProcessGroup

from lssd.errors import InputError, LssdError

# What the words of gloo, NCCL and their store have in common when the other side is gone or silent.
_SIGNS_OF_LOSS = (
    "connection closed",
    "connection reset",
    "connection refused",
    "connection was closed",
    "broken pipe",
    "socket timeout",
    "timed out",
    "timeout",
    "remote process exit",
    "communicator was aborted",
)


class LostProcessError(LssdError):
    """Another process of the run stopped, or has not answered within the time limit."""


@dataclass(frozen=True)
class World:
    """This process among `size` of them: its number in all, and among those of its machine."""

    rank: int
    size: int
    local_rank: int
    device: torch.device


@contextmanager
def join_world(device: Literal["auto", "cpu", "cuda"] = "auto", timeout_s: float = 600.0) -> Iterator[World]:
    """Meet the other processes that torchrun started, and part from them on leaving.

    Alone (no torchrun, or one process of it) nothing is set up. Otherwise tensors on a CPU travel by gloo
    and those on a GPU by NCCL; each process gets the GPU of its number on its machine, and that is made the
    current one. "auto" takes GPUs where there are any.

    Args:
        timeout_s: how long a process waits for the others, at the start and in every exchange.

    Raises InputError for a GPU that is not there and for torchrun's variables in part, and LostProcessError
    when the others do not come in time.
    """
    rank, size, local_rank = _torchrun_numbers(os.environ)
    chosen = _device(device, local_rank)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    world = World(rank, size, local_rank, chosen)
    if size == 1:
        yield world
        return
    # Flags and objects lie on the CPU on GPUs too, so that exchanging them does not wait for the GPU.
    backend = "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=timedelta(seconds=timeout_s))
    except RuntimeError as error:
        raise LostProcessError(
            f"the {size} processes of this run did not all meet at {os.environ['MASTER_ADDR']}:"
            f"{os.environ['MASTER_PORT']} within {timeout_s:g} s ({str(error).splitlines()[0]}): "
            "start all of them, on all machines, with the same torchrun options"
        ) from error
    try:
        yield world
    finally:
        dist.destroy_process_group()


def _torchrun_numbers(environment: Mapping[str, str]) -> tuple[int, int, int]:
    """(rank, size, local rank) by torchrun's variables; (0, 1, 0) without them."""
    if "RANK" not in environment and "WORLD_SIZE" not in environment:
        return 0, 1, 0
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    lacking = [name for name in names if not environment.get(name)]
    if lacking:
        raise InputError(
            f"the environment has some of torchrun's variables but not {', '.join(lacking)}: start with "
            "torchrun, or without RANK and WORLD_SIZE"
        )
    try:
        rank, size, local_rank = (int(environment[name]) for name in names[:3])
    except ValueError as error:
        raise InputError(
            "RANK, WORLD_SIZE and LOCAL_RANK in the environment must be numbers, as torchrun sets them"
        ) from error
    return rank, size, local_rank


def _device(device: str, local_rank: int) -> torch.device:
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise InputError("machine.device is cuda, but torch finds no GPU here: set machine.device=cpu")
    if local_rank >= torch.cuda.device_count():
        raise InputError(
            f"process {local_rank} of this machine finds only {torch.cuda.device_count()} GPUs: start no "
            "more processes than there are GPUs, or set machine.device=cpu"
        )
    return torch.device("cuda", local_rank)


def rank_and_size(process_group: ProcessGroup | None = None) -> tuple[int, int]:
    """This process' number in a group (None: all processes), and how many the group has; (0, 1) alone."""
    if dist.is_initialized():
        return dist.get_rank(process_group), dist.get_world_size(process_group)
    return 0, 1


def gather_with_gradient(x: Tensor, process_group: ProcessGroup | None = None) -> Tensor:
    """The rows of all processes in the order of their ranks: (B, ...) -> (B * size, ...).

    Every process must hold a tensor of one shape and type. Backwards, each process gets the sum over all
    processes of the gradients of its own rows: what each of them computes from the gathered rows counts.
    Alone, x itself.
    """
    _, size = rank_and_size(process_group)
    if size == 1:
        return x
    gathered: Tensor = _GatherWithGradient.apply(x, process_group)
    return gathered


class _GatherWithGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, process_group: ProcessGroup | None) -> Tensor:
        ctx.process_group = process_group
        _, size = rank_and_size(process_group)
        gathered = x.new_empty((size * len(x), *x.shape[1:]))
        dist.all_gather(list(gathered.chunk(size)), x.contiguous(), group=process_group)
        return gathered

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        rank, size = rank_and_size(ctx.process_group)
        if gradient.is_cuda:
            own = torch.empty_like(gradient.chunk(size)[rank], memory_format=torch.contiguous_format)
            dist.reduce_scatter(own, list(gradient.contiguous().chunk(size)), group=ctx.process_group)
            return own, None
        # Gloo has no reduce-scatter of its own: torch makes it of all-reduces, and before 2.8 not at all.
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.process_group)
        return total.chunk(size)[rank].clone(), None


def gather_objects(value: Any) -> list[Any]:
    """The values of all processes in the order of their ranks; small ones, as they travel pickled."""
    _, size = rank_and_size()
    values = [value] * size
    if size > 1:
        dist.all_gather_object(values, value)
    return values


def any_process(flag: bool) -> bool:
    """Whether the flag is set in any process. All must ask; none goes on before all have."""
    _, size = rank_and_size()
    if size == 1:
        return flag
    highest = torch.tensor(int(flag))
    dist.all_reduce(highest, dist.ReduceOp.MAX)
    return bool(highest.item())


def barrier() -> None:
    """Wait until all processes have come here."""
    any_process(False)


@contextmanager
def watching_processes() -> Iterator[None]:
    """Within it, the failure of an exchange because of another process is a LostProcessError, one line.

    Other errors pass as they are, and so does everything in one process alone. After it nothing can be
    exchanged any more: this process should end.
    """
    try:
        yield
    except RuntimeError as error:
        sign = _sign_of_loss(error)
        if sign is None:
            raise
        rank, size = rank_and_size()
        raise LostProcessError(
            f"another of this run's {size} processes stopped or does not answer ({sign}; seen by process "
            f"{rank}): run the same command again to go on from the last checkpoint"
        ) from error


def _sign_of_loss(error: RuntimeError) -> str | None:
    """The words by which an error tells that another process is gone; None when it tells something else."""
    _, size = rank_and_size()
    if size == 1:
        return None
    text = str(error).lower()
    if isinstance(error, dist.DistError) or "gloo" in text or "nccl" in text:
        return next((sign for sign in _SIGNS_OF_LOSS if sign in text), None)
    return None

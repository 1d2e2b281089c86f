"""Several processes as one: who takes part, what they exchange, and what happens when one of them stops.

Started by torchrun, processes find each other by its environment variables; without them there is one
process, and every function here does what is right for it alone.
"""

import ctypes
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist
from torch.autograd.function import once_differentiable
from torch.distributed import ProcessGroup

from lssd.errors import InputError, LssdError

T = TypeVar("T")

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
    """Join the other processes that torchrun started, and leave them at the end.

    Alone (no torchrun, or one process of it) nothing is set up. Otherwise tensors on a CPU travel by gloo
    and those on a GPU by NCCL; each process gets the GPU of its number on its machine, and that is made the
    current one. "auto" takes GPUs where there are any. A program joins once: torchrun's store does not
    survive a second one.

    Args:
        timeout_s: how long a process waits for the others, at the start and in every exchange.

    Raises InputError for a GPU that is not there and for torchrun's variables in part, and LostProcessError
    when the others do not come in time, or one is gone in the middle (`watching_processes`).
    """
    rank, size, local_rank = torchrun_numbers()
    chosen = choose_device(device, local_rank)
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
    _keep_for_good(dist.group.WORLD)
    try:
        with watching_processes():
            yield world
    finally:
        dist.destroy_process_group()


def _keep_for_good(process_group: ProcessGroup | None) -> None:
    """Never run the destructor of a process group; what it holds goes with the process.

    Gloo's waits for its threads, and holds the interpreter's lock meanwhile. After another process is lost,
    a thread may still need that lock to drop an exchange (torch 2.13): this process would hang for good
    instead of ending.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(process_group))


def torchrun_numbers(environment: Mapping[str, str] = os.environ) -> tuple[int, int, int]:
    """(rank, size, local rank) by torchrun's variables; (0, 1, 0) without them.

    Raises InputError when only some of them are set, or one is no number.
    """
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


def choose_device(device: str, local_rank: int = 0) -> torch.device:
    """The device of the process of this number on its machine; InputError for a GPU that is not there."""
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


def any_process(holds: bool) -> bool:
    """Whether it holds in any of the processes; each of them must ask."""
    _, size = rank_and_size()
    if size == 1:
        return holds
    found = torch.tensor(int(holds))  # on the CPU, so that no GPU waits
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return bool(found)


def on_first(work: Callable[[], T], doing: str) -> T:
    """What `work` returns, done by process 0 alone; the others wait for it, and get a copy.

    When it raises, so do all: process 0 the error itself, the others one line that names what it was
    `doing`. A process waits for at most the time limit of `join_world`.
    """
    rank, _ = rank_and_size()
    if rank:
        failed, copy = gather_objects(None)[0]
        if failed:
            raise LssdError(f"stopped, since process 0 could not {doing}")
        found: T = copy
        return found
    try:
        found = work()
    except BaseException:
        gather_objects((True, None))  # the others must hear of it first
        raise
    gather_objects((False, found))
    return found


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

"""What a machine offers a run: precision, compilation, and how fast it multiplies matrices."""

import time

import torch

from lssd.models import AccelerationConfig
from lssd.models.acceleration import Precision
from lssd.pretraining.recipe import MachineRecipe


def acceleration(machine: MachineRecipe, device: torch.device) -> AccelerationConfig:
    """How encoders run there: what the recipe says, and for "auto" bf16 and compiled blocks on a GPU,
    plain float32 on a CPU."""
    gpu = device.type == "cuda"
    precision: Precision = machine.precision if machine.precision != "auto" else "bf16" if gpu else "float32"
    compiled = machine.compile if machine.compile != "auto" else "block" if gpu else "none"
    return AccelerationConfig(
        compile=compiled,
        activation_checkpointing=machine.activation_checkpointing,
        precision=precision,
    )


def matmul_peak(device: torch.device, precision: Precision) -> float:
    """Floating-point operations a second of a matrix product at this precision: the fastest of a few.

    What model FLOP utilisation is a share of. Takes well under a second.
    """
    size = 8192 if device.type == "cuda" else 1024
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a = torch.ones(size, size, dtype=dtype, device=device)
    times = []
    for _ in range(6):
        _wait(device)
        begun = time.perf_counter()
        torch.mm(a, a)
        _wait(device)
        times.append(time.perf_counter() - begun)
    return 2 * size**3 / min(times)


def describe_device(device: torch.device) -> str:
    """The device in words, such as "CPU with 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU with {threads} thread{'s' * (threads > 1)}"


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

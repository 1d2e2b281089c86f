"""How encoders run fast, apart from what they compute: the model files stay plain.

`accelerate` changes how the blocks of a network are executed, in place. Parameters, buffers and
state-dict keys stay the same objects and names, so checkpoints and optimisers hold before and after, and
the default settings take everything back.
"""

import functools
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lssd.errors import InputError
from lssd.models.batch_norm import frozen_statistics
from lssd.models.draws import Randomness
from lssd.models.encoder import Encoder
from lssd.models.mvit.model import MViT

Precision = Literal["float32", "bf16"]
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class AccelerationConfig:
    """How to run every encoder of a network. The defaults change nothing but MViT's attention.

    `compile`: "block" hands each block to torch.compile on its own, for fixed shapes unless a dimension is
    marked as dynamic: short compilations, of which equal blocks share one. It needs a C++ compiler (CPU) or
    Triton (GPU).
    `activation_checkpointing`: keep only the inputs of the blocks and compute the rest again in the
    backward pass: less memory for about a third more time. Gradients are the same, random draws included.
    `precision`: "bf16" runs the encoder (not its preprocessing) under bfloat16 autocast. Weights stay
    float32 and so does what comes out.
    `attention`: "fast" or "plain" for MViTs (`MViTConfig.attention`).
    """

    compile: Literal["none", "block"] = "none"
    activation_checkpointing: bool = False
    precision: Precision = "float32"
    attention: Literal["fast", "plain"] = "fast"

    def __post_init__(self) -> None:
        _one_of("compile", self.compile, ("none", "block"))
        _one_of("precision", self.precision, ("float32", "bf16"))
        _one_of("attention", self.attention, ("fast", "plain"))


def accelerate(network: Network, config: AccelerationConfig | None = None) -> Network:
    """Set how all encoders inside a network run (a `Model`, a tower, an encoder, a pretraining network).

    Works in place and returns the network; a second call replaces the settings of the first. Only the
    first forward of a shape compiles. Raises InputError when the network holds no encoder.
    """
    config = config or AccelerationConfig()
    encoders = [module for module in network.modules() if isinstance(module, Encoder)]
    if not encoders:
        raise InputError(f"nothing to accelerate: {type(network).__name__} holds no encoder")
    for encoder in encoders:
        if isinstance(encoder, MViT):
            encoder.use_attention(config.attention)
        for block in blocks_of(encoder):
            _set_forward(block, _block_forward(block, config))
        _set_forward(encoder, _in_bf16(type(encoder).forward) if config.precision == "bf16" else None)
    return network


def blocks_of(encoder: Encoder) -> list[nn.Module]:
    """The repeated parts of an encoder, which are compiled and checkpointed one by one."""
    return list(encoder.get_submodule("blocks").children())


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """The context in which an encoder runs at a precision; "float32" leaves the caller's as it is.

    Raises InputError for an unknown precision.
    """
    _one_of("precision", precision, ("float32", "bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=True) if precision == "bf16" else _as_it_is()


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


Forward = Callable[..., Any]


def _set_forward(module: nn.Module, forward: Forward | None) -> None:
    """Run `forward(module, ...)` in place of the class's own; None restores that.

    Bound as a method, it follows the module into deep copies, and no state-dict key changes.
    """
    module.__dict__.pop("forward", None)
    if forward is not None:
        module.__dict__["forward"] = types.MethodType(forward, module)


def _block_forward(block: nn.Module, config: AccelerationConfig) -> Forward | None:
    forward: Forward = type(block).forward
    if config.compile == "block":
        forward = torch.compile(_own_code(forward), dynamic=False)
    if config.activation_checkpointing:
        forward = functools.partial(_checkpointed, forward)
    return None if forward is type(block).forward else forward


def _own_code(function: Forward) -> Forward:
    """A copy of a function. The compiler caches, and limits, its results by code object; blocks of
    several shapes under one code object would pass that limit and run uncompiled."""
    assert isinstance(function, types.FunctionType)
    code = function.__code__.replace()
    copy = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    return functools.wraps(function)(copy)


def _in_bf16(forward: Forward) -> Forward:
    def run(encoder: Encoder, x: Tensor, generator: Randomness = None) -> Tensor:
        with autocast("bf16", x.device):
            return forward(encoder, x, generator).float()

    return run


def _checkpointed(forward: Forward, block: nn.Module, *inputs: Any) -> Any:
    """Run a block without keeping what lies inside; its second run measures nothing new.

    Blocks draw nothing by themselves (`lssd.models.mvit.blocks.draw_depth`), so no random state is kept.
    """
    if not torch.is_grad_enabled():
        return forward(block, *inputs)
    return checkpoint(
        functools.partial(forward, block),
        *inputs,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (_as_it_is(), frozen_statistics(block)),
    )
